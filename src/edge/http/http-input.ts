import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { limits } from "../../base/limits.js";
import { err, ok, type Result } from "../../base/result.js";
import { consistencyLevels } from "../../commands/command-codec.js";
import type { Consistency } from "./http-commands.js";

/** What is wrong with a request, for people. */
export type InputError = string;

/** Most keys in one batch. */
const batchKeys = 1024;

const maxTtlSeconds = 1e10;

/** A path segment's bytes: percent-decoded, UTF-8, not empty. */
export function decodeKey(segment: string): Result<Uint8Array, InputError> {
  const bytes = new Uint8Array(segment.length);
  let length = 0;
  for (let i = 0; i < segment.length; i++) {
    const code = segment.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return err("the key must be percent-encoded");
    if (code !== 0x25) {
      bytes[length++] = code;
      continue;
    }
    const digits = segment.slice(i + 1, i + 3);
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) return err("invalid percent-encoding in the key");
    bytes[length++] = Number.parseInt(digits, 16);
    i += 2;
  }
  if (length === 0) return err("the key is empty");
  const key = bytes.subarray(0, length);
  return isUtf8(key) ? ok(key) : err("the key is not UTF-8");
}

/** `?consistency=linearizable|session|any|bounded&maxAgeMs=`; a session says what it has seen in Quorate-Session. */
export function readConsistency(
  query: URLSearchParams,
  request: IncomingMessage,
): Result<Consistency | null, InputError> {
  const names = query.getAll("consistency");
  const ages = query.getAll("maxAgeMs");
  if (names.length > 1 || ages.length > 1) return err("consistency and maxAgeMs may be given once");
  const name = names[0] ?? "linearizable";
  const age = ages[0];
  if (age !== undefined && name !== "bounded") return err("maxAgeMs belongs to consistency=bounded");
  switch (name) {
    case "linearizable":
      return ok(null);
    case "any":
      return ok({ level: consistencyLevels.any, levelA: 0, levelB: 0 });
    case "bounded": {
      const maxAgeMs = age === undefined ? null : wholeNumber(age);
      if (maxAgeMs === null) return err("consistency=bounded needs maxAgeMs, a whole number of milliseconds");
      return ok({ level: consistencyLevels.bounded, levelA: maxAgeMs, levelB: 0 });
    }
    case "session": {
      const seen = request.headers["quorate-session"] ?? "0.0";
      const [revision, logTimeMs, ...rest] = String(seen).split(".").map(wholeNumber);
      if (revision == null || logTimeMs == null || rest.length > 0)
        return err("Quorate-Session must be what an earlier reply said");
      return ok({ level: consistencyLevels.session, levelA: revision, levelB: logTimeMs });
    }
    default:
      return err("consistency must be linearizable, session, bounded or any");
  }
}

/** The header Quorate-Deadline-Ms; 0 without one. */
export function readDeadlineMs(request: IncomingMessage): Result<number, InputError> {
  const text = request.headers["quorate-deadline-ms"];
  if (text === undefined) return ok(0);
  const deadlineMs = wholeNumber(String(text));
  if (deadlineMs === null || deadlineMs === 0)
    return err("Quorate-Deadline-Ms must be a positive whole number");
  return ok(deadlineMs);
}

export interface PutBody {
  readonly value: Uint8Array;
  /** null: without a deadline. */
  readonly ttlMs: number | null;
}

export function parsePut(body: Uint8Array): Result<PutBody, InputError> {
  const fields = parseObject(body, ["value", "valueBase64", "ttl"]);
  if (!fields.ok) return fields;
  const { value, valueBase64, ttl } = fields.value;
  if ((value === undefined) === (valueBase64 === undefined))
    return err('the body needs either "value" or "valueBase64"');
  const bytes = value === undefined ? decodeBase64(valueBase64) : encodeText(value);
  if (!bytes.ok) return bytes;
  if (ttl === undefined || ttl === null) return ok({ value: bytes.value, ttlMs: null });
  if (typeof ttl !== "number" || !(ttl > 0 && ttl <= maxTtlSeconds))
    return err(`"ttl" must be null or a number of seconds above 0, at most ${maxTtlSeconds}`);
  // Rounded up: a TTL is never shortened. The epsilon takes back what 0.29 * 1000 adds.
  return ok({ value: bytes.value, ttlMs: Math.max(1, Math.ceil(ttl * 1000 - 1e-6)) });
}

export function parseBatch(body: Uint8Array): Result<readonly string[], InputError> {
  const fields = parseObject(body, ["keys"]);
  if (!fields.ok) return fields;
  const keys = fields.value.keys;
  if (!Array.isArray(keys)) return err('"keys" must be an array of strings');
  if (keys.length > batchKeys) return err(`"keys" may hold at most ${batchKeys} keys`);
  const texts: string[] = [];
  for (const key of keys as readonly unknown[]) {
    if (typeof key !== "string" || key === "" || hasLoneSurrogate(key))
      return err('"keys" must be an array of strings that are not empty');
    if (Buffer.byteLength(key) > limits.keyBytes) return err(`a key is longer than ${limits.keyBytes} bytes`);
    texts.push(key);
  }
  return ok(texts);
}

/** A JSON object with none but the allowed fields, each at most once. */
function parseObject(
  body: Uint8Array,
  allowed: readonly string[],
): Result<Readonly<Record<string, unknown>>, InputError> {
  if (!isUtf8(body)) return err("the body is not UTF-8");
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return err("the body is not valid JSON");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    return err("the body must be a JSON object");
  const seen = new Set<string>();
  for (const name of fieldNames(text)) {
    if (!allowed.includes(name)) return err(`unknown field ${JSON.stringify(name)}`);
    if (seen.has(name)) return err(`field ${JSON.stringify(name)} is given twice`);
    seen.add(name);
  }
  return ok(parsed as Readonly<Record<string, unknown>>);
}

/** Names of an object's own fields with duplicates, which JSON.parse swallows. `text` is valid JSON. */
function fieldNames(text: string): string[] {
  const names: string[] = [];
  let depth = 0;
  let stringStart = -1;
  let lastString = "";
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (stringStart >= 0) {
      if (character === "\\") i++;
      else if (character === '"') {
        // Only a field's name is needed, and what is long is none of ours.
        lastString = depth === 1 && i - stringStart < 256 ? text.slice(stringStart, i + 1) : '"..."';
        stringStart = -1;
      }
    } else if (character === '"') stringStart = i;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    else if (character === ":" && depth === 1) names.push(String(JSON.parse(lastString)));
  }
  return names;
}

function encodeText(value: unknown): Result<Uint8Array, InputError> {
  if (typeof value !== "string") return err('"value" must be a string');
  if (hasLoneSurrogate(value)) return err('"value" holds half of a surrogate pair');
  return ok(Buffer.from(value, "utf8"));
}

function decodeBase64(value: unknown): Result<Uint8Array, InputError> {
  if (typeof value !== "string" || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    return err('"valueBase64" must be base64 with padding');
  return ok(Buffer.from(value, "base64"));
}

function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/** Decimal digits that fit in a safe integer, or null. */
function wholeNumber(text: string): number | null {
  if (!/^[0-9]{1,16}$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
