import type { CallOptions, ReadOptions } from "./options.js";
import {
  countedKeys,
  inPairs,
  type ScanOptions,
  type ScanStep,
  scanAll,
  scanStep,
  scanWords,
  TypedBase,
  textIn,
} from "./typed-base.js";
import { type Bytes, countOf, flagOf, itemsOf, textOf } from "./values.js";

export type ListEnd = "LEFT" | "RIGHT";

/** Lists. */
abstract class TypedLists extends TypedBase {
  /** @returns the length after it; so rPush. */
  lPush(key: Bytes, values: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("LPUSH", [key, ...values], options);
  }
  rPush(key: Bytes, values: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("RPUSH", [key, ...values], options);
  }
  /** Only to a list that is there; so rPushX. */
  lPushX(key: Bytes, values: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("LPUSHX", [key, ...values], options);
  }
  rPushX(key: Bytes, values: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("RPUSHX", [key, ...values], options);
  }
  lPop(key: Bytes, options: CallOptions = {}): Promise<string | null> {
    return this.text("LPOP", [key], options);
  }
  rPop(key: Bytes, options: CallOptions = {}): Promise<string | null> {
    return this.text("RPOP", [key], options);
  }
  lPopMany(key: Bytes, count: number, options: CallOptions = {}): Promise<string[]> {
    return this.texts("LPOP", [key, count], options);
  }
  rPopMany(key: Bytes, count: number, options: CallOptions = {}): Promise<string[]> {
    return this.texts("RPOP", [key, count], options);
  }
  lLen(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return this.count("LLEN", [key], options);
  }
  lIndex(key: Bytes, index: number, options: ReadOptions = {}): Promise<string | null> {
    return this.text("LINDEX", [key, index], options);
  }
  async lSet(key: Bytes, index: number, value: Bytes, options: CallOptions = {}): Promise<void> {
    await this.run("LSET", [key, index, value], options);
  }
  lRange(key: Bytes, start: number, stop: number, options: ReadOptions = {}): Promise<string[]> {
    return this.texts("LRANGE", [key, start, stop], options);
  }
  async lTrim(key: Bytes, start: number, stop: number, options: CallOptions = {}): Promise<void> {
    await this.run("LTRIM", [key, start, stop], options);
  }
  /** @returns the length after it; -1 without the pivot, 0 without the list. */
  lInsert(
    key: Bytes,
    where: "BEFORE" | "AFTER",
    pivot: Bytes,
    value: Bytes,
    options: CallOptions = {},
  ): Promise<number> {
    return this.count("LINSERT", [key, where, pivot, value], options);
  }
  lRem(key: Bytes, count: number, value: Bytes, options: CallOptions = {}): Promise<number> {
    return this.count("LREM", [key, count, value], options);
  }
  /** Indexes of up to `count` matches, 0: of all. A negative `rank` searches from the tail. */
  async lPosMany(key: Bytes, value: Bytes, count: number, rank = 1, options: ReadOptions = {}) {
    const reply = await this.run("LPOS", [key, value, "RANK", rank, "COUNT", count], options);
    return itemsOf(reply).map(countOf);
  }
  /** Index of the first match, or null. */
  lPos(key: Bytes, value: Bytes, options: ReadOptions = {}): Promise<number | null> {
    return this.optionalCount("LPOS", [key, value], options);
  }
  /** Both keys must lie in one range. */
  lMove(source: Bytes, destination: Bytes, from: ListEnd, to: ListEnd, options: CallOptions = {}) {
    return this.text("LMOVE", [source, destination, from, to], options);
  }
  /** The tail of one list to the head of another; both keys must lie in one range. */
  rPopLPush(source: Bytes, destination: Bytes, options: CallOptions = {}): Promise<string | null> {
    return this.text("RPOPLPUSH", [source, destination], options);
  }
  /** From the first list that isn't empty; null where all are. All keys must lie in one range. */
  async lMPop(
    keys: readonly Bytes[],
    end: ListEnd,
    count = 1,
    options: CallOptions = {},
  ): Promise<{ key: string; values: string[] } | null> {
    const found = await this.poppedFrom("LMPOP", [...countedKeys(keys), end, "COUNT", count], options);
    return found === null ? null : { key: found.key, values: found.items.map(textIn) };
  }
}

/** Hashes. */
abstract class TypedHashes extends TypedLists {
  /** @returns how many fields are new. */
  hSet(key: Bytes, fields: Iterable<readonly [Bytes, Bytes]>, options: CallOptions = {}): Promise<number> {
    return this.count("HSET", [key, ...[...fields].flat()], options);
  }
  /** The same, without an answer. */
  async hMSet(
    key: Bytes,
    fields: Iterable<readonly [Bytes, Bytes]>,
    options: CallOptions = {},
  ): Promise<void> {
    await this.run("HMSET", [key, ...[...fields].flat()], options);
  }
  hSetNx(key: Bytes, field: Bytes, value: Bytes, options: CallOptions = {}): Promise<boolean> {
    return this.flag("HSETNX", [key, field, value], options);
  }
  hGet(key: Bytes, field: Bytes, options: ReadOptions = {}): Promise<string | null> {
    return this.text("HGET", [key, field], options);
  }
  async hMGet(key: Bytes, fields: readonly Bytes[], options: ReadOptions = {}): Promise<(string | null)[]> {
    return itemsOf(await this.run("HMGET", [key, ...fields], options)).map(textOf);
  }
  async hGetAll(key: Bytes, options: ReadOptions = {}): Promise<Map<string, string>> {
    const reply = await this.run("HGETALL", [key], options);
    if (reply.type !== "map") throw new TypeError(`unexpected reply of type ${reply.type}`);
    return new Map(reply.entries.map(([field, value]) => [textIn(field), textIn(value)]));
  }
  hKeys(key: Bytes, options: ReadOptions = {}): Promise<string[]> {
    return this.texts("HKEYS", [key], options);
  }
  hVals(key: Bytes, options: ReadOptions = {}): Promise<string[]> {
    return this.texts("HVALS", [key], options);
  }
  hDel(key: Bytes, fields: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("HDEL", [key, ...fields], options);
  }
  hLen(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return this.count("HLEN", [key], options);
  }
  /** Length of a value in bytes, 0 where absent. */
  hStrLen(key: Bytes, field: Bytes, options: ReadOptions = {}): Promise<number> {
    return this.count("HSTRLEN", [key, field], options);
  }
  hExists(key: Bytes, field: Bytes, options: ReadOptions = {}): Promise<boolean> {
    return this.flag("HEXISTS", [key, field], options);
  }
  hIncrBy(key: Bytes, field: Bytes, by: number | bigint, options: CallOptions = {}): Promise<number> {
    return this.count("HINCRBY", [key, field, by], options);
  }
  async hIncrByFloat(
    key: Bytes,
    field: Bytes,
    by: number | string,
    options: CallOptions = {},
  ): Promise<number> {
    return Number(await this.text("HINCRBYFLOAT", [key, field, by], options));
  }
  /** Fields at random: `count` different ones, or with a negative count any. */
  hRandField(key: Bytes, count: number, options: ReadOptions = {}): Promise<string[]> {
    return this.texts("HRANDFIELD", [key, count], options);
  }
  /** All fields with their values, step by step. */
  hScanAll(key: Bytes, options: ScanOptions = {}): AsyncGenerator<[string, string], void> {
    return scanAll((cursor) => this.hScan(key, cursor, options));
  }
  async hScan(key: Bytes, cursor: string, options: ScanOptions = {}): Promise<ScanStep<[string, string]>> {
    const reply = await this.run("HSCAN", [key, cursor, ...scanWords(options)], options);
    return scanStep(reply, (found) => inPairs(found, (field, value) => [textIn(field), textIn(value)]));
  }
}

/** Sets. All keys of one call must lie in one range. */
export abstract class TypedCollections extends TypedHashes {
  /** @returns how many members are new. */
  sAdd(key: Bytes, members: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("SADD", [key, ...members], options);
  }
  sRem(key: Bytes, members: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("SREM", [key, ...members], options);
  }
  sIsMember(key: Bytes, member: Bytes, options: ReadOptions = {}): Promise<boolean> {
    return this.flag("SISMEMBER", [key, member], options);
  }
  async sMIsMember(key: Bytes, members: readonly Bytes[], options: ReadOptions = {}): Promise<boolean[]> {
    return itemsOf(await this.run("SMISMEMBER", [key, ...members], options)).map(flagOf);
  }
  sCard(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return this.count("SCARD", [key], options);
  }
  async sMembers(key: Bytes, options: ReadOptions = {}): Promise<Set<string>> {
    return new Set(await this.texts("SMEMBERS", [key], options));
  }
  sPop(key: Bytes, options: CallOptions = {}): Promise<string | null> {
    return this.text("SPOP", [key], options);
  }
  sRandMember(key: Bytes, options: ReadOptions = {}): Promise<string | null> {
    return this.text("SRANDMEMBER", [key], options);
  }
  sPopMany(key: Bytes, count: number, options: CallOptions = {}): Promise<string[]> {
    return this.texts("SPOP", [key, count], options);
  }
  /** `count` different members, or with a negative count any. */
  sRandMembers(key: Bytes, count: number, options: ReadOptions = {}): Promise<string[]> {
    return this.texts("SRANDMEMBER", [key, count], options);
  }
  sMove(source: Bytes, destination: Bytes, member: Bytes, options: CallOptions = {}): Promise<boolean> {
    return this.flag("SMOVE", [source, destination, member], options);
  }
  sInter(keys: readonly Bytes[], options: ReadOptions = {}): Promise<string[]> {
    return this.texts("SINTER", keys, options);
  }
  sUnion(keys: readonly Bytes[], options: ReadOptions = {}): Promise<string[]> {
    return this.texts("SUNION", keys, options);
  }
  sDiff(keys: readonly Bytes[], options: ReadOptions = {}): Promise<string[]> {
    return this.texts("SDIFF", keys, options);
  }
  /** @returns how many members the destination has after it; it goes when that is none. So the next two. */
  sInterStore(destination: Bytes, keys: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("SINTERSTORE", [destination, ...keys], options);
  }
  sUnionStore(destination: Bytes, keys: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("SUNIONSTORE", [destination, ...keys], options);
  }
  sDiffStore(destination: Bytes, keys: readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return this.count("SDIFFSTORE", [destination, ...keys], options);
  }
  /** Counts what all have in common, up to `limit`; 0 is none. */
  sInterCard(keys: readonly Bytes[], limit = 0, options: ReadOptions = {}): Promise<number> {
    return this.count("SINTERCARD", [...countedKeys(keys), "LIMIT", limit], options);
  }
  /** All members, step by step. */
  sScanAll(key: Bytes, options: ScanOptions = {}): AsyncGenerator<string, void> {
    return scanAll((cursor) => this.sScan(key, cursor, options));
  }
  async sScan(key: Bytes, cursor: string, options: ScanOptions = {}): Promise<ScanStep<string>> {
    const reply = await this.run("SSCAN", [key, cursor, ...scanWords(options)], options);
    return scanStep(reply, (found) => found.map(textIn));
  }
}
