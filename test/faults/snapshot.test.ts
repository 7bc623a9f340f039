import { afterEach, beforeEach, expect, test } from "vitest";
import { Quorate, type QuorateClient } from "../../src/client/client.js";
import { FaultCluster, rounds, until } from "./cluster.js";
import { figures } from "./figures.js";
import { Load } from "./load.js";

let cluster: FaultCluster;
let load: Load;
let bulk: QuorateClient;

beforeEach(async () => {
  cluster = await FaultCluster.start({ logLimit: "256kb" });
  load = await Load.start(cluster);
  bulk = await Quorate.connect({ seeds: cluster.seeds });
}, 90_000);

afterEach(async () => {
  bulk.close();
  await load.stop();
  await cluster.stop();
}, 60_000);

const bulkKeys = 200;
const bulkBytes = 4000;
let written = 0;

/** Overwrites keys of all ranges, so that the logs grow and the state doesn't. */
async function writeBulk(count: number): Promise<void> {
  for (let done = 0; done < count; done += 50) {
    const calls = Array.from({ length: 50 }, () => {
      const i = written++;
      return bulk.set(`bulk:${i % bulkKeys}`, `${i}:${"x".repeat(bulkBytes)}`, { deadlineMs: 20_000 });
    });
    await Promise.all(calls);
  }
}

/** Index from which on each range's leader has its log. */
async function firstIndexes(of: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const { ranges } = await cluster.status(of);
  return new Map(
    ranges.map(({ id, replicas }) => [id, replicas.find(({ role }) => role === "leader")?.firstIndex ?? 0]),
  );
}

test("a node that was down while the logs were truncated catches up by snapshot under load", {
  timeout: rounds(1) * 90_000 + 60_000,
}, async () => {
  const times = rounds(1);
  const caughtUpMs: number[] = [];
  for (let round = 0; round < times; round++) {
    const n = round % 3;
    const others = cluster.others(n);
    const applied = new Map(
      (await cluster.status()).ranges.map(({ id, replicas }) => [
        id,
        replicas.find(({ node }) => node === cluster.nodes[n])?.applied ?? 0,
      ]),
    );
    await cluster.kill(n);
    const logBefore = cluster.log(n).length;
    await until(
      "the others' logs begin after what the node had applied",
      async () => {
        await writeBulk(200);
        const first = await firstIndexes(others);
        const late = [...first].filter(([range, index]) => index <= applied.get(range)! + 1);
        if (late.length > 0) throw new Error(JSON.stringify([late, [...applied]]));
        return true;
      },
      60_000,
    );
    const startedAtMs = performance.now();
    await cluster.restart(n);
    await until(
      "every replica's log begins after a snapshot, and is as long as its leader's was",
      async () => {
        const { ranges } = await cluster.status();
        const late = ranges.flatMap(({ id, replicas }) =>
          replicas
            .filter(
              ({ firstIndex, applied: at }) => (firstIndex ?? 0) <= 1 || (at ?? 0) <= applied.get(id)! + 1,
            )
            .map((replica) => ({ id, ...replica })),
        );
        if (late.length > 0) throw new Error(JSON.stringify(late));
        return true;
      },
    );
    caughtUpMs.push(performance.now() - startedAtMs);
    await cluster.healed();
    expect(cluster.log(n).slice(logBefore)).toContain("snapshot installed");
    expect(cluster.log(n).slice(logBefore)).not.toMatch(/fenced|lost state/);
    await load.progresses();
  }
  await load.stop();
  const { appliedUnknown } = await load.verify();
  await cluster.digestsAgree();
  // What a restart reads from snapshot and log is the same state again.
  await cluster.kill(0, 1, 2);
  await Promise.all([0, 1, 2].map((n) => cluster.restart(n)));
  await cluster.healed();
  await cluster.digestsAgree();
  for (let i = written - bulkKeys; i < written; i++)
    expect(await bulk.get(`bulk:${i % bulkKeys}`, { deadlineMs: 20_000 })).toBe(
      `${i}:${"x".repeat(bulkBytes)}`,
    );
  figures("catching up by snapshot", { times, caughtUpMs, appliedUnknown, load: load.describe() });
});
