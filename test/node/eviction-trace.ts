import type { SeededRandom } from "../../src/base/random.js";
import { policyByName } from "../../src/store/eviction/policies.js";
import type { Sent, SimClient } from "../simulation/sim-client.js";
import { SimCluster } from "../simulation/sim-cluster.js";

const value = "v".repeat(900);
const population = 3000;
const requestsPerTurn = 8;
const turnMs = 20;

/** Popular keys are asked for more: about 40 % of the requests go to a twentieth of the keys. */
function drawKey(random: SeededRandom): number {
  const u = random.u32() / 0x1_0000_0000;
  return Math.floor(population * u ** 3);
}

/** A cluster whose one range holds about a third of the keys that a trace asks for. */
export function traceCluster(policy: string, seed: number): SimCluster {
  const cluster = new SimCluster({
    seed,
    ranges: 1,
    maxmemoryBytes: 1024 * 1024,
    evictionPolicy: policyByName(policy)!,
  }).boot();
  cluster.until(() =>
    cluster
      .running()
      .every(({ at }) => cluster.replica(at, cluster.ranges()[0]!).machine.evictionPolicy === policy),
  );
  return cluster;
}

/** Reads come to no log: what a cluster would be without touches. */
export function withoutTouches(cluster: SimCluster): void {
  for (const { at } of cluster.running())
    cluster.replica(at, cluster.ranges()[0]!).machine.noteReads = () => {};
}

/** Runs a cache-aside trace for a while; @returns the share of reads that hit. */
export function runTrace(
  cluster: SimCluster,
  client: SimClient,
  random: SeededRandom,
  lastsMs: number,
): number {
  let hits = 0;
  let reads = 0;
  for (let passedMs = 0; passedMs < lastsMs; passedMs += turnMs) {
    const sent: (readonly [number, Sent])[] = [];
    for (let i = 0; i < requestsPerTurn; i++) {
      const key = drawKey(random);
      sent.push([key, client.send("GET", `key:${key}`)]);
    }
    cluster.run(turnMs / 2);
    cluster.until(() => sent.every(([, each]) => each.done || each.lost));
    for (const [key, each] of sent) {
      if (!each.ok) continue;
      reads++;
      if (each.shown === null) client.send("SET", `key:${key}`, value);
      else hits++;
    }
    cluster.run(turnMs / 2);
  }
  return hits / reads;
}
