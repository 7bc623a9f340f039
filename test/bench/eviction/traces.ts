import { below, SeededRandom } from "../../../src/base/random.js";

/** Keys that the caches hold when full; every trace asks for more than that. */
export const residentKeys = 5000;

/** A trace: one key number per request, from a fixed seed. */
export interface Trace {
  readonly name: string;
  readonly keys: Uint32Array;
}

/** Draws ranks 0 .. n - 1 with probability ~ 1 / (rank + 1)^skew. */
class Zipf {
  private readonly sums: Float64Array;

  constructor(n: number, skew: number) {
    this.sums = new Float64Array(n);
    let sum = 0;
    for (let i = 0; i < n; i++) {
      sum += 1 / (i + 1) ** skew;
      this.sums[i] = sum;
    }
  }

  draw(random: SeededRandom): number {
    const at = (random.u32() / 0x1_0000_0000) * this.sums[this.sums.length - 1]!;
    let low = 0;
    let high = this.sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sums[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Popular keys stay popular. */
function zipf(requests: number): Uint32Array {
  const random = new SeededRandom(11);
  const ranks = new Zipf(residentKeys * 5, 0.9);
  return Uint32Array.from({ length: requests }, () => ranks.draw(random));
}

/** The same, with a scan over keys that nobody asks for again every 10,000 requests. */
function scanMixed(requests: number): Uint32Array {
  const random = new SeededRandom(12);
  const ranks = new Zipf(residentKeys * 3, 0.9);
  const keys = new Uint32Array(requests);
  let fresh = 1_000_000;
  let scanned = 0;
  for (let i = 0; i < requests; i++) {
    if (i % 10_000 === 9_999) scanned = 4000;
    if (scanned > 0 && i % 2 === 0) {
      keys[i] = fresh++;
      scanned--;
    } else keys[i] = ranks.draw(random);
  }
  return keys;
}

/** One key after the other, again and again, a quarter more than fit. */
function looping(requests: number): Uint32Array {
  return Uint32Array.from({ length: requests }, (_, i) => i % ((residentKeys * 5) / 4));
}

/** Zipf whose popular keys become others every 15,000 requests. */
function shifting(requests: number): Uint32Array {
  const random = new SeededRandom(14);
  const ranks = new Zipf(residentKeys * 5, 0.9);
  let shift = 0;
  return Uint32Array.from({ length: requests }, (_, i) => {
    if (i % 15_000 === 0) shift += below(random, 10_000) + 5000;
    return ranks.draw(random) + shift;
  });
}

export function allTraces(requests: number): readonly Trace[] {
  return [
    { name: "zipf", keys: zipf(requests) },
    { name: "scan-mixed", keys: scanMixed(requests) },
    { name: "looping", keys: looping(requests) },
    { name: "shifting", keys: shifting(requests) },
  ];
}

/** Requests sent together: a missed key is written after its batch. */
export const batchRequests = 16;
export const valueBytes = 64;

/** All keys have the same length. */
export function keyName(key: number): string {
  return `key:${String(key).padStart(12, "0")}`;
}
