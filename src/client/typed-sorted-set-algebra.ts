import type { CallOptions, ReadOptions } from "./options.js";
import { type Arg, countedKeys, limitWords } from "./typed-base.js";
import { membersOf, type ScoredMember, scoreWord, TypedSortedSets } from "./typed-sorted-sets.js";
import type { Bytes } from "./values.js";

/** How scores of a member in several sorted sets become one. */
export interface ScoreRule {
  /** What the scores of each key are multiplied with; 1 without. One per key. */
  readonly weights?: readonly number[];
  /** "SUM" without. */
  readonly aggregate?: "SUM" | "MIN" | "MAX";
}

export type ZCombineOptions = ReadOptions & ScoreRule;
export type ZStoreOptions = CallOptions & ScoreRule;

function combineArgs(keys: readonly Bytes[], rule: ScoreRule): Arg[] {
  const args: Arg[] = countedKeys(keys);
  if (rule.weights !== undefined) args.push("WEIGHTS", ...rule.weights.map(scoreWord));
  if (rule.aggregate !== undefined) args.push("AGGREGATE", rule.aggregate);
  return args;
}

/**
 * What sorted sets, or sets with scores of 1, have together. All keys of one call must lie in one range. The `...Store`
 * forms answer how many members the destination has after it; it goes when that is none.
 */
export abstract class TypedSortedSetAlgebra extends TypedSortedSets {
  zUnion(keys: readonly Bytes[], options: ZCombineOptions = {}): Promise<ScoredMember[]> {
    return this.members("ZUNION", [...combineArgs(keys, options), "WITHSCORES"], options);
  }
  zUnionStore(destination: Bytes, keys: readonly Bytes[], options: ZStoreOptions = {}): Promise<number> {
    return this.count("ZUNIONSTORE", [destination, ...combineArgs(keys, options)], options);
  }
  zInter(keys: readonly Bytes[], options: ZCombineOptions = {}): Promise<ScoredMember[]> {
    return this.members("ZINTER", [...combineArgs(keys, options), "WITHSCORES"], options);
  }
  zInterStore(destination: Bytes, keys: readonly Bytes[], options: ZStoreOptions = {}): Promise<number> {
    return this.count("ZINTERSTORE", [destination, ...combineArgs(keys, options)], options);
  }
  zDiff(keys: readonly Bytes[], options: ReadOptions = {}): Promise<ScoredMember[]> {
    return this.members("ZDIFF", [...countedKeys(keys), "WITHSCORES"], options);
  }
  zDiffStore(destination: Bytes, keys: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("ZDIFFSTORE", [destination, ...countedKeys(keys)], options);
  }
  /** Counts what all have in common, up to `limit`; 0 is none. */
  zInterCard(keys: readonly Bytes[], limit = 0, options: ReadOptions = {}): Promise<number> {
    return this.count("ZINTERCARD", [...countedKeys(keys), "LIMIT", limit], options);
  }

  /** Members between two texts, of a sorted set whose scores are all the same: "-", "+", "[a" or "(a". */
  zRangeByLex(key: Bytes, min: Bytes, max: Bytes, options: LexOptions = {}): Promise<string[]> {
    return this.texts("ZRANGEBYLEX", [key, min, max, ...limitWords(options.limit)], options);
  }
  zRevRangeByLex(key: Bytes, max: Bytes, min: Bytes, options: LexOptions = {}): Promise<string[]> {
    return this.texts("ZREVRANGEBYLEX", [key, max, min, ...limitWords(options.limit)], options);
  }
  zLexCount(key: Bytes, min: Bytes, max: Bytes, options: ReadOptions = {}): Promise<number> {
    return this.count("ZLEXCOUNT", [key, min, max], options);
  }
  /** @returns how many there were. */
  zRemRangeByLex(key: Bytes, min: Bytes, max: Bytes, options: CallOptions = {}): Promise<number> {
    return this.count("ZREMRANGEBYLEX", [key, min, max], options);
  }

  /** Members of the first sorted set that isn't empty, from its `end`; null where all are. */
  async zMPop(
    keys: readonly Bytes[],
    end: "MIN" | "MAX",
    count = 1,
    options: CallOptions = {},
  ): Promise<{ key: string; members: ScoredMember[] } | null> {
    const found = await this.poppedFrom("ZMPOP", [...countedKeys(keys), end, "COUNT", count], options);
    return found === null ? null : { key: found.key, members: found.items.flatMap(membersOf) };
  }
}

export interface LexOptions extends ReadOptions {
  readonly limit?: readonly [offset: number, count: number];
}
