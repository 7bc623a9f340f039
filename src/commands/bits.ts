import { type Handle, type Keyspace, noDeadline } from "../store/keyspace.js";
import { findKey, isStringOrAbsent, isWord, readInteger, roomForString } from "./arguments.js";
import { bitCount, bitPosition } from "./bit-search.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { isGreater, parsedBig, parsedNumber, parseInteger } from "./integer.js";
import { keyAt, keysFrom } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";

/** Strings as arrays of bits; bit 0 is the highest bit of the first byte. */

const badOffset = "bit offset is not an integer or out of range";
const badBit = "bit is not an integer or out of range";

/** Reads argument i as a bit's offset within the largest value, or replies Redis's error. */
function readOffset(keyspace: Keyspace, args: CommandView, i: number, reply: ReplySink): boolean {
  const { bytes } = args;
  const within =
    parseInteger(bytes, args.start(i), args.end(i)) &&
    parsedNumber >= 0 &&
    Math.floor(parsedNumber / 8) < keyspace.valueLimitBytes;
  if (!within) reply.error("out-of-range", badOffset);
  return within;
}

const one = new Uint8Array(1);

const setbit = defineCommand({
  name: "SETBIT",
  opcode: 22,
  group: "bitmap",
  access: "write",
  complexity: "O(1)",
  summary: "Sets or clears a bit; the value grows by zero bytes to hold it.",
  syntax: "key offset value",
  keySpecs: [keyAt(1, "RW access update")],
  reply: "the bit as it was",
  errors: ["out-of-range", "wrong-type", "out-of-memory"],
  run(keyspace, args, reply) {
    if (!readOffset(keyspace, args, 1, reply)) return;
    const offset = parsedNumber;
    const isBit = parseInteger(args.bytes, args.start(2), args.end(2));
    if (!isBit || (parsedNumber !== 0 && parsedNumber !== 1)) return reply.error("out-of-range", badBit);
    const bit = parsedNumber;
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    const at = Math.floor(offset / 8);
    const shift = 7 - (offset % 8);
    let length = 0;
    let byte = 0;
    if (handle !== 0) {
      const value = keyspace.stringOf(handle);
      length = value.length;
      if (at < length) byte = value.bytes[value.offset + at]!;
    }
    const before = (byte >> shift) & 1;
    if (at < length && before === bit) return reply.integer(before);
    if (!roomForString(keyspace, args, 0, handle, Math.max(length, at + 1), reply)) return;
    byte = (byte & ~(1 << shift)) | (bit << shift);
    if (handle === 0) {
      const value = new Uint8Array(at + 1);
      value[at] = byte;
      keyspace.setString(args.bytes, args.start(0), args.end(0), value, 0, at + 1, noDeadline);
    } else {
      one[0] = byte;
      keyspace.overwriteString(handle, at, one, 0, 1);
    }
    reply.integer(before);
  },
});

const getbit = defineCommand({
  name: "GETBIT",
  opcode: 23,
  group: "bitmap",
  access: "read",
  fast: true,
  complexity: "O(1)",
  summary: "Returns a bit; those beyond the value are 0.",
  syntax: "key offset",
  keySpecs: [keyAt(1, "RO access")],
  reply: "0 or 1",
  errors: ["out-of-range", "wrong-type"],
  run(keyspace, args, reply) {
    if (!readOffset(keyspace, args, 1, reply)) return;
    const offset = parsedNumber;
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    if (handle === 0) return reply.integer(0);
    const value = keyspace.stringOf(handle);
    const at = Math.floor(offset / 8);
    reply.integer(at < value.length ? (value.bytes[value.offset + at]! >> (7 - (offset % 8))) & 1 : 0);
  },
});

/** The unit that argument i names: bits or bytes; null after replying a syntax error. */
function readUnit(args: CommandView, i: number, reply: ReplySink): "bit" | "byte" | null {
  if (i >= args.count || isWord(args, i, "BYTE")) return "byte";
  if (isWord(args, i, "BIT")) return "bit";
  reply.error("syntax", null);
  return null;
}

/** Turns an index that may count from the end into one from the start, at least 0. */
function fromStart(index: number, length: number): number {
  return Math.max(0, index < 0 ? length + index : index);
}

const bitcount = defineCommand({
  name: "BITCOUNT",
  opcode: 24,
  group: "bitmap",
  access: "read",
  complexity: "O(N) in the bytes counted",
  summary: "Counts the set bits, of the whole value or from start to end.",
  syntax: "key [start end [BYTE | BIT]]",
  keySpecs: [keyAt(1, "RO access")],
  reply: "number of set bits",
  errors: ["wrong-type", "not-integer", "syntax"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (handle === 0) return reply.integer(0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    let start = 0;
    let end = Number.MAX_SAFE_INTEGER;
    let unit: "bit" | "byte" | null = "byte";
    if (args.count === 3 || args.count === 4) {
      if (!readInteger(args, 1, reply)) return;
      start = parsedNumber;
      const startBig = parsedBig;
      if (!readInteger(args, 2, reply)) return;
      end = parsedNumber;
      if (start < 0 && end < 0 && isGreater(start, startBig, end, parsedBig)) return reply.integer(0);
      unit = readUnit(args, 3, reply);
      if (unit === null) return;
    } else if (args.count !== 1) return reply.error("syntax", null);
    const value = keyspace.stringOf(handle);
    const scale = unit === "bit" ? 1 : 8;
    const total = (value.length * 8) / scale;
    const first = fromStart(start, total) * scale;
    const last = Math.min(fromStart(end, total), total - 1) * scale + scale - 1;
    reply.integer(first > last ? 0 : bitCount(value, first, last));
  },
});

const bitpos = defineCommand({
  name: "BITPOS",
  opcode: 25,
  group: "bitmap",
  access: "read",
  complexity: "O(N) in the bytes searched",
  summary: "Finds the first bit that is set or clear; without an end, zeros follow the value.",
  syntax: "key bit [start [end [BYTE | BIT]]]",
  keySpecs: [keyAt(1, "RO access")],
  reply: "position of the bit, -1 when there is none",
  errors: ["not-integer", "invalid-argument", "wrong-type", "syntax"],
  run(keyspace, args, reply) {
    if (!readInteger(args, 1, reply)) return;
    const bit = parsedNumber;
    if (bit !== 0 && bit !== 1) return reply.error("invalid-argument", "The bit argument must be 1 or 0.");
    const handle = findKey(keyspace, args, 0);
    if (handle === 0) return reply.integer(bit === 1 ? -1 : 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    if (args.count > 5) return reply.error("syntax", null);
    let start = 0;
    if (args.count >= 3) {
      if (!readInteger(args, 2, reply)) return;
      start = parsedNumber;
    }
    const unit = readUnit(args, 4, reply);
    if (unit === null) return;
    const hasEnd = args.count >= 4;
    if (hasEnd && !readInteger(args, 3, reply)) return;
    const value = keyspace.stringOf(handle);
    const scale = unit === "bit" ? 1 : 8;
    const total = (value.length * 8) / scale;
    const first = fromStart(start, total) * scale;
    const end = hasEnd ? Math.min(fromStart(parsedNumber, total), total - 1) : total - 1;
    const last = end * scale + scale - 1;
    if (first > last) return reply.integer(-1);
    const found = bitPosition(value, bit, first, last);
    if (found < 0 && bit === 0 && !hasEnd) return reply.integer(value.length * 8);
    reply.integer(found);
  },
});

type BitOperation = "AND" | "OR" | "XOR" | "NOT";
const operations: readonly BitOperation[] = ["AND", "OR", "XOR", "NOT"];

/** Combines the strings under arguments 2 and up into `result`, which has the longest one's length. */
function combine(operation: BitOperation, keyspace: Keyspace, args: CommandView, result: Uint8Array): void {
  for (let i = 2; i < args.count; i++) {
    const handle: Handle = findKey(keyspace, args, i);
    const value = handle === 0 ? null : keyspace.stringOf(handle);
    for (let at = 0; at < result.length; at++) {
      const byte = value !== null && at < value.length ? value.bytes[value.offset + at]! : 0;
      if (operation === "NOT") result[at] = ~byte;
      else if (i === 2) result[at] = byte;
      else if (operation === "AND") result[at]! &= byte;
      else if (operation === "OR") result[at]! |= byte;
      else result[at]! ^= byte;
    }
  }
}

const bitop = defineCommand({
  name: "BITOP",
  opcode: 26,
  group: "bitmap",
  access: "write",
  complexity: "O(N) in the bytes of all keys",
  summary: "Combines values bit by bit into another key; shorter ones count as filled with zeros.",
  syntax: "<AND | OR | XOR | NOT> destkey key [key ...]",
  keySpecs: [keyAt(2, "OW update"), keysFrom(3, "RO access")],
  reply: "length of the result in bytes; an empty one removes the key",
  errors: ["syntax", "invalid-argument", "wrong-type", "out-of-memory"],
  run(keyspace, args, reply) {
    const operation = operations.find((word) => isWord(args, 0, word));
    if (operation === undefined) return reply.error("syntax", null);
    if (operation === "NOT" && args.count !== 3)
      return reply.error("invalid-argument", "BITOP NOT must be called with a single source key.");
    let length = 0;
    for (let i = 2; i < args.count; i++) {
      const handle = findKey(keyspace, args, i);
      if (!isStringOrAbsent(keyspace, handle, reply)) return;
      if (handle !== 0) length = Math.max(length, keyspace.stringOf(handle).length);
    }
    const destination = findKey(keyspace, args, 1);
    if (length === 0) {
      if (destination !== 0) keyspace.remove(destination);
      return reply.integer(0);
    }
    const result = new Uint8Array(length);
    combine(operation, keyspace, args, result);
    if (!roomForString(keyspace, args, 1, destination, length, reply)) return;
    keyspace.setString(args.bytes, args.start(1), args.end(1), result, 0, length, noDeadline);
    reply.integer(length);
  },
});

export const bitCommands: readonly CommandDefinition[] = [setbit, getbit, bitcount, bitpos, bitop];
