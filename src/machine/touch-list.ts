import type { Slot } from "../base/units.js";
import type { TouchNotes } from "../store/keyspace.js";

const capacity = 8192;
/** A full list stays quick to search. */
const fullAt = 6144;
const mostUses = 255;

/**
 * Keys that were read at the leader and whose use isn't in the log yet, each once, with the number of uses: a table of
 * fixed size, so that a read allocates nothing. What finds no place is forgotten: recency is a hint.
 */
export class TouchList implements TouchNotes {
  count = 0;
  private readonly slots = new Uint16Array(capacity);
  private readonly lows = new Uint32Array(capacity);
  private readonly highs = new Uint32Array(capacity);
  /** 0: the place is free. */
  private readonly uses = new Uint8Array(capacity);
  /** Where the next `take` begins. */
  private next = 0;

  add(slot: Slot, hashLow: number, hashHigh: number): void {
    const { lows, highs, slots, uses } = this;
    let at = hashLow & (capacity - 1);
    while (uses[at] !== 0) {
      if (lows[at] === hashLow && highs[at] === hashHigh && slots[at] === slot) {
        if (uses[at]! < mostUses) uses[at]!++;
        return;
      }
      at = (at + 1) & (capacity - 1);
    }
    if (this.count === fullAt) return;
    lows[at] = hashLow;
    highs[at] = hashHigh;
    slots[at] = slot;
    uses[at] = 1;
    this.count++;
  }

  /**
   * Looks at up to `looked` noted keys, going round from call to call, and hands out at most `limit`. `visit` says whether
   * the key may be forgotten now.
   */
  take(
    limit: number,
    looked: number,
    visit: (slot: Slot, hashLow: number, hashHigh: number, uses: number) => "sent" | "gone" | "kept",
  ): void {
    let left = limit;
    let toLook = Math.min(looked, this.count);
    for (let passed = 0; passed < capacity && left > 0 && toLook > 0; ) {
      const at = this.next;
      if (this.uses[at] !== 0) {
        toLook--;
        const what = visit(this.slots[at]!, this.lows[at]!, this.highs[at]!, this.uses[at]!);
        if (what === "sent") left--;
        if (what !== "kept") {
          // What moves into this place wasn't looked at yet.
          this.free(at);
          continue;
        }
      }
      this.next = (at + 1) & (capacity - 1);
      passed++;
    }
  }

  clear(): void {
    this.uses.fill(0);
    this.count = 0;
  }

  /** Frees a place, and moves up those behind it that would no longer be found. */
  private free(hole: number): void {
    const { lows, highs, slots, uses } = this;
    this.count--;
    let empty = hole;
    for (let at = (hole + 1) & (capacity - 1); uses[at] !== 0; at = (at + 1) & (capacity - 1)) {
      const home = lows[at]! & (capacity - 1);
      if (((at - home) & (capacity - 1)) < ((at - empty) & (capacity - 1))) continue;
      lows[empty] = lows[at]!;
      highs[empty] = highs[at]!;
      slots[empty] = slots[at]!;
      uses[empty] = uses[at]!;
      empty = at;
    }
    uses[empty] = 0;
  }
}
