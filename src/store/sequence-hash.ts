import { type HashKey, hashHigh, keyedHash } from "../base/keyed-hash.js";

/**
 * A keyed hash of a sequence, made of hashes of its parts: each element is a pair of maps x -> a x + b modulo 2^32
 * with odd a, a sequence is their composition. Composition is associative, so parts are hashed once and joined;
 * it isn't commutative, so the order counts; and as odd numbers have inverses, a part is taken off either end. That
 * keeps the digest of a list up to date at a bounded cost, also for changes in the middle. `b` and `d` of the whole
 * are 64 bits that depend on every element and its place.
 */
export class SequenceHash {
  a = 1;
  b = 0;
  c = 1;
  d = 0;

  reset(): this {
    this.a = 1;
    this.b = 0;
    this.c = 1;
    this.d = 0;
    return this;
  }

  set(a: number, b: number, c: number, d: number): this {
    this.a = a | 0;
    this.b = b | 0;
    this.c = c | 0;
    this.d = d | 0;
    return this;
  }

  copy(from: SequenceHash): this {
    return this.set(from.a, from.b, from.c, from.d);
  }

  ofElement(hashKey: HashKey, bytes: Uint8Array, start: number, end: number): this {
    const low = keyedHash(hashKey, bytes, start, end);
    const high = hashHigh;
    return this.set(Math.imul(low, 0x9e37_79b1) | 1, high, Math.imul(high, 0x85eb_ca6b) | 1, low);
  }

  /** Becomes this sequence, then `next`. */
  append(next: SequenceHash): this {
    return this.appendWords(next.a, next.b, next.c, next.d);
  }

  appendWords(a: number, b: number, c: number, d: number): this {
    return this.set(
      Math.imul(this.a, a),
      (Math.imul(this.a, b) + this.b) | 0,
      Math.imul(this.c, c),
      (Math.imul(this.c, d) + this.d) | 0,
    );
  }

  /** Becomes `first`, then this sequence. */
  prepend(first: SequenceHash): this {
    return this.set(
      Math.imul(first.a, this.a),
      (Math.imul(first.a, this.b) + first.b) | 0,
      Math.imul(first.c, this.c),
      (Math.imul(first.c, this.d) + first.d) | 0,
    );
  }

  /** Becomes what undoes this sequence at either end of a longer one. */
  invert(): this {
    const a = inverse(this.a);
    const c = inverse(this.c);
    return this.set(a, -Math.imul(a, this.b) | 0, c, -Math.imul(c, this.d) | 0);
  }
}

/** Inverse of an odd number modulo 2^32, by Newton's iteration: each step doubles the bits that are right. */
function inverse(odd: number): number {
  let x = odd;
  for (let i = 0; i < 4; i++) x = Math.imul(x, 2 - Math.imul(odd, x));
  return x;
}
