import type { Keyspace } from "../store/keyspace.js";
import { findKind, isWord, notPositive, readAtLeast, storeDetached } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { keyCount } from "./cut.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { parsedNumber } from "./integer.js";
import { countedKeys, keyAt } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";
import {
  applyLimit,
  firstRank,
  locate,
  type RangeBy,
  rangeOptions,
  rankCount,
  readRange,
  readRangeOptions,
  replyRanks,
} from "./sorted-set-range.js";
import { sortedSet } from "./sorted-sets.js";

/** Sorted sets: ranges of members, read, stored, counted and removed. */

/** Reads options and ends, with the key in argument `key` and the ends behind it. */
function readWanted(
  args: CommandView,
  key: number,
  by: RangeBy | null,
  reverse: boolean | null,
  stores: boolean,
  reply: ReplySink,
): boolean {
  if (!readRangeOptions(args, key + 3, by, reverse, stores, reply)) return false;
  const swapped = rangeOptions.reverse && rangeOptions.by !== "rank";
  const low = swapped ? key + 2 : key + 1;
  return readRange(rangeOptions.by, args, low, swapped ? key + 1 : key + 2, reply);
}

function answer(
  by: RangeBy | null,
  reverse: boolean | null,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): void {
  if (!readWanted(args, 0, by, reverse, false, reply)) return;
  const handle = findKind(keyspace, args, 0, "zset", reply);
  if (handle < 0) return;
  if (handle === 0) {
    reply.array(0);
    return;
  }
  locate(keyspace, handle, args, rangeOptions.reverse);
  applyLimit();
  const { withScores } = rangeOptions;
  replyRanks(keyspace, handle, firstRank, rankCount, rangeOptions.reverse, withScores, reply);
}

const reading = {
  ...sortedSet,
  access: "read",
  complexity: "O(log N + M) in members there and returned",
  reply: "array of members, with WITHSCORES of pairs",
  errors: ["syntax", "not-integer", "not-float", "invalid-argument", "wrong-type"],
} as const;

const zrange = defineCommand({
  ...reading,
  name: "ZRANGE",
  opcode: 220,
  summary: "Returns the members of a range of ranks, scores or bytes.",
  syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
  run: (keyspace, args, reply) => answer(null, null, keyspace, args, reply),
});

const zrevrange = defineCommand({
  ...reading,
  name: "ZREVRANGE",
  opcode: 221,
  summary: "Returns the members of a range of ranks, highest score first.",
  syntax: "key start stop [WITHSCORES]",
  run: (keyspace, args, reply) => answer("rank", true, keyspace, args, reply),
});

const zrangebyscore = defineCommand({
  ...reading,
  name: "ZRANGEBYSCORE",
  opcode: 222,
  summary: "Returns the members with scores from min to max; `(` before one leaves it out.",
  syntax: "key min max [WITHSCORES] [LIMIT offset count]",
  run: (keyspace, args, reply) => answer("score", false, keyspace, args, reply),
});

const zrevrangebyscore = defineCommand({
  ...reading,
  name: "ZREVRANGEBYSCORE",
  opcode: 223,
  summary: "Returns the members with scores from max down to min.",
  syntax: "key max min [WITHSCORES] [LIMIT offset count]",
  run: (keyspace, args, reply) => answer("score", true, keyspace, args, reply),
});

const zrangebylex = defineCommand({
  ...reading,
  name: "ZRANGEBYLEX",
  opcode: 224,
  summary: "Returns the members from min to max in the order of bytes; all must have one score.",
  syntax: "key min max [LIMIT offset count]",
  run: (keyspace, args, reply) => answer("lex", false, keyspace, args, reply),
});

const zrevrangebylex = defineCommand({
  ...reading,
  name: "ZREVRANGEBYLEX",
  opcode: 225,
  summary: "Returns the members from max down to min in the order of bytes; all must have one score.",
  syntax: "key max min [LIMIT offset count]",
  run: (keyspace, args, reply) => answer("lex", true, keyspace, args, reply),
});

const zrangestore = defineCommand({
  ...reading,
  name: "ZRANGESTORE",
  opcode: 226,
  access: "write",
  summary: "Stores the members of a range under another key.",
  syntax: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
  keySpecs: [keyAt(1, "OW update"), keyAt(2, "RO access")],
  reply: "number of members stored; none removes the destination",
  errors: [...reading.errors, "out-of-memory"],
  run(keyspace, args, reply) {
    if (!readWanted(args, 1, null, null, true, reply)) return;
    const source = findKind(keyspace, args, 1, "zset", reply);
    if (source < 0) return;
    const result = keyspace.createDetached("zset");
    if (source !== 0) {
      locate(keyspace, source, args, rangeOptions.reverse);
      applyLimit();
      const count = rankCount;
      if (count > 0) {
        const cursor = keyspace.elements(source, firstRank, false);
        for (let i = 0; i < count && cursor.next(); i++) {
          const { bytes, offset, length } = cursor.member;
          keyspace.zsetSet(result, cursor.score, bytes, offset, offset + length);
        }
      }
    }
    storeDetached(keyspace, args, 0, result, reply);
  },
});

function count(by: RangeBy, keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  if (!readRange(by, args, 1, 2, reply)) return;
  const handle = findKind(keyspace, args, 0, "zset", reply);
  if (handle < 0) return;
  if (handle === 0) {
    reply.integer(0);
    return;
  }
  locate(keyspace, handle, args, false);
  reply.integer(rankCount);
}

const counting = {
  ...sortedSet,
  access: "read",
  fast: true,
  complexity: "O(log N)",
  syntax: "key min max",
  reply: "number of members",
} as const;

const zcount = defineCommand({
  ...counting,
  name: "ZCOUNT",
  opcode: 227,
  summary: "Counts the members with scores from min to max.",
  errors: ["not-float", "wrong-type"],
  run: (keyspace, args, reply) => count("score", keyspace, args, reply),
});

const zlexcount = defineCommand({
  ...counting,
  name: "ZLEXCOUNT",
  opcode: 228,
  summary: "Counts the members from min to max in the order of bytes; all must have one score.",
  errors: ["invalid-argument", "wrong-type"],
  run: (keyspace, args, reply) => count("lex", keyspace, args, reply),
});

function removeRange(by: RangeBy, keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  if (!readRange(by, args, 1, 2, reply)) return;
  const handle = findKind(keyspace, args, 0, "zset", reply);
  if (handle < 0) return;
  if (handle === 0) {
    reply.integer(0);
    return;
  }
  locate(keyspace, handle, args, false);
  const removed = rankCount;
  if (removed > 0) {
    keyspace.zsetRemoveRange(handle, firstRank, removed);
    keyspace.dropIfEmpty(handle);
  }
  reply.integer(removed);
}

const removing = {
  ...sortedSet,
  access: "write",
  complexity: "O(log N + M) in members there and removed",
  keySpecs: [keyAt(1, "RW delete")],
  reply: "how many were removed",
} as const;

const zremrangebyrank = defineCommand({
  ...removing,
  name: "ZREMRANGEBYRANK",
  opcode: 229,
  summary: "Removes the members of a range of ranks.",
  syntax: "key start stop",
  errors: ["not-integer", "wrong-type"],
  run: (keyspace, args, reply) => removeRange("rank", keyspace, args, reply),
});

const zremrangebyscore = defineCommand({
  ...removing,
  name: "ZREMRANGEBYSCORE",
  opcode: 230,
  summary: "Removes the members with scores from min to max.",
  syntax: "key min max",
  errors: ["not-float", "wrong-type"],
  run: (keyspace, args, reply) => removeRange("score", keyspace, args, reply),
});

const zremrangebylex = defineCommand({
  ...removing,
  name: "ZREMRANGEBYLEX",
  opcode: 231,
  summary: "Removes the members from min to max in the order of bytes; all must have one score.",
  syntax: "key min max",
  errors: ["invalid-argument", "wrong-type"],
  run: (keyspace, args, reply) => removeRange("lex", keyspace, args, reply),
});

/** The ranks to pop from one end: where they begin. */
function popStart(keyspace: Keyspace, handle: number, count: number, highest: boolean): number {
  return highest ? keyspace.lengthOf(handle) - count : 0;
}

function pop(highest: boolean, keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  if (args.count > 2) {
    reply.error("syntax", null);
    return;
  }
  const counted = args.count === 2;
  if (counted && !readAtLeast(args, 1, 0, notPositive, reply)) return;
  const most = counted ? parsedNumber : 1;
  const handle = findKind(keyspace, args, 0, "zset", reply);
  if (handle < 0) return;
  const popped = handle === 0 ? 0 : Math.min(most, keyspace.lengthOf(handle));
  if (popped === 0) {
    reply.array(0);
    return;
  }
  const start = popStart(keyspace, handle, popped, highest);
  if (counted) replyRanks(keyspace, handle, start, popped, highest, true, reply);
  else {
    const cursor = keyspace.elements(handle, start, false);
    cursor.next();
    reply.array(2);
    reply.bulk(cursor.member.bytes, cursor.member.offset, cursor.member.length);
    reply.double(cursor.score);
  }
  keyspace.zsetRemoveRange(handle, start, popped);
  keyspace.dropIfEmpty(handle);
}

const popping = {
  ...sortedSet,
  access: "write",
  fast: true,
  complexity: "O(log N + M) in members there and returned",
  syntax: "key [count]",
  keySpecs: [keyAt(1, "RW access delete")],
  reply: "member and score, nothing when absent; with a count pairs of them",
  errors: ["syntax", "out-of-range", "wrong-type"],
} as const;

const zpopmin = defineCommand({
  ...popping,
  name: "ZPOPMIN",
  opcode: 232,
  summary: "Removes and returns the members with the lowest scores.",
  run: (keyspace, args, reply) => pop(false, keyspace, args, reply),
});

const zpopmax = defineCommand({
  ...popping,
  name: "ZPOPMAX",
  opcode: 233,
  summary: "Removes and returns the members with the highest scores.",
  run: (keyspace, args, reply) => pop(true, keyspace, args, reply),
});

const zmpop = defineCommand({
  ...popping,
  name: "ZMPOP",
  opcode: 234,
  fast: false,
  complexity: "O(K + log N + M) in keys, members there and returned",
  summary: "Removes and returns members from one end of the first sorted set that isn't empty.",
  syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
  keySpecs: [countedKeys(1, "RW access delete")],
  reply: "the key and an array of members with scores; a nil array when all are empty",
  errors: ["out-of-range", "syntax", "wrong-type"],
  run(keyspace, args, reply) {
    if (!readAtLeast(args, 0, 1, "numkeys should be greater than 0", reply)) return;
    const keys = keyCount(zmpop, args);
    if (keys === 0 || keys + 1 >= args.count) return reply.error("syntax", null);
    const highest = isWord(args, keys + 1, "MAX");
    if (!highest && !isWord(args, keys + 1, "MIN")) return reply.error("syntax", null);
    let most = 1;
    if (args.count > keys + 2) {
      if (args.count < keys + 4 || !isWord(args, keys + 2, "COUNT")) return reply.error("syntax", null);
      if (!readAtLeast(args, keys + 3, 1, "count should be greater than 0", reply)) return;
      if (args.count > keys + 4) return reply.error("syntax", null);
      most = parsedNumber;
    }
    for (let i = 1; i <= keys; i++) {
      const handle = findKind(keyspace, args, i, "zset", reply);
      if (handle < 0) return;
      if (handle !== 0) return popFrom(keyspace, args, i, handle, most, highest, reply);
    }
    reply.nilArray();
  },
});

/** ZMPOP's answer: its members come as arrays of two in RESP2 too. */
function popFrom(
  keyspace: Keyspace,
  args: CommandView,
  i: number,
  handle: number,
  most: number,
  highest: boolean,
  reply: ReplySink,
): void {
  const popped = Math.min(most, keyspace.lengthOf(handle));
  const start = popStart(keyspace, handle, popped, highest);
  reply.array(2);
  reply.bulk(args.bytes, args.start(i), args.length(i));
  reply.array(popped);
  const cursor = keyspace.elements(handle, highest ? start + popped - 1 : start, highest);
  for (let n = 0; n < popped && cursor.next(); n++) {
    reply.array(2);
    reply.bulk(cursor.member.bytes, cursor.member.offset, cursor.member.length);
    reply.double(cursor.score);
  }
  keyspace.zsetRemoveRange(handle, start, popped);
  keyspace.dropIfEmpty(handle);
}

export const sortedSetRangeCommands: readonly CommandDefinition[] = [
  zrange,
  zrevrange,
  zrangebyscore,
  zrevrangebyscore,
  zrangebylex,
  zrevrangebylex,
  zrangestore,
  zcount,
  zlexcount,
  zremrangebyrank,
  zremrangebyscore,
  zremrangebylex,
  zpopmin,
  zpopmax,
  zmpop,
];
