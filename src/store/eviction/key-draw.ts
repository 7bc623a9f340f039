import type { Handle } from "../keyspace.js";
import type { SlotCounts } from "./slot-counts.js";

/** Keys that a draw is made from. */
export interface DrawnKeys {
  readonly counts: SlotCounts;
  /** Appends the keys of a slot whose place in hash order is in from .. to - 1, in any order. */
  collect(slot: number, from: number, to: number, into: Handle[]): void;
}

/**
 * Draws a few keys: a slot by its size, then one of as many equal parts of its hash order as it has keys, and all keys
 * in that part, often one, often none. Each key is as likely as any other, and what is drawn is a function of the set
 * of keys and of `word` (0 .. 2^32 - 1) alone: neither of handles nor of how the index came about (safety 56, 59).
 */
export function drawKeys(keys: DrawnKeys, word: number, into: Handle[]): void {
  const { counts } = keys;
  const slot = counts.slotAt(Math.floor((word / 0x1_0000_0000) * counts.total));
  const size = counts.of(slot);
  const part = counts.numberInSlot;
  const from = Math.ceil((part * 0x1_0000_0000) / size);
  const to = Math.ceil(((part + 1) * 0x1_0000_0000) / size);
  keys.collect(slot, from, to, into);
}
