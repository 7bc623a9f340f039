import type { HashKey } from "../base/keyed-hash.js";
import type { LogTimeMs, Revision, Slot } from "../base/units.js";
import type { EvictionPolicy } from "./eviction/policies.js";

/** Names an entry until the next change of the keyspace; 0 is none. */
export type Handle = number;

export type ValueKind = "string" | "list" | "hash" | "set" | "zset";
export type CollectionKind = Exclude<ValueKind, "string">;

/** What OBJECT ENCODING answers: a function of content alone. */
export type Encoding =
  | "int"
  | "embstr"
  | "raw"
  | "quicklist"
  | "listpack"
  | "hashtable"
  | "intset"
  | "skiplist";

/** No deadline. */
export const noDeadline: LogTimeMs = 0;

/** A part of a buffer, reused: valid until the next call on the keyspace. */
export interface ByteSlice {
  bytes: Uint8Array;
  offset: number;
  length: number;
}

/**
 * Elements of one collection, one after the other; reused, so one is open at a time. Lookups, and changes of
 * other collections, don't disturb it; a change of its own collection ends it. `member` and `value` are valid until
 * `next`.
 */
export interface ElementCursor {
  /** Moves to the next element, at first to the first one; false when there is none. */
  next(): boolean;
  /** List element, set member, hash field or sorted-set member. */
  readonly member: ByteSlice;
  /** Value of a hash's field; empty for other kinds. */
  readonly value: ByteSlice;
  /** Score of a sorted-set member, else 0. */
  readonly score: number;
  /** Place in hash order, 0 .. 2^32 - 1, never falling: for sets, hashes, and what `scan` opened. */
  readonly hash: number;
}

/** Keys of the range in canonical order; reused, ended by any change of the keyspace. */
export interface KeyCursor {
  /** Moves to the next live key. */
  next(): boolean;
  readonly handle: Handle;
  readonly key: ByteSlice;
  /** slot * 2^39 + the first 39 bits of the key's hash: never falling; a scan goes on from the last one + 1. */
  readonly position: number;
}

/**
 * Lists, hashes, sets and sorted sets. Elements are passed as (bytes, start, end).
 *
 * Canonical order, a function of content: a list by index, sets and hashes by element hash, sorted sets by
 * score and then by bytes. Indexes count in it from 0 and must lie within the collection.
 *
 * Changes: `makeRoom(growthOf(...))` first, the changes then can't fail. A change keeps the deadline and the
 * handle. All changes of one key by one command (what runs between two `beginEntry`) are one mutation; a call that
 * changes nothing doesn't count. A collection may become empty, or begin empty, within a command: whoever removed
 * or created calls `dropIfEmpty` when it is done with it.
 */
export interface Collections {
  /** Number of elements. */
  lengthOf(handle: Handle): number;
  /** Elements in canonical order from index `from` on, or backwards from it: (h, length - 1, true) is all, reversed. */
  elements(handle: Handle, from: number, reverse: boolean): ElementCursor;
  /**
   * Elements of a set, hash or sorted set in hash order from `hash` on. A scan takes elements until it has enough
   * and then all with the same hash as the last; it goes on from that hash + 1 (2^32 is past the end).
   */
  scan(handle: Handle, hash: number): ElementCursor;

  /** Creates an empty collection, replacing whatever the key held, without a deadline. One mutation. */
  createCollection(key: Uint8Array, keyStart: number, keyEnd: number, kind: CollectionKind): Handle;
  /**
   * Creates an empty collection outside the keyspace: to compute in, also inside a read. Not charged and no
   * mutation, as are its changes. It ends by `attach` or `discard`.
   */
  createDetached(kind: CollectionKind): Handle;
  /** The same with the elements of a collection: large ones are taken over leaf by leaf, not one by one. */
  copyDetached(handle: Handle): Handle;
  /** Puts a detached, non-empty collection under a key, replacing what was there, without a deadline. One mutation. */
  attach(detached: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle;
  discard(detached: Handle): void;
  /** Removes the key if its collection is empty, as part of the command's one mutation of it. @returns whether it did. */
  dropIfEmpty(handle: Handle): boolean;

  /**
   * What the charge grows by, in bytes, when a collection (handle 0: a new one under a key of `keyLength`) gets
   * `elements` more with together `bytes` more of `elementBytes(kind, ...)`. Never falls in either, so an upper bound
   * of both asks for enough.
   */
  growthOf(kind: CollectionKind, handle: Handle, keyLength: number, elements: number, bytes: number): number;
  /** Charge of an entry, detached or not, as it would be under a key of `keyLength`: for attach, RENAME, COPY. */
  chargeUnderKey(handle: Handle, keyLength: number): number;

  /** Adds at the head or the tail. */
  listPush(handle: Handle, atHead: boolean, bytes: Uint8Array, start: number, end: number): void;
  /** Inserts before `index`; the length appends. */
  listInsert(handle: Handle, index: number, bytes: Uint8Array, start: number, end: number): void;
  /** Replaces the element at `index`; counts as a change also when it is the same. */
  listSet(handle: Handle, index: number, bytes: Uint8Array, start: number, end: number): void;
  /** Removes `count` elements from `index` on. */
  listRemove(handle: Handle, index: number, count: number): void;

  setHas(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean;
  /** @returns whether it was new. */
  setAdd(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean;
  /** @returns whether it was there. */
  setRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean;

  /** The field's value, or null. */
  hashGet(handle: Handle, bytes: Uint8Array, start: number, end: number): ByteSlice | null;
  /** Sets a field, also to the value it has, which counts as a change. @returns whether the field was new. */
  hashSet(
    handle: Handle,
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean;
  /** @returns whether it was there. */
  hashRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean;

  /** The member's score, NaN when absent. */
  zsetScore(handle: Handle, bytes: Uint8Array, start: number, end: number): number;
  /** The member's rank, lowest score first, or -1. O(log n). */
  zsetRank(handle: Handle, bytes: Uint8Array, start: number, end: number): number;
  /** Adds a member or moves it; `score` isn't NaN. The score it has changes nothing. @returns whether it was new. */
  zsetSet(handle: Handle, score: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** @returns whether it was there. */
  zsetRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean;
  /** Removes `count` members from `rank` on. */
  zsetRemoveRange(handle: Handle, rank: number, count: number): void;
  /** How many members have a score below `score`, or up to it when `orEqual`: the rank where a range begins or ends. */
  zsetCountBelow(handle: Handle, score: number, orEqual: boolean): number;
  /** The same by bytes, for members of one score. */
  zsetCountBelowLex(handle: Handle, bytes: Uint8Array, start: number, end: number, orEqual: boolean): number;
}

/**
 * The keys of one range at one log position. Everything observable or charged is a function of content, not
 * of history. Only the machine creates one and moves its time; commands read and change it in `run`.
 * Keys are passed as (bytes, start, end) so that nothing is allocated per command.
 *
 * Room first: a command that grows asks `makeRoom(growthBytes)` before its first change and refuses with
 * out-of-memory when it says false; the changes then can't fail.
 */
export interface Keyspace extends Collections {
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
  /** The key of an entry. */
  keyOf(handle: Handle): ByteSlice;
  encodingOf(handle: Handle): Encoding;
  /** Revision of the last mutation. */
  revisionOf(handle: Handle): Revision;
  /** Log time since the last recorded use, or under a policy that goes by age since creation, in ms. */
  idleMsOf(handle: Handle): number;
  /** The counter of an LFU policy (0 .. 255), null under another one. */
  frequencyOf(handle: Handle): number | null;
  /** `noDeadline`, or unix ms. */
  deadlineOf(handle: Handle): LogTimeMs;
  /** The bytes of a string value. */
  stringOf(handle: Handle): ByteSlice;

  /** Charge of a string entry of these lengths, with or without a deadline, in bytes. */
  stringCharge(keyLength: number, valueLength: number, hasDeadline: boolean): number;
  /** Charge of an entry as it stands. */
  chargeOf(handle: Handle): number;
  /**
   * Makes room for `growthBytes` more (<= 0 always fits), evicting where the policy allows, a bounded number of keys
   * per entry.
   * @returns false when it can't. What would never fit evicts nothing; where the bound was reached, or nothing was left
   * to evict, what went stays gone. Each eviction is one mutation. Handles are void after it, except detached ones and
   * the two that it is told to keep (0: none).
   */
  makeRoom(growthBytes: number, keep: Handle, keepToo?: Handle): boolean;

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
  /** Moves value and deadline to another key, replacing what was there. One mutation of each of the two keys. */
  rename(handle: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle;
  /** Copies value and deadline to another key, replacing what was there; `handle` stays valid. One mutation. */
  copy(handle: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle;
  /** Live keys in canonical order from a position (0: the first; see KeyCursor) on. */
  keysFrom(position: number): KeyCursor;
  /** A live key, drawn by `random()`: a function of content and seed. 0 when there is none. */
  randomKey(): Handle;
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
  /** At once; the keys keep what is recorded of their use. */
  setEvictionPolicy(policy: EvictionPolicy): void;
  readonly evictionPolicy: EvictionPolicy;
  /** How many keys `makeRoom` may evict from now on, until it is told again. */
  allowEvictions(count: number): void;
  /** Evicts at most `limit` keys while the charge is above the target of a cut limit. */
  shrink(limit: number): void;
  /** The charge is above the target, and there is what may be evicted. */
  readonly owesEvictions: boolean;
  /** Notes `times` (1 .. 255) uses of the live key of this hash, if there is one. No mutation. */
  touch(slot: Slot, hashLow: number, hashHigh: number, times: number): void;
  /** The policy goes by uses, and the limit is near: reads should come back as touches. */
  readonly wantsTouches: boolean;
  /** Adds a live key that was read to `notes`, unless its recorded use is young enough. Changes no replicated state. */
  noteRead(key: Uint8Array, start: number, end: number, notes: TouchNotes): void;
  /** Whether a noted key's recorded use is old enough at log time `atMs` for a touch; null when the key is gone. */
  isTouchDue(slot: Slot, hashLow: number, hashHigh: number, atMs: LogTimeMs): boolean | null;
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

/** Takes notes of keys that were read. */
export interface TouchNotes {
  add(slot: Slot, hashLow: number, hashHigh: number): void;
}

/** One snapshot walk. */
export interface StoreWalk {
  /** The next chunk of about `limitBytes` (a larger element stands alone), or null at the end. */
  next(limitBytes: number): Uint8Array | null;
  /** Ends the shielding; also needed after the end. */
  close(): void;
}
