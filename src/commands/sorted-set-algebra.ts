import type { Handle, Keyspace } from "../store/keyspace.js";
import { findKey, isWord, readAtLeast, readInteger, storeDetached } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { keyCount } from "./cut.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { parsedNumber } from "./integer.js";
import { countedKeys, keyAt } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";
import { parsedScore, parseScore } from "./score.js";
import { replyRanks } from "./sorted-set-range.js";

/** Sorted sets, and sets as such with scores of 1: union, intersection and difference. */

type Operation = "unite" | "intersect" | "subtract";
type Purpose = "answer" | "store" | "count";
type Aggregate = "sum" | "min" | "max";

interface Source {
  readonly handle: Handle;
  readonly length: number;
  readonly isSet: boolean;
  weight: number;
}

interface Request {
  readonly sources: Source[];
  aggregate: Aggregate;
  withScores: boolean;
  /** For a count; infinite without. */
  limit: number;
  /** Added to every score. */
  zero: number;
}

/** Reads number of keys (in argument `at`), keys and options, or replies an error. */
function readRequest(
  definition: CommandDefinition,
  operation: Operation,
  purpose: Purpose,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): Request | null {
  const at = purpose === "store" ? 1 : 0;
  if (!readInteger(args, at, reply)) return null;
  if (parsedNumber < 1) {
    const name = definition.name.toLowerCase();
    reply.error("invalid-argument", `at least 1 input key is needed for '${name}' command`);
    return null;
  }
  const keys = keyCount(definition, args) - at;
  if (keys < 1) {
    reply.error("syntax", null);
    return null;
  }
  const sources: Source[] = [];
  for (let i = at + 1; i <= at + keys; i++) {
    const handle = findKey(keyspace, args, i);
    const kind = handle === 0 ? "zset" : keyspace.kindOf(handle);
    if (kind !== "zset" && kind !== "set") {
      reply.error("wrong-type", null);
      return null;
    }
    const length = handle === 0 ? 0 : keyspace.lengthOf(handle);
    sources.push({ handle, length, isSet: kind === "set", weight: 1 });
  }
  const request: Request = {
    sources,
    aggregate: "sum",
    withScores: false,
    limit: Number.POSITIVE_INFINITY,
    zero: 0,
  };
  return readOptions(request, operation, purpose, args, at + 1 + keys, reply) ? request : null;
}

function readOptions(
  request: Request,
  operation: Operation,
  purpose: Purpose,
  args: CommandView,
  from: number,
  reply: ReplySink,
): boolean {
  const { sources } = request;
  const mayWeigh = operation !== "subtract" && purpose !== "count";
  for (let i = from; i < args.count; ) {
    const left = args.count - i;
    if (mayWeigh && left > sources.length && isWord(args, i, "WEIGHTS")) {
      if (!readWeights(sources, args, i + 1, reply)) return false;
      i += 1 + sources.length;
    } else if (mayWeigh && left >= 2 && isWord(args, i, "AGGREGATE")) {
      const aggregate = (["sum", "min", "max"] as const).find((word) =>
        isWord(args, i + 1, word.toUpperCase()),
      );
      if (aggregate === undefined) {
        reply.error("syntax", null);
        return false;
      }
      request.aggregate = aggregate;
      i += 2;
    } else if (purpose === "answer" && isWord(args, i, "WITHSCORES")) {
      request.withScores = true;
      i++;
    } else if (purpose === "count" && left >= 2 && isWord(args, i, "LIMIT")) {
      if (!readAtLeast(args, i + 1, 0, "LIMIT can't be negative", reply)) return false;
      request.limit = parsedNumber === 0 ? Number.POSITIVE_INFINITY : parsedNumber;
      i += 2;
    } else {
      reply.error("syntax", null);
      return false;
    }
  }
  return true;
}

function readWeights(sources: readonly Source[], args: CommandView, from: number, reply: ReplySink): boolean {
  for (const [n, source] of sources.entries()) {
    if (!parseScore(args.bytes, args.start(from + n), args.end(from + n))) {
      reply.error("not-float", "weight value is not a float");
      return false;
    }
    source.weight = parsedScore;
  }
  return true;
}

/** As in Redis: infinities of both signs add up to 0, and NaN (infinity weighed with 0) is neither less nor greater. */
function aggregated(aggregate: Aggregate, score: number, value: number): number {
  switch (aggregate) {
    case "sum": {
      const sum = score + value;
      return Number.isNaN(sum) ? 0 : sum;
    }
    case "min":
      if (value < score) return value;
      return score;
    case "max":
      if (value > score) return value;
      return score;
  }
}

function weighted(weight: number, score: number): number {
  const value = weight * score;
  return Number.isNaN(value) ? 0 : value;
}

/** The score of a member in a source, NaN where it has none. */
function scoreIn(keyspace: Keyspace, source: Source, bytes: Uint8Array, start: number, end: number): number {
  if (source.handle === 0) return Number.NaN;
  if (source.isSet) return keyspace.setHas(source.handle, bytes, start, end) ? 1 : Number.NaN;
  return keyspace.zsetScore(source.handle, bytes, start, end);
}

/** The union of all sources, which come from the smallest to the largest. */
function unite(keyspace: Keyspace, request: Request): Handle {
  const { sources, aggregate, zero } = request;
  const largest = sources[sources.length - 1]!;
  const others = keyspace.createDetached("zset");
  // Those of a large sorted set whose scores stay are not put one by one.
  if (largest.handle === 0 || largest.isSet || largest.weight !== 1) {
    uniteInto(keyspace, request, sources, others);
    return others;
  }
  uniteInto(keyspace, request, sources.slice(0, -1), others);
  const result = keyspace.copyDetached(largest.handle);
  const cursor = keyspace.elements(others, 0, false);
  while (cursor.next()) {
    const { bytes, offset, length } = cursor.member;
    const end = offset + length;
    const last = keyspace.zsetScore(largest.handle, bytes, offset, end);
    const score = Number.isNaN(last) ? cursor.score : aggregated(aggregate, cursor.score, last);
    keyspace.zsetSet(result, score + zero, bytes, offset, end);
  }
  keyspace.discard(others);
  return result;
}

function uniteInto(keyspace: Keyspace, request: Request, sources: readonly Source[], result: Handle): void {
  for (const source of sources) {
    if (source.handle === 0) continue;
    const cursor = keyspace.elements(source.handle, 0, false);
    while (cursor.next()) {
      const { bytes, offset, length } = cursor.member;
      const end = offset + length;
      const value = weighted(source.weight, source.isSet ? 1 : cursor.score);
      const before = keyspace.zsetScore(result, bytes, offset, end);
      const score = Number.isNaN(before) ? value : aggregated(request.aggregate, before, value);
      keyspace.zsetSet(result, score + request.zero, bytes, offset, end);
    }
  }
}

/** The aggregated score of a member of the first source in all of them, NaN where one hasn't got it. */
function commonScore(
  keyspace: Keyspace,
  request: Request,
  ownScore: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const { sources, aggregate } = request;
  let score = weighted(sources[0]!.weight, ownScore);
  for (let i = 1; i < sources.length; i++) {
    const source = sources[i]!;
    const value =
      source.handle === sources[0]!.handle ? ownScore : scoreIn(keyspace, source, bytes, start, end);
    if (Number.isNaN(value)) return Number.NaN;
    score = aggregated(aggregate, score, value * source.weight);
  }
  return score;
}

/** @returns how many members there are, at most the request's limit; they go into `result` unless it is 0. */
function intersect(keyspace: Keyspace, request: Request, result: Handle): number {
  const first = request.sources[0]!;
  if (first.handle === 0) return 0;
  let count = 0;
  const cursor = keyspace.elements(first.handle, 0, false);
  while (count < request.limit && cursor.next()) {
    const { bytes, offset, length } = cursor.member;
    const end = offset + length;
    const score = commonScore(keyspace, request, first.isSet ? 1 : cursor.score, bytes, offset, end);
    if (Number.isNaN(score)) continue;
    count++;
    if (result !== 0) keyspace.zsetSet(result, score + request.zero, bytes, offset, end);
  }
  return count;
}

/** Those of the first source that no other one has; out of a copy of it where that is less than to go through it. */
function subtract(keyspace: Keyspace, request: Request): Handle {
  const [first, ...others] = request.sources;
  const steps = others.reduce((sum, { length }) => sum + length, 0);
  if (!first!.isSet && steps < first!.length && others.every(({ handle }) => handle !== first!.handle)) {
    const result = keyspace.copyDetached(first!.handle);
    for (const { handle } of others) {
      if (handle === 0) continue;
      const cursor = keyspace.elements(handle, 0, false);
      while (cursor.next()) {
        const { bytes, offset, length } = cursor.member;
        keyspace.zsetRemove(result, bytes, offset, offset + length);
      }
    }
    return result;
  }
  const result = keyspace.createDetached("zset");
  if (first!.handle === 0) return result;
  const cursor = keyspace.elements(first!.handle, 0, false);
  while (cursor.next()) {
    const { bytes, offset, length } = cursor.member;
    const end = offset + length;
    if (others.some((other) => !Number.isNaN(scoreIn(keyspace, other, bytes, offset, end)))) continue;
    keyspace.zsetSet(result, first!.isSet ? 1 : cursor.score, bytes, offset, end);
  }
  return result;
}

/** A detached sorted set. */
function compute(operation: Operation, keyspace: Keyspace, request: Request): Handle {
  if (operation === "unite") return unite(keyspace, request);
  if (operation === "subtract") return subtract(keyspace, request);
  const result = keyspace.createDetached("zset");
  intersect(keyspace, request, result);
  return result;
}

function run(
  definition: CommandDefinition,
  operation: Operation,
  purpose: Purpose,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): void {
  const request = readRequest(definition, operation, purpose, keyspace, args, reply);
  if (request === null) return;
  // From the smallest: which sums come first shows in a float's last digits.
  if (operation !== "subtract") request.sources.sort((a, b) => a.length - b.length);
  if (purpose === "count") {
    reply.integer(intersect(keyspace, request, 0));
    return;
  }
  // Zero has no sign in the store, but it has in an answer: adding 0 makes 0 of -0, adding -0 keeps it.
  request.zero = purpose === "store" ? 0 : -0;
  const result = compute(operation, keyspace, request);
  if (purpose === "store") {
    storeDetached(keyspace, args, 0, result, reply);
    return;
  }
  try {
    replyRanks(keyspace, result, 0, keyspace.lengthOf(result), false, request.withScores, reply);
  } finally {
    keyspace.discard(result);
  }
}

const answering = {
  group: "sortedset",
  access: "read",
  keySpecs: [countedKeys(1, "RO access")],
  reply: "array of members by rising score, with WITHSCORES of pairs",
  errors: ["not-integer", "invalid-argument", "syntax", "wrong-type", "not-float"],
} as const;

const storing = {
  ...answering,
  access: "write",
  keySpecs: [keyAt(1, "OW update"), countedKeys(2, "RO access")],
  reply: "number of members of the result; an empty one removes the destination",
  errors: [...answering.errors, "out-of-memory"],
} as const;

const weights = "[WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]";
const unionCost = "O(N + M log M) in all members and those of the result";
const interCost = "O(N * K + M log M) in the smallest, the number of keys, and the result";
const diffCost = "O(N * K + M log M) in the first, the number of keys, and the result";

const zunion = defineCommand({
  ...answering,
  name: "ZUNION",
  opcode: 240,
  complexity: unionCost,
  summary: "Returns what any of the sorted sets has, with scores summed, or their least or greatest.",
  syntax: `numkeys key [key ...] ${weights} [WITHSCORES]`,
  run: (keyspace, args, reply) => run(zunion, "unite", "answer", keyspace, args, reply),
});

const zunionstore = defineCommand({
  ...storing,
  name: "ZUNIONSTORE",
  opcode: 241,
  complexity: unionCost,
  summary: "Stores what any of the sorted sets has.",
  syntax: `destination numkeys key [key ...] ${weights}`,
  run: (keyspace, args, reply) => run(zunionstore, "unite", "store", keyspace, args, reply),
});

const zinter = defineCommand({
  ...answering,
  name: "ZINTER",
  opcode: 242,
  complexity: interCost,
  summary: "Returns what all sorted sets have in common, with scores summed, or their least or greatest.",
  syntax: `numkeys key [key ...] ${weights} [WITHSCORES]`,
  run: (keyspace, args, reply) => run(zinter, "intersect", "answer", keyspace, args, reply),
});

const zinterstore = defineCommand({
  ...storing,
  name: "ZINTERSTORE",
  opcode: 243,
  complexity: interCost,
  summary: "Stores what all sorted sets have in common.",
  syntax: `destination numkeys key [key ...] ${weights}`,
  run: (keyspace, args, reply) => run(zinterstore, "intersect", "store", keyspace, args, reply),
});

const zdiff = defineCommand({
  ...answering,
  name: "ZDIFF",
  opcode: 244,
  complexity: diffCost,
  summary: "Returns what the first sorted set has and the others don't.",
  syntax: "numkeys key [key ...] [WITHSCORES]",
  run: (keyspace, args, reply) => run(zdiff, "subtract", "answer", keyspace, args, reply),
});

const zdiffstore = defineCommand({
  ...storing,
  name: "ZDIFFSTORE",
  opcode: 245,
  complexity: diffCost,
  summary: "Stores what the first sorted set has and the others don't.",
  syntax: "destination numkeys key [key ...]",
  run: (keyspace, args, reply) => run(zdiffstore, "subtract", "store", keyspace, args, reply),
});

const zintercard = defineCommand({
  ...answering,
  name: "ZINTERCARD",
  opcode: 246,
  complexity: interCost,
  summary: "Counts what all sorted sets have in common, up to a limit; 0 is none.",
  syntax: "numkeys key [key ...] [LIMIT limit]",
  reply: "number of members",
  run: (keyspace, args, reply) => run(zintercard, "intersect", "count", keyspace, args, reply),
});

export const sortedSetAlgebraCommands: readonly CommandDefinition[] = [
  zunion,
  zunionstore,
  zinter,
  zinterstore,
  zdiff,
  zdiffstore,
  zintercard,
];
