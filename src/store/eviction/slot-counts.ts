import { slotCount } from "../../base/slot.js";

const groupBits = 7;
const groupSlots = 1 << groupBits;

/** How many keys each slot has, with sums, so that one of all keys can be drawn by a number. */
export class SlotCounts {
  total = 0;
  private readonly sizes = new Uint32Array(slotCount);
  private readonly groups = new Uint32Array(slotCount >> groupBits);

  of(slot: number): number {
    return this.sizes[slot]!;
  }

  change(slot: number, by: 1 | -1): void {
    this.total += by;
    this.sizes[slot]! += by;
    this.groups[slot >> groupBits]! += by;
  }

  /** The slot in which key number `n` lies, keys counted by rising slot; `n` < total. */
  slotAt(n: number): number {
    let left = n;
    let group = 0;
    while (left >= this.groups[group]!) left -= this.groups[group++]!;
    let slot = group * groupSlots;
    while (left >= this.sizes[slot]!) left -= this.sizes[slot++]!;
    this.numberInSlot = left;
    return slot;
  }

  /** Of the last `slotAt`: how many keys of the slot come before. */
  numberInSlot = 0;
}
