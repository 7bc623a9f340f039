import { below, type Random } from "#quorate/base/random.js";

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)]!;
}

/** In an order of the generator's choice. */
export function shuffled<T>(random: Random, from: readonly T[]): readonly T[] {
  const all = [...from];
  for (let i = all.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

/** Uniform in low .. high. */
export function between(random: Random, low: number, high: number): number {
  return low + (random.u32() / 0x1_0000_0000) * (high - low);
}
