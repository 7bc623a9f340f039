import { type HashKey, hashHigh, keyedHash } from "../base/keyed-hash.js";

/**
 * A sum modulo 2^64 of keyed hashes, kept as two words: elements come and go in any order and the sum depends on
 * the set alone. An element is hashed as eight 32-bit words.
 */
export class DigestSum {
  low = 0;
  high = 0;
  private readonly hashKey: HashKey;
  private readonly scratch = new Uint8Array(32);
  private readonly view = new DataView(this.scratch.buffer);

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey;
  }

  /** Adds an element, or takes it out again (`sign` -1). `c` and `d` are safe integers >= 0. */
  change(sign: 1 | -1, aLow: number, aHigh: number, bLow: number, bHigh: number, c: number, d: number): void {
    const view = this.view;
    view.setUint32(0, aLow, true);
    view.setUint32(4, aHigh, true);
    view.setUint32(8, bLow, true);
    view.setUint32(12, bHigh, true);
    view.setUint32(16, c >>> 0, true);
    view.setUint32(20, Math.floor(c / 0x1_0000_0000), true);
    view.setUint32(24, d >>> 0, true);
    view.setUint32(28, Math.floor(d / 0x1_0000_0000), true);
    const low = keyedHash(this.hashKey, this.scratch);
    const high = hashHigh;
    if (sign > 0) {
      const sum = this.low + low;
      this.low = sum >>> 0;
      this.high = (this.high + high + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
    } else {
      const borrow = this.low < low ? 1 : 0;
      this.low = (this.low - low) >>> 0;
      this.high = (this.high - high - borrow) >>> 0;
    }
  }

  reset(): void {
    this.low = 0;
    this.high = 0;
  }
}
