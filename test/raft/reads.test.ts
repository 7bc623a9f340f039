import { describe, expect, test } from "vitest";
import { draftMessage } from "../../src/raft/message.js";
import { messageTypes } from "../../src/raft/types.js";
import { electionMaxMs, electionMinMs, heartbeatMs, leaseMs, Network, optionsOf } from "./small-network.js";

describe("reads", () => {
  test("reads of one turn share a round that was sent after them (safety 20)", () => {
    const net = new Network(1, 2, 3);
    const raft = net.elect(1);
    raft.readIndex(1);
    raft.readIndex(2);
    const ready = raft.ready();
    expect(ready.messages.map((m) => m.type)).toEqual([messageTypes.heartbeat, messageTypes.heartbeat]);
    const round = ready.messages[0]!.round;
    raft.readIndex(3);
    const echo = draftMessage(messageTypes.heartbeatReply, 1, 2, 1, 1);
    echo.round = round;
    raft.step(0, 0, echo);
    expect(raft.ready().reads).toEqual([
      { context: 1, index: 1 },
      { context: 2, index: 1 },
    ]);
    net.settle();
    raft.step(0, 0, { ...echo, round: round + 1 });
    expect(raft.ready().reads).toEqual([{ context: 3, index: 1 }]);
  });

  test("reads before the no-op commits wait for it (safety 4), and drop with leadership", () => {
    const net = new Network(1, 2, 3);
    net.get(2).stalled = true;
    net.get(3).stalled = true;
    net.raft(1).campaign(0);
    net.settle();
    for (const id of [2, 3]) net.get(id).flush();
    net.settle();
    expect(net.raft(1).status()).toMatchObject({ role: "leader", commit: 0 });
    net.raft(1).readIndex(9);
    net.settle();
    expect(net.get(1).reads).toEqual([]);
    expect(net.raft(1).leaseReadIndex(0)).toBeNull();
    for (const id of [2, 3]) {
      net.get(id).stalled = false;
      net.get(id).flush();
    }
    net.settle();
    expect(net.get(1).reads).toEqual([{ context: 9, index: 1 }]);
    net.cut.add(1);
    net.raft(1).readIndex(10);
    net.pass(electionMaxMs + heartbeatMs);
    expect(net.get(1).dropped).toEqual([10]);
  });

  test("a lease ends by the clock alone, counted from the sending (safety 16, 17)", () => {
    const net = new Network(1, 2, 3);
    const raft = net.elect(1);
    net.pass(electionMaxMs);
    expect(raft.leaseReadIndex(net.nowMs)).toBe(1);
    const sentMs = raft.nextTickMs();
    raft.tick(sentMs, sentMs);
    const { messages } = raft.ready();
    const echo = draftMessage(messageTypes.heartbeatReply, 1, 2, 1, 1);
    echo.round = messages[0]!.round;
    // The echo is read long after: it must not prolong anything.
    raft.step(sentMs + 300, sentMs + 300, echo);
    expect(raft.leaseReadIndex(sentMs + leaseMs - 1)).toBe(1);
    expect(raft.leaseReadIndex(sentMs + leaseMs)).toBeNull();
  });

  test("quorum reads know no lease", () => {
    const net = new Network();
    for (const id of [1, 2, 3]) net.add(optionsOf(id, { reads: "quorum" }));
    const raft = net.elect(1);
    net.pass(electionMinMs);
    expect(raft.leaseReadIndex(net.nowMs)).toBeNull();
    raft.readIndex(1);
    net.settle();
    expect(net.get(1).reads).toEqual([{ context: 1, index: 1 }]);
  });
});
