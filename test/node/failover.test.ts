import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/limits.js";
import { consistencyLevels } from "../../src/commands/command-codec.js";
import { forwardTypes } from "../../src/node/forward-codec.js";
import { SimCluster } from "../simulation/sim-cluster.js";

const any = { level: consistencyLevels.any } as const;
const leaseMs = 0.8 * limits.electionMinMs;
const bounded = (ms: number) => ({ level: consistencyLevels.bounded, levelA: ms }) as const;

/** A booted cluster whose first range is led by node 0, with key 0 of it holding "old". */
function ledByFirst(seed: number, options: { reads?: "lease" | "quorum"; nodes?: number } = {}) {
  const cluster = new SimCluster({ seed, ...options }).boot();
  const range = cluster.ranges()[0]!;
  const key = cluster.keyIn(range);
  cluster.lead(range, 0);
  const client = cluster.client(0);
  client.send("SET", key, "old");
  cluster.until(() => client.unanswered === 0);
  return { cluster, range, key, client };
}

describe("a leader that was frozen", () => {
  for (const kind of ["stopped process", "sleeping machine", "sleeping machine, wall clock alone"] as const)
    it(`safety 16, 21: serves no stale lease read afterwards (${kind})`, () => {
      const { cluster, range, key, client } = ledByFirst(11);
      const { host } = cluster.nodes[0]!;
      if (kind === "stopped process") host.pause();
      else host.sleep();
      // It reaches the process in the first callback after the freeze, before any timer of the lease.
      const frozen = client.send("GET", key);
      cluster.until(() => cluster.leaderOf(range) > 0);
      cluster.settleOthers(0);
      const writer = cluster.client(cluster.other(0));
      const write = writer.send("SET", key, "new");
      cluster.until(() => write.done);
      expect(write.shown).toBe("OK");
      const late = client.send("GET", key);
      host.resume();
      const next = client.send("GET", key);
      cluster.until(() => client.unanswered === 0);
      for (const read of [frozen, late, next]) expect(read.shown).not.toBe("old");
      cluster.settle();
      cluster.checkDigests();
    });

  for (const kind of ["stopped process", "sleeping machine"] as const)
    it(`safety 16, 75: a follower that was frozen tells no bounded read that its state is fresh (${kind})`, () => {
      const { cluster, range, key } = ledByFirst(17);
      cluster.run(1000);
      const follower = cluster.client(1);
      const { host } = cluster.nodes[1]!;
      if (kind === "stopped process") host.pause();
      else host.sleep();
      // It reaches the process in the first callback after the freeze.
      const frozen = follower.sendWith(bounded(1000), "GET", key);
      cluster.run(4000);
      const write = cluster.client(cluster.leaderOf(range)).send("SET", key, "new");
      cluster.until(() => write.done);
      cluster.run(2000);
      host.resume();
      cluster.until(() => frozen.done);
      expect(frozen.shown).not.toBe("old");
    });

  it("safety 16: a short freeze costs nothing but time", () => {
    const { cluster, key, client } = ledByFirst(12);
    cluster.pause(0);
    cluster.run(100);
    const read = client.send("GET", key);
    cluster.resume(0);
    cluster.until(() => read.done);
    expect(read.shown).toBe("old");
  });
});

describe("a partition", () => {
  it("refuses writes and linearizable reads in the minority within 900 ms and more, serves weaker ones as stale", () => {
    const { cluster, range, key } = ledByFirst(13);
    const minority = cluster.client(0);
    cluster.run(500);
    cluster.partition([0], [1, 2]);
    const cutAtMs = cluster.scheduler.nowMs;
    const write = minority.send("SET", key, "lost?");
    const read = minority.send("GET", key);
    cluster.until(() => minority.unanswered === 0, 7000);
    // It was proposed, so nobody can tell.
    expect(write.error).toBe("outcome-unknown");
    expect(read.shown).not.toBe("old");
    cluster.run(2000);
    const lateWrite = minority.send("SET", key, "x");
    const lateRead = minority.send("GET", key);
    cluster.until(() => minority.unanswered === 0, 50);
    expect([lateWrite.error, lateRead.error]).toEqual(["no-leader", "no-leader"]);
    const weak = minority.sendWith(any, "GET", key);
    const close = minority.sendWith(bounded(300), "GET", key);
    const far = minority.sendWith(bounded(600_000), "GET", key);
    cluster.until(() => minority.unanswered === 0, 50);
    expect(weak.shown).toBe("old");
    expect(weak.freshness?.stale).toBe(true);
    expect(close.error).toBe("too-stale");
    // It led until the cut, and tells its age from its own last proof of that: its lease outlasts the cut a little.
    expect(far.shown).toBe("old");
    const sinceCutMs = cluster.scheduler.nowMs - cutAtMs;
    for (const { freshness } of [weak, far]) {
      expect(freshness!.ageMs).toBeGreaterThan(sinceCutMs - leaseMs);
      expect(freshness!.ageMs).toBeLessThan(sinceCutMs + 200);
    }
    const majority = cluster.client(1);
    const there = majority.send("SET", key, "new");
    cluster.until(() => there.done, 2000);
    expect(there.shown).toBe("OK");
    cluster.heal();
    cluster.settle();
    const healed = minority.send("GET", key);
    cluster.until(() => healed.done);
    expect(healed.shown).toBe("new");
    expect(cluster.leaderOf(range)).toBeGreaterThanOrEqual(0);
    cluster.checkDigests();
  });

  it("says how old a follower's answer is, and refuses one that is older than asked", () => {
    const { cluster, key } = ledByFirst(14);
    cluster.run(1000);
    const follower = cluster.client(1);
    const fresh = follower.sendWith(bounded(500), "GET", key);
    cluster.until(() => fresh.done, 20);
    expect(fresh.shown).toBe("old");
    expect(fresh.freshness).toMatchObject({ stale: true });
    expect(fresh.freshness!.ageMs).toBeLessThan(300);
    cluster.partition([1], [0, 2]);
    cluster.run(5000);
    const old = follower.sendWith(any, "GET", key);
    const within = follower.sendWith(bounded(60_000), "GET", key);
    const beyond = follower.sendWith(bounded(3000), "GET", key);
    cluster.until(() => follower.unanswered === 0, 20);
    expect(old.freshness!.ageMs).toBeGreaterThanOrEqual(5000);
    expect(old.freshness!.ageMs).toBeLessThan(5400);
    expect(within.shown).toBe("old");
    expect(beyond.error).toBe("too-stale");
  });

  it("says how old answers are without leases too", () => {
    const { cluster, key } = ledByFirst(15, { reads: "quorum" });
    cluster.run(1000);
    for (const at of [0, 1]) {
      const client = cluster.client(at);
      const fresh = client.sendWith(bounded(500), "GET", key);
      cluster.until(() => fresh.done, 20);
      expect(fresh.shown).toBe("old");
      expect(fresh.freshness!.ageMs).toBeLessThan(400);
    }
    cluster.partition([1], [0, 2]);
    const cutAtMs = cluster.scheduler.nowMs;
    cluster.run(3000);
    const follower = cluster.client(1);
    const old = follower.sendWith(any, "GET", key);
    const beyond = follower.sendWith(bounded(2500), "GET", key);
    cluster.until(() => follower.unanswered === 0, 20);
    expect(old.freshness!.ageMs).toBeGreaterThanOrEqual(cluster.scheduler.nowMs - cutAtMs - 1);
    expect(old.freshness!.ageMs).toBeLessThan(3500);
    expect(beyond.error).toBe("too-stale");
  });

  it("refuses in a minority gateway at the latest 900 ms after its follower missed the leader", () => {
    const { cluster, key } = ledByFirst(15);
    const gateway = cluster.client(1);
    cluster.run(300);
    cluster.partition([1], [0, 2]);
    cluster.run(2000);
    const write = gateway.send("SET", key, "x");
    const read = gateway.send("GET", key);
    cluster.run(50);
    expect([write.shown, read.shown]).toEqual(["!no-leader", "!no-leader"]);
  });

  it("answers a read that was placed behind a write of a leader without a quorum by its deadline", () => {
    const { cluster, key, client } = ledByFirst(16);
    cluster.partition([0], [1, 2]);
    const write = client.send("SET", key, "x");
    const read = client.send("GET", key);
    cluster.until(() => client.unanswered === 0, 6000);
    expect(write.error).toBe("outcome-unknown");
    expect(read.ok).toBe(false);
    expect(read.error).not.toBe("outcome-unknown");
  });
});

describe("outcomes", () => {
  it("safety 26: keeps completions after stepping down until their index commits, and tells the real reply", () => {
    const { cluster, range, key, client } = ledByFirst(21);
    // The entry reaches node 1 but nobody's answer comes back.
    cluster.network.block(cluster.nodes[1]!.address, cluster.nodes[0]!.address);
    cluster.network.block(cluster.nodes[2]!.address, cluster.nodes[0]!.address);
    const write = client.send("INCR", `${key}:n`.replace(/.*/, cluster.keyIn(range, 1)));
    cluster.run(20);
    cluster.network.block(cluster.nodes[0]!.address, cluster.nodes[1]!.address);
    cluster.network.block(cluster.nodes[0]!.address, cluster.nodes[2]!.address);
    cluster.until(() => cluster.leaderOf(range) > 0, 4000);
    expect(write.done).toBe(false);
    cluster.heal();
    cluster.until(() => write.done, 4000);
    expect(write.shown).toBe(1);
    cluster.checkDigests();
  });

  it("safety 26: tells a definite error once another term's entry stands at the index", () => {
    const { cluster, range, client } = ledByFirst(22);
    cluster.partition([0], [1, 2]);
    const key = cluster.keyIn(range, 1);
    const write = client.send("SET", key, "never");
    cluster.until(() => cluster.leaderOf(range) > 0, 4000);
    const there = cluster.client(1);
    const other = there.send("SET", cluster.keyIn(range, 2), 1);
    cluster.until(() => other.done, 4000);
    cluster.heal();
    cluster.until(() => write.done, 4000);
    expect(write.error).toBe("not-leader");
    cluster.settle();
    const read = client.send("GET", key);
    cluster.until(() => read.done);
    expect(read.shown).toBe(null);
  });

  it("safety 26: tells unknown for a write that was sent to a leader which then fell silent", () => {
    const { cluster, range, key } = ledByFirst(23);
    const gateway = cluster.client(1);
    cluster.pause(0);
    const write = gateway.send("SET", key, "maybe");
    cluster.until(() => cluster.leaderOf(range) > 0, 4000);
    cluster.until(() => write.done, 6000);
    expect(["outcome-unknown", "OK"]).toContain(write.error ?? write.shown);
    cluster.resume(0);
    cluster.settle();
    cluster.checkDigests();
  });

  it("safety 26: a write whose deadline passes before any leader came is refused for good", () => {
    const { cluster, range } = ledByFirst(24);
    const key = cluster.keyIn(range, 1);
    const gateway = cluster.client(1);
    cluster.crash(0);
    cluster.run(15);
    const write = gateway.sendWith({ deadlineMs: 30 }, "SET", key, 1);
    cluster.until(() => write.done, 300);
    expect(["deadline", "outcome-unknown"]).toContain(write.error);
    cluster.start(0);
    cluster.settle();
    const read = gateway.send("GET", key);
    cluster.until(() => read.done);
    if (write.error === "deadline") expect(read.shown).toBe(null);
  });

  it("sends what was held without a leader to the new one, in order", () => {
    const { cluster, range } = ledByFirst(25);
    const key = cluster.keyIn(range, 1);
    const gateway = cluster.client(1);
    const warm = gateway.send("SET", key, "");
    cluster.until(() => warm.done);
    cluster.crash(0);
    cluster.run(8);
    const appended = [];
    for (let i = 0; i < 40; i++) {
      appended.push(gateway.send("APPEND", key, `${i},`));
      if (i % 4 === 0) cluster.run(3);
    }
    const read = gateway.send("GET", key);
    cluster.until(() => gateway.unanswered === 0, 6000);
    const shown = String(read.shown).split(",").filter(Boolean).map(Number);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
    for (let i = 0; i < appended.length; i++) {
      if (appended[i]!.ok) expect(shown).toContain(i);
      else if (appended[i]!.error !== "outcome-unknown") expect(shown).not.toContain(i);
    }
    expect(appended.filter((each) => each.ok).length).toBeGreaterThan(20);
  });

  it("keeps a connection's order over changes of leadership", () => {
    const { cluster, range } = ledByFirst(26);
    const key = cluster.keyIn(range, 1);
    for (const at of [0, 1, 2]) {
      const client = cluster.client(at);
      const start = client.send("SET", key, "");
      cluster.until(() => start.done);
      const appended = [];
      for (let i = 0; i < 300; i++) {
        if (i % 50 === 10) {
          const from = cluster.leaderOf(range);
          if (from >= 0)
            cluster.replica(from, range).group.transferLeadership(cluster.replica((from + 1) % 3, range).id);
        }
        appended.push(client.send("APPEND", key, `${i},`));
        cluster.run(i % 3);
      }
      const read = client.send("GET", key);
      cluster.until(() => client.unanswered === 0, 8000);
      const shown = String(read.shown).split(",").filter(Boolean).map(Number);
      expect(shown).toEqual([...shown].sort((a, b) => a - b));
      expect(appended.filter((each) => each.ok).length).toBeGreaterThan(200);
      for (let i = 0; i < appended.length; i++) if (appended[i]!.ok) expect(shown).toContain(i);
    }
    cluster.checkDigests();
  });

  it("reports a command over several ranges as unknown when one part failed", () => {
    const { cluster, range } = ledByFirst(27);
    cluster.lead(cluster.ranges()[1]!, 1);
    const client = cluster.client(1);
    const there = cluster.keyIn(cluster.ranges()[1]!);
    // Only the part for node 0 is lost on its way.
    cluster.network.block(cluster.nodes[0]!.address, cluster.nodes[1]!.address);
    const both = client.sendWith({ deadlineMs: 400 }, "MSET", cluster.keyIn(range, 1), 1, there, 2);
    cluster.until(() => both.done, 3000);
    expect(both.error).toBe("outcome-unknown");
  });
});

describe("stopping a node", () => {
  it("hands leaderships over: nothing waits longer than a transfer", () => {
    const { cluster, range } = ledByFirst(31);
    for (const each of cluster.ranges()) cluster.lead(each, 0);
    const clients = [1, 2].map((at) => cluster.client(at));
    const keys = cluster.ranges().map((each) => cluster.keyIn(each, 1));
    const all = clients.flatMap((client) => keys.map((key) => client.send("INCR", key)));
    let stopped = false;
    cluster.nodes[0]!.node!.stop(() => {
      stopped = true;
    });
    while (!stopped) {
      for (const client of clients) for (const key of keys) all.push(client.send("INCR", key));
      cluster.run(5);
    }
    cluster.run(400);
    for (const sent of all) {
      expect(sent.shown, sent.text).toEqual(expect.any(Number));
      expect(sent.tookMs).toBeLessThan(150);
    }
    expect(all.length).toBeGreaterThan(50);
    expect(cluster.leaderOf(range)).toBeGreaterThan(0);
  });
});

// With one replica per range, a node hears who leads from the leader's announcements alone.
describe("the announcement of a leader", () => {
  it("is known after streams broke, though it comes before the receiver hears that its stream works", () => {
    const cluster = new SimCluster({ seed: 41, replicationFactor: 1 }).boot();
    // Each end hears of a new stream up to 400 ms after the other: the receiver looks after its routes meanwhile.
    cluster.network.setDelay(0.1, 400);
    const [one, other] = cluster.nodes;
    for (let round = 0; round < 20; round++) {
      cluster.network.breakSessions(one!.address, other!.address);
      cluster.run(2000);
      cluster.settle(3000);
    }
  });

  it("is made again when it didn't find room in a stream's queue", () => {
    const cluster = new SimCluster({ seed: 42, replicationFactor: 1 }).boot();
    const [one, other] = cluster.nodes;
    const { transport } = one!.node!.options;
    const send = transport.send.bind(transport);
    let dropped = 0;
    transport.send = (to, lane, frame) => {
      if (lane !== "forward" || frame[0] !== forwardTypes.leaders || dropped > 0)
        return send(to, lane, frame);
      dropped++;
      return false;
    };
    cluster.network.breakSessions(one!.address, other!.address);
    cluster.until(() => dropped > 0);
    cluster.settle(3000);
  });
});
