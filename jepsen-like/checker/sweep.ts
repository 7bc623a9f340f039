import type { Operation } from "./operation.js";

/** Its end, in ns; infinite where it never ended or nobody knows. */
export function endOf({ outcome, completedNs }: Operation): number {
  return outcome === "ok" && completedNs !== null ? completedNs : Number.POSITIVE_INFINITY;
}

/** What of a number of things that happened is the largest up to a moment: each question costs the logarithm of their number. */
export class LargestBefore {
  private readonly timesNs: number[] = [];
  private readonly largest: number[] = [];

  /** @param points Times in ns and values, in any order; infinite times never come. */
  constructor(points: readonly { readonly atNs: number; readonly value: number }[]) {
    for (const { atNs, value } of [...points].sort((a, b) =>
      a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0,
    )) {
      this.timesNs.push(atNs);
      this.largest.push(Math.max(value, this.largest.at(-1) ?? value));
    }
  }

  /** @returns The largest value of a time strictly before `ns`; null when there is none. */
  before(ns: number): number | null {
    let [low, high] = [0, this.timesNs.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timesNs[middle]! < ns) low = middle + 1;
      else high = middle;
    }
    return this.largest[low - 1] ?? null;
  }
}
