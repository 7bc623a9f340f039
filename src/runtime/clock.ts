import { closeSync, openSync, readSync } from "node:fs";
import type { Clock } from "../ports/clock.js";

/** /proc/uptime counts hundredths of a second. */
const uptimeStepMs = 10;

/**
 * The clocks of this machine. CLOCK_BOOTTIME is read from /proc/uptime (1.5 µs through an open file), whose steps are
 * smoothed by the monotonic clock: only a suspension lets the two drift apart. Elsewhere than on Linux it is the
 * monotonic clock.
 */
export function createClock(): Clock {
  const uptime = openUptime();
  if (uptime === null) return { monotonicMs, wallMs: Date.now, bootMs: monotonicMs };
  let offsetMs = uptime() - monotonicMs();
  return {
    monotonicMs,
    wallMs: Date.now,
    bootMs(): number {
      const stepMs = uptime();
      const nowMs = monotonicMs();
      // The true value lies in [stepMs, stepMs + one step): the offset moves only as far as that demands. A later
      // `nowMs` may only raise the sum, so going forth alone is enough.
      if (nowMs + offsetMs < stepMs) offsetMs = stepMs - nowMs;
      return nowMs + offsetMs;
    },
  };
}

function monotonicMs(): number {
  return performance.now();
}

function openUptime(): (() => number) | null {
  const buffer = Buffer.alloc(64);
  let file: number;
  try {
    file = openSync("/proc/uptime", "r");
  } catch {
    return null;
  }
  const read = (): number => {
    const count = readSync(file, buffer, 0, buffer.length, 0);
    // "12345.67 …": digits alone, so that nothing is allocated per reading.
    let hundredths = 0;
    for (let at = 0; at < count && buffer[at] !== 0x20; at++)
      if (buffer[at] !== 0x2e) hundredths = hundredths * 10 + buffer[at]! - 0x30;
    return hundredths * uptimeStepMs;
  };
  if (read() > 0) return read;
  closeSync(file);
  return null;
}
