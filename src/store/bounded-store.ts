import { assert } from "../base/assert.js";
import type { HashKey } from "../base/keyed-hash.js";
import type { LogTimeMs, Slot } from "../base/units.js";
import { CollectionStore } from "./collection-store.js";
import type { EvictionPolicy } from "./eviction/policies.js";
import type { Handle, StoreCounters, TouchNotes } from "./keyspace.js";

/** Reads are noted as touches once less than this part of the budget is free: 1/8. */
const nearLimitShare = 8;
/** Recency may be so old: a part of the time in which the cache turns over, at most a minute; at first a second. */
const windowsPerTurnover = 64;
const longestWindowMs = 60_000;
const firstWindowMs = 1000;

/** Entries within a limit: room is made by eviction, and uses of keys are recorded for it. */
export abstract class BoundedStore extends CollectionStore {
  readonly counters: StoreCounters = { hits: 0, misses: 0, expired: 0, evicted: 0 };
  estimateMs: LogTimeMs = 0;
  protected targetBytes: number;
  protected reservedBytes = 0;
  /** How many keys may still be evicted in this entry. */
  private evictionsLeft = 0;

  constructor(hashKey: HashKey, limitBytes: number) {
    super(hashKey);
    this.targetBytes = limitBytes;
  }

  abstract remove(handle: Handle): void;

  protected isLive(handle: Handle): boolean {
    if (this.table.place(handle) === 0) return true;
    return this.heap.deadlineOf(handle) > this.nowMs;
  }

  /** A cut lowers the target at once; the limit follows as the charge shrinks. */
  get limitBytes(): number {
    return Math.max(this.targetBytes, this.chargedBytes + this.reservedBytes);
  }

  setLimit(limitBytes: number, reservedBytes: number): void {
    assert(reservedBytes >= 0 && reservedBytes <= limitBytes, "sessions have a share of the limit");
    this.targetBytes = limitBytes;
    this.reservedBytes = reservedBytes;
    this.evictor.limitChanged(limitBytes);
  }

  makeRoom(growthBytes: number, keep: Handle, keepToo: Handle = 0): boolean {
    if (growthBytes <= 0) return true;
    const budget = this.targetBytes - this.reservedBytes;
    if (this.chargedBytes + growthBytes <= budget) return true;
    let kept = this.chargeInIndex(keep);
    if (keepToo !== keep) kept += this.chargeInIndex(keepToo);
    // What can never fit is refused before anything goes for it.
    if (kept + growthBytes > budget) return false;
    this.evictDownTo(budget - growthBytes, keep, keepToo);
    return this.chargedBytes + growthBytes <= budget;
  }

  private chargeInIndex(handle: Handle): number {
    return handle === 0 || this.table.isDetached(handle) ? 0 : this.chargeOf(handle);
  }

  private evictDownTo(bytes: number, keep: Handle, keepToo: Handle): void {
    while (this.chargedBytes > bytes && this.evictionsLeft > 0) {
      const victim = this.evictor.next(keep, keepToo);
      if (victim === 0) return;
      this.evictionsLeft--;
      this.remove(victim);
      this.counters.evicted++;
    }
  }

  allowEvictions(count: number): void {
    this.evictionsLeft = count;
  }

  get owesEvictions(): boolean {
    if (this.chargedBytes <= this.targetBytes - this.reservedBytes) return false;
    const { policy, volatile } = this.evictor;
    return policy.order !== null && (policy.isVolatile ? volatile.counts.total : this.table.size) > 0;
  }

  shrink(limit: number): void {
    this.evictionsLeft = limit;
    this.evictDownTo(this.targetBytes - this.reservedBytes, 0, 0);
  }

  get evictionPolicy(): EvictionPolicy {
    return this.evictor.policy;
  }
  setEvictionPolicy(policy: EvictionPolicy): void {
    if (policy !== this.evictor.policy) this.evictor.setPolicy(policy, this.targetBytes);
  }

  touch(slot: Slot, hashLow: number, hashHigh: number, times: number): void {
    this.table.forHash(slot, hashLow, hashHigh, (handle) => {
      if (this.isLive(handle)) this.noteUses(handle, times);
    });
  }

  get wantsTouches(): boolean {
    const { order } = this.evictor.policy;
    if (order !== "lru" && order !== "lfu" && order !== "s3fifo") return false;
    const budget = this.targetBytes - this.reservedBytes;
    return this.chargedBytes > budget - budget / nearLimitShare;
  }

  noteRead(key: Uint8Array, start: number, end: number, notes: TouchNotes): void {
    const { table, evictor } = this;
    const handle = table.lookup(key, start, end);
    if (handle === 0 || !this.isLive(handle)) return;
    // Under lfu every use counts, however lately the last one was recorded.
    if (evictor.policy.order !== "lfu" && !evictor.isStale(handle, this.touchWindowMs, this.estimateMs))
      return;
    notes.add(table.slotOf(handle), table.hashLow(handle), table.hashHigh(handle));
  }

  isTouchDue(slot: Slot, hashLow: number, hashHigh: number, atMs: LogTimeMs): boolean | null {
    let due: boolean | null = null;
    this.table.forHash(slot, hashLow, hashHigh, (handle) => {
      due = this.evictor.isStale(handle, this.touchWindowMs, atMs);
    });
    return due;
  }

  private get touchWindowMs(): number {
    const { turnoverMs } = this.evictor;
    return turnoverMs === 0 ? firstWindowMs : Math.min(longestWindowMs, turnoverMs / windowsPerTurnover);
  }

  idleMsOf(handle: Handle): number {
    return Math.max(0, this.evictor.idleMs(handle));
  }
  frequencyOf(handle: Handle): number | null {
    return this.evictor.frequencyOf(handle);
  }
}
