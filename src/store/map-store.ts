import { assert } from "../base/assert.js";
import type { HashKey } from "../base/keyed-hash.js";
import { below, SeededRandom } from "../base/random.js";
import type { LogTimeMs, Slot } from "../base/units.js";
import { stringCharge } from "./charge.js";
import { collectionEncoding, stringEncoding } from "./encoding.js";
import { copyBytes, kindCodes, kinds, listHeadBytes } from "./entry-table.js";
import { KeyScan, positionOf, slotSpan } from "./key-scan.js";
import type { ByteSlice, CollectionKind, Encoding, Handle, KeyCursor, Store, ValueKind } from "./keyspace.js";
import { SnapshotStore } from "./snapshot-store.js";

export interface StoreOptions {
  /** The cluster's secret; the digest and canonical order depend on it. */
  readonly hashKey: HashKey;
  /** What the range may be charged, sessions included. */
  readonly limitBytes: number;
  /** Largest value; the same on every replica, as commands are refused by it inside apply. */
  readonly valueLimitBytes: number;
}

export function createStore(options: StoreOptions): Store {
  return new MapStore(options);
}

/** The keys of one range: found, listed, created, renamed, copied and removed; and strings. */
class MapStore extends SnapshotStore implements Store {
  readonly valueLimitBytes: number;
  nowMs: LogTimeMs = 0;

  private readonly stringSlice: ByteSlice = { bytes: new Uint8Array(0), offset: 0, length: 0 };
  private readonly keySlice: ByteSlice = { bytes: new Uint8Array(0), offset: 0, length: 0 };
  private seed = 0;
  private generator: SeededRandom | null = null;

  constructor(options: StoreOptions) {
    super(options.hashKey, options.limitBytes);
    this.valueLimitBytes = options.valueLimitBytes;
  }

  get size(): number {
    return this.table.size;
  }
  get keysWithDeadline(): number {
    return this.heap.size;
  }
  beginEntry(nowMs: LogTimeMs, seedLow: number, seedHigh: number): void {
    assert(nowMs >= this.nowMs, "log time never goes back");
    this.nowMs = nowMs;
    this.estimateMs = nowMs;
    this.seed = (seedLow ^ Math.imul(seedHigh, 0x9e37_79b1)) >>> 0;
    this.generator = null;
    this.commandRevision = this.revision;
    this.tidy();
  }

  beginRead(estimateMs: LogTimeMs): void {
    this.estimateMs = Math.max(this.nowMs, estimateMs);
    this.generator = null;
  }

  random(): number {
    this.generator ??= new SeededRandom(this.seed);
    return this.generator.u32();
  }

  find(key: Uint8Array, start: number, end: number): Handle {
    const handle = this.table.lookup(key, start, end);
    if (handle !== 0 && this.isLive(handle)) {
      this.counters.hits++;
      return handle;
    }
    this.counters.misses++;
    return 0;
  }

  isDue(key: Uint8Array, start: number, end: number, estimateMs: LogTimeMs): boolean {
    if (this.heap.size === 0 || this.heap.firstDeadline() > estimateMs) return false;
    const handle = this.table.lookup(key, start, end);
    if (handle === 0) return false;
    const deadline = this.heap.deadlineOf(handle);
    return deadline > this.nowMs && deadline <= estimateMs;
  }

  kindOf(handle: Handle): ValueKind {
    assert(handle !== 0, "a kind is asked of an entry");
    return kinds[this.table.kindCode(handle)]!;
  }
  encodingOf(handle: Handle): Encoding {
    const kind = this.kindOf(handle);
    if (kind === "string") return stringEncoding(this.stringOf(handle));
    return collectionEncoding(kind, this.lengthOf(handle), this.elements(handle, 0, false));
  }
  revisionOf(handle: Handle): number {
    return this.table.revision(handle);
  }
  keyOf(handle: Handle): ByteSlice {
    const { table, keySlice } = this;
    keySlice.bytes = table.blockBytes(handle);
    keySlice.offset = table.keyOffset(handle);
    keySlice.length = table.keyLength(handle);
    return keySlice;
  }
  stringOf(handle: Handle): ByteSlice {
    const { table, stringSlice } = this;
    stringSlice.bytes = table.blockBytes(handle);
    stringSlice.offset = table.valueOffset(handle);
    stringSlice.length = table.value(handle);
    return stringSlice;
  }

  stringCharge(keyLength: number, valueLength: number): number {
    return stringCharge(keyLength, valueLength);
  }
  setString(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    deadlineMs: LogTimeMs,
  ): Handle {
    const { table } = this;
    let handle = table.lookup(key, keyStart, keyEnd);
    const valueLength = valueEnd - valueStart;
    if (handle === 0) handle = table.insert(key, keyStart, keyEnd, valueLength);
    else this.emptyForString(handle, valueLength);
    copyBytes(value, valueStart, valueEnd, table.blockBytes(handle), table.valueOffset(handle));
    this.heap.set(handle, deadlineMs);
    this.hashString(handle);
    this.endChange(handle, true);
    return handle;
  }

  /** Begins a change that leaves a string of a length, its bytes not yet written. */
  private emptyForString(handle: Handle, valueLength: number): void {
    const { table } = this;
    const before = this.roomOf(handle);
    const hasNewBlock = this.beginChange(handle, 0, valueLength);
    if (table.isLarge(handle)) this.removeTrees(handle);
    if (!hasNewBlock) table.resize(handle, before, valueLength, 0);
    table.setKind(handle, kindCodes.string, false);
    table.setValue(handle, valueLength);
  }

  appendString(handle: Handle, bytes: Uint8Array, start: number, end: number): Handle {
    return this.overwriteString(handle, this.table.value(handle), bytes, start, end);
  }

  overwriteString(handle: Handle, offset: number, bytes: Uint8Array, start: number, end: number): Handle {
    const { table } = this;
    const before = table.value(handle);
    const after = Math.max(before, offset + end - start);
    const hasNewBlock = this.beginChange(handle, before, after);
    if (!hasNewBlock && after > before) table.resize(handle, before, after, before);
    table.setValue(handle, after);
    const block = table.blockBytes(handle);
    const valueAt = table.valueOffset(handle);
    if (offset > before) block.fill(0, valueAt + before, valueAt + offset);
    copyBytes(bytes, start, end, block, valueAt + offset);
    this.hashString(handle);
    this.endChange(handle, true);
    return handle;
  }

  setDeadline(handle: Handle, deadlineMs: LogTimeMs): Handle {
    const room = this.roomOf(handle);
    this.beginChange(handle, room, room);
    this.heap.set(handle, deadlineMs);
    this.endChange(handle, true);
    return handle;
  }

  remove(handle: Handle): void {
    this.removeEntry(handle);
    this.revision++;
  }

  private removeEntry(handle: Handle): void {
    this.beginChange(handle, 0, 0);
    this.unlinkEntry(handle);
  }

  /** Makes way under a key; the table is ready for the key to be inserted. */
  private replaceKey(key: Uint8Array, start: number, end: number): void {
    const existing = this.table.lookup(key, start, end);
    if (existing === 0) return;
    this.removeEntry(existing);
    this.table.lookup(key, start, end);
  }

  createCollection(key: Uint8Array, keyStart: number, keyEnd: number, kind: CollectionKind): Handle {
    this.replaceKey(key, keyStart, keyEnd);
    const handle = this.table.insert(key, keyStart, keyEnd, kind === "list" ? listHeadBytes : 0);
    this.startCollection(handle, kind);
    this.endChange(handle, false);
    return handle;
  }

  createDetached(kind: CollectionKind): Handle {
    const handle = this.table.insertDetached(kind === "list" ? listHeadBytes : 0);
    this.startCollection(handle, kind);
    return handle;
  }

  attach(detached: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle {
    assert(this.lengthOf(detached) > 0, "an empty collection has no key");
    return this.attachWith(detached, key, keyStart, keyEnd, 0);
  }

  private attachWith(
    detached: Handle,
    key: Uint8Array,
    start: number,
    end: number,
    deadlineMs: LogTimeMs,
  ): Handle {
    this.replaceKey(key, start, end);
    this.table.attach(detached, this.roomOf(detached), key, start, end);
    this.evictor.entered(detached);
    this.heap.set(detached, deadlineMs);
    this.endChange(detached, true);
    return detached;
  }

  discard(detached: Handle): void {
    assert(this.table.isDetached(detached), "only what is detached is discarded");
    this.unlinkEntry(detached);
  }

  dropIfEmpty(handle: Handle): boolean {
    if (this.lengthOf(handle) > 0) return false;
    if (this.table.isDetached(handle)) return false;
    const isCounted = this.table.revision(handle) > this.commandRevision;
    this.removeEntry(handle);
    if (!isCounted) this.revision++;
    return true;
  }

  rename(handle: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle {
    const deadlineMs = this.heap.deadlineOf(handle);
    if (this.table.lookup(key, keyStart, keyEnd) === handle) return this.setDeadline(handle, deadlineMs);
    const room = this.roomOf(handle);
    this.beginChange(handle, room, room);
    this.heap.set(handle, 0);
    this.evictor.leaves(handle);
    this.table.detach(handle);
    this.revision++;
    return this.attachWith(handle, key, keyStart, keyEnd, deadlineMs);
  }

  copy(handle: Handle, key: Uint8Array, keyStart: number, keyEnd: number): Handle {
    return this.attachWith(this.copyDetached(handle), key, keyStart, keyEnd, this.heap.deadlineOf(handle));
  }

  copyDetached(handle: Handle): Handle {
    const { table } = this;
    const isLarge = table.isLarge(handle);
    const room = this.roomOf(handle);
    const copied = table.insertDetached(room);
    const at = table.valueOffset(handle);
    copyBytes(table.blockBytes(handle), at, at + room, table.blockBytes(copied), table.valueOffset(copied));
    table.setKind(copied, table.kindCode(handle), isLarge);
    table.setValue(copied, isLarge ? this.trees.copy(table.value(handle)) : table.value(handle));
    table.setContent(copied, table.contentLow(handle), table.contentHigh(handle));
    return copied;
  }

  keysFrom(position: number): KeyCursor {
    const scan = new KeyScan(this.table).open(position);
    const isLive = (handle: Handle): boolean => this.isLive(handle);
    const { table } = this;
    const key = (handle: Handle): ByteSlice => this.keyOf(handle);
    return {
      handle: 0,
      key: this.keySlice,
      position: 0,
      next() {
        let handle = scan.next();
        while (handle !== 0 && !isLive(handle)) handle = scan.next();
        if (handle === 0) return false;
        const cursor = this as { handle: Handle; position: number };
        cursor.handle = handle;
        cursor.position = positionOf(table, handle);
        key(handle);
        return true;
      },
    };
  }

  /** A key of a slot drawn by its size, the first one behind a drawn place in it. */
  randomKey(): Handle {
    const { table } = this;
    if (table.size === 0) return 0;
    let number = below({ u32: () => this.random() }, table.size);
    let slot = 0;
    while (number >= table.slotSize(slot)) number -= table.slotSize(slot++);
    const place = slot * slotSpan + this.random() * 128;
    const scan = new KeyScan(table);
    // Behind the place in its slot, then from the slot's beginning; and if all of them are due, on over all keys.
    for (const from of [place, slot * slotSpan, 0]) {
      scan.open(from);
      for (let handle = scan.next(); handle !== 0; handle = scan.next()) {
        if (from > 0 && table.slotOf(handle) !== slot) break;
        if (this.isLive(handle)) return handle;
      }
    }
    return 0;
  }

  /** Walks keep the old table, so this costs nothing per key. */
  clear(): void {
    this.replaceTable();
    this.revision++;
  }

  sweep(limit: number): number {
    let swept = 0;
    while (swept < limit && this.heap.size > 0 && this.heap.firstDeadline() <= this.nowMs) {
      this.remove(this.heap.first());
      swept++;
    }
    this.counters.expired += swept;
    return swept;
  }

  nextDeadline(): LogTimeMs {
    return this.heap.firstDeadline();
  }

  digest(into: Uint32Array): void {
    into[0] = this.sum.low;
    into[1] = this.sum.high;
    this.evictor.digest(into);
  }

  slotSize(slot: Slot): number {
    return this.table.slotSize(slot);
  }
}
