import { type HashKey, hashHigh, keyedHash } from "../base/keyed-hash.js";
import { slotCount, slotOf } from "../base/slot.js";
import type { Handle } from "./keyspace.js";
import { type BlockRef, Slab } from "./slab.js";

const firstCapacity = 64;

/**
 * The entries as columns of typed arrays, indexed by handle (from 1; 0 is none), with a hash index and one list
 * per slot. Keys and values lie side by side in one slab block. Where things lie depends on history; nothing
 * observable does: what enumerates sorts by (slot, hash, key).
 */
export class EntryTable {
  readonly slab = new Slab();
  size = 0;

  hashLow = new Uint32Array(firstCapacity);
  hashHigh = new Uint32Array(firstCapacity);
  valueHashLow = new Uint32Array(firstCapacity);
  valueHashHigh = new Uint32Array(firstCapacity);
  slot = new Uint16Array(firstCapacity);
  block = new Float64Array(firstCapacity);
  keyLength = new Uint32Array(firstCapacity);
  valueLength = new Uint32Array(firstCapacity);
  deadline = new Float64Array(firstCapacity);
  revision = new Float64Array(firstCapacity);
  /** Walk epoch of the last change. */
  epoch = new Uint32Array(firstCapacity);
  /** Place in the deadline heap, 0 none. */
  heapPlace = new Uint32Array(firstCapacity);
  private nextInBucket = new Uint32Array(firstCapacity);
  private nextInSlot = new Uint32Array(firstCapacity);
  private previousInSlot = new Uint32Array(firstCapacity);

  private buckets = new Uint32Array(firstCapacity);
  private readonly slotHeads = new Uint32Array(slotCount);
  private readonly slotSizes = new Uint32Array(slotCount);
  private firstFree: Handle = 0;
  private fresh = 1;
  private capacity = firstCapacity;

  /** Hash of the last `lookup`, which `insert` reuses. */
  private lookedLow = 0;
  private lookedHigh = 0;
  /** What the last `lookup` found: commands look a key up, judge it, and then write under it. */
  private lookedUp: Handle = 0;
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
    this.lookedLow = low;
    this.lookedHigh = high;
    for (
      let handle = this.buckets[low & (this.buckets.length - 1)]!;
      handle !== 0;
      handle = this.nextInBucket[handle]!
    ) {
      if (
        this.hashLow[handle] === low &&
        this.hashHigh[handle] === high &&
        this.keyEquals(handle, key, start, end)
      )
        return handle;
    }
    return 0;
  }

  /** Adds a key right after a `lookup` of it that found nothing; the caller fills in the value. */
  insert(key: Uint8Array, start: number, end: number): Handle {
    let handle = this.firstFree;
    if (handle !== 0) this.firstFree = this.nextInBucket[handle]!;
    else {
      if (this.fresh === this.capacity) this.grow();
      handle = this.fresh++;
    }
    this.hashLow[handle] = this.lookedLow;
    this.hashHigh[handle] = this.lookedHigh;
    const slot = slotOf(key, start, end);
    this.slot[handle] = slot;
    const bucket = this.lookedLow & (this.buckets.length - 1);
    this.nextInBucket[handle] = this.buckets[bucket]!;
    this.buckets[bucket] = handle;
    const head = this.slotHeads[slot]!;
    this.nextInSlot[handle] = head;
    this.previousInSlot[handle] = 0;
    if (head !== 0) this.previousInSlot[head] = handle;
    this.slotHeads[slot] = handle;
    this.slotSizes[slot]!++;
    this.deadline[handle] = 0;
    this.heapPlace[handle] = 0;
    this.size++;
    return handle;
  }

  /** Unlinks an entry and frees its block. */
  remove(handle: Handle): void {
    if (handle === this.lookedUp) this.lookedUp = 0;
    const bucket = this.hashLow[handle]! & (this.buckets.length - 1);
    const next = this.nextInBucket[handle]!;
    if (this.buckets[bucket] === handle) this.buckets[bucket] = next;
    else {
      let before = this.buckets[bucket]!;
      while (this.nextInBucket[before] !== handle) before = this.nextInBucket[before]!;
      this.nextInBucket[before] = next;
    }
    const slot = this.slot[handle]!;
    const nextInSlot = this.nextInSlot[handle]!;
    const previousInSlot = this.previousInSlot[handle]!;
    if (nextInSlot !== 0) this.previousInSlot[nextInSlot] = previousInSlot;
    if (previousInSlot !== 0) this.nextInSlot[previousInSlot] = nextInSlot;
    else this.slotHeads[slot] = nextInSlot;
    this.slotSizes[slot]!--;
    this.slab.free(this.block[handle]!);
    this.nextInBucket[handle] = this.firstFree;
    this.firstFree = handle;
    this.size--;
  }

  blockBytes(handle: Handle): Uint8Array {
    return this.slab.bytesOf(this.block[handle]!);
  }
  keyOffset(handle: Handle): number {
    return this.slab.offsetOf(this.block[handle]!);
  }

  setBlock(handle: Handle, block: BlockRef, keyLength: number, valueLength: number): void {
    this.block[handle] = block;
    this.keyLength[handle] = keyLength;
    this.valueLength[handle] = valueLength;
  }

  slotSize(slot: number): number {
    return this.slotSizes[slot]!;
  }
  firstInSlot(slot: number): Handle {
    return this.slotHeads[slot]!;
  }
  followingInSlot(handle: Handle): Handle {
    return this.nextInSlot[handle]!;
  }

  /** Orders keys as unsigned bytes, shorter first. */
  compareKeys(a: Handle, b: Handle): number {
    const aBytes = this.blockBytes(a);
    const bBytes = this.blockBytes(b);
    const aAt = this.keyOffset(a);
    const bAt = this.keyOffset(b);
    const shared = Math.min(this.keyLength[a]!, this.keyLength[b]!);
    for (let i = 0; i < shared; i++) {
      const difference = aBytes[aAt + i]! - bBytes[bAt + i]!;
      if (difference !== 0) return difference;
    }
    return this.keyLength[a]! - this.keyLength[b]!;
  }

  private keyEquals(handle: Handle, key: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.keyLength[handle] !== length) return false;
    const bytes = this.blockBytes(handle);
    const at = this.keyOffset(handle);
    // From the end: keys of one kind begin alike.
    for (let i = length - 1; i >= 0; i--) if (bytes[at + i] !== key[start + i]) return false;
    return true;
  }

  private grow(): void {
    const capacity = this.capacity * 2;
    this.hashLow = grownWords(this.hashLow, capacity);
    this.hashHigh = grownWords(this.hashHigh, capacity);
    this.valueHashLow = grownWords(this.valueHashLow, capacity);
    this.valueHashHigh = grownWords(this.valueHashHigh, capacity);
    this.keyLength = grownWords(this.keyLength, capacity);
    this.valueLength = grownWords(this.valueLength, capacity);
    this.epoch = grownWords(this.epoch, capacity);
    this.heapPlace = grownWords(this.heapPlace, capacity);
    this.nextInBucket = grownWords(this.nextInBucket, capacity);
    this.nextInSlot = grownWords(this.nextInSlot, capacity);
    this.previousInSlot = grownWords(this.previousInSlot, capacity);
    this.block = grownNumbers(this.block, capacity);
    this.deadline = grownNumbers(this.deadline, capacity);
    this.revision = grownNumbers(this.revision, capacity);
    const slots = new Uint16Array(capacity);
    slots.set(this.slot);
    this.slot = slots;
    this.capacity = capacity;
    // Growing happens only when no handle is free: every one below `fresh` is in use.
    this.buckets = new Uint32Array(capacity);
    for (let handle = 1; handle < this.fresh; handle++) {
      const bucket = this.hashLow[handle]! & (capacity - 1);
      this.nextInBucket[handle] = this.buckets[bucket]!;
      this.buckets[bucket] = handle;
    }
  }
}

function grownWords(column: Uint32Array<ArrayBuffer>, capacity: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(capacity);
  grown.set(column);
  return grown;
}

function grownNumbers(column: Float64Array<ArrayBuffer>, capacity: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(capacity);
  grown.set(column);
  return grown;
}
