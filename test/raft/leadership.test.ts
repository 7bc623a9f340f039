import { describe, expect, test } from "vitest";
import { draftMessage } from "../../src/raft/message.js";
import { createRaft } from "../../src/raft/raft.js";
import { messageTypes } from "../../src/raft/types.js";
import { electionMaxMs, electionMinMs, heartbeatMs, Network, optionsOf } from "./small-network.js";

describe("elections", () => {
  test("somebody leads soon, and a command is applied everywhere, once and in order", () => {
    const net = new Network(1, 2, 3);
    net.pass(3 * electionMaxMs);
    const leader = net.leader();
    expect(leader).toBeGreaterThan(0);
    for (let i = 0; i < 40; i++) expect(net.write(leader, `w${i}`)).toBe(true);
    net.settle();
    for (const id of [1, 2, 3]) {
      expect(net.get(id).applied).toEqual(Array.from({ length: 40 }, (_, i) => `w${i}`));
      expect(net.raft(id).status().commit).toBe(41);
    }
  });

  test("a replica back from a partition neither raises the term nor deposes the leader (safety 12, 33)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(3);
    net.pass(5 * electionMaxMs);
    expect(net.raft(3).status().term).toBe(1);
    net.cut.clear();
    net.pass(2 * electionMaxMs);
    expect(net.leader()).toBe(1);
    expect(net.raft(1).status().term).toBe(1);
  });

  test("a leader cut off from its quorum steps down, and the others go on", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(1);
    net.pass(electionMaxMs + heartbeatMs);
    expect(net.raft(1).status().role).not.toBe("leader");
    net.pass(2 * electionMaxMs);
    expect([2, 3]).toContain(net.leader());
  });

  test("a stuck replica of a later term gets its group a new leader (safety 11)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(3);
    net.raft(3).campaign(net.nowMs);
    net.settle();
    expect(net.raft(3).status().term).toBe(2);
    net.cut.clear();
    net.pass(4 * electionMaxMs);
    const terms = [1, 2, 3].map((id) => net.raft(id).status().term);
    expect(new Set(terms).size).toBe(1);
    expect(terms[0]).toBeGreaterThanOrEqual(2);
    expect(net.write(net.leader(), "x")).toBe(true);
    net.settle();
    expect(net.get(3).applied).toEqual(["x"]);
  });

  test("votes are refused while a leader counts on them, and by a voter that just restarted (safety 19)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.get(2).restart();
    const request = draftMessage(messageTypes.vote, 1, 3, 2, 9);
    request.index = 99;
    request.logTerm = 9;
    net.raft(2).step(net.nowMs + electionMinMs - 1, 0, request);
    expect(net.raft(2).status().term).toBe(1);
    net.raft(2).step(net.nowMs + electionMinMs, 0, request);
    expect(net.raft(2).status().vote).toBe(3);
    net.raft(3).step(net.nowMs + electionMinMs - 1, 0, { ...request, from: 2, to: 3 });
    expect(net.raft(3).status().term).toBe(1);
  });

  test("a vote leaves only with its record (safety 1)", () => {
    const raft = createRaft(optionsOf(2));
    const request = draftMessage(messageTypes.vote, 1, 1, 2, 1);
    raft.step(0, 0, request);
    const ready = raft.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.hardState).toEqual({ term: 1, vote: 1, commit: 0 });
    expect(ready.durableMessages).toMatchObject([{ type: messageTypes.voteReply, reject: false }]);
  });

  test("a broken stream hurries the election, never before the own promise ran out", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(1);
    for (const id of [2, 3]) net.raft(id).leaderUnreachable(net.nowMs);
    net.pass(electionMinMs - 5);
    expect(net.leader()).toBe(1);
    net.pass(2 * heartbeatMs);
    expect(net.leader()).toBe(2);
  });

  test("a fenced leader steps down", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.raft(1).setMayVote(false);
    expect(net.raft(1).status().role).toBe("follower");
    net.pass(3 * electionMaxMs);
    expect([2, 3]).toContain(net.leader());
  });

  test("a replica that lost what it acknowledged neither votes nor acknowledges any more", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.write(1, "a");
    net.settle();
    const lost = net.get(3);
    lost.log = [];
    lost.hardState = { term: 1, vote: 1, commit: 0 };
    lost.restart();
    net.pass(2 * heartbeatMs);
    expect(net.raft(3).status().lostState).toBe(true);
    net.raft(3).setMayVote(true);
    net.cut.add(2);
    net.write(1, "b");
    net.pass(heartbeatMs);
    expect(net.raft(1).status().commit).toBe(2);
    net.pass(2 * electionMaxMs);
    expect(net.leader()).toBe(0);
  });
});

describe("transfer", () => {
  test("the target leads after one round, without waiting for promises", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    expect(net.raft(1).transferLeadership(3)).toBe(true);
    expect(net.raft(1).propose(new Uint8Array(1))).toEqual({ ok: false, error: { kind: "transferring" } });
    net.settle();
    expect(net.leader()).toBe(3);
    expect(net.raft(1).status().leader).toBe(3);
  });

  test("an aborted transfer leaves ReadIndex, never a lease (safety 18)", () => {
    const net = new Network(1, 2, 3);
    const raft = net.elect(1);
    net.pass(electionMinMs);
    expect(raft.leaseReadIndex(net.nowMs)).toBe(1);
    net.cut.add(3);
    raft.transferLeadership(3);
    net.settle();
    expect(raft.leaseReadIndex(net.nowMs)).toBeNull();
    net.pass(electionMinMs + heartbeatMs);
    expect(raft.status().transferTarget).toBe(0);
    expect(net.write(1, "a")).toBe(true);
    net.pass(heartbeatMs);
    expect(raft.leaseReadIndex(net.nowMs)).toBeNull();
    raft.readIndex(1);
    net.settle();
    expect(net.get(1).reads).toEqual([{ context: 1, index: 2 }]);
  });
});
