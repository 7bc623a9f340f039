import { expect, test } from "vitest";
import { messageTypes } from "../../src/raft/types.js";
import { Cluster, startVoters } from "./cluster.js";
import { campaign, elect, logOf, nothing, sent } from "./paper.js";

/** The Raft paper, §5.1 basics and §5.2 leader election. */

// §5.1 Raft basics

test.each(["follower", "candidate", "leader"] as const)(
  "§5.1: a %s that sees a higher term takes it on and follows",
  (role) => {
    const cluster = startVoters(3);
    if (role === "leader") elect(cluster, 1);
    if (role === "candidate") campaign(cluster, 1);
    cluster.step({ ...nothing, from: 3, term: 9 });
    const status = cluster.group(1).status();
    expect(status).toMatchObject({ role: "follower", term: 9, leader: 3, vote: 0 });
    expect(cluster.replica(1).disk.hardState.term).toBe(9);
  },
);

test("§5.1: an append of an old term is refused with the term of today, and changes nothing", () => {
  const cluster = startVoters(3);
  cluster.step({ ...nothing, from: 3, term: 4 });
  cluster.inFlight = [];
  cluster.step({ ...nothing, from: 2, term: 3, entries: logOf([3]) });
  expect(cluster.log(1)).toEqual([]);
  for (const reply of cluster.inFlight) expect(reply).toMatchObject({ to: 2, term: 4 });
});

test("§5.1: messages of another range and for another replica are ignored", () => {
  const cluster = startVoters(3);
  const group = cluster.group(1);
  group.step(cluster.nowMs, cluster.nowMs, { ...nothing, term: 5, range: 2 });
  group.step(cluster.nowMs, cluster.nowMs, { ...nothing, term: 5, to: 3 });
  expect(group.status().term).toBe(0);
  expect(group.hasReady()).toBe(false);
});

// §5.2 Leader election

test("§5.2: replicas start as followers", () => {
  const cluster = startVoters(3);
  for (const id of [1, 2, 3])
    expect(cluster.group(id).status()).toMatchObject({ role: "follower", leader: 0 });
});

test("§5.2: a leader sends heartbeats to all others at its interval", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.inFlight = [];
  cluster.advance(75, false, [1]);
  const reached = [...sent(cluster, messageTypes.heartbeat), ...sent(cluster, messageTypes.append)];
  expect(new Set(reached.map((message) => message.to))).toEqual(new Set([2, 3]));
});

test("§5.2: a follower that hears a leader doesn't campaign; one that hears none does, between the two timeouts", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  cluster.advance(5000, true);
  expect(cluster.group(1).status()).toMatchObject({ role: "leader", term: 1 });
  cluster.isolate(1);
  cluster.inFlight = [];
  // The last heartbeat came at most one interval ago.
  cluster.advance(374, false, [2, 3]);
  expect(cluster.inFlight).toEqual([]);
  cluster.advance(526, false, [2, 3]);
  expect(sent(cluster, messageTypes.preVote).length).toBeGreaterThan(0);
});

test("§5.2: a candidate raises its term, votes for itself and asks all others", () => {
  const cluster = startVoters(3);
  cluster.advance(900, true, [1]);
  expect(cluster.group(1).status()).toMatchObject({ role: "leader", term: 1, vote: 1 });
  const other = startVoters(3);
  other.cut.add("2->1").add("3->1");
  campaign(other, 1);
  other.deliverAll();
  expect(other.group(1).status().role).not.toBe("leader");
});

test.each([
  [1, 0, true],
  [3, 1, true],
  [3, 0, false],
  [5, 2, true],
  [5, 1, false],
  [4, 1, false],
  [4, 2, true],
])("§5.2: of %i voters, %i granted votes besides the own: wins %s", (count, granted, wins) => {
  const cluster = startVoters(count);
  for (let id = 2 + granted; id <= count; id++) cluster.isolate(id);
  campaign(cluster, 1);
  cluster.deliverAll();
  expect(cluster.group(1).status().role === "leader").toBe(wins);
});

test("§5.2, safety 1: one vote per term, first come first served, and it is on disk before the reply leaves", () => {
  const cluster = startVoters(3);
  cluster.setPersist(1, false);
  cluster.step({ ...nothing, type: messageTypes.vote, from: 2, term: 1 });
  cluster.step({ ...nothing, type: messageTypes.vote, from: 3, term: 1 });
  expect(cluster.inFlight).toEqual([]);
  cluster.persist(1);
  expect(cluster.replica(1).disk.hardState).toMatchObject({ term: 1, vote: 2 });
  const replies = sent(cluster, messageTypes.voteReply);
  expect(replies.map(({ to, reject }) => [to, reject])).toEqual([
    [2, false],
    [3, true],
  ]);
});

test("§5.2, safety 1: a vote that was repeated after a restart goes to the same candidate only", () => {
  const cluster = startVoters(3);
  cluster.step({ ...nothing, type: messageTypes.vote, from: 2, term: 1 });
  cluster.crash(1);
  cluster.start(1);
  cluster.nowMs += 900;
  cluster.inFlight = [];
  cluster.step({ ...nothing, type: messageTypes.vote, from: 3, term: 1 });
  cluster.step({ ...nothing, type: messageTypes.vote, from: 2, term: 1 });
  const granted = sent(cluster, messageTypes.voteReply).filter(({ reject }) => !reject);
  expect(granted.map(({ to }) => to)).toEqual([2]);
});

test("§5.2: a candidate that hears the leader of its term follows it", () => {
  const cluster = startVoters(3);
  campaign(cluster, 1);
  const { term } = cluster.group(1).status();
  cluster.step({ ...nothing, from: 3, term: Math.max(term, 1) });
  expect(cluster.group(1).status()).toMatchObject({ role: "follower", leader: 3 });
});

test("§5.2, safety 13: election timeouts are spread over the whole interval", () => {
  const delays = new Set<number>();
  for (let i = 0; i < 50; i++) {
    const cluster = new Cluster({ randomOf: () => ({ u32: () => Math.floor((i / 50) * 2 ** 32) }) });
    cluster.add(1, { voters: [1, 2], outgoing: [], learners: [] });
    const startMs = cluster.nowMs;
    while (sent(cluster, messageTypes.preVote).length === 0) cluster.advance(10, false);
    delays.add(cluster.nowMs - startMs);
  }
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(450);
  expect(Math.max(...delays)).toBeLessThanOrEqual(910);
  expect(delays.size).toBeGreaterThan(30);
});
