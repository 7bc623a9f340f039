import { type HashKey, hashHigh, keyedHash } from "../base/keyed-hash.js";
import { slotOf } from "../base/slot.js";
import type { Revision } from "../base/units.js";
import type { EvictableEntries } from "./eviction/evictor.js";
import { SlotCounts } from "./eviction/slot-counts.js";
import type { Handle, ValueKind } from "./keyspace.js";
import { Rows } from "./rows.js";
import { type BlockRef, Slab } from "./slab.js";
import { reverseBits, SlotIndex } from "./slot-index.js";

/** Words of an entry's row. */
const at = {
  hashLow: 0,
  hashHigh: 1,
  /** Two words: hash of the value. */
  content: 2,
  block: 4,
  /** Bytes of a string; of a collection in the block, bytes + elements * 2^16; of a large one, its tree. */
  value: 5,
  /** Slot * 2^17 + key length. */
  keySlot: 6,
  /** Walk epoch of the last change * 2^6 + flags + kind. */
  state: 7,
  /** Place in the deadline heap, 0 none; of a ghost, what is noted of it. */
  place: 8,
  next: 9,
  revision: 10,
  recency: 12,
  frequency: 13,
} as const;
const stride = 14;

const kindMask = 7;
const largeFlag = 8;
const ghostFlag = 16;
const detachedFlag = 32;
const epochUnit = 64;
const freeState = 0xffff_ffff;

/** A small list has half of its sequence hash in front of its elements. */
export const listHeadBytes = 8;

export const kinds: readonly ValueKind[] = ["string", "list", "hash", "set", "zset"];
export const kindCodes = { string: 0, list: 1, hash: 2, set: 3, zset: 4 } as const;

/**
 * The entries as rows outside the heap, by handle (from 1; 0 is none). A row's block holds the key and behind it the
 * value, or a small collection; large collections are trees. Where things lie depends on history; nothing
 * observable does.
 *
 * A ghost is what an entry was when a walk that still needs it opened: it stays in the index under the same key
 * until the walks are done (safety 47).
 */
export class EntryTable implements EvictableEntries {
  readonly slab = new Slab();
  readonly rows = new Rows(stride);
  readonly index = new SlotIndex(this.rows, { hash: at.hashLow, next: at.next });
  /** Entries in the index, ghosts not counted. */
  readonly counts = new SlotCounts();

  /** What the last `lookup` looked for and found: commands look a key up, judge it, and then write under it. */
  private lookedLow = 0;
  private lookedHigh = 0;
  private lookedSlot = 0;
  private lookedUp: Handle = 0;
  private compactAt = 0;
  private readonly hashKey: HashKey;

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey;
  }

  /** Finds a key, live or not. */
  lookup(key: Uint8Array, start: number, end: number): Handle {
    const again = this.lookedUp;
    if (again !== 0 && this.keyEquals(again, key, start, end)) return again;
    this.lookedUp = this.search(key, start, end);
    return this.lookedUp;
  }

  private search(key: Uint8Array, start: number, end: number): Handle {
    const low = keyedHash(this.hashKey, key, start, end);
    const high = hashHigh;
    const slot = slotOf(key, start, end);
    this.lookedLow = low;
    this.lookedHigh = high;
    this.lookedSlot = slot;
    const { rows } = this;
    for (let handle = this.index.first(slot, low); handle !== 0; handle = rows.get(handle, at.next)) {
      if (
        rows.get(handle, at.hashLow) === low &&
        rows.get(handle, at.hashHigh) === high &&
        (rows.get(handle, at.state) & ghostFlag) === 0 &&
        this.keyEquals(handle, key, start, end)
      )
        return handle;
    }
    return 0;
  }

  /** Adds a string entry, right after a `lookup` of its key that found nothing, with room for a value. */
  insert(key: Uint8Array, start: number, end: number, valueLength: number): Handle {
    const { rows } = this;
    const handle = rows.add();
    const keyLength = end - start;
    rows.set(handle, at.hashLow, this.lookedLow);
    rows.set(handle, at.hashHigh, this.lookedHigh);
    rows.set(handle, at.keySlot, this.lookedSlot * 0x2_0000 + keyLength);
    this.clearRow(handle, 0);
    rows.set(handle, at.block, this.slab.allocate(keyLength + valueLength, handle));
    rows.set(handle, at.value, valueLength);
    copyBytes(key, start, end, this.blockBytes(handle), this.keyOffset(handle));
    this.index.add(this.lookedSlot, this.lookedLow, handle);
    this.counts.change(this.lookedSlot, 1);
    return handle;
  }

  /** An entry outside the index, without a key. */
  insertDetached(valueLength: number): Handle {
    const { rows } = this;
    const handle = rows.add();
    rows.set(handle, at.keySlot, 0);
    this.clearRow(handle, detachedFlag);
    rows.set(handle, at.block, this.slab.allocate(valueLength, handle));
    rows.set(handle, at.value, valueLength);
    return handle;
  }

  private clearRow(handle: Handle, state: number): void {
    const { rows } = this;
    rows.setDouble(handle, at.content, 0);
    rows.set(handle, at.state, state);
    rows.set(handle, at.place, 0);
    rows.setDouble(handle, at.revision, 0);
    rows.set(handle, at.recency, 0);
    rows.set(handle, at.frequency, 0);
  }

  /** Unlinks an entry or a ghost and frees its block; its deadline and tree are the caller's. */
  remove(handle: Handle): void {
    const { rows } = this;
    if (handle === this.lookedUp) this.lookedUp = 0;
    const state = rows.get(handle, at.state);
    if ((state & detachedFlag) === 0) {
      this.index.remove(this.slotOf(handle), rows.get(handle, at.hashLow), handle);
      if ((state & ghostFlag) === 0) this.counts.change(this.slotOf(handle), -1);
    }
    this.slab.free(rows.get(handle, at.block));
    rows.set(handle, at.state, freeState);
    rows.remove(handle);
  }

  /** When many rows are free: looks at `limit` rows of the last segment, and moves those in use to lower places. */
  compactRows(limit: number, moved: (from: Handle, to: Handle) => void): void {
    const { rows } = this;
    for (let left = limit; left > 0 && rows.isSparse(); left--) {
      const last = rows.lastRow();
      if (this.compactAt > last || this.compactAt < rows.firstOfLastSegment()) this.compactAt = last;
      const from = this.compactAt--;
      if (rows.get(from, at.state) === freeState) continue;
      const to = rows.add();
      rows.copyRow(from, to);
      this.slab.setOwner(rows.get(to, at.block), to);
      this.index.replace(this.slotOf(to), rows.get(to, at.hashLow), from, to);
      moved(from, to);
      this.lookedUp = 0;
      rows.set(from, at.state, freeState);
      rows.remove(from);
    }
  }

  /**
   * Makes a ghost of an entry as it is; the ghost takes the block and, of a large collection, `tree`. The entry gets
   * a block of its own with the key and the first `keep` bytes of its value, and `room` bytes for a value.
   */
  addGhost(handle: Handle, tree: number, keep: number, room: number): Handle {
    const { rows, slab } = this;
    const ghost = rows.add();
    rows.copyRow(handle, ghost);
    rows.set(ghost, at.state, rows.get(handle, at.state) | ghostFlag);
    if (this.isLarge(handle)) rows.set(ghost, at.value, tree);
    slab.setOwner(rows.get(ghost, at.block), ghost);
    this.index.add(this.slotOf(handle), rows.get(handle, at.hashLow), ghost);
    const keyLength = this.keyLength(handle);
    rows.set(handle, at.block, slab.allocate(keyLength + room, handle));
    const from = this.keyOffset(ghost);
    copyBytes(
      this.blockBytes(ghost),
      from,
      from + keyLength + keep,
      this.blockBytes(handle),
      this.keyOffset(handle),
    );
    return ghost;
  }

  /** Gives the block room for `room` bytes behind the key, keeping the first `keep` of them. */
  resize(handle: Handle, before: number, room: number, keep: number): void {
    const { slab, rows } = this;
    const keyLength = this.keyLength(handle);
    if (slab.sameClass(keyLength + before, keyLength + room)) return;
    const old = rows.get(handle, at.block);
    const oldAt = slab.offsetOf(old);
    const ref = slab.allocate(keyLength + room, handle);
    copyBytes(slab.bytesOf(old), oldAt, oldAt + keyLength + keep, slab.bytesOf(ref), slab.offsetOf(ref));
    slab.free(old);
    rows.set(handle, at.block, ref);
  }

  blockBytes(handle: Handle): Uint8Array {
    return this.slab.bytesOf(this.rows.get(handle, at.block));
  }
  keyOffset(handle: Handle): number {
    return this.slab.offsetOf(this.rows.get(handle, at.block));
  }
  valueOffset(handle: Handle): number {
    return this.keyOffset(handle) + this.keyLength(handle);
  }
  setBlock(handle: Handle, ref: BlockRef): void {
    this.rows.set(handle, at.block, ref);
  }
  keyLength(handle: Handle): number {
    return this.rows.get(handle, at.keySlot) & 0x1_ffff;
  }
  slotOf(handle: Handle): number {
    return this.rows.get(handle, at.keySlot) >>> 17;
  }
  hashLow(handle: Handle): number {
    return this.rows.get(handle, at.hashLow);
  }
  hashHigh(handle: Handle): number {
    return this.rows.get(handle, at.hashHigh);
  }
  /** Place of the key in the hash order of its slot. */
  orderOf(handle: Handle): number {
    return reverseBits(this.rows.get(handle, at.hashLow));
  }

  contentLow(handle: Handle): number {
    return this.rows.get(handle, at.content);
  }
  contentHigh(handle: Handle): number {
    return this.rows.get(handle, at.content + 1);
  }
  setContent(handle: Handle, low: number, high: number): void {
    this.rows.set(handle, at.content, low);
    this.rows.set(handle, at.content + 1, high);
  }

  /** See `at.value`. */
  value(handle: Handle): number {
    return this.rows.get(handle, at.value);
  }
  setValue(handle: Handle, value: number): void {
    this.rows.set(handle, at.value, value);
  }

  kindCode(handle: Handle): number {
    return this.rows.get(handle, at.state) & kindMask;
  }
  isLarge(handle: Handle): boolean {
    return (this.rows.get(handle, at.state) & largeFlag) !== 0;
  }
  isGhost(handle: Handle): boolean {
    return (this.rows.get(handle, at.state) & ghostFlag) !== 0;
  }
  isDetached(handle: Handle): boolean {
    return (this.rows.get(handle, at.state) & detachedFlag) !== 0;
  }
  setKind(handle: Handle, kindCode: number, large: boolean): void {
    const state = this.rows.get(handle, at.state) & ~(kindMask | largeFlag);
    this.rows.set(handle, at.state, state | kindCode | (large ? largeFlag : 0));
  }
  epoch(handle: Handle): number {
    return this.rows.get(handle, at.state) >>> 6;
  }
  setEpoch(handle: Handle, epoch: number): void {
    const { rows } = this;
    rows.set(handle, at.state, (rows.get(handle, at.state) % epochUnit) + epoch * epochUnit);
  }

  place(handle: Handle): number {
    return this.rows.get(handle, at.place);
  }
  setPlace(handle: Handle, place: number): void {
    this.rows.set(handle, at.place, place);
  }
  revision(handle: Handle): Revision {
    return this.rows.getDouble(handle, at.revision);
  }
  setRevision(handle: Handle, revision: Revision): void {
    this.rows.setDouble(handle, at.revision, revision);
  }
  /** Two words for the eviction policy; part of digest and snapshot. */
  recency(handle: Handle): number {
    return this.rows.get(handle, at.recency);
  }
  frequency(handle: Handle): number {
    return this.rows.get(handle, at.frequency);
  }
  setPolicy(handle: Handle, recency: number, frequency: number): void {
    this.rows.set(handle, at.recency, recency);
    this.rows.set(handle, at.frequency, frequency);
  }

  get size(): number {
    return this.counts.total;
  }

  /** Entries of a slot, ghosts not counted. */
  slotSize(slot: number): number {
    return this.counts.of(slot);
  }

  /** First entry or ghost in the run of hash order that holds `order`. */
  firstInRun(slot: number, order: number): Handle {
    return this.index.first(slot, reverseBits(order));
  }
  nextInRun(handle: Handle): Handle {
    return this.rows.get(handle, at.next);
  }

  collect(slot: number, from: number, to: number, into: Handle[]): void {
    for (let order = from; order < to; order = this.index.runEnd(slot, order)) {
      for (let h = this.firstInRun(slot, order); h !== 0; h = this.nextInRun(h)) {
        const place = this.orderOf(h);
        if (place >= order && place < to && !this.isGhost(h)) into.push(h);
      }
    }
  }

  /** Calls `visit` for the entries of a hash: one, as long as two keys of a slot don't share 64 bits. */
  forHash(slot: number, low: number, high: number, visit: (handle: Handle) => void): void {
    for (let handle = this.index.first(slot, low); handle !== 0; ) {
      const next = this.nextInRun(handle);
      if (this.hashLow(handle) === low && this.hashHigh(handle) === high && !this.isGhost(handle))
        visit(handle);
      handle = next;
    }
  }

  /** Takes an entry out of the index, with its key and value. */
  detach(handle: Handle): void {
    const { rows } = this;
    if (handle === this.lookedUp) this.lookedUp = 0;
    this.index.remove(this.slotOf(handle), rows.get(handle, at.hashLow), handle);
    this.counts.change(this.slotOf(handle), -1);
    rows.set(handle, at.state, rows.get(handle, at.state) | detachedFlag);
  }

  /** A detached entry under a key, right after a `lookup` that found nothing; its value has `room` bytes. */
  attach(handle: Handle, room: number, key: Uint8Array, start: number, end: number): void {
    const { rows, slab } = this;
    const old = rows.get(handle, at.block);
    const keyLength = end - start;
    const ref = slab.allocate(keyLength + room, handle);
    const to = slab.bytesOf(ref);
    copyBytes(key, start, end, to, slab.offsetOf(ref));
    const from = slab.offsetOf(old) + this.keyLength(handle);
    copyBytes(slab.bytesOf(old), from, from + room, to, slab.offsetOf(ref) + keyLength);
    slab.free(old);
    rows.set(handle, at.block, ref);
    rows.set(handle, at.hashLow, this.lookedLow);
    rows.set(handle, at.hashHigh, this.lookedHigh);
    rows.set(handle, at.keySlot, this.lookedSlot * 0x2_0000 + keyLength);
    rows.set(handle, at.state, rows.get(handle, at.state) & ~detachedFlag);
    this.index.add(this.lookedSlot, this.lookedLow, handle);
    this.counts.change(this.lookedSlot, 1);
    this.lookedUp = 0;
  }

  /** Orders keys as unsigned bytes, shorter first. */
  compareKeys(a: Handle, b: Handle): number {
    const aBytes = this.blockBytes(a);
    const bBytes = this.blockBytes(b);
    const aAt = this.keyOffset(a);
    const bAt = this.keyOffset(b);
    const aLength = this.keyLength(a);
    const bLength = this.keyLength(b);
    const shared = Math.min(aLength, bLength);
    for (let i = 0; i < shared; i++) {
      const difference = aBytes[aAt + i]! - bBytes[bAt + i]!;
      if (difference !== 0) return difference;
    }
    return aLength - bLength;
  }

  /** Canonical order of keys in a slot. */
  compareInSlot(a: Handle, b: Handle): number {
    return this.orderOf(a) - this.orderOf(b) || this.hashHigh(a) - this.hashHigh(b) || this.compareKeys(a, b);
  }

  private keyEquals(handle: Handle, key: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.keyLength(handle) !== length) return false;
    const bytes = this.blockBytes(handle);
    const offset = this.keyOffset(handle);
    // From the end: keys of one kind begin alike.
    for (let i = length - 1; i >= 0; i--) if (bytes[offset + i] !== key[start + i]) return false;
    return true;
  }
}

/** A view costs more than copying so few bytes one by one, and is garbage. */
const fewBytes = 256;

export function copyBytes(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  offset: number,
): void {
  if (end - start > fewBytes) to.set(from.subarray(start, end), offset);
  else for (let i = start, j = offset; i < end; i++, j++) to[j] = from[i]!;
}
