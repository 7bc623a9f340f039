import { assert } from "../base/assert.js";
import type { MonotonicMs } from "../base/units.js";

/** Rounds whose sending time is remembered; an echo of an older one proves leadership but earns no lease. */
const remembered = 4096;

/**
 * Numbers the rounds in which a leader asks its followers whether it still leads. All messages of one Ready carry the
 * newest; numbers only rise, so an echo is never mistaken for another round's (safety 20).
 */
export class Rounds {
  newest = 0;
  /** The newest that left in a Ready. A read may only rely on a round above this one when it arrives. */
  sent = 0;
  private readonly startedMs = new Float64Array(remembered);

  /** Opens a round, or joins the one that is open and unsent. The lease runs from `leaseNowMs` (safety 17). */
  open(leaseNowMs: MonotonicMs): number {
    if (this.newest === this.sent) {
      this.newest++;
      this.startedMs[this.newest % remembered] = leaseNowMs;
    }
    return this.newest;
  }

  /** Lease clock when `round` was opened: not after it was sent. */
  openedMs(round: number): MonotonicMs {
    assert(round <= this.newest, "only rounds that exist are echoed");
    if (round <= this.newest - remembered) return Number.NEGATIVE_INFINITY;
    return this.startedMs[round % remembered]!;
  }
}
