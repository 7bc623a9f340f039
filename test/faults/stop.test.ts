import { afterEach, beforeEach, expect, test } from "vitest";
import { FaultCluster, rounds } from "./cluster.js";
import { figures } from "./figures.js";
import { counterKey, Load } from "./load.js";

let cluster: FaultCluster;
let load: Load;

beforeEach(async () => {
  cluster = await FaultCluster.start();
  load = await Load.start(cluster);
}, 90_000);

afterEach(async () => {
  await load.stop();
  await cluster.stop();
}, 60_000);

/** Well below an election timeout: leaderships must have been handed over. */
const gapLimitMs = 400;
const observedMs = 2500;
const stopLimitMs = 3000;

test("SIGTERM hands leaderships over: writes hardly pause, and none is lost", {
  timeout: rounds(3) * 30_000 + 60_000,
}, async () => {
  const gapsMs: number[] = [];
  const endedAfterMs: number[] = [];
  const times = rounds(3);
  for (let round = 0; round < times; round++) {
    const leader = await cluster.leaderOf(counterKey);
    const sentAtMs = performance.now();
    await cluster.terminate(leader);
    endedAfterMs.push(performance.now() - sentAtMs);
    await load.firstAfter(sentAtMs + observedMs);
    gapsMs.push(load.longestGapMs(sentAtMs, sentAtMs + observedMs));
    await cluster.restart(leader);
    await cluster.healed();
    await load.progresses();
  }
  await load.stop();
  const { appliedUnknown } = await load.verify();
  await cluster.digestsAgree();
  figures("SIGTERM of the leader", { times, gapsMs, endedAfterMs, appliedUnknown, load: load.describe() });
  expect(gapsMs).toHaveLength(times);
  // Every client was answered: none is waited for until patience ends.
  expect(Math.max(...endedAfterMs)).toBeLessThan(stopLimitMs);
  expect(gapsMs.sort((a, b) => a - b)[Math.floor(times / 2)]).toBeLessThan(gapLimitMs);
});
