import type { HashKey } from "../base/keyed-hash.js";
import type { LogTimeMs, Revision, Slot } from "../base/units.js";

/** Names an entry until the next change of the keyspace; 0 is none. */
export type Handle = number;

export type ValueKind = "string" | "list" | "hash" | "set" | "zset";

/** No deadline. */
export const noDeadline: LogTimeMs = 0;

/** A part of a buffer, reused: valid until the next call on the keyspace. */
export interface ByteSlice {
  bytes: Uint8Array;
  offset: number;
  length: number;
}

/**
 * The keys of one range at one log position. Everything observable or charged is a function of content, not
 * of history. Only the machine creates one and moves its time; commands read and change it in `run`.
 * Keys are passed as (bytes, start, end) so that nothing is allocated per command.
 *
 * Room first: a command that grows asks `makeRoom(growthBytes)` before its first change and refuses with
 * out-of-memory when it says false; the changes then can't fail.
 */
export interface Keyspace {
  /** Stamp of the entry being applied, or of the last applied one in a read: expiry is judged by it alone. */
  readonly nowMs: LogTimeMs;
  /** The leader's estimate of log time, >= nowMs: what TTL replies count from. Equals nowMs inside apply. */
  readonly estimateMs: LogTimeMs;
  /** A draw of the generator seeded by the entry, 0 .. 2^32 - 1. */
  random(): number;
  /** Largest value, in bytes. */
  readonly valueLimitBytes: number;

  /** Finds a live key; an expired one is absent. Bumps hits or misses, changes no replicated state. */
  find(key: Uint8Array, start: number, end: number): Handle;
  kindOf(handle: Handle): ValueKind;
  /** Revision of the last mutation. */
  revisionOf(handle: Handle): Revision;
  /** `noDeadline`, or unix ms. */
  deadlineOf(handle: Handle): LogTimeMs;
  /** The bytes of a string value. */
  stringOf(handle: Handle): ByteSlice;

  /** Charge of a string entry of these lengths, with or without a deadline, in bytes. */
  stringCharge(keyLength: number, valueLength: number, hasDeadline: boolean): number;
  /** Charge of an entry as it stands. */
  chargeOf(handle: Handle): number;
  /**
   * Makes room for `growthBytes` more (<= 0 always fits), evicting where the policy allows.
   * @returns false when it can't: then nothing was changed. Handles are void after it, `keep` excepted.
   */
  makeRoom(growthBytes: number, keep: Handle): boolean;

  /** Creates or replaces a string, whatever was there; `deadlineMs` noDeadline for none. One mutation. */
  setString(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    deadlineMs: LogTimeMs,
  ): Handle;
  /** Appends to a string. One mutation. */
  appendString(handle: Handle, bytes: Uint8Array, start: number, end: number): Handle;
  /** Overwrites from `offset`, zero-filling a gap. One mutation. */
  overwriteString(handle: Handle, offset: number, bytes: Uint8Array, start: number, end: number): Handle;
  /** Sets or clears the deadline. One mutation, also when it stays the same value. */
  setDeadline(handle: Handle, deadlineMs: LogTimeMs): Handle;
  /** Removes a key. One mutation. */
  remove(handle: Handle): void;
  /** Removes every key. One mutation in all. */
  clear(): void;

  /** Live keys and not yet swept ones. */
  readonly size: number;
  /** Revision of the last mutation of the range. */
  readonly revision: Revision;
}

/** What the machine needs of the store beyond what commands may touch. */
export interface Store extends Keyspace {
  /** Starts an entry: its stamp, and the seed of its random draws. */
  beginEntry(nowMs: LogTimeMs, seedLow: number, seedHigh: number): void;
  /** Starts a read at the last applied stamp, with the leader's estimate. */
  beginRead(estimateMs: LogTimeMs): void;
  /** Whether the key has a deadline <= `estimateMs` that apply has not judged yet. */
  isDue(key: Uint8Array, start: number, end: number, estimateMs: LogTimeMs): boolean;
  /** Removes at most `limit` keys whose deadline is <= nowMs, each one mutation; returns how many. */
  sweep(limit: number): number;
  /** Earliest deadline, or noDeadline. */
  nextDeadline(): LogTimeMs;
  /** The limit by an entry only; `reservedBytes` of it belong to sessions. */
  setLimit(limitBytes: number, reservedBytes: number): void;
  readonly limitBytes: number;
  readonly chargedBytes: number;
  readonly keysWithDeadline: number;
  /** Sum of keyed hashes of every element (key, value, deadline, revision): two 32-bit words. */
  digest(into: Uint32Array): void;
  /** Opens a walk over the state at this log position; changes during it are shielded by copying first. */
  openWalk(): StoreWalk;
  /** Replaces everything by what walks wrote: call `load` per chunk in order, then `endLoad`. */
  beginLoad(): void;
  load(chunk: Uint8Array): void;
  endLoad(): void;
  /** Keys of a slot in canonical order, for SCAN and range moves. */
  readonly hashKey: HashKey;
  slotSize(slot: Slot): number;
  readonly counters: StoreCounters;
}

/** Not replicated: what this replica saw. */
export interface StoreCounters {
  hits: number;
  misses: number;
  expired: number;
  evicted: number;
}

/** One snapshot walk. */
export interface StoreWalk {
  /** The next chunk of about `limitBytes` (a larger element stands alone), or null at the end. */
  next(limitBytes: number): Uint8Array | null;
  /** Ends the shielding; also needed after the end. */
  close(): void;
}
