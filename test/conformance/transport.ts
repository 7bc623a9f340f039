import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { NodeId } from "../../src/base/units.js";
import type {
  Lane,
  SnapshotReceiver,
  SnapshotSource,
  Transport,
  TransportHandler,
} from "../../src/ports/transport.js";

export interface EndpointOptions {
  readonly queueLimitBytes?: number;
  readonly raftQueueLimitBytes?: number;
  /** The address of an earlier, closed endpoint. */
  readonly address?: string;
}

/** Where the suite runs: real sockets, or a simulated network. */
export interface TransportWorld {
  transport(options: EndpointOptions): Transport & { address(): string };
  /** Lets time pass until the condition holds; fails after about ten seconds of it. */
  until(condition: () => boolean, what: string): Promise<void>;
  end(): Promise<void>;
}

/** A node that writes down what its transport tells. */
export class Endpoint implements TransportHandler {
  readonly events: string[] = [];
  readonly frames: { readonly from: NodeId; readonly lane: Lane; readonly frame: Uint8Array }[] = [];
  readonly hellos: { readonly from: NodeId; readonly address: string; readonly hello: readonly number[] }[] =
    [];
  accepts = true;
  answer: (body: Uint8Array, reply: (body: Uint8Array) => void) => void = (body, reply) => reply(body);
  snapshot: (from: NodeId, request: Uint8Array) => SnapshotSource | null = () => null;

  constructor(
    readonly id: NodeId,
    readonly transport: Transport & { address(): string },
  ) {}

  hello(): Uint8Array {
    return new Uint8Array([this.id, 42]);
  }
  onHello(from: NodeId, address: string, hello: Uint8Array): boolean {
    this.hellos.push({ from, address, hello: [...hello] });
    return this.accepts;
  }
  onUp(peer: NodeId): void {
    this.events.push(`up ${peer}`);
  }
  onDown(peer: NodeId): void {
    this.events.push(`down ${peer}`);
  }
  onFrame(from: NodeId, lane: Lane, frame: Uint8Array): void {
    this.frames.push({ from, lane, frame });
  }
  onCall(body: Uint8Array, reply: (body: Uint8Array) => void): void {
    this.answer(body, reply);
  }
  openSnapshot(from: NodeId, request: Uint8Array): SnapshotSource | null {
    return this.snapshot(from, request);
  }
}

/** A source of `chunks` chunks whose first byte counts, and what became of it. */
function countingSource(chunks: number, chunkBytes: number) {
  const state = { served: 0, closed: 0 };
  const source: SnapshotSource = {
    next(done) {
      if (state.served === chunks) done(null, null);
      else done(null, new Uint8Array(chunkBytes).fill(state.served++));
    },
    close() {
      state.closed++;
    },
  };
  return { state, source };
}

export function transportConformance(name: string, createWorld: () => TransportWorld): void {
  describe(`transport: ${name}`, () => {
    let world: TransportWorld;
    beforeEach(() => {
      world = createWorld();
    });
    afterEach(() => world.end());

    async function endpoint(id: NodeId, options: EndpointOptions = {}): Promise<Endpoint> {
      const made = new Endpoint(id, world.transport(options));
      let started: string | null = "not yet";
      made.transport.start(id, made, (error) => {
        started = error;
      });
      await world.until(() => started === null, `start of ${id}`);
      return made;
    }

    function introduce(a: Endpoint, b: Endpoint): void {
      a.transport.setPeers([{ id: b.id, address: b.transport.address() }]);
      b.transport.setPeers([{ id: a.id, address: a.transport.address() }]);
    }

    async function pair(options: EndpointOptions = {}): Promise<[Endpoint, Endpoint]> {
      const a = await endpoint(1, options);
      const b = await endpoint(2, options);
      introduce(a, b);
      await world.until(() => a.transport.isUp(2) && b.transport.isUp(1), "both up");
      return [a, b];
    }

    test("hellos are exchanged both ways, and each side comes up once", async () => {
      const [a, b] = await pair();
      expect(a.hellos).toContainEqual({ from: 2, address: b.transport.address(), hello: [2, 42] });
      expect(b.hellos).toContainEqual({ from: 1, address: a.transport.address(), hello: [1, 42] });
      expect(a.events).toEqual(["up 2"]);
      expect(b.events).toEqual(["up 1"]);
    });

    test("a node known by its address alone is learned by its hello", async () => {
      const a = await endpoint(1);
      const b = await endpoint(2);
      a.transport.setPeers([{ id: 0, address: b.transport.address() }]);
      b.transport.setPeers([{ id: 0, address: a.transport.address() }]);
      await world.until(() => a.events.includes("up 2") && b.events.includes("up 1"), "both up");
      introduce(a, b);
      expect(a.transport.send(2, "raft", new Uint8Array([5]))).toBe(true);
      await world.until(() => b.frames.length === 1, "the frame");
      expect(a.events).toEqual(["up 2"]);
    });

    test("an address where another node lives than was expected never comes up", async () => {
      const a = await endpoint(1);
      const b = await endpoint(2);
      a.transport.setPeers([{ id: 3, address: b.transport.address() }]);
      b.transport.setPeers([{ id: 1, address: a.transport.address() }]);
      await world.until(() => b.hellos.length >= 3, "several attempts");
      expect([...a.events, ...b.events]).toEqual([]);
    });

    test("a refused hello keeps the streams away until it is accepted", async () => {
      const a = await endpoint(1);
      const b = await endpoint(2);
      b.accepts = false;
      introduce(a, b);
      await world.until(() => b.hellos.length >= 2, "two refusals");
      expect([...a.events, ...b.events]).toEqual([]);
      b.accepts = true;
      await world.until(() => a.transport.isUp(2) && b.transport.isUp(1), "both up");
    });

    test("frames of a lane arrive in order and as they were", async () => {
      const [a, b] = await pair();
      for (let i = 0; i < 300; i++) {
        const lane = (["raft", "bulk", "forward"] as const)[i % 3]!;
        expect(a.transport.send(2, lane, new Uint8Array((i * 37) % 5000).fill(i % 251))).toBe(true);
      }
      await world.until(() => b.frames.length === 300, "all frames");
      for (const [offset, lane] of (["raft", "bulk", "forward"] as const).entries()) {
        const got = b.frames.filter((each) => each.lane === lane);
        const expected = Array.from({ length: 100 }, (_, n) => n * 3 + offset);
        expect(got.map((each) => each.frame.length)).toEqual(expected.map((i) => (i * 37) % 5000));
        for (const [n, { frame, from }] of got.entries()) {
          expect(from).toBe(1);
          expect(frame.every((byte) => byte === expected[n]! % 251)).toBe(true);
        }
      }
    });

    test("an empty frame is a frame", async () => {
      const [a, b] = await pair();
      a.transport.send(2, "forward", new Uint8Array(0));
      await world.until(() => b.frames.length === 1, "the frame");
      expect(b.frames[0]!.frame.length).toBe(0);
    });

    test("safety 14: small raft frames pass a large bulk frame that was sent before", async () => {
      const [a, b] = await pair();
      const large = new Uint8Array(8 * 1024 * 1024);
      for (let at = 0; at < large.length; at += 4096) large[at] = at / 4096;
      expect(a.transport.send(2, "bulk", large.slice())).toBe(true);
      for (let i = 0; i < 5; i++) a.transport.send(2, "raft", new Uint8Array([i]));
      await world.until(() => b.frames.length === 6, "all frames");
      expect(b.frames.map((each) => each.lane)).toEqual(["raft", "raft", "raft", "raft", "raft", "bulk"]);
      expect(Buffer.compare(b.frames[5]!.frame, large)).toBe(0);
    });

    test("safety 65, 73: a lane above its byte bound drops, and takes frames again once it drained", async () => {
      const [a, b] = await pair({ queueLimitBytes: 100_000, raftQueueLimitBytes: 10_000 });
      const sent = [1, 2, 3, 4].map(() => a.transport.send(2, "bulk", new Uint8Array(40_000)));
      expect(sent).toEqual([true, true, false, false]);
      // Each lane has a bound of its own.
      expect(a.transport.send(2, "raft", new Uint8Array(9_000))).toBe(true);
      expect(a.transport.send(2, "raft", new Uint8Array(9_000))).toBe(false);
      expect(a.transport.queuedBytes(2)).toBe(89_000);
      await world.until(
        () => a.transport.queuedBytes(2) === 0 && b.frames.length === 3,
        "the queue to drain",
      );
      // One item of any size goes when nothing waits.
      expect(a.transport.send(2, "bulk", new Uint8Array(1_000_000))).toBe(true);
      expect(a.transport.send(2, "bulk", new Uint8Array(1))).toBe(false);
      await world.until(() => b.frames.length === 4, "the large frame");
    });

    test("what is sent to nobody is dropped", async () => {
      const a = await endpoint(1);
      expect(a.transport.send(9, "raft", new Uint8Array(1))).toBe(false);
      a.transport.setPeers([{ id: 9, address: "127.0.0.1:1" }]);
      expect(a.transport.send(9, "raft", new Uint8Array(1))).toBe(false);
      expect(a.transport.isUp(9)).toBe(false);
      expect(a.transport.queuedBytes(9)).toBe(0);
    });

    test("a peer that dies and returns is down once and up once more", async () => {
      const [a, b] = await pair();
      const address = b.transport.address();
      let closed = false;
      b.transport.close(() => {
        closed = true;
      });
      await world.until(() => closed && a.events.includes("down 2"), "down");
      expect(a.transport.send(2, "raft", new Uint8Array(1))).toBe(false);
      const again = await endpoint(2, { address });
      again.transport.setPeers([{ id: 1, address: a.transport.address() }]);
      await world.until(() => a.transport.isUp(2) && again.transport.isUp(1), "up again");
      expect(a.events).toEqual(["up 2", "down 2", "up 2"]);
      expect(again.events).toEqual(["up 1"]);
      expect(b.events).toEqual(["up 1"]);
      a.transport.send(2, "raft", new Uint8Array([7]));
      await world.until(() => again.frames.length === 1, "a frame to the new one");
    });

    test("streams with a peer that isn't named any more are closed", async () => {
      const [a, b] = await pair();
      a.transport.setPeers([]);
      await world.until(
        () => a.events.includes("down 2") && b.events.includes("down 1"),
        "down on both sides",
      );
      expect(a.transport.send(2, "raft", new Uint8Array(1))).toBe(false);
    });

    test("a call is answered, by a node without streams too", async () => {
      const a = await endpoint(1);
      const b = await endpoint(2);
      b.answer = (body, reply) => reply(new Uint8Array([...body, 9]));
      const answers: (readonly number[] | string | null)[] = [];
      a.transport.call(b.transport.address(), new Uint8Array([1, 2]), 5000, (error, body) =>
        answers.push(error, body === null ? null : [...body]),
      );
      await world.until(() => answers.length > 0, "the answer");
      expect(answers).toEqual([null, [1, 2, 9]]);
    });

    test("a call ends by its deadline, once, and by nobody being there", async () => {
      const a = await endpoint(1);
      const b = await endpoint(2);
      const replies: ((body: Uint8Array) => void)[] = [];
      b.answer = (_, reply) => {
        replies.push(reply);
      };
      const errors: (string | null)[] = [];
      a.transport.call(b.transport.address(), new Uint8Array(1), 200, (error) => errors.push(error));
      await world.until(() => errors.length === 1 && replies.length === 1, "the deadline");
      expect(errors[0]).toContain("deadline");
      replies[0]!(new Uint8Array(1));
      a.transport.call("127.0.0.1:1", new Uint8Array(1), 5000, (error) => errors.push(error));
      await world.until(() => errors.length === 2, "the refusal");
      expect(errors[1]).not.toBeNull();
    });

    test("a snapshot is pulled chunk by chunk, and its source closed once", async () => {
      const [a, b] = await pair();
      const { state, source } = countingSource(20, 256 * 1024);
      const asked: unknown[] = [];
      b.snapshot = (from, request) => {
        asked.push([from, ...request]);
        return source;
      };
      const got: number[] = [];
      const ends: (string | null)[] = [];
      a.transport.pullSnapshot(2, new Uint8Array([8]), {
        onChunk(chunk, more) {
          got.push(chunk.length === 256 * 1024 ? chunk[0]! : -1);
          more();
        },
        onEnd: (error) => ends.push(error),
      });
      await world.until(() => ends.length > 0 && state.closed > 0, "the end");
      expect(asked).toEqual([[1, 8]]);
      expect(got).toEqual(Array.from({ length: 20 }, (_, i) => i));
      expect(ends).toEqual([null]);
      expect(state.closed).toBe(1);
    });

    test("safety 73: a receiver that takes nothing stops the source; cancelling closes it", async () => {
      const [a, b] = await pair();
      const { state, source } = countingSource(1000, 256 * 1024);
      b.snapshot = () => source;
      let chunks = 0;
      let ended = false;
      const cancel = a.transport.pullSnapshot(2, new Uint8Array(0), {
        onChunk: () => {
          chunks++;
        },
        onEnd: () => {
          ended = true;
        },
      });
      await world.until(() => chunks === 1, "the first chunk");
      for (let i = 0; i < 30; i++) {
        let answered = false;
        a.transport.call(b.transport.address(), new Uint8Array(1), 5000, () => {
          answered = true;
        });
        await world.until(() => answered, "a round trip");
      }
      expect(chunks).toBe(1);
      expect(state.served).toBeLessThan(60);
      cancel();
      await world.until(() => state.closed === 1, "the source to be closed");
      expect(ended).toBe(false);
    });

    test("a snapshot that doesn't exist, or whose source fails, ends with an error", async () => {
      const [a, b] = await pair();
      const ends: (string | null)[] = [];
      const receiver: SnapshotReceiver = { onChunk: (_, more) => more(), onEnd: (error) => ends.push(error) };
      a.transport.pullSnapshot(2, new Uint8Array(0), receiver);
      await world.until(() => ends.length === 1, "the refusal");
      let served = 0;
      let closed = 0;
      b.snapshot = () => ({
        next: (done) =>
          served++ === 0 ? done(null, new Uint8Array(10)) : done("the chunk's check fails", null),
        close: () => {
          closed++;
        },
      });
      a.transport.pullSnapshot(2, new Uint8Array(0), receiver);
      await world.until(() => ends.length === 2 && closed === 1, "the error");
      expect(ends[0]).not.toBeNull();
      expect(ends[1]).toContain("the chunk's check fails");
    });

    test("after close nothing comes any more", async () => {
      const [a, b] = await pair();
      b.transport.send(1, "bulk", new Uint8Array(3_000_000));
      let closed = false;
      a.transport.close(() => {
        closed = true;
      });
      const events = a.events.length;
      await world.until(() => closed && b.events.includes("down 1"), "the close");
      expect(a.events.length).toBe(events);
      expect(a.frames).toEqual([]);
      expect(a.transport.send(2, "raft", new Uint8Array(1))).toBe(false);
    });
  });
}
