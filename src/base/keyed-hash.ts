/** A secret of 128 bits as four 32-bit words; one per cluster. */
export type HashKey = readonly [number, number, number, number];

export const zeroHashKey: HashKey = [0, 0, 0, 0];

/** Second half of the last hash: a hash is 64 bits, returned as two words without allocating. */
export let hashHigh = 0;

/**
 * HalfSipHash-2-4 with 64 bits of output, keyed: without the key nobody can choose keys that collide
 * (safety 76). Returns the low 32 bits, the high 32 are in `hashHigh` until the next call.
 */
export function keyedHash(key: HashKey, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let v0 = key[0] | 0;
  let v1 = (key[1] ^ 0xee) | 0;
  let v2 = (key[2] ^ key[0] ^ 0x6c79_6765) | 0;
  let v3 = (key[3] ^ key[1] ^ 0x7465_6462) | 0;
  const length = end - start;
  const whole = start + (length & ~3);
  let at = start;
  let rounds = 2;
  for (;;) {
    let word: number;
    if (at < whole) {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      at += 4;
    } else if (at >= 0) {
      word = length << 24;
      if (at + 2 < end) word |= bytes[at + 2]! << 16;
      if (at + 1 < end) word |= bytes[at + 1]! << 8;
      if (at < end) word |= bytes[at]!;
      at = -1;
    } else break;
    v3 ^= word;
    for (rounds = 2; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
    if (at === -1) break;
  }
  v2 ^= 0xee;
  let low = 0;
  for (let half = 0; half < 2; half++) {
    for (rounds = 4; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    if (half === 0) {
      low = (v1 ^ v3) >>> 0;
      v1 ^= 0xdd;
    } else hashHigh = (v1 ^ v3) >>> 0;
  }
  return low;
}
