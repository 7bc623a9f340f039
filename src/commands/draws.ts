import type { Keyspace } from "../store/keyspace.js";

/** Picks at random, from the generator that the entry seeded: indexes in canonical order, so all replicas agree. */

/** Most elements that one command draws with repetition; Redis has no bound, and runs out of memory. */
export const mostDraws = 1024 * 1024;

/** An index, 0 .. size - 1. */
export function drawIndex(keyspace: Keyspace, size: number): number {
  return Math.floor((keyspace.random() / 0x1_0000_0000) * size);
}

/** `count` different indexes below `size`, rising; `count` is at most `size`. */
export function drawIndexes(keyspace: Keyspace, count: number, size: number): number[] {
  const indexes: number[] = [];
  if (count * 4 >= size) {
    // Selection sampling (Knuth's algorithm S): one pass.
    for (let i = 0; i < size && indexes.length < count; i++) {
      const wanted = count - indexes.length;
      if (drawIndex(keyspace, size - i) < wanted) indexes.push(i);
    }
    return indexes;
  }
  // Floyd's: as many draws as indexes.
  const taken = new Set<number>();
  for (let top = size - count; top < size; top++) {
    const index = drawIndex(keyspace, top + 1);
    taken.add(taken.has(index) ? top : index);
  }
  return [...taken].sort((a, b) => a - b);
}
