import type { TimerHandle, Timers } from "../ports/clock.js";

const longestTimeoutMs = 2 ** 31 - 1;

/** The event loop's timers; a turn ends with its check phase. */
export function createTimers(): Timers {
  return {
    after: (delayMs, callback) => new Timer(delayMs, callback),
    cancel(timer: TimerHandle): void {
      if (timer instanceof Timer) timer.cancel();
    },
    endOfTurn(callback: () => void): void {
      setImmediate(callback);
    },
  };
}

/** Node counts a timeout from the start of the loop's iteration: after a long one it would fire too early. */
class Timer {
  private readonly dueMs: number;
  private timeout: NodeJS.Timeout;

  constructor(
    delayMs: number,
    private readonly callback: () => void,
  ) {
    this.dueMs = performance.now() + delayMs;
    this.timeout = this.arm(delayMs);
  }

  cancel(): void {
    clearTimeout(this.timeout);
  }

  private arm(delayMs: number): NodeJS.Timeout {
    return setTimeout(this.fire, Math.min(Math.ceil(delayMs), longestTimeoutMs));
  }

  private readonly fire = (): void => {
    const leftMs = this.dueMs - performance.now();
    if (leftMs > 0) this.timeout = this.arm(leftMs);
    else this.callback();
  };
}
