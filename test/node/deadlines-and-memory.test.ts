import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/limits.js";
import type { Sent, SimClient } from "../simulation/sim-client.js";
import { SimCluster } from "../simulation/sim-cluster.js";

describe("deadlines of keys", () => {
  it("safety 25, 61: an expired key is gone on every replica at the same index", () => {
    const cluster = new SimCluster({ seed: 51, hosts: [{ rate: 1.02 }, {}, { rate: 0.98 }] }).boot();
    const client = cluster.client(0);
    const keys = Array.from({ length: 40 }, (_, i) => `t:${i}`);
    for (const key of keys) client.send("SET", key, 1, "PX", 200 + Number(key.slice(2)) * 10);
    cluster.until(() => client.unanswered === 0);
    for (let i = 0; i < 6; i++) {
      cluster.run(100);
      cluster.checkDigests();
    }
    cluster.run(1000);
    cluster.checkDigests();
    for (const { service } of cluster.nodes) expect(service!.statistics().keys).toBe(0);
  });

  it("a read that meets a due deadline waits for a clock entry, and finds nothing", () => {
    for (const reads of ["lease", "quorum"] as const) {
      const cluster = new SimCluster({ seed: 52, reads }).boot();
      for (const { at } of cluster.nodes) {
        const client = cluster.client(at);
        const set = client.send("SET", `due:${at}`, 1, "PX", 100);
        cluster.until(() => set.done);
        cluster.run(60);
        const early = client.send("GET", `due:${at}`);
        cluster.run(60);
        const late = client.send("GET", `due:${at}`);
        cluster.until(() => client.unanswered === 0);
        expect([early.shown, late.shown]).toEqual(["1", null]);
      }
    }
  });

  it("a read whose key falls due while it waits is not overtaken by its connection's later write", () => {
    const cluster = new SimCluster({ seed: 53 }).boot();
    const range = cluster.ranges()[0]!;
    const leader = cluster.leaderOf(range);
    const client = cluster.client(leader);
    const [due, other] = [cluster.keyIn(range, 1), cluster.keyIn(range, 2)];
    for (let afterMs = 90; afterMs < 110; afterMs += 1) {
      const set = client.send("SET", due, "old", "PX", 100);
      cluster.until(() => set.done);
      cluster.run(afterMs - set.tookMs);
      client.send("SET", other, 1);
      cluster.run(1);
      const read = client.send("GET", due);
      cluster.run(1);
      client.send("SET", due, "new");
      cluster.until(() => client.unanswered === 0);
      expect([null, "old"]).toContain(read.shown);
    }
  });

  it("safety 22, 61: neither a wall clock far ahead nor an election shortens a time to live", () => {
    const ahead = 1_700_000_000_000 + 3_600_000;
    const cluster = new SimCluster({ seed: 54, hosts: [{ wallMs: ahead }, {}, {}] }).boot();
    const range = cluster.ranges()[0]!;
    const key = cluster.keyIn(range);
    cluster.lead(range, 1);
    const client = cluster.client(1);
    const set = client.send("SET", key, 1, "PX", 20_000);
    cluster.until(() => set.done);
    const setAtMs = cluster.scheduler.nowMs;
    cluster.lead(range, 0);
    cluster.run(3000);
    cluster.nodes[0]!.host.jumpWall(3_600_000);
    // Everybody restarts: the fast clock alone must not decide where time goes on.
    for (const { at } of cluster.nodes) cluster.crash(at);
    for (const { at } of cluster.nodes) cluster.start(at);
    cluster.settle();
    cluster.lead(range, 0);
    const reader = cluster.client(1);
    while (cluster.scheduler.nowMs - setAtMs < 19_500) {
      const read = reader.send("GET", key);
      cluster.until(() => read.done);
      expect(read.shown).toBe("1");
      cluster.run(500);
    }
    cluster.checkDigests();
  });

  it("safety 16, 61: a process that was stopped takes what it finds in its buffers for what it is: not of the past", () => {
    const cluster = new SimCluster({ seed: 56 }).boot();
    const range = cluster.ranges()[0]!;
    const key = cluster.keyIn(range);
    const write = (client: SimClient): Sent => {
      for (;;) {
        const set = client.send("SET", key, 1, "PX", 1800);
        cluster.until(() => set.done);
        if (set.ok) return set;
      }
    };
    for (let phase = 0; phase < 5; phase++) {
      cluster.lead(range, 1);
      cluster.run(phase * 20);
      cluster.pause(0);
      cluster.run(2000);
      cluster.resume(0);
      cluster.run(300);
      const set = write(cluster.client(1));
      // What the node believes of the time counts once it leads.
      cluster.lead(range, 0);
      const read = cluster.client(0).send("GET", key);
      cluster.until(() => read.done);
      expect(cluster.scheduler.nowMs - set.sentAtMs).toBeLessThan(1750);
      expect(read.shown, `phase ${phase}`).toBe("1");
    }
  });

  it("safety 61: a deposed leader's entries don't move the time of the range", () => {
    const cluster = new SimCluster({ seed: 55 }).boot();
    const range = cluster.ranges()[0]!;
    const key = cluster.keyIn(range);
    cluster.lead(range, 0);
    const old = cluster.client(0);
    const set = old.send("SET", key, 1, "PX", 3000);
    cluster.until(() => set.done);
    cluster.partition([0], [1, 2]);
    cluster.nodes[0]!.host.jumpWall(3_600_000);
    old.send("SET", cluster.keyIn(range, 1), "late");
    cluster.run(1500);
    cluster.heal();
    cluster.settle();
    const client = cluster.client(1);
    const read = client.send("GET", key);
    cluster.until(() => read.done);
    expect(read.shown).toBe("1");
    cluster.run(2500);
    const gone = client.send("GET", key);
    cluster.until(() => gone.done);
    expect(gone.shown).toBe(null);
    cluster.checkDigests();
  });
});

describe("bounds", () => {
  it("refuses writes with out-of-memory at the limit, while DEL works, the same on every replica", () => {
    const cluster = new SimCluster({ seed: 61, ranges: 2, maxmemoryBytes: 1024 * 1024 }).boot();
    cluster.run(2000);
    const client = cluster.client(0);
    const all = Array.from({ length: 600 }, (_, i) => client.send("SET", `m:${i}`, "x".repeat(4000)));
    cluster.until(() => client.unanswered === 0);
    const refused = all.filter((sent) => sent.error === "out-of-memory");
    expect(refused.length).toBeGreaterThan(100);
    expect(refused.length + all.filter((sent) => sent.ok).length).toBe(all.length);
    for (const { service } of cluster.nodes) {
      const { chargedBytes, limitBytes } = service!.statistics();
      expect(limitBytes).toBeGreaterThan(0);
      expect(limitBytes).toBeLessThanOrEqual(1024 * 1024);
      expect(chargedBytes).toBeLessThanOrEqual(limitBytes);
    }
    const first = all.findIndex((sent) => sent.error === "out-of-memory");
    const gone = client.send("DEL", ...Array.from({ length: 300 }, (_, i) => `m:${i}`));
    const again = client.send("SET", `m:${first}`, "fits");
    cluster.until(() => client.unanswered === 0);
    expect(Number(gone.shown)).toBeGreaterThan(50);
    expect(again.shown).toBe("OK");
    cluster.checkDigests();
  });

  it("safety 65, 66: refuses as busy what a leader without a quorum can't hold", () => {
    const cluster = new SimCluster({ seed: 62, ranges: 1 }).boot();
    const range = cluster.ranges()[0]!;
    cluster.lead(range, 0);
    const client = cluster.client(0);
    cluster.partition([0], [1, 2]);
    const value = new Uint8Array(8 * 1024 * 1024);
    const all = [];
    for (let i = 0; i < 14; i++) {
      all.push(client.send("SET", `big:${i}`, value));
      cluster.run(1);
    }
    cluster.run(10);
    const busy = all.filter((sent) => sent.error === "busy");
    expect(busy.length).toBeGreaterThan(3);
    expect(cluster.replica(0, range).group.status().uncommittedBytes).toBeLessThanOrEqual(
      limits.uncommittedNodeBytes + value.length,
    );
    for (const sent of all) if (sent.done) expect(sent.error).toBe("busy");
  });
});
