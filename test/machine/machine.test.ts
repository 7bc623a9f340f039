import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, latin1Bytes } from "../../src/base/bytes.js";
import { slotOf } from "../../src/base/slot.js";
import { CommandView, plainHeader, writeCommand } from "../../src/commands/command-codec.js";
import { ValueSink } from "../../src/commands/reply-codec.js";
import { commandByName } from "../../src/commands/table.js";
import {
  EntryBuilder,
  writeClockEntry,
  writeLimitEntry,
  writePolicyEntry,
} from "../../src/machine/entry-codec.js";
import { createMachine, silentObserver } from "../../src/machine/key-range-machine.js";
import type { Machine } from "../../src/machine/machine.js";
import { policyByName } from "../../src/store/eviction/policies.js";
import { createStore } from "../../src/store/map-store.js";
import { type Shown, show, testHashKey } from "../commands/harness.js";
import { runs } from "../properties.js";

interface Command {
  readonly words: readonly string[];
  readonly session?: number;
  readonly sequence?: number;
  readonly acked?: number;
}

/** One replica with its log: `apply` takes words, or commands in sessions. */
class Replica {
  readonly machine: Machine;
  readonly log: Uint8Array[] = [];

  constructor(options: { limitBytes?: number; slots?: readonly [number, number] } = {}) {
    const limitBytes = options.limitBytes ?? 8 * 1024 * 1024;
    this.machine = createMachine({
      store: createStore({ hashKey: testHashKey, limitBytes, valueLimitBytes: 4 * 1024 * 1024 }),
      slots: options.slots ?? [0, 16383],
      hashKey: testHashKey,
    });
  }

  get index(): number {
    return this.machine.status().appliedIndex;
  }

  applyBytes(data: Uint8Array): Shown[] {
    this.log.push(data);
    const sinks: ValueSink[] = [];
    const order: string[] = [];
    this.machine.apply(this.index + 1, 1, data, {
      before: (n) => order.push(`before ${n}`),
      sink(n) {
        order.push(`sink ${n}`);
        sinks[n] = new ValueSink();
        return sinks[n];
      },
      after: (n) => order.push(`after ${n}`),
    });
    const expected = sinks.flatMap((_, n) => [`before ${n}`, `sink ${n}`, `after ${n}`]);
    expect(order).toEqual([...expected, `before ${sinks.length}`]);
    return sinks.map((sink) => show(sink.value()));
  }

  apply(logTimeMs: number, ...commands: (string | Command)[]): Shown[] {
    return this.applyBytes(entry(logTimeMs, ...commands));
  }

  clock(logTimeMs: number): void {
    const out = new ByteWriter();
    writeClockEntry(out, logTimeMs);
    this.applyBytes(out.take());
  }

  limit(logTimeMs: number, limitBytes: number): void {
    const out = new ByteWriter();
    writeLimitEntry(out, logTimeMs, limitBytes);
    this.applyBytes(out.take());
  }

  read(text: string, estimateMs = 0): Shown | "due" {
    const command = viewOf({ words: text.split(" ") });
    if (this.machine.isDue(command, estimateMs)) return "due";
    const sink = new ValueSink();
    this.machine.read(command, estimateMs, sink);
    return show(sink.value());
  }
}

function encode(command: Command): Uint8Array {
  const out = new ByteWriter();
  const definition = commandByName(command.words[0]!);
  const header = { ...plainHeader(definition?.opcode ?? 9999), ...command };
  writeCommand(out, header, command.words.slice(1).map(latin1Bytes));
  return out.take();
}

function viewOf(command: Command): CommandView {
  const view = new CommandView();
  view.decode(new ByteReader(encode(command)));
  return view;
}

function entry(logTimeMs: number, ...commands: (string | Command)[]): Uint8Array {
  const builder = new EntryBuilder(new ByteWriter());
  builder.begin();
  for (const command of commands) {
    const bytes = encode(typeof command === "string" ? { words: command.split(" ") } : command);
    builder.add(bytes, 0, bytes.length);
  }
  return builder.finish(logTimeMs);
}

function inSession(session: number, sequence: number, text: string, acked = 0): Command {
  return { words: text.split(" "), session, sequence, acked };
}

function chunksOf(machine: Machine): Uint8Array[] {
  const walk = machine.openSnapshot();
  const chunks: Uint8Array[] = [];
  for (let chunk = walk.next(); chunk !== null; chunk = walk.next()) chunks.push(chunk);
  walk.close();
  return chunks;
}

function restoredFrom(chunks: readonly Uint8Array[]): Replica {
  const replica = new Replica();
  replica.apply(5_000_000, "SET old state", inSession(99, 1, "SET old 2"));
  replica.machine.beginRestore();
  for (const chunk of chunks) replica.machine.restore(chunk);
  replica.machine.endRestore();
  return replica;
}

const expired = "-SESSIONEXPIRED the range no longer knows this session";
const pruned = "-SESSIONEXPIRED the reply to this sequence was acknowledged and dropped";
const windowFull = "-TRYAGAIN too many commands of this session are outstanding";
const wrongRange = "-TRYAGAIN the key moved to another range";

test("the commands of an entry run in order and each gets its reply", () => {
  const replica = new Replica();
  expect(replica.apply(1000, "SET a 1", "INCR a", "GET a", "NOSUCH x", "GET")).toEqual([
    "OK",
    2,
    "2",
    "-ERR unknown command",
    "-ERR wrong number of arguments for 'get' command",
  ]);
  expect(replica.machine.status()).toMatchObject({
    appliedIndex: 1,
    appliedTerm: 1,
    logTimeMs: 1000,
    revision: 2,
    keys: 1,
  });
});

test("a read that holds a place in the entry sees the commands before it alone", () => {
  const replica = new Replica();
  const seen: Shown[] = [];
  replica.machine.apply(1, 1, entry(1000, "SET x 1", "SET x 2"), {
    ...silentObserver,
    before: () => seen.push(replica.read("GET x", 5000)),
  });
  expect(seen).toEqual([null, "1", "2"]);
});

test("log time never goes back, and expiry is judged by the entry's stamp alone (safety 61)", () => {
  const replica = new Replica();
  replica.apply(1000, "SET a 1 PX 100");
  expect(replica.read("GET a", 1099)).toBe("1");
  expect(replica.read("GET a", 1100)).toBe("due");
  expect(replica.read("PTTL a", 1050)).toBe(50);
  replica.apply(500, "SET b 1 PX 100");
  expect(replica.machine.status().logTimeMs).toBe(1000);
  expect(replica.read("PEXPIRETIME b", 0)).toBe(1100);
  expect(replica.machine.nextDeadlineMs()).toBe(1100);
  replica.clock(1100);
  expect(replica.read("GET a", 1100)).toBe(null);
  expect(replica.machine.status()).toMatchObject({ keys: 0, revision: 4 });
  expect(replica.machine.nextDeadlineMs()).toBe(0);
});

test("keys outside the range's slots are refused definitely, by writes and by reads", () => {
  const slot = slotOf(latin1Bytes("a"));
  const replica = new Replica({ slots: [slot, slot] });
  expect(replica.apply(1, "SET a 1", "SET b 1", "MSET {a}1 1 b 2", "MSET {a}1 1 {a}2 2")).toEqual([
    "OK",
    wrongRange,
    wrongRange,
    "OK",
  ]);
  expect(replica.read("MGET a b")).toBe(wrongRange);
  expect(replica.read("DBSIZE")).toBe(3);
  expect(replica.read("DEL a")).toBe("-ERR unknown command");
});

test("safety 23: a retry in a session gets the recorded reply and never runs twice", () => {
  const replica = new Replica();
  const first = inSession(7, 1, "INCR n");
  expect(replica.apply(1, first)).toEqual([1]);
  expect(replica.apply(2, first, first)).toEqual([1, 1]);
  expect(replica.apply(3, inSession(7, 2, "INCR n"), inSession(8, 1, "INCR n"))).toEqual([2, 3]);
  expect(replica.apply(4, inSession(7, 3, "SET n x"), inSession(7, 4, "INCR n"))).toEqual([
    "OK",
    "-ERR value is not an integer or out of range",
  ]);
  replica.apply(5, "SET n 5");
  expect(replica.apply(6, inSession(7, 4, "INCR n"))).toEqual([
    "-ERR value is not an integer or out of range",
  ]);
  expect(replica.read("GET n")).toBe("5");
});

test("one sequence cut by slot is recorded per slot", () => {
  const replica = new Replica();
  const parts = [inSession(1, 1, "MSET a 1"), inSession(1, 1, "MSET b 2"), inSession(1, 1, "MSET c 3")];
  expect(replica.apply(1, ...parts)).toEqual(["OK", "OK", "OK"]);
  expect(replica.apply(1, ...parts)).toEqual(["OK", "OK", "OK"]);
  expect(replica.machine.status().revision).toBe(3);
});

test("a sequence that was acknowledged is refused, never run", () => {
  const replica = new Replica();
  replica.apply(1, inSession(7, 1, "INCR n"), inSession(7, 2, "INCR n"), inSession(7, 3, "INCR n", 2));
  expect(
    replica.apply(2, inSession(7, 2, "INCR n", 2), inSession(7, 1, "INCR n"), inSession(7, 3, "INCR n")),
  ).toEqual([pruned, pruned, 3]);
  expect(replica.read("GET n")).toBe("3");
});

test("reads in a session are neither recorded nor bound by its window", () => {
  const replica = new Replica();
  replica.apply(1, "SET a 1");
  expect(replica.apply(1, inSession(7, 1, "GET a"))).toEqual(["1"]);
  expect(replica.machine.status().sessions).toBe(0);
});

test("the window of outstanding commands is bounded, and opens again with the watermark", () => {
  const replica = new Replica();
  const commands = Array.from({ length: 257 }, (_, i) => inSession(3, i + 1, "INCR n"));
  const replies = replica.apply(1, ...commands);
  expect(replies.slice(254)).toEqual([255, 256, windowFull]);
  expect(replica.apply(2, inSession(3, 257, "INCR n", 1))).toEqual([257]);
});

test("a reply that can't be recorded is refused before anything changes (safety 64)", () => {
  const replica = new Replica({ limitBytes: 64 * 1024 * 1024 });
  replica.apply(1, `SET big ${"x".repeat(1024 * 1024)}`);
  const before = replica.machine.status();
  const tooLarge = "-ERR the reply exceeds what a session may record";
  expect(
    replica.apply(
      2,
      inSession(1, 1, "GETDEL big"),
      inSession(1, 2, "GETSET big 1"),
      inSession(1, 3, "SET big 1 GET"),
    ),
  ).toEqual([tooLarge, tooLarge, tooLarge]);
  expect(replica.machine.status().revision).toBe(before.revision);
  expect(replica.read("STRLEN big")).toBe(1024 * 1024);
  expect(replica.apply(3, inSession(1, 4, "SET big 1"), inSession(1, 5, "GETDEL big"))).toEqual(["OK", "1"]);
});

test("safety 25: sessions above their share go by use in log order, and an unknown old one is expired", () => {
  const replica = new Replica({ limitBytes: 40_000 });
  for (let session = 1; session <= 5; session++) replica.apply(session, inSession(session, 1, "SET a 1"));
  replica.apply(10, inSession(1, 2, "SET a 1"));
  for (let session = 6; session <= 9; session++) replica.apply(20, inSession(session, 1, "SET a 1"));
  const status = replica.machine.status();
  expect(status.sessions).toBeLessThan(9);
  expect(replica.apply(30, inSession(2, 2, "SET a 9"))).toEqual([expired]);
  // Older than those that went, but used after them: a retry still finds its reply.
  expect(replica.apply(30, inSession(1, 2, "SET a 9"))).toEqual(["OK"]);
  expect(replica.apply(30, inSession(9, 1, "SET a 9"))).toEqual(["OK"]);
  expect(replica.read("GET a")).toBe("1");
  expect(status.chargedBytes).toBeLessThanOrEqual(40_000);
});

test("a cut of the limit drops sessions down to the new share and refuses growth", () => {
  const replica = new Replica();
  for (let session = 1; session <= 20; session++) replica.apply(1, inSession(session, 1, "SET a 1"));
  expect(replica.machine.status().sessions).toBe(20);
  replica.limit(2, 10_000);
  replica.clock(3);
  expect(replica.machine.status()).toMatchObject({ sessions: 1, limitBytes: 10_000 });
  expect(replica.apply(4, `SET b ${"x".repeat(20_000)}`)[0]).toMatch(/^-OOM/);
});

test("safety 47: a snapshot is restored though nothing could be evicted but the key that asked for room", () => {
  const replica = new Replica({ limitBytes: 10_000 });
  const out = new ByteWriter();
  writePolicyEntry(out, 1, policyByName("volatile-lru")!.code);
  replica.applyBytes(out.take());
  replica.apply(2, `SET stays ${"x".repeat(6000)}`, "SET mortal x PX 100000");
  expect(replica.apply(3, `APPEND mortal ${"x".repeat(6000)}`)[0]).toMatch(/^-OOM/);
  const fresh = restoredFrom(chunksOf(replica.machine));
  expect(fresh.machine.digest()).toBe(replica.machine.digest());
});

test("an index without an entry is skipped; a gap or an older term is a broken invariant", () => {
  const replica = new Replica();
  replica.machine.skip(1, 1);
  replica.apply(1, "SET a 1");
  expect(() => replica.machine.skip(4, 1)).toThrow();
  expect(() => replica.machine.skip(3, 0)).toThrow();
  expect(() => replica.machine.apply(3, 1, Uint8Array.of(9, 9), silentObserver)).toThrow();
});

const step = fc.oneof(
  fc.record({
    key: fc.constantFrom("a", "b", "c", "{x}1", "__proto__"),
    verb: fc.constantFrom("INCR", "SET", "DEL", "GETDEL", "PEXPIRE", "APPEND", "FLUSHALL"),
    session: fc.nat(12),
    sequence: fc.integer({ min: 1, max: 6 }),
    acked: fc.nat(2),
    ms: fc.nat(20),
  }),
);

function wordsOf(verb: string, key: string, n: number): string[] {
  if (verb === "FLUSHALL") return [verb];
  if (verb === "SET") return [verb, key, String(n)];
  if (verb === "PEXPIRE") return [verb, key, "30"];
  if (verb === "APPEND") return [verb, key, "7"];
  return [verb, key];
}

test("safety 24, 47, 56: restored equals replayed, digest and replies included, whatever is applied meanwhile", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.nat(59), (steps, cutAt) => {
      // Small enough that sessions are dropped too.
      const replica = new Replica({ limitBytes: 30_000 });
      let now = 1000;
      const entries = steps.map((s) => {
        now += s.ms;
        return entry(now, { words: wordsOf(s.verb, s.key, s.sequence), ...s });
      });
      const cut = Math.min(cutAt, entries.length);
      for (const data of entries.slice(0, cut)) replica.applyBytes(data);
      const digest = replica.machine.digest();
      const still = chunksOf(replica.machine);
      const walk = replica.machine.openSnapshot();
      expect(walk.index).toBe(cut);
      const chunks = [walk.next()!];
      const replies = entries.slice(cut).map((data) => replica.applyBytes(data));
      for (let chunk = walk.next(); chunk !== null; chunk = walk.next()) chunks.push(chunk);
      walk.close();
      expect(chunks).toEqual(still);
      const copy = restoredFrom(chunks);
      expect(copy.machine.digest()).toBe(digest);
      expect(copy.index).toBe(cut);
      expect(entries.slice(cut).map((data) => copy.applyBytes(data))).toEqual(replies);
      expect(copy.machine.digest()).toBe(replica.machine.digest());
      expect(copy.machine.status()).toEqual(replica.machine.status());
      const fresh = new Replica({ limitBytes: 30_000 });
      for (const [i, data] of entries.entries()) fresh.machine.apply(i + 1, 1, data, silentObserver);
      expect(fresh.machine.digest()).toBe(replica.machine.digest());
    }),
    { numRuns: runs(80) },
  );
});

test("safety 24: a retry after a snapshot is still answered from the record", () => {
  const replica = new Replica();
  replica.apply(1, inSession(7, 1, "INCR n"), inSession(7, 2, "SET n x"));
  const copy = restoredFrom(chunksOf(replica.machine));
  expect(copy.apply(2, inSession(7, 1, "INCR n"))).toEqual([1]);
  expect(copy.read("GET n")).toBe("x");
  expect(copy.read("GET old")).toBe(null);
});

test("a snapshot of many sessions and keys comes in bounded chunks", () => {
  const replica = new Replica({ limitBytes: 64 * 1024 * 1024 });
  const value = "v".repeat(5000);
  for (let i = 0; i < 200; i++)
    replica.apply(
      1,
      inSession(i + 1, 1, `SET k${i} ${value}`),
      inSession(i + 1, 2, `SET k${i} ${value} GET`),
    );
  const chunks = chunksOf(replica.machine);
  expect(chunks.length).toBeGreaterThan(6);
  for (const chunk of chunks) expect(chunk.length).toBeLessThan(256 * 1024 + 12_000);
  expect(restoredFrom(chunks).machine.digest()).toBe(replica.machine.digest());
});

test("a damaged snapshot is refused", () => {
  const replica = new Replica();
  replica.apply(1, "SET a 1", inSession(1, 1, "SET b 2"));
  const chunks = chunksOf(replica.machine);
  for (let gone = 0; gone < chunks.length; gone++)
    expect(() => restoredFrom(chunks.filter((_, i) => i !== gone)), `without ${gone}`).toThrow();
  expect(() => restoredFrom([chunks[0]!, ...chunks])).toThrow();
  expect(() => restoredFrom([...chunks, Uint8Array.of(1, 9)])).toThrow();
});
