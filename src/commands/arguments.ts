import type { Handle, Keyspace } from "../store/keyspace.js";
import { noDeadline } from "../store/keyspace.js";
import type { CommandView } from "./command-codec.js";
import { arityMessage, valueTooLargeMessage } from "./cut.js";
import type { CommandDefinition } from "./define-command.js";
import { parsedBig, parsedNumber, parseInteger } from "./integer.js";
import type { ReplySink } from "./reply-sink.js";

/** What the commands share: reading arguments, and refusing before anything changes. */

/** Compares argument i with an upper-case ASCII word, ignoring case. */
export function isWord(view: CommandView, i: number, word: string): boolean {
  if (view.length(i) !== word.length) return false;
  const at = view.start(i);
  for (let j = 0; j < word.length; j++) {
    const byte = view.bytes[at + j]!;
    const upper = byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte;
    if (upper !== word.charCodeAt(j)) return false;
  }
  return true;
}

/** Reads argument i as a 64-bit integer into `parsedNumber` and `parsedBig`, or replies the error. */
export function readInteger(view: CommandView, i: number, reply: ReplySink): boolean {
  if (parseInteger(view.bytes, view.start(i), view.end(i))) return true;
  reply.error("not-integer", null);
  return false;
}

export function findKey(keyspace: Keyspace, view: CommandView, i: number): Handle {
  return keyspace.find(view.bytes, view.start(i), view.end(i));
}

/** Replies WRONGTYPE unless the key is absent or a string. */
export function isStringOrAbsent(keyspace: Keyspace, handle: Handle, reply: ReplySink): boolean {
  if (handle === 0 || keyspace.kindOf(handle) === "string") return true;
  reply.error("wrong-type", null);
  return false;
}

/** Makes room for a string of `valueLength` under key argument i, or replies out-of-memory. */
export function roomForString(
  keyspace: Keyspace,
  view: CommandView,
  i: number,
  handle: Handle,
  valueLength: number,
  reply: ReplySink,
): boolean {
  const growth =
    keyspace.stringCharge(view.length(i), valueLength, true) - (handle === 0 ? 0 : keyspace.chargeOf(handle));
  if (keyspace.makeRoom(growth, handle)) return true;
  reply.error("out-of-memory", null);
  return false;
}

export function isValueLength(keyspace: Keyspace, length: number, reply: ReplySink): boolean {
  if (length <= keyspace.valueLimitBytes) return true;
  reply.error("too-large", valueTooLargeMessage);
  return false;
}

/** Stores argument `value` under key argument `key`; room was made. */
export function store(
  keyspace: Keyspace,
  view: CommandView,
  key: number,
  value: number,
  deadlineMs: number,
): Handle {
  const { bytes } = view;
  return keyspace.setString(
    bytes,
    view.start(key),
    view.end(key),
    bytes,
    view.start(value),
    view.end(value),
    deadlineMs,
  );
}

/** Replies a string value, nil when the key is absent. */
export function replyString(keyspace: Keyspace, handle: Handle, reply: ReplySink): void {
  if (handle === 0) {
    reply.nil();
    return;
  }
  const value = keyspace.stringOf(handle);
  reply.bulk(value.bytes, value.offset, value.length);
}

const largest64 = 2n ** 63n - 1n;
const smallest64 = -(2n ** 63n);
/** Up to here an expiry in either unit is far from every bound. */
const plainExpiry = 1e12;

/** Whether an expiry, in ms and with its base, stays within 64 bits. */
function fits64Bits(given: number, big: bigint | null, unitMs: 1 | 1000, baseMs: number): boolean {
  if (Math.abs(given) <= plainExpiry) return true;
  const exact = (big ?? BigInt(given)) * BigInt(unitMs);
  return exact >= smallest64 && exact <= largest64 - BigInt(baseMs);
}

/** The deadline that `readDeadline` found, unix ms: at most 2^53 - 1, negative when long past. */
export let deadlineMs = 0;

/**
 * Reads argument i as an expiry, in seconds or ms, relative to `baseMs` or absolute (`baseMs` 0), and leaves the
 * deadline in `deadlineMs`; replies Redis's errors otherwise. Deviation: deadlines beyond 2^53 - 1 ms (the year
 * 287396) become that.
 */
export function readDeadline(
  definition: CommandDefinition,
  view: CommandView,
  i: number,
  unitMs: 1 | 1000,
  baseMs: number,
  mayBePast: boolean,
  reply: ReplySink,
): boolean {
  if (!readInteger(view, i, reply)) return false;
  const given = parsedNumber;
  if ((!mayBePast && given <= 0) || !fits64Bits(given, parsedBig, unitMs, baseMs)) {
    reply.error("invalid-argument", `invalid expire time in '${definition.name.toLowerCase()}' command`);
    return false;
  }
  const value = given * unitMs + baseMs;
  deadlineMs = Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
  return true;
}

/** What is left until a deadline in ms, -1 without one; never 0 while the key is there. */
export function remainingMs(keyspace: Keyspace, handle: Handle): number {
  const deadline = keyspace.deadlineOf(handle);
  return deadline === noDeadline ? -1 : Math.max(1, deadline - keyspace.estimateMs);
}

export function refuseArity(definition: CommandDefinition, reply: ReplySink): void {
  reply.error("wrong-arity", arityMessage(definition));
}
