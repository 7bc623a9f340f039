import { expect, test } from "vitest";
import { messageTypes } from "../../src/raft/types.js";
import { startVoters } from "./cluster.js";
import { applied, campaign, elect, logOf, nothing, propose, sent, startLogs, terms } from "./paper.js";

/** The Raft paper, §5.3 log replication and §5.4 safety. */

// §5.3 Log replication

test("§5.3: an entry is committed once a majority holds it, and followers learn it with what comes next", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  propose(cluster, 1, "a");
  expect(applied(cluster, 1)).toEqual([]);
  cluster.isolate(3);
  cluster.deliverAll();
  expect(applied(cluster, 1)).toEqual(["a"]);
  cluster.heal();
  cluster.advance(150, true);
  expect(applied(cluster, 2)).toEqual(["a"]);
  expect(applied(cluster, 3)).toEqual(["a"]);
});

test.each([
  [3, 1, true],
  [3, 0, false],
  [5, 2, true],
  [5, 1, false],
  [5, 4, true],
])(
  "§5.3: of %i replicas, %i acknowledge besides the leader: committed %s",
  (count, acknowledging, commits) => {
    const cluster = startVoters(count);
    elect(cluster, 1);
    for (let id = 2 + acknowledging; id <= count; id++) cluster.isolate(id);
    propose(cluster, 1, "a");
    cluster.deliverAll();
    expect(applied(cluster, 1)).toEqual(commits ? ["a"] : []);
  },
);

test("§5.3: entries are applied in log order on every replica", () => {
  const cluster = startVoters(3);
  elect(cluster, 1);
  const texts = Array.from({ length: 50 }, (_, i) => `e${i}`);
  for (const text of texts) propose(cluster, 1, text);
  cluster.advance(300, true);
  for (const id of [1, 2, 3]) expect(applied(cluster, id)).toEqual(texts);
});

test("§5.3: a follower refuses entries that don't fit its log, and says where to look", () => {
  const cluster = startLogs([[1, 1, 2], [], []]);
  cluster.step({ ...nothing, term: 3, index: 3, logTerm: 1, entries: [] });
  cluster.step({ ...nothing, term: 3, index: 9, logTerm: 3, entries: [] });
  const replies = sent(cluster, messageTypes.appendReply);
  expect(replies.map(({ reject }) => reject)).toEqual([true, true]);
  for (const { hintIndex } of replies) expect(hintIndex).toBeLessThanOrEqual(3);
  expect(terms(cluster, 1)).toEqual([1, 1, 2]);
});

test.each([
  { at: "2/2", index: 2, logTerm: 2, entries: [3], want: [1, 2, 3] },
  { at: "1/1", index: 1, logTerm: 1, entries: [3, 4], want: [1, 3, 4] },
  { at: "0/0", index: 0, logTerm: 0, entries: [1], want: [1, 2] },
  { at: "0/0", index: 0, logTerm: 0, entries: [3], want: [3] },
])(
  "§5.3: entries after $at replace only what conflicts with them: $want",
  ({ index, logTerm, entries, want }) => {
    const cluster = startLogs([[1, 2], [], []]);
    const run = entries.map((term, i) => ({ ...logOf([term])[0]!, index: index + 1 + i }));
    cluster.step({ ...nothing, term: 5, index, logTerm, entries: run });
    expect(terms(cluster, 1)).toEqual(want);
    expect(cluster.replica(1).disk.entries.map(({ term }) => term)).toEqual(want);
  },
);

// Figure 7: what logs may look like when a leader of term 8 comes to power.
const leaderLog = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
test.each([
  ["a", [1, 1, 1, 4, 4, 5, 5, 6, 6]],
  ["b", [1, 1, 1, 4]],
  ["c", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
  ["d", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
  ["e", [1, 1, 1, 4, 4, 4, 4]],
  ["f", [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
])("§5.3, figure 7 (%s): the leader makes the follower's log its own", (_, log) => {
  // The third replica's vote makes the leader; the follower may refuse, as in the figure.
  const cluster = startLogs([leaderLog, log, []]);
  cluster.isolate(2);
  elect(cluster, 1);
  cluster.heal();
  cluster.advance(1000, true);
  expect(cluster.leader()).toBe(1);
  expect(cluster.log(2)).toEqual(cluster.log(1));
  expect(terms(cluster, 2).slice(0, 10)).toEqual(leaderLog);
});

test("§5.3, safety 6: a follower commits what the leader committed, up to the last entry it was shown", () => {
  const cluster = startLogs([[1, 1, 1], [], []]);
  cluster.step({ ...nothing, term: 2, index: 1, logTerm: 1, commit: 3, entries: [] });
  expect(cluster.group(1).status().commit).toBe(1);
  cluster.step({
    ...nothing,
    term: 2,
    index: 2,
    logTerm: 1,
    commit: 9,
    entries: [{ ...logOf([2])[0]!, index: 3 }],
  });
  expect(cluster.group(1).status().commit).toBe(3);
});

// §5.4 Safety

test.each([
  { candidate: [1, 1], voter: [1], granted: true, why: "longer" },
  { candidate: [1], voter: [1], granted: true, why: "the same" },
  { candidate: [1], voter: [1, 1], granted: false, why: "shorter" },
  { candidate: [2], voter: [1, 1, 1], granted: true, why: "of a later term, though shorter" },
  { candidate: [1, 1, 1], voter: [2], granted: false, why: "of an earlier term, though longer" },
])(
  "§5.4.1, safety 2: a candidate whose log is $why: vote granted $granted",
  ({ candidate, voter, granted }) => {
    const cluster = startLogs([voter, candidate]);
    cluster.step({
      ...nothing,
      type: messageTypes.vote,
      term: 5,
      index: candidate.length,
      logTerm: candidate.at(-1)!,
    });
    const [reply] = sent(cluster, messageTypes.voteReply);
    expect(reply).toMatchObject({ to: 2, term: 5, reject: !granted });
    expect(cluster.replica(1).disk.hardState).toMatchObject({ term: 5, vote: granted ? 2 : 0 });
  },
);

test("§5.4.2, safety 3, figure 8: an old entry on a majority isn't committed, and may still be overwritten", () => {
  // Of five, 1 led term 2 and 5 led term 3, each getting its entry to some; now 1 leads again.
  const cluster = startLogs([[1, 2], [1, 2], [1], [1], [1, 3]], { maxAppendBytes: 1 });
  for (const id of [4, 5]) cluster.isolate(id);
  for (const from of [1, 2, 3, 4, 5]) cluster.held.add(`1->${from}`);
  cluster.nowMs += 1;
  campaign(cluster, 1);
  for (let rounds = 0; rounds < 10 && cluster.group(1).status().role !== "leader"; rounds++) {
    for (const to of [2, 3]) {
      cluster.deliverLink(`1->${to}`);
      cluster.deliverAll();
    }
    if (cluster.group(1).status().role === "follower") campaign(cluster, 1);
  }
  expect(cluster.group(1).status().role).toBe("leader");
  // (c) The entry of term 2 gets to 3: a majority holds it, and 1 knows. The no-op of the new term is on two only.
  cluster.deliverLink("1->2", 1);
  for (let rounds = 0; rounds < 10 && terms(cluster, 3).length < 2; rounds++) {
    cluster.deliverLink("1->3", 1);
    cluster.deliverAll();
  }
  const { term } = cluster.group(1).status();
  expect(terms(cluster, 2)).toEqual([1, 2, term]);
  expect(terms(cluster, 3)).toEqual([1, 2]);
  expect(
    cluster
      .group(1)
      .progress()
      .filter(({ match }) => match >= 2).length,
  ).toBe(3);
  expect(cluster.group(1).status().commit).toBe(0);
  // (d) 5 is elected by 3 and 4 and overwrites it.
  cluster.inFlight = [];
  cluster.crash(1);
  cluster.heal();
  cluster.nowMs += 450;
  elect(cluster, 5);
  cluster.advance(300, true);
  expect(terms(cluster, 3).slice(0, 2)).toEqual([1, 3]);
  expect(cluster.group(2).status().commit).toBe(terms(cluster, 5).length);
});

test("§5.4.2, figure 8 (e): with an entry of its own term on a majority the old ones are committed as well", () => {
  const cluster = startLogs([[1, 2], [1, 2], [1], [1], [1, 3]]);
  for (const id of [4, 5]) cluster.isolate(id);
  elect(cluster, 1);
  const { commit, term } = cluster.group(1).status();
  expect(terms(cluster, 1)).toEqual([1, 2, term]);
  expect(commit).toBe(3);
  // 5 can't be elected any more: a majority's logs are more complete.
  cluster.crash(1);
  cluster.heal();
  cluster.nowMs += 900;
  campaign(cluster, 5);
  cluster.deliverAll();
  expect(cluster.leader()).not.toBe(5);
});
