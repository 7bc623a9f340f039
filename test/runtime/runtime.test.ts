import { expect, test } from "vitest";
import { createClock } from "../../src/runtime/clock.js";
import { machineMemoryBytes, readBootId } from "../../src/runtime/machine.js";
import { createRandom, randomNodeId } from "../../src/runtime/random.js";
import { createTimers } from "../../src/runtime/timers.js";

function spin(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {}
}

test("monotonic and boot-time clock go on together, in fractions of a ms, and never back", () => {
  const clock = createClock();
  const beforeMs = clock.monotonicMs();
  const bootMs = clock.bootMs();
  const afterMs = clock.monotonicMs();
  let last = bootMs;
  let lastBeforeMs = afterMs;
  let fractions = 0;
  for (let i = 0; i < 60; i++) {
    spin(1);
    lastBeforeMs = clock.monotonicMs();
    const next = clock.bootMs();
    expect(next).toBeGreaterThan(last);
    if (next % 10 > 0.01) fractions++;
    last = next;
  }
  const lastAfterMs = clock.monotonicMs();
  // The file behind the boot-time clock counts in steps of 10 ms; the clock itself is off by one step at most.
  // The process may be put aside between two readings: each lies between its neighbours.
  expect(last - bootMs).toBeGreaterThan(lastBeforeMs - afterMs - 11);
  expect(last - bootMs).toBeLessThan(lastAfterMs - beforeMs + 11);
  expect(fractions).toBeGreaterThan(30);
});

test("the wall clock is unix time", () => {
  expect(Math.abs(createClock().wallMs() - Date.now())).toBeLessThan(1000);
});

test("a timer never fires early, even when it was set late in a turn", async () => {
  const timers = createTimers();
  const lateMs = await new Promise<number>((resolve) => {
    setImmediate(() => {
      spin(15);
      const setMs = performance.now();
      timers.after(10, () => resolve(performance.now() - setMs));
    });
  });
  expect(lateMs).toBeGreaterThanOrEqual(10);
});

test("a cancelled timer doesn't fire", async () => {
  const timers = createTimers();
  const fired: string[] = [];
  const cancelled = timers.after(1, () => fired.push("cancelled"));
  timers.cancel(cancelled);
  await new Promise<void>((resolve) => timers.after(5, resolve));
  expect(fired).toEqual([]);
});

test("the end of a turn comes after the turn's own work and before timers", async () => {
  const timers = createTimers();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      timers.after(0, () => {
        order.push("timer");
        resolve();
      });
      process.nextTick(() => order.push("tick"));
      timers.endOfTurn(() => order.push("end"));
      order.push("work");
    });
  });
  expect(order.slice(0, 2)).toEqual(["work", "tick"]);
  expect(order).toContain("timer");
});

test("safety 13: no two generators share a seed, and node ids are 48 bits and not zero", () => {
  const draws = new Set(Array.from({ length: 20 }, () => createRandom().u32()));
  expect(draws.size).toBe(20);
  const ids = Array.from({ length: 1000 }, randomNodeId);
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) {
    expect(id).toBeGreaterThan(0);
    expect(id).toBeLessThan(2 ** 48);
  }
});

test("the machine's memory is plausible, its boot id the same twice", () => {
  expect(machineMemoryBytes()).toBeGreaterThan(64 * 1024 * 1024);
  expect(machineMemoryBytes()).toBeLessThan(2 ** 50);
  expect(readBootId()).toBe(readBootId());
});
