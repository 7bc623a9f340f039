import type { MonotonicMs } from "../base/units.js";
import type { Clock } from "../ports/clock.js";

/**
 * Differences are taken from an anchor that moves on only after this: clocks of coarse steps would otherwise add up to
 * more time than passed.
 */
const anchorMs = 100;

/**
 * The two times of a turn. `nowMs` is monotonic and drives timers; `leaseNowMs` advances by the largest
 * difference that any of the three clocks shows, so a frozen machine can only end a lease early (safety 16, 22, 75).
 */
export class TurnClock {
  private readonly clock: Clock;
  private anchorMonotonicMs: MonotonicMs;
  private anchorWallMs: number;
  private anchorBootMs: MonotonicMs;
  private anchorLeaseMs: MonotonicMs;
  nowMs: MonotonicMs;
  leaseNowMs: MonotonicMs;
  wallMs: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.anchorMonotonicMs = clock.monotonicMs();
    this.anchorWallMs = clock.wallMs();
    this.anchorBootMs = clock.bootMs();
    this.anchorLeaseMs = this.anchorMonotonicMs;
    this.nowMs = this.anchorMonotonicMs;
    this.leaseNowMs = this.anchorLeaseMs;
    this.wallMs = this.anchorWallMs;
  }

  /** Reads the clocks: once per batch, after the last input that the batch covers. */
  sample(): void {
    const monotonicMs = this.clock.monotonicMs();
    const wallMs = this.clock.wallMs();
    const bootMs = this.clock.bootMs();
    const elapsedMs = Math.max(
      monotonicMs - this.anchorMonotonicMs,
      wallMs - this.anchorWallMs,
      bootMs - this.anchorBootMs,
    );
    this.leaseNowMs = Math.max(this.leaseNowMs, this.anchorLeaseMs + elapsedMs);
    // A wall clock that was set back must not hide what it shows later: the anchor moves at once.
    if (elapsedMs >= anchorMs || wallMs < this.wallMs) {
      this.anchorMonotonicMs = monotonicMs;
      this.anchorWallMs = wallMs;
      this.anchorBootMs = bootMs;
      this.anchorLeaseMs = this.leaseNowMs;
    }
    this.nowMs = Math.max(this.nowMs, monotonicMs);
    this.wallMs = wallMs;
  }
}
