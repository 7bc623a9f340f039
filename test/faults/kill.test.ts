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

/** A leader that is killed must not hold writes up for much longer than an election takes. */
const failoverLimitMs = 5000;

test("safety 23: kill -9 of the leader loses no acknowledged write and repeats none", {
  timeout: rounds(3) * 30_000 + 60_000,
}, async () => {
  const failoversMs: number[] = [];
  const times = rounds(3);
  for (let round = 0; round < times; round++) {
    const leader = await cluster.leaderOf(counterKey);
    const { pid } = cluster.node(leader);
    const killedAtMs = performance.now();
    await cluster.kill(leader);
    failoversMs.push(await load.firstAfter(killedAtMs));
    expect(await cluster.leaderOf(counterKey)).not.toBe(leader);
    await cluster.restart(leader);
    expect(cluster.node(leader).pid).not.toBe(pid);
    await load.progresses();
    await cluster.healed();
  }
  await load.stop();
  const { appliedUnknown } = await load.verify();
  await cluster.digestsAgree();
  figures("kill -9 of the leader", { times, failoversMs, appliedUnknown, load: load.describe() });
  expect(failoversMs).toHaveLength(times);
  expect(Math.max(...failoversMs)).toBeLessThan(failoverLimitMs);
});

test("kill -9 of all nodes at once loses no acknowledged write and repeats none", {
  timeout: rounds(2) * 40_000 + 60_000,
}, async () => {
  const outagesMs: number[] = [];
  const times = rounds(2);
  for (let round = 0; round < times; round++) {
    const killedAtMs = performance.now();
    await cluster.kill(0, 1, 2);
    await Promise.all([0, 1, 2].map((n) => cluster.restart(n)));
    outagesMs.push(await load.firstAfter(killedAtMs));
    await load.progresses();
    await cluster.healed();
  }
  await load.stop();
  const { appliedUnknown } = await load.verify();
  await cluster.digestsAgree();
  figures("kill -9 of all nodes", { times, outagesMs, appliedUnknown, load: load.describe() });
  expect(outagesMs).toHaveLength(times);
});
