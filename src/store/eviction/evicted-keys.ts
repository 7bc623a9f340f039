import { type ByteReader, ByteWriter, DecodeError } from "../../base/bytes.js";
import type { HashKey } from "../../base/keyed-hash.js";
import { chunkKinds, chunkVersion } from "../chunk-kinds.js";
import { DigestSum } from "../digest-sum.js";

/** One remembered key per so many bytes of the limit. */
const bytesPerKey = 512;
const smallest = 1024;
const largest = 1 << 24;
const wordsPerChunk = 32 * 1024;

/**
 * Which keys were evicted lately, for s3fifo: half of a key's hash each, in a table whose size follows the limit; a
 * later key takes an earlier one's place. It is replicated state: part of digest and snapshot as it stands.
 */
export class EvictedKeys {
  private words = new Uint32Array(0);
  readonly sum: DigestSum;

  constructor(hashKey: HashKey) {
    this.sum = new DigestSum(hashKey);
  }

  /** How many keys are remembered under a limit; 0 without one. */
  static sizeFor(limitBytes: number): number {
    if (limitBytes === 0) return 0;
    let size = smallest;
    while (size < largest && size * bytesPerKey < limitBytes) size *= 2;
    return size;
  }

  /** Forgets all and takes the size for a limit; 0 remembers none from now on. */
  reset(limitBytes: number): void {
    this.words = new Uint32Array(EvictedKeys.sizeFor(limitBytes));
    this.sum.reset();
  }

  /** Forgets all. */
  clear(): void {
    this.words = new Uint32Array(this.words.length);
    this.sum.reset();
  }

  get size(): number {
    return this.words.length;
  }

  add(hashLow: number, hashHigh: number): void {
    if (this.words.length > 0) this.put(hashLow & (this.words.length - 1), hashHigh);
  }

  /** Whether the key was evicted lately; it is forgotten then. */
  take(hashLow: number, hashHigh: number): boolean {
    if (this.words.length === 0 || hashHigh === 0) return false;
    const place = hashLow & (this.words.length - 1);
    if (this.words[place] !== hashHigh) return false;
    this.put(place, 0);
    return true;
  }

  /** The table as it is now, for a snapshot: chunks of u8 version, u8 kind, u32 first place, u32 words. */
  chunks(): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < this.words.length; at += wordsPerChunk) {
      const end = Math.min(at + wordsPerChunk, this.words.length);
      const out = new ByteWriter(6 + (end - at) * 4);
      out.u8(chunkVersion);
      out.u8(chunkKinds.evicted);
      out.u32(at);
      for (let place = at; place < end; place++) out.u32(this.words[place]!);
      chunks.push(out.take());
    }
    return chunks;
  }

  /** Restores a chunk behind version and kind; the size was set before. */
  load(reader: ByteReader): void {
    const at = reader.u32();
    const count = reader.remaining / 4;
    if (at + count > this.words.length) throw new DecodeError("more evicted keys than the limit allows");
    for (let i = 0; i < count; i++) this.put(at + i, reader.u32());
  }

  private put(place: number, word: number): void {
    const before = this.words[place]!;
    if (before !== 0) this.sum.change(-1, place, before, 0, 0, 0, 0);
    this.words[place] = word;
    if (word !== 0) this.sum.change(1, place, word, 0, 0, 0, 0);
  }
}
