import { expect, test } from "vitest";
import { TurnClock } from "../../src/node/clocks.js";

/** Three clocks that the test moves; the wall clock shows whole milliseconds only. */
class HandClock {
  monotonic = 1000.25;
  wall = 1_700_000_000_000.9;
  boot = 5000;

  pass(ms: number): void {
    this.monotonic += ms;
    this.wall += ms;
    this.boot += ms;
  }
  monotonicMs(): number {
    return this.monotonic;
  }
  wallMs(): number {
    return Math.floor(this.wall);
  }
  bootMs(): number {
    return this.boot;
  }
}

test("lease time runs no faster than time, though turns are short and the wall clock steps", () => {
  const hand = new HandClock();
  const clock = new TurnClock(hand);
  const startMs = clock.leaseNowMs;
  for (let turn = 0; turn < 10_000; turn++) {
    hand.pass(0.3);
    clock.sample();
  }
  const elapsedMs = clock.leaseNowMs - startMs;
  expect(elapsedMs).toBeGreaterThanOrEqual(3000 - 1e-6);
  // One step of the wall clock per anchor of 100 ms, at most.
  expect(elapsedMs).toBeLessThan(3000 * 1.011);
});

test("safety 22, 75: a stop that any one clock shows ends leases", () => {
  for (const name of ["monotonic", "wall", "boot"] as const) {
    const hand = new HandClock();
    const clock = new TurnClock(hand);
    hand.pass(40);
    clock.sample();
    const beforeMs = clock.leaseNowMs;
    hand[name] += 3000;
    clock.sample();
    expect(clock.leaseNowMs - beforeMs, name).toBeGreaterThanOrEqual(2998);
  }
});

test("safety 22: a wall clock that is set back neither turns lease time back nor hides a later stop", () => {
  const hand = new HandClock();
  const clock = new TurnClock(hand);
  hand.pass(10);
  clock.sample();
  const beforeMs = clock.leaseNowMs;
  hand.wall -= 60_000;
  clock.sample();
  expect(clock.leaseNowMs).toBeGreaterThanOrEqual(beforeMs);
  hand.wall += 5000;
  clock.sample();
  expect(clock.leaseNowMs - beforeMs).toBeGreaterThanOrEqual(4998);
});
