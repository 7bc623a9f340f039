import { expect, test } from "vitest";
import { utf8Bytes } from "../../src/base/bytes.js";
import { entryTypes, type Message, messageTypes } from "../../src/raft/types.js";
import { startVoters } from "./cluster.js";
import { applied, campaign, elect, nothing, propose, startLogs } from "./paper.js";

/** The Raft paper, §5.5 crashes to §8 clients. */

// §5.5 Follower and candidate crashes

test("§5.5: a follower that was away gets everything; the same append twice does no harm", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.crash(3);
  for (const text of ["a", "b", "c"]) propose(cluster, 1, text);
  cluster.deliverAll();
  cluster.start(3);
  const copies: Message[] = [];
  cluster.advance(80, false, [1]);
  for (const message of cluster.inFlight) if (message.to === 3) copies.push(message);
  cluster.advance(1000, true);
  for (const message of copies) cluster.step(message);
  cluster.advance(1000, true);
  expect(applied(cluster, 3)).toEqual(["a", "b", "c"]);
  expect(cluster.leader()).toBe(1);
  expect(cluster.group(1).status().term).toBe(1);
});

// §5.6 Timing and availability

test("§5.6, safety 14: heartbeats go on while the leader's disk stands still", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.setPersist(1, false);
  propose(cluster, 1, "a");
  cluster.advance(5000, true);
  expect(cluster.group(1).status()).toMatchObject({ role: "leader", term: 1 });
  // Two followers are a majority without it.
  expect(applied(cluster, 2)).toEqual(["a"]);
});

// §6 Cluster membership changes

test("§6, safety 30: no change before an entry of the own term is committed", () => {
  const cluster = startVoters(3);
  campaign(cluster, 1);
  cluster.held.add("1->2").add("1->3");
  for (let i = 0; i < 4 && cluster.group(1).status().role !== "leader"; i++) {
    cluster.deliverLink("1->2");
    cluster.deliverAll();
  }
  expect(cluster.group(1).status()).toMatchObject({ role: "leader", ownTermCommitted: false });
  const next = { voters: [1, 2, 3], outgoing: [], learners: [4] };
  expect(cluster.on(1, (group) => group.proposeConfiguration(next)).ok).toBe(false);
  cluster.heal();
  cluster.advance(75, true);
  expect(cluster.on(1, (group) => group.proposeConfiguration(next)).ok).toBe(true);
});

test("§6, safety 31: no second change while one is in flight, by none of its steps", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.isolate(1);
  const propose = (learners: number[]) =>
    cluster.on(1, (group) => group.proposeConfiguration({ voters: [1, 2, 3], outgoing: [], learners }));
  expect(propose([4]).ok).toBe(true);
  expect(propose([5])).toEqual({ ok: false, error: { kind: "change-in-flight" } });
});

test.each([
  ["two voters changed in one step", { voters: [1, 4, 5], outgoing: [], learners: [] }],
  ["one voter changed without a joint step", { voters: [1, 2, 4], outgoing: [], learners: [] }],
  ["an outgoing half that isn't the present one", { voters: [1, 2, 4], outgoing: [1, 2], learners: [] }],
  ["nobody left to vote", { voters: [], outgoing: [1, 2, 3], learners: [] }],
  ["a voter that is a learner", { voters: [1, 2, 3], outgoing: [1, 2, 3], learners: [3] }],
])("§6: a configuration with %s is refused", (_, next) => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.advance(75, true);
  expect(cluster.on(1, (group) => group.proposeConfiguration(next))).toMatchObject({
    ok: false,
    error: { kind: "bad-configuration" },
  });
});

test("§6: a whole replacement of voters goes through joint consensus, and the old leader hands over", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  const step = (voters: number[], outgoing: number[], learners: number[]): void => {
    const leader = cluster.leader()!;
    const result = cluster.on(leader, (group) => group.proposeConfiguration({ voters, outgoing, learners }));
    expect(result).toMatchObject({ ok: true });
    cluster.advance(200, true);
  };
  cluster.advance(75, true);
  for (const id of [4, 5, 6]) cluster.add(id, { voters: [], outgoing: [], learners: [] });
  step([1, 2, 3], [], [4, 5, 6]);
  propose(cluster, 1, "a");
  step([4, 5, 6], [1, 2, 3], []);
  step([4, 5, 6], [], []);
  cluster.advance(3000, true);
  for (const id of [1, 2, 3]) cluster.crash(id);
  cluster.advance(3000, true);
  const leader = cluster.leader();
  expect([4, 5, 6]).toContain(leader);
  propose(cluster, leader!, "b");
  cluster.advance(300, true);
  for (const id of [4, 5, 6]) expect(applied(cluster, id)).toEqual(["a", "b"]);
});

test("§6, safety 33: a vote request is not even looked at while the leader is heard, whatever its term", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.advance(150, true);
  cluster.step({ ...nothing, type: messageTypes.vote, from: 3, to: 2, term: 50, index: 99, logTerm: 49 });
  expect(cluster.group(2).status()).toMatchObject({ term: 1, leader: 1 });
});

// §7 Log compaction

test("§7, safety 46: a follower far behind gets snapshot, membership and the entries after it", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.isolate(3);
  for (const text of ["a", "b", "c"]) propose(cluster, 1, text);
  cluster.deliverAll();
  const meta = cluster.takeSnapshot(1);
  expect(meta).toEqual({
    index: 4,
    term: 1,
    configuration: { voters: [1, 2, 3], outgoing: [], learners: [] },
  });
  propose(cluster, 1, "d");
  cluster.heal();
  cluster.advance(300, true);
  expect(cluster.pull(3)).toBe(true);
  cluster.advance(300, true);
  expect(applied(cluster, 3)).toEqual(["a", "b", "c", "d"]);
  expect(cluster.replica(3).disk.snapshot).toEqual(meta);
});

test("§7, safety 44: a snapshot older than the log changes nothing", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  for (const text of ["a", "b", "c"]) propose(cluster, 1, text);
  cluster.advance(150, true);
  const before = cluster.group(3).status();
  const old = { index: 2, term: 1, configuration: before.configuration };
  expect(cluster.on(3, (group) => group.installSnapshot(old))).toBe(false);
  expect(cluster.group(3).status()).toEqual(before);
});

// §8 Client interaction

test("§8, safety 4: a new leader commits a no-op, and with it what its predecessors left", () => {
  const cluster = startLogs([[1, 1], [1, 1], [1]]);
  elect(cluster, 1);
  expect(cluster.log(1).at(-1)).toMatchObject({ index: 3, type: entryTypes.noop });
  expect(cluster.group(1).status()).toMatchObject({ commit: 3, ownTermCommitted: true });
});

test("§8: only a leader takes proposals, and others name it", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.advance(75, true);
  expect(cluster.group(2).propose(utf8Bytes("a"))).toEqual({
    ok: false,
    error: { kind: "not-leader", leader: 1 },
  });
  expect(cluster.group(2).readIndex(1)).toBe(false);
  expect(cluster.group(2).leaseReadIndex(cluster.nowMs)).toBeNull();
});

test("§8: a deposed leader that doesn't know it yet answers no linearizable read", () => {
  const reads: number[] = [];
  const cluster = startVoters(3, { events: { onRead: (replica) => reads.push(replica.id) } });
  elect(cluster, 1);
  cluster.advance(150, true);
  cluster.isolate(1);
  cluster.nowMs += 450;
  elect(cluster, 2);
  propose(cluster, 2, "new");
  cluster.deliverAll();
  expect(cluster.group(1).status().role).toBe("leader");
  expect(cluster.group(1).leaseReadIndex(cluster.nowMs)).toBeNull();
  cluster.on(1, (group) => group.readIndex(1));
  cluster.deliverAll();
  expect(reads).toEqual([]);
});

test("reads: quorum gives out no lease at all", () => {
  const cluster = startVoters(3, { reads: "quorum" });
  elect(cluster, 1);
  cluster.advance(300, true);
  expect(cluster.group(1).leaseReadIndex(cluster.nowMs)).toBeNull();
  const other = startVoters(3);
  elect(other, 1);
  other.advance(300, true);
  expect(other.group(1).leaseReadIndex(other.nowMs)).toBe(1);
});
