import type { ReplyValue } from "../commands/reply-codec.js";
import type { CallOptions, ReadOptions } from "./options.js";
import {
  type Arg,
  inPairs,
  limitWords,
  type ScanOptions,
  type ScanStep,
  scanAll,
  scanStep,
  scanWords,
  scoreIn,
  textIn,
} from "./typed-base.js";
import { TypedCollections } from "./typed-collections.js";
import { type Bytes, itemsOf } from "./values.js";

export interface ScoredMember {
  readonly member: string;
  readonly score: number;
}

export interface ZAddOptions extends CallOptions {
  /** Only new members, or only those that are there. */
  readonly only?: "absent" | "present";
  /** Only to a greater or a lesser score; new members are added all the same. */
  readonly towards?: "greater" | "less";
}

export interface ZRangeOptions extends ReadOptions {
  /** "rank" without. */
  readonly by?: "rank" | "score";
  readonly reverse?: boolean;
  /** Not by rank. */
  readonly limit?: readonly [offset: number, count: number];
}

export interface ZRangeStoreOptions extends Omit<ZRangeOptions, "by" | "consistency"> {
  /** "rank" without; by "lex" the ends are such as "-", "[a" and "(b". */
  readonly by?: "rank" | "score" | "lex";
}

const zaddWords = { absent: "NX", present: "XX", greater: "GT", less: "LT" } as const;

function scored(member: ReplyValue, score: ReplyValue): ScoredMember {
  return { member: textIn(member), score: scoreIn(score) };
}

export function membersOf(reply: ReplyValue): ScoredMember[] {
  if (reply.type === "pairs") return reply.pairs.map(([member, score]) => scored(member, score));
  const items = itemsOf(reply);
  // ZMPOP has an array of member and score in turn for each.
  return items.length === 2 && items[1]!.type === "double" ? [scored(items[0]!, items[1]!)] : [];
}

export function scoreWord(score: number | string): Arg {
  return typeof score === "string" ? score : String(score).replace("Infinity", "inf");
}

function scoreOrNull(reply: ReplyValue): number | null {
  return reply.type === "nil" ? null : scoreIn(reply);
}

function conditionWords({ only, towards }: ZAddOptions): string[] {
  return [only, towards].flatMap((word) => (word === undefined ? [] : [zaddWords[word]]));
}

function rangeWords(options: ZRangeStoreOptions): Arg[] {
  const words: Arg[] = [];
  if (options.by === "score") words.push("BYSCORE");
  if (options.by === "lex") words.push("BYLEX");
  if (options.reverse === true) words.push("REV");
  return [...words, ...limitWords(options.limit)];
}

/** Sorted sets. */
export abstract class TypedSortedSets extends TypedCollections {
  /** @returns how many members are new. */
  zAdd(key: Bytes, members: Iterable<readonly [number, Bytes]>, options: ZAddOptions = {}): Promise<number> {
    const pairs = [...members].flatMap(([score, member]) => [scoreWord(score), member]);
    return this.count("ZADD", [key, ...conditionWords(options), ...pairs], options);
  }
  /** Adds to a score, under the conditions of zAdd. @returns the new score; null when a condition refused. */
  async zAddIncr(key: Bytes, by: number, member: Bytes, options: ZAddOptions = {}): Promise<number | null> {
    const args = [key, ...conditionWords(options), "INCR", scoreWord(by), member];
    return scoreOrNull(await this.run("ZADD", args, options));
  }
  async zIncrBy(key: Bytes, by: number, member: Bytes, options: CallOptions = {}): Promise<number> {
    return scoreIn(await this.run("ZINCRBY", [key, scoreWord(by), member], options));
  }
  zRem(key: Bytes, members: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("ZREM", [key, ...members], options);
  }
  async zScore(key: Bytes, member: Bytes, options: ReadOptions = {}): Promise<number | null> {
    return scoreOrNull(await this.run("ZSCORE", [key, member], options));
  }
  /** Scores in the order of the members. */
  async zMScore(
    key: Bytes,
    members: readonly Bytes[],
    options: ReadOptions = {},
  ): Promise<(number | null)[]> {
    return itemsOf(await this.run("ZMSCORE", [key, ...members], options)).map(scoreOrNull);
  }
  zRank(key: Bytes, member: Bytes, options: ReadOptions = {}): Promise<number | null> {
    return this.optionalCount("ZRANK", [key, member], options);
  }
  zRevRank(key: Bytes, member: Bytes, options: ReadOptions = {}): Promise<number | null> {
    return this.optionalCount("ZREVRANK", [key, member], options);
  }
  zCard(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return this.count("ZCARD", [key], options);
  }
  /** Bounds as Redis takes them: a number, or text such as "(5" and "+inf". */
  zCount(key: Bytes, min: number | string, max: number | string, options: ReadOptions = {}): Promise<number> {
    return this.count("ZCOUNT", [key, scoreWord(min), scoreWord(max)], options);
  }
  /** Members with their scores; empty where the key is absent. */
  protected async members(name: string, args: readonly Arg[], options: ReadOptions): Promise<ScoredMember[]> {
    return membersOf(await this.run(name, args, options));
  }
  zRange(
    key: Bytes,
    start: number | string,
    stop: number | string,
    options: ZRangeOptions = {},
  ): Promise<ScoredMember[]> {
    const args = [key, scoreWord(start), scoreWord(stop), ...rangeWords(options), "WITHSCORES"];
    return this.members("ZRANGE", args, options);
  }
  /** Stores a range of `source`; both keys must lie in one range. @returns how many members. */
  zRangeStore(
    destination: Bytes,
    source: Bytes,
    start: number | string,
    stop: number | string,
    options: ZRangeStoreOptions = {},
  ): Promise<number> {
    const args = [destination, source, scoreWord(start), scoreWord(stop), ...rangeWords(options)];
    return this.count("ZRANGESTORE", args, options);
  }
  /** From the highest score on. */
  zRevRange(key: Bytes, start: number, stop: number, options: ReadOptions = {}): Promise<ScoredMember[]> {
    return this.members("ZREVRANGE", [key, start, stop, "WITHSCORES"], options);
  }
  zRangeByScore(
    key: Bytes,
    min: number | string,
    max: number | string,
    options: Omit<ZRangeOptions, "by" | "reverse"> = {},
  ): Promise<ScoredMember[]> {
    const args = [key, scoreWord(min), scoreWord(max), "WITHSCORES", ...limitWords(options.limit)];
    return this.members("ZRANGEBYSCORE", args, options);
  }
  zRevRangeByScore(
    key: Bytes,
    max: number | string,
    min: number | string,
    options: Omit<ZRangeOptions, "by" | "reverse"> = {},
  ): Promise<ScoredMember[]> {
    const args = [key, scoreWord(max), scoreWord(min), "WITHSCORES", ...limitWords(options.limit)];
    return this.members("ZREVRANGEBYSCORE", args, options);
  }
  /** Members at random: `count` different ones, or with a negative count any. */
  zRandMember(key: Bytes, count: number, options: ReadOptions = {}): Promise<ScoredMember[]> {
    return this.members("ZRANDMEMBER", [key, count, "WITHSCORES"], options);
  }
  /** @returns how many there were. */
  zRemRangeByRank(key: Bytes, start: number, stop: number, options: CallOptions = {}): Promise<number> {
    return this.count("ZREMRANGEBYRANK", [key, start, stop], options);
  }
  zRemRangeByScore(
    key: Bytes,
    min: number | string,
    max: number | string,
    options: CallOptions = {},
  ): Promise<number> {
    return this.count("ZREMRANGEBYSCORE", [key, scoreWord(min), scoreWord(max)], options);
  }
  zPopMin(key: Bytes, count = 1, options: CallOptions = {}): Promise<ScoredMember[]> {
    return this.members("ZPOPMIN", [key, count], options);
  }
  zPopMax(key: Bytes, count = 1, options: CallOptions = {}): Promise<ScoredMember[]> {
    return this.members("ZPOPMAX", [key, count], options);
  }
  /** All members, step by step. */
  zScanAll(key: Bytes, options: ScanOptions = {}): AsyncGenerator<ScoredMember, void> {
    return scanAll((cursor) => this.zScan(key, cursor, options));
  }
  async zScan(key: Bytes, cursor: string, options: ScanOptions = {}): Promise<ScanStep<ScoredMember>> {
    const reply = await this.run("ZSCAN", [key, cursor, ...scanWords(options)], options);
    return scanStep(reply, (found) => inPairs(found, scored));
  }
}
