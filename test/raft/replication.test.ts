import { describe, expect, test } from "vitest";
import { draftMessage } from "../../src/raft/message.js";
import { createRaft } from "../../src/raft/raft.js";
import { messageTypes } from "../../src/raft/types.js";
import { electionMaxMs, heartbeatMs, Network, optionsOf, voters } from "./small-network.js";

describe("replication", () => {
  test("conflicting tails are replaced by the new leader's log", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.write(1, "kept");
    net.settle();
    net.cut.add(1);
    for (let i = 0; i < 5; i++) net.write(1, `lost${i}`);
    net.settle();
    net.pass(3 * electionMaxMs);
    const leader = net.leader();
    net.write(leader, "new");
    net.settle();
    net.cut.clear();
    net.pass(electionMaxMs);
    for (const id of [1, 2, 3]) expect(net.get(id).applied).toEqual(["kept", "new"]);
  });

  test("a leader counts itself only once its entries are durable (safety 9)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(3);
    net.get(1).stalled = true;
    net.write(1, "a");
    net.settle();
    expect(net.raft(2).status().lastIndex).toBe(2);
    expect(net.raft(1).status().commit).toBe(1);
    net.get(1).flush();
    net.settle();
    expect(net.raft(1).status().commit).toBe(2);
  });

  test("a durable record counts for its own entries, not for those after it (safety 9)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(3);
    net.get(1).stalled = true;
    net.write(1, "a");
    net.settle();
    const [record] = net.get(1).waiting;
    net.write(1, "b");
    net.settle();
    net.raft(1).persisted(record!.token, net.nowMs);
    expect(net.raft(1).status().commit).toBe(2);
  });

  test("entries of an old term don't commit by counting, only below one of the own term (safety 3)", () => {
    const old = { term: 1, index: 1, type: 0 as const, data: new Uint8Array(1) };
    const snapshot = { index: 0, term: 0, configuration: voters(1, 2, 3) };
    const hardState = { term: 1, vote: 1, commit: 0 };
    const raft = createRaft(optionsOf(1, { recovered: { hardState, snapshot, entries: [old] } }));
    raft.campaign(0);
    raft.persisted(raft.ready().token, 0);
    raft.step(0, 0, draftMessage(messageTypes.voteReply, 1, 2, 1, 2));
    raft.persisted(raft.ready().token, 0);
    const reply = draftMessage(messageTypes.appendReply, 1, 2, 1, 2);
    reply.index = 1;
    raft.step(0, 0, reply);
    expect(raft.status()).toMatchObject({ role: "leader", commit: 0 });
    raft.step(0, 0, { ...reply, index: 2 });
    expect(raft.status().commit).toBe(2);
  });

  test("an append that only tells the commit index isn't answered", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    const tell = draftMessage(messageTypes.append, 1, 1, 2, 1);
    const append = (index: number, commit: number) =>
      net.raft(2).step(net.nowMs, 0, { ...tell, index, logTerm: 1, match: index, commit, round: 1 });
    net.get(1).stalled = true;
    net.cut.add(1);
    const data = new Uint8Array(1);
    const entries = [{ term: 1, index: 2, type: 0 as const, data }];
    net.raft(2).step(net.nowMs, 0, { ...tell, index: 1, logTerm: 1, round: 1, entries });
    expect(net.raft(2).ready().durableMessages.length).toBe(1);
    append(2, 2);
    expect(net.raft(2).status().commit).toBe(2);
    expect(net.raft(2).ready().durableMessages).toEqual([]);
    append(2, 2);
    expect(net.raft(2).ready().durableMessages.length).toBe(1);
  });

  test("a quorum of others commits while the leader's own disk stands still", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.get(1).stalled = true;
    net.write(1, "a");
    net.settle();
    expect(net.get(1).applied).toEqual(["a"]);
    expect(net.raft(1).status().durableIndex).toBe(1);
  });

  test("durability of an index that was replaced meanwhile doesn't count (safety 10)", () => {
    const raft = createRaft(optionsOf(2));
    const append = (from: number, term: number, entryTerm: number) => {
      const message = draftMessage(messageTypes.append, 1, from, 2, term);
      const data = new Uint8Array(1);
      message.entries = [{ term: entryTerm, index: 1, type: 0, data }];
      raft.step(0, 0, message);
      return raft.ready().token;
    };
    const first = append(1, 2, 2);
    const second = append(3, 3, 1 + 2);
    raft.persisted(first, 0);
    expect(raft.status().durableIndex).toBe(0);
    raft.persisted(second, 0);
    expect(raft.status().durableIndex).toBe(1);
  });

  test("a late append takes nothing back (safety 5), and commit stops at the last new entry (safety 6)", () => {
    const raft = createRaft(optionsOf(2));
    const entry = (index: number) => ({ term: 1, index, type: 0 as const, data: new Uint8Array(1) });
    const append = (entries: ReturnType<typeof entry>[], commit: number) => {
      const message = draftMessage(messageTypes.append, 1, 1, 2, 1);
      message.entries = entries;
      message.commit = commit;
      raft.step(0, 0, message);
    };
    append([entry(1), entry(2), entry(3)], 0);
    append([entry(1)], 3);
    expect(raft.status()).toMatchObject({ lastIndex: 3, commit: 1 });
  });

  test("the uncommitted log is bounded, but one entry always fits (safety 66)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(2).add(3);
    expect(net.raft(1).propose(new Uint8Array(5000)).ok).toBe(true);
    expect(net.raft(1).propose(new Uint8Array(1))).toEqual({ ok: false, error: { kind: "log-full" } });
    net.cut.clear();
    net.pass(2 * heartbeatMs);
    expect(net.raft(1).status()).toMatchObject({ commit: 2, uncommittedBytes: 0 });
  });

  test("an entry above the limit fits beside a few small ones, not beside many (safety 66)", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(2).add(3);
    expect(net.raft(1).propose(new Uint8Array(512)).ok).toBe(true);
    expect(net.raft(1).propose(new Uint8Array(5000)).ok).toBe(true);
    expect(net.raft(1).propose(new Uint8Array(1)).ok).toBe(false);
    net.cut.clear();
    net.pass(2 * heartbeatMs);
    net.cut.add(2).add(3);
    expect(net.raft(1).propose(new Uint8Array(513)).ok).toBe(true);
    expect(net.raft(1).propose(new Uint8Array(5000))).toEqual({ ok: false, error: { kind: "log-full" } });
  });

  test("the window to a silent follower is bounded, and lost appends are sent again", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(3);
    for (let i = 0; i < 100; i++) {
      net.write(1, `${i}`);
      net.settle();
    }
    const silent = net
      .raft(1)
      .progress()
      .find((p) => p.replica === 3);
    expect(silent?.inflightMessages).toBe(16);
    net.cut.clear();
    net.pass(4 * heartbeatMs);
    expect(net.get(3).applied.length).toBe(100);
  });

  test("a lost append is noticed, too, when the next one doesn't fit beside it in the window", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.cut.add(3);
    for (const bytes of [40_000, 30_000]) {
      net.raft(1).propose(new Uint8Array(bytes));
      net.settle();
    }
    net.cut.clear();
    net.pass(4 * heartbeatMs);
    expect(net.get(3).applied.map(({ length }) => length)).toEqual([40_000, 30_000]);
  });

  test("restarted replicas go on with what was acknowledged", () => {
    const net = new Network(1, 2, 3);
    net.elect(1);
    net.write(1, "a");
    net.settle();
    for (const id of [1, 2, 3]) net.get(id).restart();
    net.pass(4 * electionMaxMs);
    net.write(net.leader(), "b");
    net.settle();
    for (const id of [1, 2, 3]) expect(net.get(id).applied).toEqual(["a", "b"]);
  });

  test("a single voter leads and commits alone, once durable; its first messages wait for its term", () => {
    const net = new Network();
    const snapshot = { index: 0, term: 0, configuration: { voters: [1], outgoing: [], learners: [2] } };
    const recovered = { hardState: { term: 0, vote: 0, commit: 0 }, snapshot, entries: [] };
    net.add(optionsOf(1, { recovered }));
    net.add(optionsOf(2, { recovered }));
    net.raft(1).campaign(0);
    expect(net.raft(1).status().role).toBe("leader");
    const first = net.raft(1).ready();
    expect(first.messages).toEqual([]);
    expect(first.durableMessages.length).toBe(1);
    net.get(1).waiting.push(first);
    net.get(1).flush();
    net.settle();
    net.write(1, "a");
    net.settle();
    expect(net.get(2).applied).toEqual(["a"]);
    expect(net.raft(1).readIndex(7)).toBe(true);
    net.settle();
    expect(net.get(1).reads).toEqual([{ context: 7, index: 2 }]);
  });
});
