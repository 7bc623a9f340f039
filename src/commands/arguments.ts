import { latin1Text } from "../base/bytes.js";
import type { ByteSlice, CollectionKind, Handle, Keyspace, ValueKind } from "../store/keyspace.js";
import { noDeadline } from "../store/keyspace.js";
import type { CommandView } from "./command-codec.js";
import { arityMessage, valueTooLargeMessage } from "./cut.js";
import type { CommandDefinition } from "./define-command.js";
import { parsedBig, parsedNumber, parseInteger } from "./integer.js";
import type { ReplySink } from "./reply-sink.js";

/** What the commands share: reading arguments, and refusing before anything changes. */

const largest64 = 2n ** 63n - 1n;
const smallest64 = -(2n ** 63n);

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

/** The handle of key argument i, 0 when absent, -1 after replying WRONGTYPE where it isn't of this kind. */
export function findKind(
  keyspace: Keyspace,
  view: CommandView,
  i: number,
  kind: ValueKind,
  reply: ReplySink,
): Handle {
  const handle = findKey(keyspace, view, i);
  if (handle === 0 || keyspace.kindOf(handle) === kind) return handle;
  reply.error("wrong-type", null);
  return -1;
}

/** Reads argument i as an integer >= `least`; `message` is what Redis says for every other argument. */
export function readAtLeast(
  view: CommandView,
  i: number,
  least: 0 | 1,
  message: string,
  reply: ReplySink,
): boolean {
  if (parseInteger(view.bytes, view.start(i), view.end(i)) && parsedNumber >= least) return true;
  reply.error("out-of-range", message);
  return false;
}

export const notPositive = "value is out of range, must be positive";

/** Reads argument i as a count whose sign means something: any integer but -2^63. */
export function readSignedCount(view: CommandView, i: number, reply: ReplySink): boolean {
  if (!readInteger(view, i, reply)) return false;
  if (parsedBig !== smallest64) return true;
  reply.error("out-of-range", `value is out of range, value must between -${largest64} and ${largest64}`);
  return false;
}

/** Makes room for `elements` more in a collection under key argument i, or replies out-of-memory. */
export function roomForElements(
  keyspace: Keyspace,
  view: CommandView,
  i: number,
  kind: CollectionKind,
  handle: Handle,
  elements: number,
  bytes: number,
  reply: ReplySink,
): boolean {
  if (keyspace.makeRoom(keyspace.growthOf(kind, handle, view.length(i), elements, bytes), handle))
    return true;
  reply.error("out-of-memory", null);
  return false;
}

/** The collection under key argument i, created where `handle` is 0; room was made. */
export function collectionAt(
  keyspace: Keyspace,
  view: CommandView,
  i: number,
  kind: CollectionKind,
  handle: Handle,
): Handle {
  if (handle !== 0) return handle;
  return keyspace.createCollection(view.bytes, view.start(i), view.end(i), kind);
}

/** Puts a computed collection under key argument i, where an empty one removes the key, and replies its length. */
export function storeDetached(
  keyspace: Keyspace,
  view: CommandView,
  i: number,
  detached: Handle,
  reply: ReplySink,
): void {
  const length = keyspace.lengthOf(detached);
  const old = findKey(keyspace, view, i);
  if (length === 0) {
    keyspace.discard(detached);
    if (old !== 0) keyspace.remove(old);
    reply.integer(0);
    return;
  }
  const charge = keyspace.chargeUnderKey(detached, view.length(i));
  if (!keyspace.makeRoom(charge - (old === 0 ? 0 : keyspace.chargeOf(old)), old)) {
    keyspace.discard(detached);
    reply.error("out-of-memory", null);
    return;
  }
  keyspace.attach(detached, view.bytes, view.start(i), view.end(i));
  reply.integer(length);
}

export function replySlice(slice: ByteSlice, reply: ReplySink): void {
  reply.bulk(slice.bytes, slice.offset, slice.length);
}

/** Whether a part of a buffer has the bytes of argument i. */
export function sameBytes(slice: ByteSlice, view: CommandView, i: number): boolean {
  if (slice.length !== view.length(i)) return false;
  const { bytes, offset } = slice;
  const at = view.start(i);
  for (let j = 0; j < slice.length; j++) if (bytes[offset + j] !== view.bytes[at + j]) return false;
  return true;
}

/** Longest part of a client's argument that an error repeats. */
const quotedBytes = 128;

/** Argument i as an error message quotes it. */
export function quoted(view: CommandView, i: number): string {
  return latin1Text(view.bytes, view.start(i), Math.min(view.end(i), view.start(i) + quotedBytes));
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
