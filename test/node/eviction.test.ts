import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { policyByName } from "../../src/store/eviction/policies.js";
import { runTrace, traceCluster, withoutTouches } from "./eviction-trace.js";

const value = "v".repeat(900);

test("the policy that the nodes were started with is in force on every replica, and evicts", () => {
  const cluster = traceCluster("allkeys-lru", 901);
  const client = cluster.client(0);
  const all = Array.from({ length: 1500 }, (_, i) => client.send("SET", `key:${i}`, value));
  cluster.until(() => client.unanswered === 0);
  expect(all.every((sent) => sent.ok)).toBe(true);
  cluster.checkDigests();
  for (const { service } of cluster.nodes) {
    const { chargedBytes, limitBytes, evicted } = service!.statistics();
    expect(evicted).toBeGreaterThan(400);
    expect(chargedBytes).toBeLessThanOrEqual(limitBytes);
    expect(limitBytes).toBeLessThanOrEqual(1024 * 1024);
  }
});

test("a policy changed at one node is the policy of all", () => {
  const cluster = traceCluster("allkeys-lru", 902);
  const range = cluster.ranges()[0]!;
  let error: string | null = "unanswered";
  cluster.nodes[1]!.host.run(() =>
    cluster.nodes[1]!.service!.changeEvictionPolicy(policyByName("noeviction")!, (what) => {
      error = what;
    }),
  );
  cluster.until(() => error !== "unanswered");
  expect(error).toBe(null);
  cluster.until(() =>
    cluster.running().every(({ at }) => cluster.replica(at, range).machine.evictionPolicy === "noeviction"),
  );
  for (const { service } of cluster.nodes) expect(service!.evictionPolicy).toBe("noeviction");
  cluster.checkDigests();
});

test("what reads made of recency survives the leader's death and a snapshot", () => {
  const cluster = traceCluster("allkeys-lru", 903);
  const range = cluster.ranges()[0]!;
  cluster.lead(range, 0);
  const client = cluster.client(1);
  for (let i = 0; i < 850; i++) client.send("SET", `key:${i}`, value);
  cluster.until(() => client.unanswered === 0);
  cluster.run(5000);
  // Only reads: their touches have entries of their own.
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 200; i++) client.send("GET", `key:${i}`);
    cluster.until(() => client.unanswered === 0);
    cluster.run(2000);
  }
  cluster.crash(0);
  cluster.settleOthers(0);
  // The machine comes back empty, so its replica is restored from a snapshot.
  cluster.wipe(0);
  const next = cluster.client(1);
  for (let i = 2000; i < 2450; i++) next.send("SET", `key:${i}`, value);
  cluster.until(() => next.unanswered === 0);
  const reads = Array.from({ length: 850 }, (_, i) => next.send("GET", `key:${i}`));
  cluster.until(() => next.unanswered === 0);
  const left = (from: number, to: number): number =>
    reads.slice(from, to).filter((sent) => sent.shown !== null).length;
  expect(left(0, 200)).toBeGreaterThan(180);
  expect(left(200, 850)).toBeLessThan(350);
  cluster.start(0);
  cluster.settle();
  cluster.checkDigests(30_000);
});

test("after a failover in the middle of a trace touches keep the hit ratio up", () => {
  const ratios = [true, false].map((touches) => {
    const cluster = traceCluster("allkeys-lru", 904);
    const range = cluster.ranges()[0]!;
    cluster.lead(range, 0);
    if (!touches) withoutTouches(cluster);
    const random = new SeededRandom(7);
    const client = cluster.client(1);
    const before = runTrace(cluster, client, random, 20_000);
    cluster.crash(0);
    cluster.settleOthers(0);
    const after = runTrace(cluster, client, random, 10_000);
    cluster.checkDigests();
    return { before, after };
  });
  const [withTouches, without] = ratios;
  expect(withTouches!.after).toBeGreaterThan(without!.after + 0.01);
  expect(withTouches!.after).toBeGreaterThan(withTouches!.before - 0.02);
  if (process.env.QUORATE_FIGURES) console.log(JSON.stringify(ratios));
});
