import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import type { TurnClock } from "../../src/node/clocks.js";
import { PeerLinks } from "../../src/node/peer-links.js";
import type { Transport } from "../../src/ports/transport.js";
import { readFrame } from "../../src/raft/frame-codec.js";
import { draftMessage } from "../../src/raft/message.js";
import { messageTypes } from "../../src/raft/types.js";

/** One process of a node: what it sends is kept until the test has it received. */
class Process {
  readonly clock = { leaseNowMs: 0, wallMs: 0 };
  readonly sent: Uint8Array[] = [];
  readonly links: PeerLinks;

  constructor(seed: number) {
    const transport = {
      send: (_to: number, _lane: string, frame: Uint8Array) => this.sent.push(frame) > 0,
    } as unknown as Transport;
    this.links = new PeerLinks(transport, this.clock as TurnClock, () => 0, new SeededRandom(seed));
  }

  /** @returns the frame. */
  send(atMs: number): Uint8Array {
    this.clock.leaseNowMs = atMs;
    this.links.add(2, draftMessage(messageTypes.heartbeat, 1, 1, 2, 1));
    this.links.flush();
    return this.sent.pop()!;
  }

  /** @returns when the frame was sent that this one echoes. */
  receive(frame: Uint8Array): number | null {
    const { number, echo, durableSequence } = readFrame(frame).header;
    return this.links.received(2, number, echo, durableSequence);
  }
}

test("an echo tells when the newest frame was sent that had arrived", () => {
  const [follower, leader] = [new Process(1), new Process(2)];
  expect(follower.receive(leader.send(5))).toBeNull();
  const first = follower.send(10);
  const second = follower.send(20);
  leader.receive(first);
  expect(follower.receive(leader.send(30))).toBe(10);
  leader.receive(second);
  leader.receive(first);
  expect(follower.receive(leader.send(40))).toBe(20);
});

test("a frame of a process that ended, which comes late, is no echo for the one that took its place (safety 16)", () => {
  const [before, after, leader] = [new Process(1), new Process(3), new Process(2)];
  const late = [before.send(1), before.send(2), before.send(3)];
  leader.links.reset(2);
  leader.receive(after.send(100));
  for (const frame of late) leader.receive(frame);
  for (const atMs of [200, 300, 400]) after.send(atMs);
  expect(after.receive(leader.send(500))).toBeNull();
  // Once it is heard itself, echoes count again.
  leader.receive(after.send(600));
  expect(after.receive(leader.send(700))).toBe(600);
});

test("an echo of a frame that is long ago tells nothing", () => {
  const [follower, leader] = [new Process(1), new Process(2)];
  leader.receive(follower.send(1));
  const echo = leader.send(2);
  for (let i = 0; i < 256; i++) follower.send(10 + i);
  expect(follower.receive(echo)).toBeNull();
});
