import { describe, expect, it } from "vitest";
import { SimCluster } from "../simulation/sim-cluster.js";

describe("a cluster of three nodes", () => {
  it("elects a leader for every range and serves at any gateway in one hop", () => {
    const cluster = new SimCluster({ seed: 1 }).boot();
    for (const range of cluster.ranges()) expect(cluster.leaderOf(range)).toBeGreaterThanOrEqual(0);
    for (const at of [0, 1, 2]) {
      const client = cluster.client(at);
      const all = cluster
        .ranges()
        .map((range) => [
          client.send("SET", cluster.keyIn(range), `by ${at}`),
          client.send("GET", cluster.keyIn(range)),
        ]);
      cluster.run(60);
      for (const [set, get] of all) {
        expect(set!.shown).toBe("OK");
        expect(get!.shown).toBe(`by ${at}`);
        // Two hops at 2 ms each way, a write of 1 ms and a round to a follower: a chain would take longer.
        expect(set!.tookMs).toBeLessThan(16);
      }
      expect(client.flushes).toBeGreaterThan(0);
    }
    cluster.checkDigests();
  });

  it("safety 68: idle ranges share their frames, however many they are", () => {
    const cluster = new SimCluster({ seed: 5, ranges: 32 }).boot();
    cluster.run(3000);
    let frames = 0;
    for (const { node } of cluster.nodes) {
      const { transport } = node!.options;
      const { send } = transport;
      transport.send = (to, lane, frame) => {
        if (lane !== "forward") frames++;
        return send.call(transport, to, lane, frame);
      };
    }
    cluster.run(3000);
    // A node looks at all its ranges at each tick: heartbeats one way, their replies the other, between three pairs.
    const ticks = 3000 / 15;
    expect(frames).toBeGreaterThan(ticks);
    expect(frames).toBeLessThan(ticks * 6 * 2);
  });

  for (const reads of ["lease", "quorum"] as const)
    for (const where of ["at the leader", "through a gateway"] as const)
      it(`answers 1 to SET x 1; GET x; SET x 2 in one turn, ${where}, reads=${reads}`, () => {
        const cluster = new SimCluster({ seed: 2, reads }).boot();
        const range = cluster.ranges()[1]!;
        const leader = cluster.leaderOf(range);
        const client = cluster.client(where === "at the leader" ? leader : cluster.other(leader));
        for (let i = 0; i < 20; i++) {
          const key = cluster.keyIn(range, i % 3);
          const before = client.send("DEL", key);
          const first = client.send("GET", key);
          client.send("SET", key, 1);
          const second = client.send("GET", key);
          client.send("SET", key, 2);
          if (i % 2 === 0) cluster.run(i % 5);
          const third = client.send("GET", key);
          client.send("INCR", key);
          const fourth = client.send("GET", key);
          cluster.until(() => client.unanswered === 0);
          expect([before.ok, first.shown, second.shown, third.shown, fourth.shown]).toEqual([
            true,
            null,
            "1",
            "2",
            "3",
          ]);
        }
      });

  it("lets a read wait for the earlier writes of its connection, whenever they come", () => {
    for (const reads of ["lease", "quorum"] as const) {
      const cluster = new SimCluster({ seed: 3, reads }).boot();
      const key = cluster.keyIn(cluster.ranges()[0]!);
      for (const { at } of cluster.nodes) {
        const client = cluster.client(at);
        client.send("SET", key, 0);
        const seen = [];
        for (let i = 1; i <= 100; i++) {
          client.send("SET", key, i);
          if (i % 3 === 0) cluster.run(1);
          seen.push(client.send("GET", key));
          if (i % 7 === 0) cluster.run(3);
        }
        cluster.until(() => client.unanswered === 0);
        expect(seen.map((sent) => sent.shown)).toEqual(seen.map((_, i) => String(i + 1)));
      }
    }
  });

  it("gathers MGET, MSET and DEL over several ranges in order, DBSIZE and FLUSHALL over every range", () => {
    const cluster = new SimCluster({ seed: 4 }).boot();
    const client = cluster.client(0);
    const keys = Array.from({ length: 40 }, (_, i) => `key:${i}`);
    const set = client.send("MSET", ...keys.flatMap((key, i) => [key, i]));
    const got = client.send("MGET", "none", ...keys, keys[0]!);
    const size = client.send("DBSIZE");
    cluster.until(() => client.unanswered === 0);
    expect(set.shown).toBe("OK");
    expect(got.shown).toEqual([null, ...keys.map((_, i) => String(i)), "0"]);
    expect(size.shown).toBe(40);
    const gone = client.send("DEL", ...keys.slice(0, 30), "none");
    const some = client.send("EXISTS", ...keys);
    const flushed = client.send("FLUSHALL");
    const after = client.send("DBSIZE");
    cluster.until(() => client.unanswered === 0);
    expect([gone.shown, some.shown, flushed.shown, after.shown]).toEqual([30, 10, "OK", 0]);
    cluster.checkDigests();
  });

  it("serves the same history for the same seed", () => {
    const history = (): unknown[] => {
      const cluster = new SimCluster({ seed: 5 }).boot();
      const client = cluster.client(1);
      const sent = Array.from({ length: 30 }, (_, i) => client.send("INCR", `n${i % 7}`));
      cluster.until(() => client.unanswered === 0);
      return [cluster.scheduler.nowMs, cluster.scheduler.ran, ...sent.map((each) => each.tookMs)];
    };
    expect(history()).toEqual(history());
  });
});
