import { expect, test } from "vitest";
import { utf8Bytes } from "../../src/base/bytes.js";
import type { ErrorKind } from "../../src/base/errors.js";
import { SeededRandom } from "../../src/base/random.js";
import { slotOf } from "../../src/base/slot.js";
import type { Lane } from "../../src/client/lane.js";
import type { Call, CallResult, Part } from "../../src/client/part.js";
import { type RouteTopology, RoutingCore } from "../../src/client/routing-core.js";
import { SessionCore } from "../../src/client/session-core.js";
import type { ReplyValue } from "../../src/commands/reply-codec.js";
import { commandByName } from "../../src/commands/table.js";

const okReply: ReplyValue = { type: "status", text: "OK" };
const number = (value: number): ReplyValue => ({ type: "integer", value });
const refusal = (kind: ErrorKind): ReplyValue => ({ type: "error", kind, message: null });

function topology(leader: string, term = 1): RouteTopology {
  const replicas = ["a", "b", "c"];
  return {
    members: replicas.map((id) => ({ id, address: `${id}:1` })),
    ranges: [
      { id: 1, firstSlot: 0, lastSlot: 8191, leader, term, replicas },
      { id: 2, firstSlot: 8192, lastSlot: 16383, leader, term, replicas },
    ],
  };
}

/** A core with its surroundings played by the test. */
class World {
  readonly routing = new RoutingCore();
  readonly sent: { node: string; part: Part; attempt: number; sequence: number; acked: number }[] = [];
  readonly results = new Map<Call, CallResult>();
  readonly opening: Lane[] = [];
  /** Nodes that were asked for a session, the newest last. */
  readonly asked: string[] = [];
  nowMs = 1000;
  core: SessionCore;
  private nextSession = 100;

  constructor(
    private readonly opensAtOnce = true,
    windowCommands = 256,
  ) {
    this.routing.update(topology("a"));
    for (const node of ["a", "b", "c"]) this.routing.setConnected(node, true);
    this.core = new SessionCore({
      routing: this.routing,
      random: new SeededRandom(1),
      windowCommands,
      host: {
        send: (node, part) =>
          this.sent.push({
            node,
            part,
            attempt: part.attempt,
            sequence: part.sequence,
            acked: part.lane?.acked ?? 0,
          }),
        settle: (call, result) => {
          expect(this.results.has(call)).toBe(false);
          this.results.set(call, result);
        },
        openSession: (lane, node) => {
          this.opening.push(lane);
          this.asked.push(node);
        },
        refreshTopology: () => {},
      },
    });
  }

  submit(name: string, args: string[], inSession = true, patienceMs = 5000): Call {
    const call = this.core.submit(this.nowMs, {
      shape: commandByName(name)!,
      args: args.map(utf8Bytes),
      deadlineAtMs: this.nowMs + patienceMs,
      inSession,
      level: 0,
      maxAgeMs: 0,
    });
    if (this.opensAtOnce) this.open();
    return call;
  }

  open(): void {
    for (const lane of this.opening.splice(0)) this.core.sessionOpened(this.nowMs, lane, this.nextSession++);
  }

  last(): World["sent"][number] {
    return this.sent.at(-1)!;
  }

  reply(value: ReplyValue, to = this.last()): void {
    this.core.replied(this.nowMs, to.part, to.attempt, value);
  }

  lose(to = this.last()): void {
    this.core.lost(this.nowMs, to.part, to.attempt);
  }

  /** Lets all backoffs pass. */
  wait(ms = 250): void {
    this.nowMs += ms;
    this.core.tick(this.nowMs);
  }

  kindOf(call: Call): string {
    const result = this.results.get(call);
    if (result === undefined) return "outstanding";
    return result.ok ? "ok" : `${result.error.kind}/${result.error.outcome}`;
  }
}

test("safety 23: a retry repeats session and sequence, on another node", () => {
  const world = new World();
  const call = world.submit("INCR", ["k"]);
  const first = world.last();
  world.routing.setConnected("a", false);
  world.lose();
  world.wait();
  const second = world.last();
  expect(second.attempt).toBe(2);
  expect(second.node).not.toBe("a");
  expect([second.part.session, second.sequence]).toEqual([first.part.session, first.sequence]);
  world.reply(number(1));
  expect(world.kindOf(call)).toBe("ok");
});

test("a session that one node doesn't open is asked of another: the connection to a stopped one stays", () => {
  const world = new World(false);
  const call = world.submit("INCR", ["k"]);
  for (let i = 0; i < 2; i++) {
    for (const lane of world.opening.splice(0)) world.core.sessionFailed(world.nowMs, lane, "no-leader");
    world.wait();
  }
  expect(new Set(world.asked)).toEqual(new Set(["a", "b", "c"]));
  world.open();
  world.reply(number(1));
  expect(world.kindOf(call)).toBe("ok");
});

test("safety 26: once an attempt was unknown, a refusal of the retry is no definite error", () => {
  for (const kind of [
    "session-expired",
    "sequence-pruned",
    "out-of-memory",
    "denied",
    "reply-too-large",
  ] as const) {
    const world = new World();
    const call = world.submit("INCR", ["k"]);
    world.lose();
    world.wait();
    world.reply(refusal(kind));
    expect([kind, world.kindOf(call)]).toEqual([kind, "outcome-unknown/unknown"]);
  }
});

test("safety 26: unknown sticks over transient refusals until the deadline", () => {
  const world = new World();
  const call = world.submit("INCR", ["k"]);
  world.reply(refusal("outcome-unknown"));
  for (let i = 0; i < 5; i++) {
    world.wait();
    world.reply(refusal("no-leader"));
  }
  expect(world.kindOf(call)).toBe("outstanding");
  world.wait(5000);
  expect(world.kindOf(call)).toBe("outcome-unknown/unknown");
});

test("what the session table recorded settles an unknown attempt, an error of the run too", () => {
  for (const [value, kind] of [
    [number(4), "ok"],
    [refusal("wrong-type"), "wrong-type/definite"],
    [refusal("revision-mismatch"), "revision-mismatch/definite"],
  ] as const) {
    const world = new World();
    const call = world.submit("INCR", ["k"]);
    world.lose();
    world.wait();
    world.reply(value);
    expect(world.kindOf(call)).toBe(kind);
  }
});

test("definite refusals are retried until the deadline, then reported as what they were", () => {
  const world = new World();
  const call = world.submit("INCR", ["k"]);
  for (const kind of ["not-leader", "busy", "no-leader"] as const) {
    world.reply(refusal(kind));
    world.wait();
  }
  expect(world.last().attempt).toBe(4);
  world.reply(refusal("no-leader"));
  world.wait(5000);
  expect(world.kindOf(call)).toBe("no-leader/definite");
});

test("safety 26: a refused write isn't sent again so late that its definite refusal would become unknown", () => {
  const world = new World();
  const call = world.submit("INCR", ["k"], true, 40);
  world.reply(refusal("no-leader"));
  world.wait(39);
  expect(world.sent).toHaveLength(1);
  world.wait(1);
  expect(world.kindOf(call)).toBe("no-leader/definite");
});

test("a deadline with an attempt in flight is unknown for a write, definite for a read", () => {
  const world = new World();
  const write = world.submit("INCR", ["k"]);
  const read = world.submit("GET", ["k"]);
  world.wait(6000);
  expect(world.kindOf(write)).toBe("outcome-unknown/unknown");
  expect(world.kindOf(read)).toBe("deadline/definite");
});

test("outside a session a lost write is unknown at once, a refused one is sent again", () => {
  const world = new World();
  const lost = world.submit("INCR", ["k"], false);
  world.lose();
  expect(world.kindOf(lost)).toBe("outcome-unknown/unknown");
  const refused = world.submit("INCR", ["k"], false);
  world.reply(refusal("not-leader"));
  world.wait();
  world.reply(number(1));
  expect(world.kindOf(refused)).toBe("ok");
});

test("an expired session that never ran the command is renewed, with a new number", () => {
  const world = new World();
  const call = world.submit("INCR", ["k"]);
  const { session } = world.last().part;
  world.reply(refusal("session-expired"));
  world.open();
  expect(world.last().part.session).toBeGreaterThan(session);
  expect(world.last().sequence).toBe(1);
  world.reply(number(1));
  expect(world.kindOf(call)).toBe("ok");
});

test("late replies of older attempts don't count", () => {
  const world = new World();
  const call = world.submit("INCR", ["k"]);
  const first = world.last();
  world.lose();
  world.wait();
  world.reply(refusal("syntax"), first);
  expect(world.kindOf(call)).toBe("outstanding");
  world.reply(number(1));
  expect(world.kindOf(call)).toBe("ok");
});

test("the watermark stays below the lowest outstanding sequence", () => {
  const world = new World();
  const sent = ["1", "2", "3"].map((value) => {
    world.submit("SET", ["k", value]);
    return world.last();
  });
  expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  world.reply(okReply, sent[1]);
  world.reply(okReply, sent[2]);
  world.submit("SET", ["k", "4"]);
  expect(world.last()).toMatchObject({ sequence: 4, acked: 0 });
  world.reply(okReply, sent[0]);
  world.submit("SET", ["k", "5"]);
  expect(world.last()).toMatchObject({ sequence: 5, acked: 3 });
});

test("above the window commands wait, in order, and only those of their range", () => {
  const world = new World(true, 4);
  const calls = Array.from({ length: 7 }, (_, i) => world.submit("SET", ["k", String(i)]));
  expect(world.sent.length).toBe(4);
  const other = ["a", "b", "c", "d"].find(
    (key) => slotOf(utf8Bytes(key)) < 8192 !== slotOf(utf8Bytes("k")) < 8192,
  )!;
  world.submit("SET", [other, "x"]);
  expect(world.sent.length).toBe(5);
  // The second reply makes no room: the range still keeps the first one's record.
  world.reply(okReply, world.sent[1]);
  expect(world.sent.length).toBe(5);
  world.reply(okReply, world.sent[0]);
  expect(world.sent.slice(5).map(({ sequence }) => sequence)).toEqual([5, 6]);
  for (let i = 0; i < world.sent.length; i++)
    if (!world.sent[i]!.part.settled) world.reply(okReply, world.sent[i]);
  expect(calls.map((call) => world.kindOf(call))).toEqual(Array(7).fill("ok"));
});

test("commands wait for their session; one that gave up meanwhile is never sent", () => {
  const world = new World(false);
  const gone = world.submit("SET", ["k", "1"], true, 100);
  const kept = world.submit("SET", ["k", "2"]);
  expect(world.sent).toEqual([]);
  world.wait(200);
  expect(world.kindOf(gone)).toBe("deadline/definite");
  world.open();
  expect(world.sent.length).toBe(1);
  world.reply(okReply);
  expect(world.kindOf(kept)).toBe("ok");
});

test("inside a session commands are cut by slot, and their replies joined by position", () => {
  const world = new World();
  const call = world.submit("DEL", ["a", "b", "{a}1", "c"]);
  expect(world.sent.map(({ part }) => part.args.length)).toEqual([2, 1, 1]);
  for (const attempt of [...world.sent]) world.reply(number(1), attempt);
  expect(world.results.get(call)).toEqual({ ok: true, value: number(3) });

  const read = world.submit("MGET", ["a", "b", "{a}1"]);
  const parts = world.sent.slice(3);
  for (const attempt of parts)
    world.reply(
      {
        type: "array",
        items: attempt.part.args.map((bytes) => ({ type: "bulk", bytes })),
      },
      attempt,
    );
  const result = world.results.get(read) as never as { value: { items: { bytes: Uint8Array }[] } };
  expect(result.value.items.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["a", "b", "{a}1"]);
});

test("safety 26: a cut write of which a part applied and another failed is unknown as a whole", () => {
  const world = new World();
  const call = world.submit("MSET", ["a", "1", "b", "2"]);
  const [first, second] = world.sent;
  world.reply(okReply, first);
  world.reply(refusal("out-of-memory"), second);
  expect(world.kindOf(call)).toBe("outcome-unknown/unknown");

  const refused = world.submit("MSET", ["a", "1", "b", "2"]);
  for (const attempt of world.sent.slice(2)) world.reply(refusal("out-of-memory"), attempt);
  expect(world.kindOf(refused)).toBe("out-of-memory/definite");
});

test("cancelling a write that may be under way is unknown, one that waits is definite", () => {
  const world = new World();
  const sent = world.submit("INCR", ["k"]);
  world.core.cancel(world.nowMs, sent, "aborted", "enough");
  expect(world.kindOf(sent)).toBe("aborted/unknown");
  const waiting = world.submit("INCR", ["k"]);
  world.reply(refusal("no-leader"));
  world.core.cancel(world.nowMs, waiting, "aborted", "enough");
  expect(world.kindOf(waiting)).toBe("aborted/definite");
});

test("safety 39: a deposed leader is asked no more until the topology says so; old topologies don't bring it back", () => {
  const world = new World();
  world.submit("INCR", ["k"]);
  world.reply(refusal("not-leader"));
  world.wait();
  expect(world.last().node).not.toBe("a");
  world.reply(refusal("no-leader"));
  world.routing.update(topology("c", 2));
  world.core.routesChanged(world.nowMs);
  expect(world.last().node).toBe("c");
  world.routing.update(topology("a", 1));
  world.submit("INCR", ["k"]);
  expect(world.last().node).toBe("c");
});

test("without any connected node calls wait, and go out with the first", () => {
  const world = new World();
  for (const node of ["a", "b", "c"]) world.routing.setConnected(node, false);
  const call = world.submit("GET", ["k"]);
  expect(world.sent).toEqual([]);
  world.routing.setConnected("b", true);
  world.core.routesChanged(world.nowMs);
  expect(world.last().node).toBe("b");
  world.reply({ type: "nil" });
  expect(world.kindOf(call)).toBe("ok");
});
