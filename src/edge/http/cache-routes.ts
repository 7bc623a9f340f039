import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { utf8Bytes } from "../../base/bytes.js";
import { limits } from "../../base/limits.js";
import type { ReplyValue } from "../../commands/reply-codec.js";
import type { ReadFreshness } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";
import { freshnessHeaders, type HttpAnswer } from "./http-answer.js";
import { type BodyBudget, readBody } from "./http-body.js";
import { type Consistency, type HttpCommands, tableCommand } from "./http-commands.js";
import { decodeKey, parseBatch, parsePut, readConsistency, readDeadlineMs } from "./http-input.js";

/** What a request on the cache needs. */
export interface CacheRequest {
  readonly request: IncomingMessage;
  readonly answer: HttpAnswer;
  readonly query: URLSearchParams;
}

interface Found {
  readonly value: Uint8Array;
  readonly revision: number;
  /** -1: without a deadline. */
  readonly ttlMs: number;
}

const bodyMarginBytes = 64 * 1024;
const batchBodyBytes = 4 * 1024 * 1024;
/** Keys of a batch that are read at the same time, and bytes of values that one batch may answer. */
const batchWindow = 32;
const batchReplyBytes = 64 * 1024 * 1024;

/** `/cache/{key}` and `/cache/batch`. */
export class CacheRoutes {
  private readonly getCommand = tableCommand("QUORATE.GETREV");
  private readonly setCommand = tableCommand("SET");
  private readonly deleteCommand = tableCommand("DEL");
  private readonly bodies: BodyBudget = { usedBytes: 0, limitBytes: 256 * 1024 * 1024 };

  constructor(
    private readonly commands: HttpCommands,
    private readonly telemetry: Telemetry,
    private readonly valueLimitBytes: number,
  ) {}

  get(call: CacheRequest, segment: string): void {
    const key = this.key(call, segment);
    const asked = this.reading(call);
    if (key === null || asked === null) return;
    this.commands.run(this.getCommand, [key], asked.consistency, asked.deadlineMs, (reply, freshness) => {
      const found = readFound(reply);
      const headers = freshnessHeaders(freshness);
      if (found === "absent") call.answer.refuse(404, "not-found", "there is no such key", headers);
      else if (found === "malformed") answerUnexpected(call.answer, reply);
      else {
        const revision = String(found.revision);
        call.answer.json(200, describe(found), {
          ...headers,
          ETag: `"${revision}"`,
          "Quorate-Revision": revision,
        });
      }
    });
  }

  put(call: CacheRequest, segment: string): void {
    const key = this.key(call, segment);
    const deadlineMs = this.writing(call);
    if (key === null || deadlineMs === null) return;
    // Escapes make JSON longer than the value; what needs more than twice the room comes as base64.
    const limit = 2 * this.valueLimitBytes + bodyMarginBytes;
    readBody(call.request, call.answer, limit, this.bodies, this.telemetry, (body) => {
      const parsed = parsePut(body);
      if (!parsed.ok) {
        call.answer.error("invalid-argument", parsed.error);
        return;
      }
      const { value, ttlMs } = parsed.value;
      if (value.length > this.valueLimitBytes) {
        call.answer.error("too-large", `a value may have at most ${this.valueLimitBytes} bytes`);
        return;
      }
      const args = [key, value];
      if (ttlMs !== null) args.push(utf8Bytes("PX"), utf8Bytes(String(ttlMs)));
      this.commands.run(this.setCommand, args, null, deadlineMs, (reply) => {
        if (reply.type === "status") call.answer.empty(204);
        else answerUnexpected(call.answer, reply);
      });
    });
  }

  delete(call: CacheRequest, segment: string): void {
    const key = this.key(call, segment);
    const deadlineMs = this.writing(call);
    if (key === null || deadlineMs === null) return;
    this.commands.run(this.deleteCommand, [key], null, deadlineMs, (reply) => {
      if (reply.type !== "integer") answerUnexpected(call.answer, reply);
      else if (reply.value > 0) call.answer.empty(204);
      else call.answer.refuse(404, "not-found", "there was no such key");
    });
  }

  batch(call: CacheRequest): void {
    const asked = this.reading(call);
    if (asked === null) return;
    readBody(call.request, call.answer, batchBodyBytes, this.bodies, this.telemetry, (body) => {
      const keys = parseBatch(body);
      if (keys.ok) this.readBatch(call, keys.value, asked.consistency, asked.deadlineMs);
      else call.answer.error("invalid-argument", keys.error);
    });
  }

  /** Each key is read on its own; the first error is the answer to all. */
  private readBatch(
    { answer }: CacheRequest,
    keys: readonly string[],
    consistency: Consistency | null,
    deadlineMs: number,
  ): void {
    const results: unknown[] = new Array(keys.length);
    let started = 0;
    let finished = 0;
    let bytes = 0;
    let oldest: ReadFreshness | null = null;
    const readNext = (): void => {
      const at = started++;
      const key = keys[at]!;
      this.commands.run(this.getCommand, [utf8Bytes(key)], consistency, deadlineMs, (reply, freshness) => {
        finished++;
        if (!answer.isOpen) return;
        const found = readFound(reply);
        if (found === "malformed") {
          answerUnexpected(answer, reply, `${key}: `);
          return;
        }
        oldest = older(oldest, freshness);
        if (found === "absent") results[at] = { key, found: false, value: null, ttl: null };
        else {
          bytes += found.value.length;
          results[at] = { key, found: true, ...describe(found) };
        }
        if (bytes > batchReplyBytes) {
          answer.error("reply-too-large", `a batch may answer at most ${batchReplyBytes} bytes`);
          return;
        }
        if (started < keys.length) readNext();
        else if (finished === keys.length) answer.json(200, { results }, batchHeaders(oldest));
      });
    };
    if (keys.length === 0) answer.json(200, { results: [] });
    while (started < Math.min(batchWindow, keys.length)) readNext();
  }

  private key(call: CacheRequest, segment: string): Uint8Array | null {
    const key = decodeKey(segment);
    if (!key.ok) {
      call.answer.error("invalid-argument", key.error);
      return null;
    }
    if (key.value.length <= limits.keyBytes) return key.value;
    call.answer.error("too-large", `a key may have at most ${limits.keyBytes} bytes`);
    return null;
  }

  private reading(
    call: CacheRequest,
  ): { readonly consistency: Consistency | null; readonly deadlineMs: number } | null {
    const consistency = readConsistency(call.query, call.request);
    const deadlineMs = readDeadlineMs(call.request);
    if (consistency.ok && deadlineMs.ok)
      return { consistency: consistency.value, deadlineMs: deadlineMs.value };
    if (!consistency.ok) call.answer.error("invalid-argument", consistency.error);
    else if (!deadlineMs.ok) call.answer.error("invalid-argument", deadlineMs.error);
    return null;
  }

  private writing(call: CacheRequest): number | null {
    if (call.query.has("consistency") || call.query.has("maxAgeMs")) {
      call.answer.error("invalid-argument", "consistency and maxAgeMs belong to reads");
      return null;
    }
    const deadlineMs = readDeadlineMs(call.request);
    if (deadlineMs.ok) return deadlineMs.value;
    call.answer.error("invalid-argument", deadlineMs.error);
    return null;
  }
}

/** QUORATE.GETREV's reply. */
function readFound(reply: ReplyValue): Found | "absent" | "malformed" {
  if (reply.type === "nil-array" || reply.type === "nil") return "absent";
  if (reply.type !== "array") return "malformed";
  const [value, revision, ttlMs] = reply.items;
  if (value?.type !== "bulk" || revision?.type !== "integer" || ttlMs?.type !== "integer") return "malformed";
  return { value: value.bytes, revision: Number(revision.value), ttlMs: Number(ttlMs.value) };
}

/** The TTL in whole seconds, rounded up: never 0 for a key that is there. */
function describe({ value, ttlMs }: Found): object {
  const ttl = ttlMs < 0 ? null : Math.max(1, Math.ceil(ttlMs / 1000));
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return isUtf8(bytes)
    ? { value: bytes.toString("utf8"), ttl }
    : { valueBase64: bytes.toString("base64"), ttl };
}

function answerUnexpected(answer: HttpAnswer, reply: ReplyValue, prefix = ""): void {
  if (reply.type === "error")
    answer.error(reply.kind, reply.message === null ? null : prefix + reply.message);
  else answer.error("outcome-unknown", "the service's reply could not be understood");
}

/** Of a batch's replies the one to warn of: unknown ages first, then the largest. */
function older(a: ReadFreshness | null, b: ReadFreshness | null): ReadFreshness | null {
  if (a === null || b === null) return a ?? b;
  if (a.ageMs === null) return a;
  return b.ageMs === null || b.ageMs > a.ageMs ? b : a;
}

/** Ranges have revisions of their own, so a batch says nothing that a session could use. */
function batchHeaders(freshness: ReadFreshness | null): Readonly<Record<string, string>> {
  const { "Quorate-Session": _, ...headers } = freshnessHeaders(freshness);
  return headers;
}
