import {
  type CallOptions,
  type CompareAndSetOptions,
  type ExpireOptions,
  expiryWords,
  type GetExOptions,
  onlyWord,
  type ReadOptions,
  type SetOptions,
} from "./options.js";
import { TypedKeySpace } from "./typed-key-space.js";
import { type Bytes, bufferOf, countOf, flagOf, integerOf, itemsOf, listOf, textOf } from "./values.js";

/** A key's value with the revision of its last change. */
export interface Revisioned {
  readonly value: Buffer;
  readonly revision: number;
  /** null without a deadline. */
  readonly ttlMs: number | null;
}

/**
 * A method for each command. Strings are UTF-8; the `...Buffer` forms answer bytes. Integers are numbers while they are
 * safe, else bigints. All reject with a QuorateError.
 */
export abstract class TypedCommands extends TypedKeySpace {
  async get(key: Bytes, options: ReadOptions = {}): Promise<string | null> {
    return textOf(await this.run("GET", [key], options));
  }
  async getBuffer(key: Bytes, options: ReadOptions = {}): Promise<Buffer | null> {
    return bufferOf(await this.run("GET", [key], options));
  }
  /** @returns false when `only` refused. */
  async set(key: Bytes, value: Bytes, options: SetOptions = {}): Promise<boolean> {
    const words = [...onlyWord(options.only), ...expiryWords(options)];
    return (await this.run("SET", [key, value, ...words], options)).type !== "nil";
  }
  /** Sets, and answers what was there before. */
  async setGet(key: Bytes, value: Bytes, options: SetOptions = {}): Promise<string | null> {
    const words = [...onlyWord(options.only), ...expiryWords(options), "GET"];
    return textOf(await this.run("SET", [key, value, ...words], options));
  }
  async setNx(key: Bytes, value: Bytes, options: CallOptions = {}): Promise<boolean> {
    return flagOf(await this.run("SETNX", [key, value], options));
  }
  async setEx(key: Bytes, ttlSeconds: number, value: Bytes, options: CallOptions = {}): Promise<void> {
    await this.run("SETEX", [key, ttlSeconds, value], options);
  }
  async pSetEx(key: Bytes, ttlMs: number, value: Bytes, options: CallOptions = {}): Promise<void> {
    await this.run("PSETEX", [key, ttlMs, value], options);
  }
  async getSet(key: Bytes, value: Bytes, options: CallOptions = {}): Promise<string | null> {
    return textOf(await this.run("GETSET", [key, value], options));
  }
  async getDel(key: Bytes, options: CallOptions = {}): Promise<string | null> {
    return textOf(await this.run("GETDEL", [key], options));
  }
  async getEx(key: Bytes, options: GetExOptions = {}): Promise<string | null> {
    return textOf(await this.run("GETEX", [key, ...expiryWords(options)], options));
  }
  /** Values in the order of the keys. Atomic per range. */
  async mGet(keys: readonly Bytes[], options: ReadOptions = {}): Promise<(string | null)[]> {
    return itemsOf(await this.run("MGET", keys, options)).map(textOf);
  }
  async mGetBuffer(keys: readonly Bytes[], options: ReadOptions = {}): Promise<(Buffer | null)[]> {
    return itemsOf(await this.run("MGET", keys, options)).map(bufferOf);
  }
  /** Atomic per slot inside a session, per range outside one. */
  async mSet(pairs: Iterable<readonly [Bytes, Bytes]>, options: CallOptions = {}): Promise<void> {
    await this.run("MSET", [...pairs].flat(), options);
  }
  /** Sets all or none. All keys must lie in one range. */
  async mSetNx(pairs: Iterable<readonly [Bytes, Bytes]>, options: CallOptions = {}): Promise<boolean> {
    return flagOf(await this.run("MSETNX", [...pairs].flat(), options));
  }
  async append(key: Bytes, value: Bytes, options: CallOptions = {}): Promise<number> {
    return countOf(await this.run("APPEND", [key, value], options));
  }
  async strLen(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return countOf(await this.run("STRLEN", [key], options));
  }
  async setRange(key: Bytes, offset: number, value: Bytes, options: CallOptions = {}): Promise<number> {
    return countOf(await this.run("SETRANGE", [key, offset, value], options));
  }
  async getRange(key: Bytes, start: number, end: number, options: ReadOptions = {}): Promise<string> {
    return textOf(await this.run("GETRANGE", [key, start, end], options)) ?? "";
  }
  async incr(key: Bytes, options: CallOptions = {}): Promise<number | bigint> {
    return integerOf(await this.run("INCR", [key], options));
  }
  async decr(key: Bytes, options: CallOptions = {}): Promise<number | bigint> {
    return integerOf(await this.run("DECR", [key], options));
  }
  async incrBy(key: Bytes, by: number | bigint, options: CallOptions = {}): Promise<number | bigint> {
    return integerOf(await this.run("INCRBY", [key, by], options));
  }
  async decrBy(key: Bytes, by: number | bigint, options: CallOptions = {}): Promise<number | bigint> {
    return integerOf(await this.run("DECRBY", [key, by], options));
  }
  async incrByFloat(key: Bytes, by: number | string, options: CallOptions = {}): Promise<number> {
    return Number(textOf(await this.run("INCRBYFLOAT", [key, by], options)));
  }
  /** @returns how many there were. */
  async del(keys: Bytes | readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return countOf(await this.run("DEL", listOf(keys), options));
  }
  async unlink(keys: Bytes | readonly Bytes[], options: CallOptions = {}): Promise<number> {
    return countOf(await this.run("UNLINK", listOf(keys), options));
  }
  async exists(keys: Bytes | readonly Bytes[], options: ReadOptions = {}): Promise<number> {
    return countOf(await this.run("EXISTS", listOf(keys), options));
  }
  /** "none" for an absent key. */
  async type(key: Bytes, options: ReadOptions = {}): Promise<string> {
    return textOf(await this.run("TYPE", [key], options)) ?? "none";
  }
  async expire(key: Bytes, ttlSeconds: number, options: ExpireOptions = {}): Promise<boolean> {
    return flagOf(await this.run("EXPIRE", [key, ttlSeconds, ...onlyWord(options.only)], options));
  }
  async pExpire(key: Bytes, ttlMs: number, options: ExpireOptions = {}): Promise<boolean> {
    return flagOf(await this.run("PEXPIRE", [key, ttlMs, ...onlyWord(options.only)], options));
  }
  async expireAt(key: Bytes, unixSeconds: number, options: ExpireOptions = {}): Promise<boolean> {
    return flagOf(await this.run("EXPIREAT", [key, unixSeconds, ...onlyWord(options.only)], options));
  }
  async pExpireAt(key: Bytes, unixMs: number, options: ExpireOptions = {}): Promise<boolean> {
    return flagOf(await this.run("PEXPIREAT", [key, unixMs, ...onlyWord(options.only)], options));
  }
  /** -1 without a deadline, -2 without a key; so the next three. */
  async expireTime(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return countOf(await this.run("EXPIRETIME", [key], options));
  }
  async pExpireTime(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return countOf(await this.run("PEXPIRETIME", [key], options));
  }
  async ttl(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return countOf(await this.run("TTL", [key], options));
  }
  async pTtl(key: Bytes, options: ReadOptions = {}): Promise<number> {
    return countOf(await this.run("PTTL", [key], options));
  }
  /** Drops the deadline. */
  async persist(key: Bytes, options: CallOptions = {}): Promise<boolean> {
    return flagOf(await this.run("PERSIST", [key], options));
  }
  /** null without a key, whose revision is 0. */
  async getRevision(key: Bytes, options: ReadOptions = {}): Promise<Revisioned | null> {
    const reply = await this.run("QUORATE.GETREV", [key], options);
    if (reply.type === "nil-array" || reply.type === "nil") return null;
    const [value, revision, ttlMs] = itemsOf(reply);
    const left = countOf(ttlMs!);
    return { value: bufferOf(value!)!, revision: countOf(revision!), ttlMs: left < 0 ? null : left };
  }
  /**
   * Sets only if the key still has `revision` (0: is absent); else rejects with kind "revision-mismatch".
   * @returns the new revision.
   */
  async cas(key: Bytes, revision: number, value: Bytes, options: CompareAndSetOptions = {}): Promise<number> {
    return countOf(await this.run("QUORATE.CAS", [key, revision, value, ...expiryWords(options)], options));
  }
  /** Deletes only if the key still has `revision`; else rejects with kind "revision-mismatch". */
  async cad(key: Bytes, revision: number, options: CallOptions = {}): Promise<boolean> {
    return flagOf(await this.run("QUORATE.CAD", [key, revision], options));
  }
  /** Keys of all ranges, each counted at its own moment. */
  async dbSize(options: CallOptions = {}): Promise<number> {
    return countOf(await this.run("DBSIZE", [], options));
  }
  /** Deletes every key. Atomic per range. */
  async flushAll(options: CallOptions = {}): Promise<void> {
    await this.run("FLUSHALL", [], options);
  }
}
