import { latin1Bytes } from "../base/bytes.js";
import { elementBytes } from "../store/charge.js";
import type { Handle, Keyspace } from "../store/keyspace.js";
import {
  collectionAt,
  findKind,
  isWord,
  readInteger,
  readSignedCount,
  roomForElements,
} from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { replyDrawnElements, replyOneDrawn } from "./element-draw.js";
import { scanElements } from "./element-scan.js";
import {
  addIntegers,
  digitBytes,
  formatSum,
  parsedBig,
  parsedNumber,
  parseInteger,
  replySum,
} from "./integer.js";
import { keyAt } from "./key-specs.js";
import { addLongDoubles, formatLongDouble, parseLongDouble } from "./long-double.js";
import type { ReplySink } from "./reply-sink.js";

/** Hashes: counters in fields, fields at random, scans. */

const hash = {
  group: "hash",
  keySpecs: [keyAt(1, "RW access update")],
} as const;

const counting = {
  ...hash,
  access: "write",
  fast: true,
  complexity: "O(1)",
  syntax: "key field increment",
} as const;

/** Makes room for a new value of the field in argument 1, or replies out-of-memory. */
function roomForValue(
  keyspace: Keyspace,
  args: CommandView,
  handle: Handle,
  length: number,
  reply: ReplySink,
): boolean {
  const old = handle === 0 ? null : keyspace.hashGet(handle, args.bytes, args.start(1), args.end(1));
  const wanted = elementBytes("hash", args.length(1), length);
  const growth = old === null ? wanted : wanted - elementBytes("hash", args.length(1), old.length);
  const elements = old === null ? 1 : 0;
  if (elements === 0 && growth <= 0) return true;
  return roomForElements(keyspace, args, 0, "hash", handle, elements, growth, reply);
}

function setField(
  keyspace: Keyspace,
  args: CommandView,
  handle: Handle,
  value: Uint8Array,
  length: number,
): void {
  const target = collectionAt(keyspace, args, 0, "hash", handle);
  keyspace.hashSet(target, args.bytes, args.start(1), args.end(1), value, 0, length);
}

const hincrby = defineCommand({
  ...counting,
  name: "HINCRBY",
  opcode: 162,
  summary: "Adds to a signed 64-bit integer in a field; an absent one counts as 0.",
  reply: "the value after it",
  errors: ["not-integer", "wrong-type", "overflow", "out-of-memory"],
  run(keyspace, args, reply) {
    if (!readInteger(args, 2, reply)) return;
    const by = parsedNumber;
    const byBig = parsedBig;
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    const value = handle === 0 ? null : keyspace.hashGet(handle, args.bytes, args.start(1), args.end(1));
    let current = 0;
    let currentBig: bigint | null = null;
    if (value !== null) {
      if (!parseInteger(value.bytes, value.offset, value.offset + value.length))
        return reply.error("not-integer", "hash value is not an integer");
      current = parsedNumber;
      currentBig = parsedBig;
    }
    if (!addIntegers(current, currentBig, by, byBig)) return reply.error("overflow", null);
    const length = formatSum();
    if (!roomForValue(keyspace, args, handle, length, reply)) return;
    setField(keyspace, args, handle, digitBytes, length);
    replySum(reply);
  },
});

const hincrbyfloat = defineCommand({
  ...counting,
  name: "HINCRBYFLOAT",
  opcode: 163,
  summary: "Adds to a decimal number in a field, as INCRBYFLOAT does.",
  reply: "the value after it",
  errors: ["not-float", "wrong-type", "invalid-argument", "out-of-memory"],
  run(keyspace, args, reply) {
    const by = parseLongDouble(args.bytes, args.start(2), args.end(2));
    if (by === null) return reply.error("not-float", null);
    if (by === "infinite") return reply.error("invalid-argument", "value is NaN or Infinity");
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    const value = handle === 0 ? null : keyspace.hashGet(handle, args.bytes, args.start(1), args.end(1));
    const current =
      value === null
        ? { mantissa: 0n, exponent: 0 }
        : parseLongDouble(value.bytes, value.offset, value.offset + value.length);
    if (current === null) return reply.error("not-float", "hash value is not a float");
    const sum = current === "infinite" ? "infinite" : addLongDoubles(current, by);
    if (sum === "infinite") return reply.error("invalid-argument", "increment would produce NaN or Infinity");
    const digits = latin1Bytes(formatLongDouble(sum));
    if (!roomForValue(keyspace, args, handle, digits.length, reply)) return;
    reply.bulk(digits, 0, digits.length);
    setField(keyspace, args, handle, digits, digits.length);
  },
});

const hrandfield = defineCommand({
  ...hash,
  name: "HRANDFIELD",
  opcode: 164,
  access: "read",
  complexity: "O(N) in fields returned",
  summary: "Returns fields at random: one, or count different ones, or for a negative count any.",
  syntax: "key [count [WITHVALUES]]",
  keySpecs: [keyAt(1, "RO access")],
  reply: "the field or nil; with a count an array, with WITHVALUES of pairs",
  errors: ["not-integer", "out-of-range", "syntax", "wrong-type", "reply-too-large"],
  tips: ["nondeterministic_output"],
  run(keyspace, args, reply) {
    if (args.count > 1 && !readSignedCount(args, 1, reply)) return;
    const count = parsedNumber;
    const withValues = args.count === 3 && isWord(args, 2, "WITHVALUES");
    if (args.count > 3 || (args.count === 3 && !withValues)) return reply.error("syntax", null);
    if (withValues && Math.abs(count) > 2 ** 62) return reply.error("out-of-range", "value is out of range");
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    if (args.count === 1) replyOneDrawn(keyspace, handle, reply);
    else replyDrawnElements(keyspace, handle, count, withValues ? "value" : "none", reply);
  },
});

const hscan = defineCommand({
  ...hash,
  name: "HSCAN",
  opcode: 165,
  access: "read",
  complexity: "O(count) a call",
  summary: "Goes over the fields in steps; those there all the time are seen, some perhaps twice.",
  syntax: "key cursor [MATCH pattern] [COUNT count]",
  keySpecs: [keyAt(1, "RO access")],
  reply: "the next cursor, 0 at the end, and an array of fields and values in turns",
  errors: ["invalid-argument", "wrong-type", "not-integer", "syntax"],
  tips: ["nondeterministic_output"],
  run: (keyspace, args, reply) => scanElements("hash", keyspace, args, reply),
});

export const hashEditCommands: readonly CommandDefinition[] = [hincrby, hincrbyfloat, hrandfield, hscan];
