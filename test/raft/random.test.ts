import { expect, test } from "vitest";
import { RandomRun } from "./random-run.js";

/** `SEED=8123 RUNS=1` repeats one run; a failure names its seed. */
const firstSeed = Number(process.env.SEED ?? 1);
const runs = Number(process.env.RUNS ?? 150);

function runMany(changesMembers: boolean, steps: number) {
  const sum = {
    elections: 0,
    reads: 0,
    leaseReads: 0,
    restarts: 0,
    truncations: 0,
    committed: 0,
    changes: 0,
  };
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    try {
      const run = new RandomRun(seed, changesMembers);
      run.disturb(steps);
      run.recover();
      const { counts, committed } = run.invariants;
      for (const key of Object.keys(counts) as (keyof typeof counts)[]) sum[key] += counts[key];
      sum.committed += committed.length;
      sum.changes += run.changes;
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
  return sum;
}

test(`safety 1-9, 13, 15-20, 44: ${runs} random runs break no invariant, and each recovers`, () => {
  const sum = runMany(false, 300);
  // The runs must have reached what they are to test.
  expect(sum.elections).toBeGreaterThan(runs * 1.5);
  expect(sum.committed).toBeGreaterThan(runs * 4);
  expect(sum.reads).toBeGreaterThan(runs / 2);
  expect(sum.leaseReads).toBeGreaterThan(runs / 10);
  expect(sum.restarts).toBeGreaterThan(runs);
  expect(sum.truncations).toBeGreaterThan(runs / 30);
});

test(`safety 30-32, 34, 46: ${runs} random runs that change their members break no invariant, and each recovers`, () => {
  const sum = runMany(true, 400);
  expect(sum.elections).toBeGreaterThan(runs * 1.5);
  expect(sum.changes).toBeGreaterThan(runs / 2);
  expect(sum.committed).toBeGreaterThan(runs * 4);
});
