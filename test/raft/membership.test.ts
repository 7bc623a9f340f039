import { describe, expect, test } from "vitest";
import { draftMessage } from "../../src/raft/message.js";
import { createRaft } from "../../src/raft/raft.js";
import { type Configuration, messageTypes } from "../../src/raft/types.js";
import { electionMaxMs, heartbeatMs, Network, optionsOf, voters } from "./small-network.js";

describe("membership", () => {
  const joint: Configuration = { voters: [1, 2, 4], outgoing: [1, 2, 3], learners: [] };

  function withLearner(): Network {
    const net = new Network(1, 2, 3);
    net.elect(1);
    const nobody = { index: 0, term: 0, configuration: voters() };
    const hardState = { term: 0, vote: 0, commit: 0 };
    net.add(optionsOf(4, { recovered: { hardState, snapshot: nobody, entries: [] } }));
    net.write(1, "before");
    net.settle();
    expect(net.raft(1).proposeConfiguration({ ...voters(1, 2, 3), learners: [4] }).ok).toBe(true);
    net.pass(2 * heartbeatMs);
    return net;
  }

  test("a replica that knows nothing joins as a learner, then votes through a joint configuration", () => {
    const net = withLearner();
    expect(net.get(4).applied).toEqual(["before"]);
    expect(net.raft(4).status().configuration.learners).toEqual([4]);
    expect(net.raft(1).proposeConfiguration(joint).ok).toBe(true);
    // One change at a time (safety 31).
    expect(net.raft(1).proposeConfiguration(joint)).toEqual({
      ok: false,
      error: { kind: "change-in-flight" },
    });
    net.settle();
    expect(net.raft(1).proposeConfiguration(voters(1, 2, 4)).ok).toBe(true);
    net.pass(2 * heartbeatMs);
    expect(net.raft(4).status().configuration).toEqual(voters(1, 2, 4));
    expect(net.raft(1).leaseReadIndex(net.nowMs)).not.toBeNull();
    // 2 of {1, 2, 4} go on without 3.
    net.cut.add(3).add(2);
    net.write(1, "after");
    net.settle();
    expect(net.get(4).applied).toEqual(["before", "after"]);
  });

  test.each([3, 4])("while joint, both halves must agree: %i alone isn't enough", (reachable) => {
    const net = withLearner();
    const other = reachable === 3 ? 4 : 3;
    net.raft(1).proposeConfiguration(joint);
    net.settle();
    net.cut.add(other).add(2);
    net.write(1, "stuck");
    net.raft(1).readIndex(5);
    net.settle();
    expect(net.get(1).applied).toEqual(["before"]);
    expect(net.get(1).reads).toEqual([]);
    net.cut.delete(other);
    net.pass(3 * heartbeatMs);
    expect(net.get(1).applied).toEqual(["before", "stuck"]);
    expect(net.get(1).reads.length).toBe(1);
  });

  test("a new configuration earns its lease anew", () => {
    const net = withLearner();
    net.pass(heartbeatMs);
    const raft = net.raft(1);
    expect(raft.leaseReadIndex(net.nowMs)).not.toBeNull();
    raft.applyConfiguration(voters(1, 2, 3));
    expect(raft.leaseReadIndex(net.nowMs)).toBeNull();
    net.settle();
    expect(raft.leaseReadIndex(net.nowMs)).not.toBeNull();
  });

  test("a removed leader steps down, and the rest elects another", () => {
    const net = withLearner();
    net.raft(1).proposeConfiguration({ voters: [2, 3, 4], outgoing: [1, 2, 3], learners: [] });
    net.settle();
    net.raft(1).proposeConfiguration(voters(2, 3, 4));
    net.settle();
    expect(net.raft(1).status().role).toBe("follower");
    net.pass(4 * electionMaxMs);
    expect([2, 3, 4]).toContain(net.leader());
    expect(net.raft(1).status().role).toBe("follower");
  });

  test("an isolated leader removes nobody: no change takes effect without the old majority (safety 36)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(1);
    const alone = net.raft(1).proposeConfiguration({ voters: [1], outgoing: [1, 2, 3], learners: [] });
    expect(alone.ok).toBe(true);
    net.write(1, "alone");
    net.pass(4 * electionMaxMs);
    expect(net.get(1).applied).toEqual([]);
    expect(net.raft(1).status().configuration.voters).toEqual([1, 2, 3]);
    expect([2, 3]).toContain(net.leader());
    net.cut.clear();
    net.write(net.leader(), "together");
    net.pass(4 * electionMaxMs);
    for (const id of [1, 2, 3]) {
      expect(net.get(id).applied).toEqual(["together"]);
      expect(net.raft(id).status().configuration).toEqual(voters(1, 2, 3));
    }
  });

  test("no change before an entry of the own term is committed (safety 30)", () => {
    const net = new Network(1, 2, 3);
    net.get(2).stalled = true;
    net.get(3).stalled = true;
    net.raft(1).campaign(0);
    net.settle();
    for (const id of [2, 3]) net.get(id).flush();
    net.settle();
    const refused = net.raft(1).proposeConfiguration({ ...voters(1, 2, 3), learners: [4] });
    expect(refused).toEqual({ ok: false, error: { kind: "change-in-flight" } });
    expect(net.raft(1).proposeConfiguration(voters(1)).ok).toBe(false);
  });
});

describe("snapshots", () => {
  test("a follower behind the log gets a snapshot, then the rest of the log", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(3);
    for (let i = 0; i < 10; i++) net.write(1, `w${i}`);
    net.settle();
    net.raft(1).compact(11);
    net.raft(1).reportUnreachable(3);
    net.cut.clear();
    net.pass(2 * heartbeatMs);
    expect(net.raft(1).needsSnapshot()).toBe(true);
    net.raft(1).setSnapshot({ index: 11, term: 1, configuration: voters(1, 2, 3) });
    net.pass(2 * heartbeatMs);
    expect(net.raft(1).needsSnapshot()).toBe(false);
    net.write(1, "tail");
    net.pass(heartbeatMs);
    expect(net.get(3).applied).toEqual([...Array.from({ length: 10 }, (_, i) => `w${i}`), "tail"]);
    expect(net.raft(3).status()).toMatchObject({ firstIndex: 12, lastIndex: 12, durableIndex: 12 });
    net.get(3).restart();
    expect(net.raft(3).status()).toMatchObject({ firstIndex: 12, lastIndex: 12 });
  });

  test("an old snapshot changes nothing (safety 44)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.write(1, "a");
    net.settle();
    expect(net.raft(2).installSnapshot({ index: 1, term: 1, configuration: voters(9) })).toBe(false);
    expect(net.raft(2).status()).toMatchObject({ firstIndex: 1, lastIndex: 2, commit: 2 });
  });

  test("entries above a snapshot that the log already continues are kept, and written again", () => {
    const raft = createRaft(optionsOf(2));
    const message = draftMessage(messageTypes.append, 1, 1, 2, 1);
    const data = new Uint8Array(1);
    message.entries = [1, 2, 3].map((index) => ({ term: 1, index, type: 0 as const, data }));
    raft.step(0, 0, message);
    raft.persisted(raft.ready().token, 0);
    expect(raft.installSnapshot({ index: 2, term: 1, configuration: voters(1, 2, 3) })).toBe(true);
    const ready = raft.ready();
    expect(ready.snapshot?.index).toBe(2);
    expect(ready.entries.map((entry) => entry.index)).toEqual([3]);
    expect(raft.status()).toMatchObject({ lastIndex: 3, durableIndex: 3, commit: 2 });
  });
});
