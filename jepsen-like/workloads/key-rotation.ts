import type { Random } from "#quorate/base/random.js";
import { below } from "#quorate/base/random.js";

/**
 * A few keys at a time, each retired after a number of operations: histories of one key stay short enough to be judged,
 * and every key is still read once at the end. Tags spread the keys over the ranges.
 */
export class KeyRotation {
  readonly used: string[] = [];
  private readonly active: { readonly key: string; left: number }[] = [];

  constructor(
    private readonly random: Random,
    private readonly prefix: string,
    private readonly operationsPerKey = 250,
    private readonly width = 4,
  ) {}

  next(): string {
    while (this.active.length < this.width) {
      const key = `${this.prefix}:${this.used.length}`;
      this.used.push(key);
      // The first ones end at different times.
      this.active.push({
        key,
        left: 1 + Math.floor(this.operationsPerKey * (0.5 + below(this.random, 512) / 512)),
      });
    }
    const at = below(this.random, this.active.length);
    const chosen = this.active[at]!;
    if (--chosen.left <= 0) this.active.splice(at, 1);
    return chosen.key;
  }
}
