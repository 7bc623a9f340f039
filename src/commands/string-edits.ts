import { latin1Bytes } from "../base/bytes.js";
import type { Handle, Keyspace } from "../store/keyspace.js";
import { noDeadline } from "../store/keyspace.js";
import { findKey, isStringOrAbsent, isValueLength, readInteger, roomForString, store } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import {
  addIntegers,
  digitBytes,
  formatSum,
  isGreater,
  parsedBig,
  parsedNumber,
  parseInteger,
  replySum,
} from "./integer.js";
import { keyAt } from "./key-specs.js";
import { addLongDoubles, formatLongDouble, parseLongDouble } from "./long-double.js";
import type { ReplySink } from "./reply-sink.js";

/** Strings: parts of values and counters. */

const smallest64 = -(2n ** 63n);

const append = defineCommand({
  name: "APPEND",
  opcode: 12,
  group: "string",
  access: "write",
  fast: true,
  complexity: "O(N) in the length after it",
  summary: "Appends to the value of a key; an absent key counts as empty.",
  syntax: "key value",
  keySpecs: [keyAt(1, "RW insert")],
  reply: "length after it, in bytes",
  errors: ["wrong-type", "too-large", "out-of-memory"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    const length = args.length(1) + (handle === 0 ? 0 : keyspace.stringOf(handle).length);
    if (!isValueLength(keyspace, length, reply)) return;
    if (!roomForString(keyspace, args, 0, handle, length, reply)) return;
    if (handle === 0) store(keyspace, args, 0, 1, noDeadline);
    else if (args.length(1) > 0) keyspace.appendString(handle, args.bytes, args.start(1), args.end(1));
    reply.integer(length);
  },
});

const strlen = defineCommand({
  name: "STRLEN",
  opcode: 13,
  group: "string",
  access: "read",
  fast: true,
  complexity: "O(1)",
  summary: "Returns the length of a value.",
  syntax: "key",
  keySpecs: [keyAt(1, "RO")],
  reply: "length in bytes, 0 when absent",
  errors: ["wrong-type"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    reply.integer(handle === 0 ? 0 : keyspace.stringOf(handle).length);
  },
});

const emptyValue = new Uint8Array(0);

const setrange = defineCommand({
  name: "SETRANGE",
  opcode: 14,
  group: "string",
  access: "write",
  complexity: "O(N) in the length after it",
  summary: "Overwrites part of a value from an offset, with zero bytes where there was none.",
  syntax: "key offset value",
  keySpecs: [keyAt(1, "RW update")],
  reply: "length after it, in bytes",
  errors: ["not-integer", "out-of-range", "wrong-type", "too-large", "out-of-memory"],
  run(keyspace, args, reply) {
    if (!readInteger(args, 1, reply)) return;
    const offset = parsedNumber;
    if (offset < 0) return reply.error("out-of-range", null);
    let handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    const before = handle === 0 ? 0 : keyspace.stringOf(handle).length;
    if (args.length(2) === 0) return reply.integer(before);
    const end = offset + args.length(2);
    if (!isValueLength(keyspace, end, reply)) return;
    const length = Math.max(before, end);
    if (!roomForString(keyspace, args, 0, handle, length, reply)) return;
    if (handle !== 0)
      handle = keyspace.overwriteString(handle, offset, args.bytes, args.start(2), args.end(2));
    else if (offset === 0) handle = store(keyspace, args, 0, 2, noDeadline);
    else {
      const padded = new Uint8Array(length);
      padded.set(args.argument(2), offset);
      setValue(keyspace, args, padded, length, 0);
    }
    reply.integer(length);
  },
});

function setValue(
  keyspace: Keyspace,
  args: CommandView,
  value: Uint8Array,
  length: number,
  handle: Handle,
): void {
  const deadline = handle === 0 ? noDeadline : keyspace.deadlineOf(handle);
  keyspace.setString(args.bytes, args.start(0), args.end(0), value, 0, length, deadline);
}

function getPart(keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  if (!readInteger(args, 1, reply)) return;
  let start = parsedNumber;
  const startBig = parsedBig;
  if (!readInteger(args, 2, reply)) return;
  let end = parsedNumber;
  const empty = start < 0 && end < 0 && isGreater(start, startBig, end, parsedBig);
  const handle = findKey(keyspace, args, 0);
  if (!isStringOrAbsent(keyspace, handle, reply)) return;
  if (handle === 0 || empty) {
    reply.bulk(emptyValue, 0, 0);
    return;
  }
  const value = keyspace.stringOf(handle);
  if (start < 0) start = Math.max(0, start + value.length);
  if (end < 0) end = Math.max(0, end + value.length);
  end = Math.min(end, value.length - 1);
  if (start > end) reply.bulk(emptyValue, 0, 0);
  else reply.bulk(value.bytes, value.offset + start, end - start + 1);
}

const getrange = defineCommand({
  name: "GETRANGE",
  opcode: 15,
  group: "string",
  access: "read",
  complexity: "O(N) in the bytes returned",
  summary: "Returns part of a value; negative positions count from the end.",
  syntax: "key start end",
  keySpecs: [keyAt(1, "RO access")],
  reply: "the bytes from start to end, both included",
  errors: ["not-integer", "wrong-type"],
  run: getPart,
});

const substr = defineCommand({
  ...getrange,
  name: "SUBSTR",
  opcode: 16,
  summary: "The old name of GETRANGE.",
});

/** Adds the integer in `parsedNumber`/`parsedBig` to the value of key argument 0. */
function increment(
  keyspace: Keyspace,
  args: CommandView,
  by: number,
  byBig: bigint | null,
  reply: ReplySink,
): void {
  const handle = findKey(keyspace, args, 0);
  if (!isStringOrAbsent(keyspace, handle, reply)) return;
  let current = 0;
  let currentBig: bigint | null = null;
  if (handle !== 0) {
    const value = keyspace.stringOf(handle);
    if (!parseInteger(value.bytes, value.offset, value.offset + value.length)) {
      reply.error("not-integer", null);
      return;
    }
    current = parsedNumber;
    currentBig = parsedBig;
  }
  if (!addIntegers(current, currentBig, by, byBig)) {
    reply.error("overflow", null);
    return;
  }
  const length = formatSum();
  if (!roomForString(keyspace, args, 0, handle, length, reply)) return;
  setValue(keyspace, args, digitBytes, length, handle);
  replySum(reply);
}

const counter = {
  group: "string",
  access: "write",
  fast: true,
  complexity: "O(1)",
  keySpecs: [keyAt(1, "RW access update")],
  reply: "the value after it",
  errors: ["not-integer", "overflow", "wrong-type", "out-of-memory"],
} as const;

const incr = defineCommand({
  ...counter,
  name: "INCR",
  opcode: 17,
  summary: "Adds one to a signed 64-bit integer; an absent key counts as 0.",
  syntax: "key",
  run: (keyspace, args, reply) => increment(keyspace, args, 1, null, reply),
});

const decr = defineCommand({
  ...counter,
  name: "DECR",
  opcode: 18,
  summary: "Takes one from a signed 64-bit integer; an absent key counts as 0.",
  syntax: "key",
  run: (keyspace, args, reply) => increment(keyspace, args, -1, null, reply),
});

const incrby = defineCommand({
  ...counter,
  name: "INCRBY",
  opcode: 19,
  summary: "Adds to a signed 64-bit integer.",
  syntax: "key increment",
  run(keyspace, args, reply) {
    if (readInteger(args, 1, reply)) increment(keyspace, args, parsedNumber, parsedBig, reply);
  },
});

const decrby = defineCommand({
  ...counter,
  name: "DECRBY",
  opcode: 20,
  summary: "Takes from a signed 64-bit integer.",
  syntax: "key decrement",
  run(keyspace, args, reply) {
    if (!readInteger(args, 1, reply)) return;
    if (parsedBig === smallest64) return reply.error("overflow", "decrement would overflow");
    increment(keyspace, args, 0 - parsedNumber, parsedBig === null ? null : -parsedBig, reply);
  },
});

const incrbyfloat = defineCommand({
  ...counter,
  name: "INCRBYFLOAT",
  opcode: 21,
  summary: "Adds to a decimal number, as an 80-bit long double with 17 digits after the point.",
  syntax: "key increment",
  errors: ["not-float", "invalid-argument", "wrong-type", "out-of-memory"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    const value = handle === 0 ? null : keyspace.stringOf(handle);
    const current =
      value === null
        ? { mantissa: 0n, exponent: 0 }
        : parseLongDouble(value.bytes, value.offset, value.offset + value.length);
    if (current === null) return reply.error("not-float", null);
    const by = parseLongDouble(args.bytes, args.start(1), args.end(1));
    if (by === null) return reply.error("not-float", null);
    const sum = current === "infinite" || by === "infinite" ? "infinite" : addLongDoubles(current, by);
    if (sum === "infinite") return reply.error("invalid-argument", "increment would produce NaN or Infinity");
    const digits = latin1Bytes(formatLongDouble(sum));
    if (!roomForString(keyspace, args, 0, handle, digits.length, reply)) return;
    setValue(keyspace, args, digits, digits.length, handle);
    reply.bulk(digits, 0, digits.length);
  },
});

export const stringEditCommands: readonly CommandDefinition[] = [
  append,
  strlen,
  setrange,
  getrange,
  substr,
  incr,
  decr,
  incrby,
  decrby,
  incrbyfloat,
];
