import { describe, expect, it } from "vitest";
import { metaRangeId } from "../../src/base/units.js";
import type { Sent, SimClient } from "../simulation/sim-client.js";
import { SimCluster } from "../simulation/sim-cluster.js";

function fill(cluster: SimCluster, client: SimClient, count: number, bytes: number, from = 0): Sent[] {
  const all = [];
  for (let i = from; i < from + count; i++) {
    all.push(client.send("SET", `f:${i}`, `${i}:${"x".repeat(bytes)}`));
    if (i % 20 === 0) cluster.run(2);
  }
  cluster.until(() => client.unanswered === 0);
  for (const sent of all) expect(sent.shown).toBe("OK");
  return all;
}

function expectFilled(cluster: SimCluster, at: number, count: number): void {
  const client = cluster.client(at);
  const reads = Array.from({ length: count }, (_, i) => client.send("GET", `f:${i}`));
  cluster.until(() => client.unanswered === 0);
  reads.forEach((read, i) => {
    expect(String(read.shown).split(":")[0]).toBe(String(i));
  });
}

/** Every replica of the cluster is a voter of every group, and nothing is fenced. */
function whole(cluster: SimCluster): boolean {
  return cluster.nodes.every(({ node }) =>
    [metaRangeId, ...cluster.ranges()].every((range) => {
      const replica = node?.engine?.replicas.get(range);
      if (replica === undefined || replica.restoring || replica.fenced) return false;
      const { voters, outgoing, learners } = replica.group.status().configuration;
      return voters.includes(replica.id) && voters.length === 3 && outgoing.length + learners.length === 0;
    }),
  );
}

describe("what was acknowledged", () => {
  for (const durability of ["fsync", "buffered"] as const)
    it(`survives a crash of all ${durability === "fsync" ? "machines" : "processes"} at once (${durability})`, () => {
      const cluster = new SimCluster({ seed: 41, durability }).boot();
      for (let round = 0; round < 3; round++) {
        const client = cluster.client(round);
        fill(cluster, client, 60, 20);
        client.send("SET", "unanswered", 1);
        cluster.run(1);
        for (const { at } of cluster.nodes) cluster.crash(at, durability === "fsync" ? "power" : "process");
        for (const { at } of cluster.nodes) cluster.start(at);
        cluster.settle();
        expectFilled(cluster, (round + 1) % 3, 60);
      }
      cluster.checkDigests();
      expect(cluster.nodes.every(({ node }) => node!.replicaSet.fenced.length === 0)).toBe(true);
    });

  it("safety 52: is served again by a node that started while its disk was full, once there is room", () => {
    const cluster = new SimCluster({ seed: 44 }).boot();
    const client = cluster.client(0);
    fill(cluster, client, 30, 20);
    cluster.crash(2);
    cluster.nodes[2]!.disk.full = true;
    cluster.start(2);
    cluster.run(5000);
    expect(cluster.nodes[2]!.started).toBe(false);
    expect(cluster.nodes[2]!.failures).toEqual([]);
    cluster.nodes[2]!.disk.full = false;
    cluster.run(2000);
    expect(cluster.nodes[2]!.started).toBe(true);
    cluster.settle();
    expectFilled(cluster, 2, 30);
    expect(whole(cluster)).toBe(true);
  });

  it("safety 47, 48: reaches a node that was down as a snapshot, once the log was compacted", () => {
    const cluster = new SimCluster({ seed: 42, logLimitBytes: 64 * 1024, ranges: 2 }).boot();
    cluster.crash(2);
    cluster.run(2000);
    cluster.settle();
    const client = cluster.client(0);
    fill(cluster, client, 300, 2000);
    cluster.run(1500);
    const compacted = cluster.ranges().map((range) => cluster.replica(0, range).group.status().firstIndex);
    expect(Math.max(...compacted)).toBeGreaterThan(10);
    cluster.start(2);
    // Writes go on while it catches up.
    fill(cluster, client, 100, 500, 300);
    cluster.settle();
    cluster.checkDigests();
    expect(cluster.nodes[2]!.log.some((line) => line.includes("snapshot installed"))).toBe(true);
    // What it holds now is its own: it starts again from snapshot and log.
    cluster.crash(2);
    cluster.start(2);
    cluster.settle();
    cluster.checkDigests();
    expect(cluster.nodes[2]!.node!.replicaSet.fenced).toEqual([]);
    for (const range of [...cluster.ranges(), metaRangeId]) cluster.lead(range, 2);
    expectFilled(cluster, 2, 400);
  });

  it("safety 43: is there after crashes in the middle of taking a snapshot", () => {
    const cluster = new SimCluster({ seed: 48, logLimitBytes: 32 * 1024, ranges: 1 }).boot();
    const machine = cluster.nodes[2]!;
    const client = cluster.client(0);
    const written: Sent[] = [];
    for (let round = 0; round < 5; round++) {
      while (machine.node!.snapshotter.taking === null) {
        const n = written.length;
        written.push(client.send("SET", `f:${n}`, `${n}:${"x".repeat(2000)}`));
        cluster.run(1);
      }
      cluster.crash(2);
      cluster.until(() => client.unanswered === 0);
      cluster.start(2);
      cluster.until(() => machine.started);
      cluster.settle();
    }
    expect(machine.log.filter((line) => line.includes("replica fenced"))).toEqual([]);
    cluster.checkDigests();
    const reader = cluster.client(2);
    const reads = written.map((_, n) => reader.send("GET", `f:${n}`));
    cluster.until(() => reader.unanswered === 0);
    // A crashed leader took some with it before anybody was told that they are written.
    expect(written.filter(({ ok }) => ok).length).toBeGreaterThan(written.length / 2);
    written.forEach(({ ok }, n) => {
      if (ok) expect(String(reads[n]!.shown).split(":")[0]).toBe(String(n));
    });
  });

  it("safety 23, 24: takes effect once in a session, over leader changes, snapshots and restarts", () => {
    const cluster = new SimCluster({ seed: 43, logLimitBytes: 64 * 1024, ranges: 2 }).boot();
    const key = cluster.keyIn(cluster.ranges()[0]!);
    let session = 0;
    cluster.nodes[0]!.service!.openSession((error, number) => {
      expect(error).toBe(null);
      session = number;
    });
    cluster.until(() => session > 0);
    const retry = (at: number): Sent => {
      const client = cluster.client(at);
      const sent = client.sendWith({ session, sequence: 1, acked: 0 }, "INCR", key);
      cluster.until(() => sent.done);
      return sent;
    };
    expect(retry(0).shown).toBe(1);
    expect(retry(1).shown).toBe(1);
    cluster.lead(cluster.ranges()[0]!, 1);
    expect(retry(0).shown).toBe(1);
    cluster.crash(2);
    cluster.run(2000);
    cluster.settle();
    fill(cluster, cluster.client(0), 200, 2000);
    cluster.run(1500);
    cluster.start(2);
    cluster.settle();
    cluster.checkDigests();
    cluster.lead(cluster.ranges()[0]!, 2);
    expect(retry(2).shown).toBe(1);
    for (const { at } of cluster.nodes) cluster.crash(at);
    for (const { at } of cluster.nodes) cluster.start(at);
    cluster.settle();
    expect(retry(0).shown).toBe(1);
    const client = cluster.client(1);
    const next = client.sendWith({ session, sequence: 2, acked: 1 }, "INCR", key);
    const pruned = client.sendWith({ session, sequence: 1, acked: 1 }, "INCR", key);
    cluster.until(() => client.unanswered === 0);
    expect([next.shown, pruned.shown]).toEqual([2, "!sequence-pruned"]);
  });
});

describe("a replica that lost what it had promised", () => {
  const losses = {
    "its log is damaged": (cluster: SimCluster) =>
      cluster.nodes[2]!.disk.damageLog(
        "a bit flipped",
        Math.floor(cluster.nodes[2]!.disk.records.length / 2),
      ),
    "its log is gone": (cluster: SimCluster) => cluster.nodes[2]!.disk.loseLog(),
    "an older copy of its log was put back": (cluster: SimCluster) => cluster.nodes[2]!.disk.rollBack(5),
  };
  for (const [what, lose] of Object.entries(losses))
    it(`safety 35, 50, 53: is replaced by a learner that becomes a full replica (${what})`, () => {
      const cluster = new SimCluster({ seed: 44 }).boot();
      fill(cluster, cluster.client(0), 50, 50);
      const before = cluster.ranges().map((range) => cluster.replica(2, range).id);
      cluster.crash(2);
      lose(cluster);
      cluster.start(2);
      cluster.run(2000);
      cluster.until(() => whole(cluster), 15_000);
      const after = cluster.ranges().map((range) => cluster.replica(2, range).id);
      for (const id of after) expect(before).not.toContain(id);
      cluster.checkDigests();
      cluster.crash(0);
      cluster.settleOthers(0);
      expectFilled(cluster, 2, 50);
    });

  it("safety 35, 40: loses its log again as a learner, and no id is ever used twice", () => {
    const cluster = new SimCluster({ seed: 47, ranges: 2 }).boot();
    fill(cluster, cluster.client(0), 50, 50);
    const node = cluster.nodes[2]!;
    const created = (): string[] => node.log.filter((line) => line.includes("new replica"));
    for (let round = 1; round <= 3; round++) {
      const before = created().length;
      cluster.crash(2);
      node.disk.damageLog("a bit flipped", Math.floor(node.disk.records.length / 2));
      cluster.start(2);
      cluster.until(() => created().length > before, 15_000);
    }
    cluster.until(() => whole(cluster), 15_000);
    const ids = created().map((line) => line.slice(line.indexOf("{")));
    expect(ids.length).toBeGreaterThan(3);
    expect(new Set(ids).size, ids.join("\n")).toBe(ids.length);
    cluster.checkDigests();
    expectFilled(cluster, 2, 50);
  });

  it.each([46, 47, 48, 49, 50, 51, 52, 53])(
    "safety 45: is replaced when the snapshot that its log begins with is gone (seed %i)",
    (seed) => {
      const cluster = new SimCluster({ seed, logLimitBytes: 64 * 1024, ranges: 2 }).boot();
      fill(cluster, cluster.client(0), 300, 2000);
      cluster.run(2000);
      cluster.crash(2);
      const { disk } = cluster.nodes[2]!;
      expect(disk.snapshots.length).toBeGreaterThan(0);
      disk.snapshots = [];
      cluster.start(2);
      cluster.run(2000);
      cluster.until(() => whole(cluster), 30_000);
      expect(cluster.nodes[2]!.log.some((line) => line.includes("replica fenced"))).toBe(true);
      cluster.checkDigests();
      expectFilled(cluster, 2, 300);
    },
  );

  it("safety 35: a node whose folder was emptied comes back as another node", () => {
    const cluster = new SimCluster({ seed: 45 }).boot();
    fill(cluster, cluster.client(0), 50, 50);
    const id = cluster.nodeId(2);
    cluster.wipe(2);
    cluster.start(2);
    cluster.until(() => cluster.nodes[2]!.started && whole(cluster), 10_000);
    expect(cluster.nodeId(2)).not.toBe(id);
    cluster.checkDigests();
    cluster.crash(0);
    cluster.settleOthers(0);
    expectFilled(cluster, 2, 50);
  });
});
