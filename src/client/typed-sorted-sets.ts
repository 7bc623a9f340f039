import type { ReplyValue } from "../commands/reply-codec.js";
import type { CallOptions, ReadOptions } from "./options.js";
import {
  type Arg,
  inPairs,
  type ScanOptions,
  type ScanStep,
  scanStep,
  scanWords,
  scoreIn,
  textIn,
} from "./typed-base.js";
import { TypedCollections } from "./typed-collections.js";
import type { Bytes } from "./values.js";

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
  readonly by?: "rank" | "score";
  readonly reverse?: boolean;
  /** Not by rank. */
  readonly limit?: readonly [offset: number, count: number];
}

const zaddWords = { absent: "NX", present: "XX", greater: "GT", less: "LT" } as const;

function scored(member: ReplyValue, score: ReplyValue): ScoredMember {
  return { member: textIn(member), score: scoreIn(score) };
}

function membersOf(reply: ReplyValue): ScoredMember[] {
  return reply.type === "pairs" ? reply.pairs.map(([member, score]) => scored(member, score)) : [];
}

function scoreWord(score: number | string): Arg {
  return String(score).replace("Infinity", "inf");
}

/** Sorted sets. */
export abstract class TypedSortedSets extends TypedCollections {
  /** @returns how many members are new. */
  zAdd(key: Bytes, members: Iterable<readonly [number, Bytes]>, options: ZAddOptions = {}): Promise<number> {
    const words = [options.only, options.towards].flatMap((word) =>
      word === undefined ? [] : [zaddWords[word]],
    );
    const pairs = [...members].flatMap(([score, member]) => [scoreWord(score), member]);
    return this.count("ZADD", [key, ...words, ...pairs], options);
  }
  async zIncrBy(key: Bytes, by: number, member: Bytes, options: CallOptions = {}): Promise<number> {
    return scoreIn(await this.run("ZINCRBY", [key, scoreWord(by), member], options));
  }
  zRem(key: Bytes, members: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("ZREM", [key, ...members], options);
  }
  async zScore(key: Bytes, member: Bytes, options: ReadOptions = {}): Promise<number | null> {
    const reply = await this.run("ZSCORE", [key, member], options);
    return reply.type === "nil" ? null : scoreIn(reply);
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
  async zRange(
    key: Bytes,
    start: number | string,
    stop: number | string,
    options: ZRangeOptions = {},
  ): Promise<ScoredMember[]> {
    const words: Arg[] = options.by === "score" ? ["BYSCORE"] : [];
    if (options.reverse === true) words.push("REV");
    if (options.limit !== undefined) words.push("LIMIT", ...options.limit);
    const args = [key, scoreWord(start), scoreWord(stop), ...words, "WITHSCORES"];
    return membersOf(await this.run("ZRANGE", args, options));
  }
  zRemRangeByScore(
    key: Bytes,
    min: number | string,
    max: number | string,
    options: CallOptions = {},
  ): Promise<number> {
    return this.count("ZREMRANGEBYSCORE", [key, scoreWord(min), scoreWord(max)], options);
  }
  async zPopMin(key: Bytes, count = 1, options: CallOptions = {}): Promise<ScoredMember[]> {
    return membersOf(await this.run("ZPOPMIN", [key, count], options));
  }
  async zPopMax(key: Bytes, count = 1, options: CallOptions = {}): Promise<ScoredMember[]> {
    return membersOf(await this.run("ZPOPMAX", [key, count], options));
  }
  async zScan(key: Bytes, cursor: string, options: ScanOptions = {}): Promise<ScanStep<ScoredMember>> {
    const reply = await this.run("ZSCAN", [key, cursor, ...scanWords(options)], options);
    return scanStep(reply, (found) => inPairs(found, scored));
  }
}
