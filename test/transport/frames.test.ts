import fc from "fast-check";
import { expect, test } from "vitest";
import type { Lane } from "../../src/ports/transport.js";
import { FrameReader } from "../../src/transport/frame-reader.js";
import { FrameWriter, record } from "../../src/transport/frame-writer.js";
import { decodeGreeting, encodeGreeting, fragmentBytes } from "../../src/transport/wire.js";
import { runs } from "../properties.js";

const bounds = { raftBytes: 1 << 30, bulkBytes: 1 << 30, forwardBytes: 1 << 30 };

/** A writer whose network takes a message whenever the test says so. */
function harness(lanes: readonly Lane[] = ["raft", "bulk"]) {
  const messages: Buffer[] = [];
  let written: (() => void) | null = null;
  const writer = new FrameWriter(
    {
      write(message, done) {
        expect(written).toBeNull();
        messages.push(message);
        written = done;
        return true;
      },
    },
    lanes,
    bounds,
    () => {},
  );
  return {
    messages,
    writer,
    flush(): boolean {
      const done = written;
      written = null;
      done?.();
      return done !== null;
    },
  };
}

function collector(kind: "raft" | "forward" = "raft", maxFrameBytes = 1 << 30) {
  const frames: { lane: Lane; frame: Uint8Array }[] = [];
  const reader = new FrameReader(kind, maxFrameBytes, (lane, frame) => frames.push({ lane, frame }));
  return { frames, reader };
}

test("whatever is sent arrives whole and in the order of its lane, in messages of a bounded size", () => {
  const sizes = fc.oneof(
    fc.nat(300),
    fc.nat(fragmentBytes * 4),
    fc.constantFrom(fragmentBytes - 1, fragmentBytes, fragmentBytes + 1),
  );
  const sends = fc.array(fc.record({ bulk: fc.boolean(), size: sizes, flush: fc.boolean() }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(sends, (list) => {
      const { messages, writer, flush } = harness();
      const { frames, reader } = collector();
      for (const [i, { bulk, size, flush: now }] of list.entries()) {
        writer.send(bulk ? "bulk" : "raft", new Uint8Array(size).fill(i + 1));
        if (now) flush();
      }
      while (flush()) {}
      expect(writer.queuedBytes).toBe(0);
      for (const message of messages) {
        expect(message.length).toBeLessThanOrEqual(fragmentBytes + 64 * 20);
        expect(reader.read(message)).toBeNull();
      }
      for (const lane of ["raft", "bulk"] as const) {
        const expected = list.flatMap(({ bulk, size }, i) =>
          bulk === (lane === "bulk") ? [[size, size && i + 1]] : [],
        );
        const got = frames.filter((each) => each.lane === lane);
        expect(got.map(({ frame }) => [frame.length, frame[0] ?? 0])).toEqual(expected);
        for (const { frame } of got) expect(frame.every((byte) => byte === frame[0])).toBe(true);
      }
    }),
    { numRuns: runs(60) },
  );
});

test("safety 14: a raft frame waits for at most the one message under way", () => {
  const { messages, writer, flush } = harness();
  const { frames, reader } = collector();
  writer.send("bulk", new Uint8Array(fragmentBytes * 10));
  writer.send("raft", new Uint8Array([1]));
  flush();
  expect(messages.length).toBe(2);
  for (const message of messages) reader.read(message);
  expect(frames.map((each) => each.lane)).toEqual(["raft"]);
});

test("small frames that wait together go in one message", () => {
  const { messages, writer, flush } = harness(["forward"]);
  const { frames, reader } = collector("forward");
  for (let i = 0; i < 50; i++) writer.send("forward", new Uint8Array([i]));
  while (flush()) {}
  expect(messages.length).toBe(2);
  for (const message of messages) reader.read(message);
  expect(frames.map(({ frame }) => frame[0])).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test("an idle writer pings each tick, a stuck one counts ticks", () => {
  const { messages, writer, flush } = harness();
  expect(writer.tick()).toBe(0);
  expect(messages.length).toBe(1);
  flush();
  expect(writer.tick()).toBe(0);
  expect(messages.length).toBe(1);
  expect(writer.tick()).toBe(0);
  expect(messages.length).toBe(2);
  expect([writer.tick(), writer.tick(), writer.tick()]).toEqual([1, 2, 3]);
  flush();
  expect(writer.tick()).toBe(0);
  const { frames, reader } = collector();
  for (const message of messages) expect(reader.read(message)).toBeNull();
  expect(frames).toEqual([]);
});

test("a frame above the bound, or bytes that are no records, break the stream and nothing else", () => {
  const { messages, writer, flush } = harness();
  writer.send("bulk", new Uint8Array(fragmentBytes * 3));
  while (flush()) {}
  expect(collector("raft", fragmentBytes).reader.read(messages[0]!)).toContain("above");
  expect(collector("forward").reader.read(messages[0]!)).toContain("lane bulk");
  expect(collector().reader.read(messages[1]!)).toContain("never began");
  const whole = collector().reader;
  whole.read(messages[0]!);
  expect(whole.read(messages[0]!)).toContain("inside another");
  const cut = Buffer.from([record.first | record.last, 9, 0, 0, 0, 1]);
  expect(collector().reader.read(cut)).toContain("beyond");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const { frames, reader } = collector("raft", 1 << 20);
      reader.read(Buffer.from(bytes));
      for (const { frame } of frames) expect(frame.length).toBeLessThanOrEqual(bytes.length);
    }),
  );
});

test("a greeting survives its encoding, and what isn't one is noticed", () => {
  const greeting = {
    id: 2 ** 48 - 1,
    process: 2 ** 52,
    address: "[::1]:7000",
    hello: new Uint8Array([1, 2]),
  };
  const bytes = encodeGreeting(greeting);
  expect(decodeGreeting(bytes)).toEqual(greeting);
  expect(decodeGreeting(bytes.subarray(0, bytes.length - 1))).toBeNull();
  expect(decodeGreeting(Buffer.from([9, ...bytes.subarray(1)]))).toBeNull();
  expect(decodeGreeting(Buffer.alloc(0))).toBeNull();
});
