import { slotCount } from "../base/slot.js";
import type { Rows } from "./rows.js";

/** Words of a row that the index uses. */
export interface IndexWords {
  readonly hash: number;
  readonly next: number;
}

const segmentBits = 12;
const segmentBuckets = 1 << segmentBits;
const bucketMask = segmentBuckets - 1;
const firstBuckets = 4;

/**
 * Finds rows by (slot, 32-bit hash): one hash table per slot, so that a slot can be listed, counted and moved, and
 * each grown by linear hashing, one bucket per insertion, so that growing never stalls, also when all keys share a
 * slot. Buckets go by the hash's low bits; read with the bits reversed they are runs of hash order, which is what
 * enumeration follows.
 */
export class SlotIndex {
  readonly slotSizes = new Uint32Array(slotCount);
  private readonly buckets = new Uint32Array(slotCount);
  private readonly heads: (Uint32Array[] | null)[] = new Array<Uint32Array[] | null>(slotCount).fill(null);
  private readonly rows: Rows;
  private readonly words: IndexWords;

  constructor(rows: Rows, words: IndexWords) {
    this.rows = rows;
    this.words = words;
  }

  /** First row of the chain that holds `hash`, 0 none. */
  first(slot: number, hash: number): number {
    const heads = this.heads[slot];
    if (heads === null || heads === undefined) return 0;
    const bucket = this.bucketOf(this.buckets[slot]!, hash);
    return heads[bucket >>> segmentBits]![bucket & bucketMask]!;
  }

  add(slot: number, hash: number, row: number): void {
    if (this.heads[slot] === null) {
      this.heads[slot] = [new Uint32Array(firstBuckets)];
      this.buckets[slot] = 1;
    }
    this.link(slot, this.bucketOf(this.buckets[slot]!, hash), row);
    this.slotSizes[slot]!++;
    if (this.slotSizes[slot]! * 2 > this.buckets[slot]! * 3) this.split(slot);
  }

  remove(slot: number, hash: number, row: number): void {
    const { rows, words } = this;
    const heads = this.heads[slot]!;
    const bucket = this.bucketOf(this.buckets[slot]!, hash);
    const next = rows.get(row, words.next);
    let at = heads[bucket >>> segmentBits]![bucket & bucketMask]!;
    if (at === row) heads[bucket >>> segmentBits]![bucket & bucketMask] = next;
    else {
      while (rows.get(at, words.next) !== row) at = rows.get(at, words.next);
      rows.set(at, words.next, next);
    }
    this.slotSizes[slot]!--;
    if (this.slotSizes[slot] === 0) this.heads[slot] = null;
    else if (this.slotSizes[slot]! * 4 < this.buckets[slot]!) this.merge(slot);
  }

  /** A row lies elsewhere now, with the same words. */
  replace(slot: number, hash: number, from: number, to: number): void {
    const { rows, words } = this;
    const heads = this.heads[slot]!;
    const bucket = this.bucketOf(this.buckets[slot]!, hash);
    let at = heads[bucket >>> segmentBits]![bucket & bucketMask]!;
    if (at === from) heads[bucket >>> segmentBits]![bucket & bucketMask] = to;
    else {
      while (rows.get(at, words.next) !== from) at = rows.get(at, words.next);
      rows.set(at, words.next, to);
    }
  }

  /**
   * The run of hash order that holds `order`: its chain is `first(slot, reverseBits(order))`.
   * @returns where the run ends, 2^32 for the last one.
   */
  runEnd(slot: number, order: number): number {
    const buckets = this.buckets[slot]!;
    if (this.heads[slot] === null) return 0x1_0000_0000;
    let bits = 31 - Math.clz32(buckets);
    // The buckets below the split point have one bit more.
    if ((reverseBits(order) & ((1 << bits) - 1)) + (1 << bits) < buckets) bits++;
    const width = 0x1_0000_0000 / (1 << bits);
    return (Math.floor(order / width) + 1) * width;
  }

  private bucketOf(buckets: number, hash: number): number {
    // At most 2^26 buckets: masks are no negative numbers.
    const mask = (1 << (31 - Math.clz32(buckets))) - 1;
    const bucket = hash & (2 * mask + 1);
    return bucket < buckets ? bucket : hash & mask;
  }

  private link(slot: number, bucket: number, row: number): void {
    const segment = this.heads[slot]![bucket >>> segmentBits]!;
    this.rows.set(row, this.words.next, segment[bucket & bucketMask]!);
    segment[bucket & bucketMask] = row;
  }

  /** Adds one bucket and moves to it what belongs there. */
  private split(slot: number): void {
    const heads = this.heads[slot]!;
    const added = this.buckets[slot]!;
    const segment = added >>> segmentBits;
    if (segment === heads.length) heads.push(new Uint32Array(segmentBuckets));
    else if ((added & bucketMask) === heads[segment]!.length) heads[segment] = resized(heads[segment]!, 2);
    this.buckets[slot] = added + 1;
    this.relink(slot, added - (1 << (31 - Math.clz32(added))));
  }

  /** Takes the last bucket away. */
  private merge(slot: number): void {
    const heads = this.heads[slot]!;
    const last = this.buckets[slot]! - 1;
    if (last === 0) return;
    this.buckets[slot] = last;
    const segment = last >>> segmentBits;
    this.relink(slot, last, segment);
    if ((last & bucketMask) === 0 && segment > 0) heads.length = segment;
    else if (segment === 0 && heads[0]!.length > firstBuckets && last * 4 <= heads[0]!.length)
      heads[0] = resized(heads[0]!, 0.5);
  }

  /** Puts the rows of a bucket where they belong now. */
  private relink(slot: number, bucket: number, segment = bucket >>> segmentBits): void {
    const { rows, words } = this;
    const heads = this.heads[slot]![segment]!;
    let row = heads[bucket & bucketMask]!;
    heads[bucket & bucketMask] = 0;
    while (row !== 0) {
      const next = rows.get(row, words.next);
      this.link(slot, this.bucketOf(this.buckets[slot]!, rows.get(row, words.hash)), row);
      row = next;
    }
  }
}

function resized(heads: Uint32Array, factor: number): Uint32Array {
  const grown = new Uint32Array(heads.length * factor);
  grown.set(factor < 1 ? heads.subarray(0, grown.length) : heads);
  return grown;
}

/** The 32 bits of a word in reverse. */
export function reverseBits(word: number): number {
  let w = ((word >>> 1) & 0x5555_5555) | ((word & 0x5555_5555) << 1);
  w = ((w >>> 2) & 0x3333_3333) | ((w & 0x3333_3333) << 2);
  w = ((w >>> 4) & 0x0f0f_0f0f) | ((w & 0x0f0f_0f0f) << 4);
  w = ((w >>> 8) & 0x00ff_00ff) | ((w & 0x00ff_00ff) << 8);
  return ((w >>> 16) | (w << 16)) >>> 0;
}
