import type { Handle, Keyspace } from "../store/keyspace.js";
import { isWord, readInteger, replySlice } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { parsedNumber } from "./integer.js";
import type { ReplySink } from "./reply-sink.js";
import { parsedScore, parseScoreBound } from "./score.js";

/** What the ends of a range are: ranks, scores, or bytes of members that all have one score. */
export type RangeBy = "rank" | "score" | "lex";

/** One end of a range by bytes: before all members, behind all, or at the bytes of an argument. */
interface LexEnd {
  kind: "first" | "last" | "bytes";
  start: number;
  end: number;
  exclusive: boolean;
}

/** The range that was read last; reused, as one is open at a time. */
const range = {
  by: "rank" as RangeBy,
  /** For ranks and scores. */
  low: 0,
  high: 0,
  lowExclusive: false,
  highExclusive: false,
  lowLex: { kind: "first", start: 0, end: 0, exclusive: false } as LexEnd,
  highLex: { kind: "last", start: 0, end: 0, exclusive: false } as LexEnd,
};

/** The ranks that `locate` found: the first, and how many. */
export let firstRank = 0;
export let rankCount = 0;

/** Reads the ends in arguments `low` and `high`, or replies an error. */
export function readRange(
  by: RangeBy,
  args: CommandView,
  low: number,
  high: number,
  reply: ReplySink,
): boolean {
  range.by = by;
  switch (by) {
    case "rank":
      if (!readInteger(args, low, reply)) return false;
      range.low = parsedNumber;
      if (!readInteger(args, high, reply)) return false;
      range.high = parsedNumber;
      return true;
    case "score":
      if (readScores(args, low, high)) return true;
      reply.error("not-float", "min or max is not a float");
      return false;
    case "lex":
      if (readLexEnd(args, low, range.lowLex) && readLexEnd(args, high, range.highLex)) return true;
      reply.error("invalid-argument", "min or max not valid string range item");
      return false;
  }
}

const openBracket = 0x28;

function readScores(args: CommandView, low: number, high: number): boolean {
  const { bytes } = args;
  range.lowExclusive = args.length(low) > 0 && bytes[args.start(low)] === openBracket;
  if (!parseScoreBound(bytes, args.start(low) + (range.lowExclusive ? 1 : 0), args.end(low))) return false;
  range.low = parsedScore;
  range.highExclusive = args.length(high) > 0 && bytes[args.start(high)] === openBracket;
  if (!parseScoreBound(bytes, args.start(high) + (range.highExclusive ? 1 : 0), args.end(high))) return false;
  range.high = parsedScore;
  return true;
}

function readLexEnd(args: CommandView, i: number, into: LexEnd): boolean {
  const start = args.start(i);
  const end = args.end(i);
  const first = start < end ? args.bytes[start] : -1;
  if (first === 0x2b || first === 0x2d) {
    // As a C string: a zero byte ends it.
    if (start + 1 < end && args.bytes[start + 1] !== 0) return false;
    into.kind = first === 0x2b ? "last" : "first";
    return true;
  }
  if (first !== openBracket && first !== 0x5b) return false;
  into.kind = "bytes";
  into.start = start + 1;
  into.end = end;
  into.exclusive = first === openBracket;
  return true;
}

/** Finds the ranks of the range in a sorted set; `reverse` counts ranks from the highest score. */
export function locate(keyspace: Keyspace, handle: Handle, args: CommandView, reverse: boolean): void {
  const length = keyspace.lengthOf(handle);
  let from = 0;
  let to = 0;
  if (range.by === "rank") {
    from = range.low < 0 ? Math.max(0, length + range.low) : range.low;
    to = Math.min(range.high < 0 ? length + range.high : range.high, length - 1) + 1;
    if (reverse && from < to) [from, to] = [length - to, length - from];
  } else if (range.by === "score") {
    from = keyspace.zsetCountBelow(handle, range.low, range.lowExclusive);
    to = keyspace.zsetCountBelow(handle, range.high, !range.highExclusive);
  } else {
    const { lowLex, highLex } = range;
    from = lexRank(keyspace, handle, args, lowLex, lowLex.exclusive, length);
    to = lexRank(keyspace, handle, args, highLex, !highLex.exclusive, length);
  }
  firstRank = from;
  rankCount = Math.max(0, to - from);
}

function lexRank(
  keyspace: Keyspace,
  handle: Handle,
  args: CommandView,
  end: LexEnd,
  orEqual: boolean,
  length: number,
): number {
  if (end.kind === "first") return 0;
  if (end.kind === "last") return length;
  return keyspace.zsetCountBelowLex(handle, args.bytes, end.start, end.end, orEqual);
}

/** What ZRANGE and its like were asked for; reused. */
export const rangeOptions = {
  by: "rank" as RangeBy,
  reverse: false,
  withScores: false,
  offset: 0,
  /** Negative: all. */
  limit: -1,
};

/** Reads ZRANGE's options from argument `from` on; `null` for what the command leaves open. Or replies an error. */
export function readRangeOptions(
  args: CommandView,
  from: number,
  fixedBy: RangeBy | null,
  fixedReverse: boolean | null,
  stores: boolean,
  reply: ReplySink,
): boolean {
  let by = fixedBy;
  let reverse = fixedReverse;
  rangeOptions.withScores = false;
  rangeOptions.offset = 0;
  rangeOptions.limit = -1;
  for (let i = from; i < args.count; i++) {
    if (!stores && isWord(args, i, "WITHSCORES")) rangeOptions.withScores = true;
    else if (i + 2 < args.count && isWord(args, i, "LIMIT")) {
      if (!readInteger(args, i + 1, reply)) return false;
      rangeOptions.offset = parsedNumber;
      if (!readInteger(args, i + 2, reply)) return false;
      rangeOptions.limit = parsedNumber;
      i += 2;
    } else if (reverse === null && isWord(args, i, "REV")) reverse = true;
    else if (by === null && isWord(args, i, "BYLEX")) by = "lex";
    else if (by === null && isWord(args, i, "BYSCORE")) by = "score";
    else {
      reply.error("syntax", null);
      return false;
    }
  }
  rangeOptions.by = by ?? "rank";
  rangeOptions.reverse = reverse ?? false;
  if (rangeOptions.limit !== -1 && rangeOptions.by === "rank") {
    reply.error("syntax", limitNeedsRange);
    return false;
  }
  if (rangeOptions.withScores && rangeOptions.by === "lex") {
    reply.error("syntax", "syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  return true;
}

const limitNeedsRange = "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";

/** Narrows what `locate` found to LIMIT's part, counted in the direction of the answer; ranks take no notice of it. */
export function applyLimit(): void {
  const { by, offset, limit, reverse } = rangeOptions;
  if (by === "rank") return;
  if (offset < 0 || offset >= rankCount) {
    rankCount = 0;
    return;
  }
  const count = limit < 0 ? rankCount - offset : Math.min(limit, rankCount - offset);
  firstRank = reverse ? firstRank + rankCount - offset - count : firstRank + offset;
  rankCount = count;
}

/** Replies `count` members from rank `first` on, or down from the last of them. */
export function replyRanks(
  keyspace: Keyspace,
  handle: Handle,
  first: number,
  count: number,
  reverse: boolean,
  withScores: boolean,
  reply: ReplySink,
): void {
  if (withScores) reply.pairs(count);
  else reply.array(count);
  if (count === 0) return;
  const cursor = keyspace.elements(handle, reverse ? first + count - 1 : first, reverse);
  for (let i = 0; i < count && cursor.next(); i++) {
    if (withScores) reply.pair();
    replySlice(cursor.member, reply);
    if (withScores) reply.double(cursor.score);
  }
}
