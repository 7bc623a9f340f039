import type { MonotonicMs } from "../base/units.js";

/** The three clocks of a node; each may jump or stop in its own way. Fractions of a ms are kept. */
export interface Clock {
  /** CLOCK_MONOTONIC. */
  monotonicMs(): MonotonicMs;
  /** Unix ms by this node's wall clock. */
  wallMs(): number;
  /** CLOCK_BOOTTIME: goes on while the machine is suspended; monotonicMs where the platform has none. */
  bootMs(): MonotonicMs;
}

export type TimerHandle = object;

export interface Timers {
  /** Calls back once, not before `delayMs` from now. */
  after(delayMs: number, callback: () => void): TimerHandle;
  cancel(timer: TimerHandle): void;
  /** Calls back at the end of this turn of the event loop, once per request. */
  endOfTurn(callback: () => void): void;
}
