import { expect, it } from "vitest";
import { below } from "../../src/base/random.js";
import type { Sent, SimClient } from "../simulation/sim-client.js";
import { SimCluster } from "../simulation/sim-cluster.js";

const seeds = 40;
const rounds = 5;

/** One counted step of a session's counter: retried with the same sequence until it is settled. */
interface Counter {
  readonly key: string;
  readonly session: number;
  sequence: number;
  sent: Sent | null;
  /** Answered steps. */
  counted: number;
}

function run(seed: number): { acknowledged: number; leaderChanges: number } {
  const reads = seed % 4 === 3 ? "quorum" : "lease";
  const cluster = new SimCluster({
    seed,
    reads,
    ranges: 2,
    logLimitBytes: seed % 2 === 0 ? 64 * 1024 : 16 * 1024 * 1024,
    livenessMs: 1000,
    hosts: [{ rate: 1 + (seed % 5) / 100 }, { wallMs: 1_700_000_100_000 }, { rate: 0.99 }],
  }).boot();
  const { random } = cluster;
  const clients: (SimClient | null)[] = [null, null, null];
  const client = (): SimClient | null => {
    const running = cluster.running().filter((each) => each.started);
    if (running.length === 0) return null;
    const { at } = running[below(random, running.length)]!;
    if (clients[at] === null || !cluster.nodes[at]!.clients.has(clients[at]!))
      clients[at] = cluster.client(at);
    return clients[at]!;
  };
  const counters: Counter[] = [];
  for (let i = 0; i < 3; i++)
    cluster.nodes[i]!.service!.openSession((error, session) => {
      if (error === null) counters.push({ key: `count:${i}`, session, sequence: 1, sent: null, counted: 0 });
    });
  cluster.until(() => counters.length === 3);
  const writes: { readonly key: string; readonly sent: Sent }[] = [];
  const padding = "p".repeat(1500);

  const load = (): void => {
    for (const counter of counters) {
      const { sent } = counter;
      if (sent !== null && !sent.done) continue;
      if (sent?.ok) {
        // Exactly once: each answered step is the next number.
        expect(sent.shown, `${counter.key} of seed ${seed}`).toBe(counter.sequence);
        counter.counted = counter.sequence++;
      }
      const { session, sequence, key } = counter;
      counter.sent =
        client()?.sendWith({ session, sequence, acked: sequence - 1, deadlineMs: 1500 }, "INCR", key) ?? null;
    }
    const key = `w:${writes.length}`;
    const sent = client()?.send("SET", key, `${key}:${padding}`);
    if (sent !== undefined) writes.push({ key, sent });
  };
  const spend = (durationMs: number): void => {
    for (let spentMs = 0; spentMs < durationMs; spentMs += 20) {
      load();
      cluster.run(20);
    }
  };

  for (let round = 0; round < rounds; round++) {
    const at = below(random, 3);
    const { host } = cluster.nodes[at]!;
    switch (below(random, 8)) {
      case 0:
      case 1:
        cluster.crash(at);
        break;
      case 2:
        cluster.partition(
          [at],
          [0, 1, 2].filter((each) => each !== at),
        );
        break;
      case 3:
        if (cluster.nodes[at]!.node !== null) cluster.pause(at);
        break;
      case 4:
        cluster.network.block(cluster.nodes[at]!.address, cluster.nodes[(at + 1) % 3]!.address);
        break;
      case 5:
        for (const each of cluster.nodes) cluster.crash(each.at);
        break;
      case 6:
        host.jumpWall(below(random, 2_000_000) - 1_000_000);
        break;
      default:
        cluster.heal();
    }
    spend(60 + below(random, 300));
    if (below(random, 2) === 0) {
      cluster.heal();
      for (const each of cluster.nodes) {
        cluster.resume(each.at);
        if (each.node === null) cluster.start(each.at);
      }
      spend(100 + below(random, 900));
    }
  }

  cluster.heal();
  for (const each of cluster.nodes) {
    cluster.resume(each.at);
    if (each.node === null) cluster.start(each.at);
  }
  cluster.settle(20_000);
  cluster.until(
    () => writes.every(({ sent }) => sent.done) && counters.every(({ sent }) => sent?.done ?? true),
    6000,
  );
  for (const { sent } of writes)
    expect(sent.done, `${sent.text} of seed ${seed} never got its reply`).toBe(true);
  for (const counter of counters) expect(counter.sent?.done ?? true).toBe(true);
  const reader = cluster.client(below(random, 3));
  const found = writes.map(({ key }) => reader.send("GET", key));
  const counts = counters.map(({ key }) => reader.send("GET", key));
  cluster.until(() => reader.unanswered === 0);
  writes.forEach(({ key, sent }, i) => {
    const there = found[i]!.shown === `${key}:${padding}`;
    if (sent.ok) expect(there, `${key} of seed ${seed} was acknowledged`).toBe(true);
    else if (sent.error !== null && sent.error !== "outcome-unknown")
      expect(there, `${key} of seed ${seed} was refused by ${sent.error}`).toBe(false);
  });
  counters.forEach((counter, i) => {
    const last = counter.sent?.ok ? counter.sequence : counter.counted;
    const value = Number(counts[i]!.shown ?? 0);
    expect(value, `${counter.key} of seed ${seed}`).toBeGreaterThanOrEqual(last);
    expect(value, `${counter.key} of seed ${seed}`).toBeLessThanOrEqual(counter.sequence);
  });
  cluster.checkDigests();
  const terms = cluster.ranges().map((range) => cluster.replica(0, range).group.status().term);
  return { acknowledged: writes.filter(({ sent }) => sent.ok).length, leaderChanges: Math.max(...terms) };
}

it("safety 1, 4, 16, 23, 26, 47: random crashes, partitions and pauses lose nothing and count nothing twice", () => {
  let acknowledged = 0;
  let leaderChanges = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const result = run(seed);
    acknowledged += result.acknowledged;
    leaderChanges += result.leaderChanges;
  }
  expect(acknowledged).toBeGreaterThan(seeds * 20);
  expect(leaderChanges).toBeGreaterThan(seeds * 2);
}, 60_000);
