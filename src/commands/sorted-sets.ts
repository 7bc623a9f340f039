import { elementBytes } from "../store/charge.js";
import type { Handle, Keyspace } from "../store/keyspace.js";
import { collectionAt, findKind, isWord, readSignedCount, roomForElements } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { replyDrawnElements, replyOneDrawn } from "./element-draw.js";
import { scanElements } from "./element-scan.js";
import { parsedNumber } from "./integer.js";
import { keyAt } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";
import { parsedScore, parseScore } from "./score.js";

/** Sorted sets: members with their scores. */

export const sortedSet = {
  group: "sortedset",
  keySpecs: [keyAt(1, "RO access")],
} as const;

const reading = {
  ...sortedSet,
  access: "read",
  fast: true,
  errors: ["wrong-type"],
} as const;

const writing = {
  ...sortedSet,
  access: "write",
  fast: true,
} as const;

/** The options of ZADD. */
const zaddFlags = { absent: 1, present: 2, greater: 4, less: 8, changed: 16, increment: 32 } as const;
const zaddWords = [
  ["NX", zaddFlags.absent],
  ["XX", zaddFlags.present],
  ["GT", zaddFlags.greater],
  ["LT", zaddFlags.less],
  ["CH", zaddFlags.changed],
  ["INCR", zaddFlags.increment],
] as const;
const notANumber = "resulting score is not a number (NaN)";

/** What Redis refuses about a combination of options, or null. */
function conflictOf(flags: number, elements: number): string | null {
  const { absent, present, greater, less, increment } = zaddFlags;
  if (flags & absent && flags & present) return "XX and NX options at the same time are not compatible";
  if ((flags & absent && flags & (greater | less)) || (flags & greater && flags & less))
    return "GT, LT, and/or NX options at the same time are not compatible";
  if (flags & increment && elements > 1) return "INCR option supports a single increment-element pair";
  return null;
}

/** Scores of the pairs of the command that runs, reused. */
let scores = new Float64Array(16);

/** Reads the scores at arguments first, first + 2, ..., or replies an error. */
function readScores(args: CommandView, first: number, count: number, reply: ReplySink): boolean {
  if (scores.length < count) scores = new Float64Array(count * 2);
  for (let n = 0; n < count; n++) {
    const i = first + 2 * n;
    if (!parseScore(args.bytes, args.start(i), args.end(i))) {
      reply.error("not-float", null);
      return false;
    }
    scores[n] = parsedScore;
  }
  return true;
}

/** Whether the conditions let a member with `current` (NaN: absent) get `next`. */
function mayBecome(flags: number, current: number, next: number): boolean {
  if (Number.isNaN(current)) return (flags & zaddFlags.present) === 0;
  if (flags & zaddFlags.absent) return false;
  if (flags & zaddFlags.less && next >= current) return false;
  return !(flags & zaddFlags.greater && next <= current);
}

/** Adds to the score of the member behind the one pair at argument `first`; replies the new score, or nil. */
function increment(
  flags: number,
  first: number,
  keyspace: Keyspace,
  args: CommandView,
  handle: Handle,
  reply: ReplySink,
): void {
  const { bytes } = args;
  const start = args.start(first + 1);
  const end = args.end(first + 1);
  const current = handle === 0 ? Number.NaN : keyspace.zsetScore(handle, bytes, start, end);
  if (Number.isNaN(current)) {
    if (flags & zaddFlags.present) {
      reply.nil();
      return;
    }
  } else if (flags & zaddFlags.absent) {
    reply.nil();
    return;
  }
  const next = Number.isNaN(current) ? scores[0]! : current + scores[0]!;
  if (Number.isNaN(next)) {
    reply.error("invalid-argument", notANumber);
    return;
  }
  if (!mayBecome(flags, current, next)) {
    reply.nil();
    return;
  }
  if (Number.isNaN(current)) {
    const growth = elementBytes("zset", end - start);
    if (!roomForElements(keyspace, args, 0, "zset", handle, 1, growth, reply)) return;
  }
  reply.double(next);
  keyspace.zsetSet(collectionAt(keyspace, args, 0, "zset", handle), next + 0, bytes, start, end);
}

const zadd = defineCommand({
  ...writing,
  name: "ZADD",
  opcode: 210,
  complexity: "O(N log M) in members named and there",
  summary: "Adds members, or changes their scores.",
  syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
  keySpecs: [keyAt(1, "RW update")],
  reply: "how many are new, with CH how many changed; with INCR the new score, nil when refused",
  errors: ["syntax", "invalid-argument", "not-float", "wrong-type", "out-of-memory"],
  run(keyspace, args, reply) {
    let flags = 0;
    let first = 1;
    for (; first < args.count; first++) {
      const option = zaddWords.find(([word]) => isWord(args, first, word));
      if (option === undefined) break;
      flags |= option[1];
    }
    const count = (args.count - first) / 2;
    if (count === 0 || !Number.isInteger(count)) return reply.error("syntax", null);
    const conflict = conflictOf(flags, count);
    if (conflict !== null) return reply.error("invalid-argument", conflict);
    if (!readScores(args, first, count, reply)) return;
    let handle = findKind(keyspace, args, 0, "zset", reply);
    if (handle < 0) return;
    if (flags & zaddFlags.increment) return increment(flags, first, keyspace, args, handle, reply);
    if (handle === 0 && flags & zaddFlags.present) return reply.integer(0);
    let bytes = 0;
    for (let n = 0; n < count; n++) bytes += elementBytes("zset", args.length(first + 2 * n + 1));
    if (!roomForElements(keyspace, args, 0, "zset", handle, count, bytes, reply)) return;
    handle = collectionAt(keyspace, args, 0, "zset", handle);
    let added = 0;
    let changed = 0;
    for (let n = 0; n < count; n++) {
      const start = args.start(first + 2 * n + 1);
      const end = args.end(first + 2 * n + 1);
      const current = keyspace.zsetScore(handle, args.bytes, start, end);
      if (current === scores[n] || !mayBecome(flags, current, scores[n]!)) continue;
      // Zero has no sign in the store: -0 + 0 is 0.
      if (keyspace.zsetSet(handle, scores[n]! + 0, args.bytes, start, end)) added++;
      else changed++;
    }
    reply.integer(flags & zaddFlags.changed ? added + changed : added);
  },
});

const zincrby = defineCommand({
  ...writing,
  name: "ZINCRBY",
  opcode: 211,
  complexity: "O(log N)",
  summary: "Adds to the score of a member; an absent one counts as 0.",
  syntax: "key increment member",
  keySpecs: [keyAt(1, "RW access update")],
  reply: "the new score",
  errors: ["not-float", "wrong-type", "invalid-argument", "out-of-memory"],
  run(keyspace, args, reply) {
    if (!readScores(args, 1, 1, reply)) return;
    const handle = findKind(keyspace, args, 0, "zset", reply);
    if (handle >= 0) increment(0, 1, keyspace, args, handle, reply);
  },
});

const zrem = defineCommand({
  ...sortedSet,
  name: "ZREM",
  opcode: 212,
  access: "write",
  fast: true,
  complexity: "O(N log M) in members named and there",
  summary: "Removes members; the key goes with the last one.",
  syntax: "key member [member ...]",
  keySpecs: [keyAt(1, "RW delete")],
  reply: "how many were there",
  errors: ["wrong-type"],
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "zset", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.integer(0);
    let removed = 0;
    for (let i = 1; i < args.count; i++)
      if (keyspace.zsetRemove(handle, args.bytes, args.start(i), args.end(i))) removed++;
    if (removed > 0) keyspace.dropIfEmpty(handle);
    reply.integer(removed);
  },
});

function replyScore(
  keyspace: Keyspace,
  handle: Handle,
  args: CommandView,
  i: number,
  reply: ReplySink,
): void {
  const score =
    handle === 0 ? Number.NaN : keyspace.zsetScore(handle, args.bytes, args.start(i), args.end(i));
  if (Number.isNaN(score)) reply.nil();
  else reply.double(score);
}

const zscore = defineCommand({
  ...reading,
  name: "ZSCORE",
  opcode: 213,
  complexity: "O(1)",
  summary: "Returns the score of a member.",
  syntax: "key member",
  reply: "the score, or nil",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "zset", reply);
    if (handle >= 0) replyScore(keyspace, handle, args, 1, reply);
  },
});

const zmscore = defineCommand({
  ...reading,
  name: "ZMSCORE",
  opcode: 214,
  complexity: "O(N) in members asked for",
  summary: "Returns the scores of several members.",
  syntax: "key member [member ...]",
  reply: "array of scores and nils",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "zset", reply);
    if (handle < 0) return;
    reply.array(args.count - 1);
    for (let i = 1; i < args.count; i++) replyScore(keyspace, handle, args, i, reply);
  },
});

function replyRank(reversed: boolean, keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  const handle = findKind(keyspace, args, 0, "zset", reply);
  if (handle < 0) return;
  const rank = handle === 0 ? -1 : keyspace.zsetRank(handle, args.bytes, args.start(1), args.end(1));
  if (rank < 0) reply.nil();
  else reply.integer(reversed ? keyspace.lengthOf(handle) - 1 - rank : rank);
}

const zrank = defineCommand({
  ...reading,
  name: "ZRANK",
  opcode: 215,
  complexity: "O(log N)",
  summary: "Returns how many members stand before a member, lowest score first.",
  syntax: "key member",
  reply: "the rank from 0, or nil",
  run: (keyspace, args, reply) => replyRank(false, keyspace, args, reply),
});

const zrevrank = defineCommand({
  ...zrank,
  name: "ZREVRANK",
  opcode: 216,
  summary: "Returns how many members stand before a member, highest score first.",
  run: (keyspace, args, reply) => replyRank(true, keyspace, args, reply),
});

const zcard = defineCommand({
  ...reading,
  name: "ZCARD",
  opcode: 217,
  complexity: "O(1)",
  summary: "Counts the members.",
  syntax: "key",
  keySpecs: [keyAt(1, "RO")],
  reply: "number of members, 0 when absent",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "zset", reply);
    if (handle >= 0) reply.integer(handle === 0 ? 0 : keyspace.lengthOf(handle));
  },
});

const zrandmember = defineCommand({
  ...reading,
  name: "ZRANDMEMBER",
  opcode: 218,
  fast: false,
  complexity: "O(N log M) in members returned and there",
  summary: "Returns members at random: one, or count different ones, or for a negative count any.",
  syntax: "key [count [WITHSCORES]]",
  reply: "the member or nil; with a count an array, with WITHSCORES of pairs",
  errors: ["not-integer", "out-of-range", "syntax", "wrong-type", "reply-too-large"],
  tips: ["nondeterministic_output"],
  run(keyspace, args, reply) {
    if (args.count > 1 && !readSignedCount(args, 1, reply)) return;
    const count = parsedNumber;
    const withScores = args.count === 3 && isWord(args, 2, "WITHSCORES");
    if (args.count > 3 || (args.count === 3 && !withScores)) return reply.error("syntax", null);
    if (withScores && Math.abs(count) > 2 ** 62) return reply.error("out-of-range", "value is out of range");
    const handle = findKind(keyspace, args, 0, "zset", reply);
    if (handle < 0) return;
    if (args.count === 1) replyOneDrawn(keyspace, handle, reply);
    else replyDrawnElements(keyspace, handle, count, withScores ? "score" : "none", reply);
  },
});

const zscan = defineCommand({
  ...reading,
  name: "ZSCAN",
  opcode: 219,
  fast: false,
  complexity: "O(count) a call",
  summary: "Goes over the members in steps; those there all the time are seen, some perhaps twice.",
  syntax: "key cursor [MATCH pattern] [COUNT count]",
  reply: "the next cursor, 0 at the end, and an array of members and scores in turns",
  errors: ["invalid-argument", "wrong-type", "not-integer", "syntax"],
  tips: ["nondeterministic_output"],
  run: (keyspace, args, reply) => scanElements("zset", keyspace, args, reply),
});

export const sortedSetCommands: readonly CommandDefinition[] = [
  zadd,
  zincrby,
  zrem,
  zscore,
  zmscore,
  zrank,
  zrevrank,
  zcard,
  zrandmember,
  zscan,
];
