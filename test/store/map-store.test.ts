import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, latin1Bytes, latin1Text } from "../../src/base/bytes.js";
import type { HashKey } from "../../src/base/keyed-hash.js";
import { slotOf } from "../../src/base/slot.js";
import { stringCharge } from "../../src/store/charge.js";
import type { Store, StoreWalk } from "../../src/store/keyspace.js";
import { createStore } from "../../src/store/map-store.js";
import { classBytes, sizeClassOf } from "../../src/store/size-class.js";
import { runs } from "../properties.js";

const hashKey: HashKey = [9, 8, 7, 6];
const limitBytes = 64 * 1024 * 1024;

function newStore(): Store {
  return createStore({ hashKey, limitBytes, valueLimitBytes: 1024 * 1024 });
}

function digestOf(store: Store): string {
  const words = new Uint32Array(2);
  store.digest(words);
  return `${words[1]}-${words[0]}`;
}

function set(store: Store, key: string, value: string, deadlineMs = 0): void {
  const bytes = latin1Bytes(key + value);
  store.setString(bytes, 0, key.length, bytes, key.length, bytes.length, deadlineMs);
}

function find(store: Store, key: string): number {
  return store.find(latin1Bytes(key), 0, key.length);
}

function textOf(store: Store, handle: number): string {
  const value = store.stringOf(handle);
  return latin1Text(value.bytes, value.offset, value.offset + value.length);
}

function drain(walk: StoreWalk, chunkBytes: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let chunk = walk.next(chunkBytes); chunk !== null; chunk = walk.next(chunkBytes)) chunks.push(chunk);
  walk.close();
  return chunks;
}

/** Comparing strings takes a fraction of comparing byte by byte. */
function hex(chunks: readonly Uint8Array[]): string[] {
  return chunks.map((chunk) => Buffer.from(chunk).toString("hex"));
}

function restored(chunks: readonly Uint8Array[], nowMs: number): Store {
  const store = newStore();
  set(store, "left over", "from before", 5);
  store.beginLoad();
  for (const chunk of chunks) store.load(chunk);
  store.endLoad();
  store.beginEntry(nowMs, 0, 0);
  return store;
}

test("size classes hold their length and waste at most an eighth", () => {
  for (let length = 0; length < 70_000; length++) {
    const bytes = classBytes(sizeClassOf(length));
    if (bytes < length || bytes > Math.max(16, length + 7, length * 1.126 + 1))
      expect.fail(`${length} in ${bytes}`);
  }
  expect(sizeClassOf(classBytes(50))).toBe(50);
  expect(classBytes(sizeClassOf(512 * 1024 * 1024))).toBe(512 * 1024 * 1024);
});

/** The naive model: what the store must show. */
interface ModelEntry {
  value: string;
  deadline: number;
  revision: number;
}

type Operation =
  | { readonly kind: "set"; readonly key: string; readonly value: string; readonly ttl: number }
  | {
      readonly kind: "append" | "overwrite";
      readonly key: string;
      readonly value: string;
      readonly at: number;
    }
  | { readonly kind: "deadline"; readonly key: string; readonly ttl: number }
  | { readonly kind: "remove"; readonly key: string }
  | { readonly kind: "clear" }
  | { readonly kind: "time"; readonly ms: number; readonly sweep: number };

const keys = fc.constantFrom(
  "a",
  "b",
  "c",
  "{t}1",
  "{t}2",
  "{t}3",
  "__proto__",
  "",
  "\u0000\u00ff",
  "k".repeat(300),
);
const values = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: 40 }),
  fc.integer({ min: 0, max: 3000 }).map((n) => "v".repeat(n)),
);
const ttl = fc.integer({ min: -3, max: 20 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), key: keys, value: values, ttl }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("append" as const, "overwrite" as const),
      key: keys,
      value: values,
      at: fc.nat(50),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("deadline" as const), key: keys, ttl }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), key: keys }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.nat(10), sweep: fc.nat(5) }),
  },
);

class Model {
  entries = new Map<string, ModelEntry>();
  revision = 0;
  now = 1000;

  apply(step: Operation): void {
    const deadlineOf = (given: number): number => (given <= 0 ? 0 : this.now + given);
    if (step.kind === "time") {
      this.now += step.ms;
      const due = [...this.entries]
        .filter(([, entry]) => entry.deadline > 0 && entry.deadline <= this.now)
        .sort(([a, x], [b, y]) => x.deadline - y.deadline || compareBytes(latin1Bytes(a), latin1Bytes(b)))
        .slice(0, step.sweep);
      for (const [key] of due) this.remove(key);
      return;
    }
    if (step.kind === "clear") {
      this.entries.clear();
      this.revision++;
      return;
    }
    if (step.kind === "set") {
      this.entries.set(step.key, {
        value: step.value,
        deadline: deadlineOf(step.ttl),
        revision: ++this.revision,
      });
      return;
    }
    const entry = this.live(step.key);
    if (entry === null) return;
    if (step.kind === "remove") {
      this.remove(step.key);
      return;
    }
    if (step.kind === "deadline") entry.deadline = deadlineOf(step.ttl);
    else {
      const at = step.kind === "append" ? entry.value.length : step.at;
      const padded = entry.value.padEnd(at, "\u0000");
      entry.value = padded.slice(0, at) + step.value + padded.slice(at + step.value.length);
    }
    entry.revision = ++this.revision;
  }
  live(key: string): ModelEntry | null {
    const entry = this.entries.get(key);
    return entry && (entry.deadline === 0 || entry.deadline > this.now) ? entry : null;
  }
  private remove(key: string): void {
    this.entries.delete(key);
    this.revision++;
  }
}

function applyTo(store: Store, step: Operation): void {
  const deadlineOf = (given: number): number => (given <= 0 ? 0 : store.nowMs + given);
  if (step.kind === "time") {
    store.beginEntry(store.nowMs + step.ms, 0, 0);
    store.sweep(step.sweep);
  } else if (step.kind === "clear") store.clear();
  else if (step.kind === "set") set(store, step.key, step.value, deadlineOf(step.ttl));
  else {
    const handle = find(store, step.key);
    if (handle === 0) return;
    const bytes = "value" in step ? latin1Bytes(step.value) : new Uint8Array(0);
    if (step.kind === "remove") store.remove(handle);
    else if (step.kind === "deadline") store.setDeadline(handle, deadlineOf(step.ttl));
    else if (step.kind === "append") store.appendString(handle, bytes, 0, bytes.length);
    else store.overwriteString(handle, step.at, bytes, 0, bytes.length);
  }
}

function expectSame(store: Store, model: Model): void {
  expect(store.revision).toBe(model.revision);
  expect(store.size).toBe(model.entries.size);
  let charged = 0;
  let withDeadline = 0;
  let earliest = Number.POSITIVE_INFINITY;
  for (const [key, entry] of model.entries) {
    charged += stringCharge(key.length, entry.value.length);
    if (entry.deadline > 0) {
      withDeadline++;
      earliest = Math.min(earliest, entry.deadline);
    }
    const handle = find(store, key);
    expect(handle !== 0, key).toBe(model.live(key) !== null);
    if (handle === 0) continue;
    expect(textOf(store, handle)).toBe(entry.value);
    expect(store.deadlineOf(handle)).toBe(entry.deadline);
    expect(store.revisionOf(handle)).toBe(entry.revision);
  }
  expect(store.chargedBytes).toBe(charged);
  expect(store.keysWithDeadline).toBe(withDeadline);
  expect(store.nextDeadline()).toBe(withDeadline === 0 ? 0 : earliest);
}

test("the store shows what a naive model shows, and its charge is a function of content alone", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (steps) => {
      const store = newStore();
      store.beginEntry(1000, 0, 0);
      const model = new Model();
      for (const step of steps) {
        applyTo(store, step);
        model.apply(step);
      }
      expectSame(store, model);
    }),
    { numRuns: runs(100) },
  );
});

test("safety 47, 56: a walk shows the state of its opening whatever happens meanwhile, in bytes that depend on content alone", () => {
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 40 }),
      fc.array(operation, { maxLength: 40 }),
      fc.integer({ min: 10, max: 600 }),
      fc.nat(3),
      (before, after, chunkBytes, pace) => {
        const store = newStore();
        store.beginEntry(1000, 0, 0);
        for (const step of before) applyTo(store, step);
        const digest = digestOf(store);
        const still = hex(drain(store.openWalk(), chunkBytes));
        const nowMs = store.nowMs;
        const walk = store.openWalk();
        const second = store.openWalk();
        const chunks: Uint8Array[] = [];
        for (const [i, step] of after.entries()) {
          if (i % (pace + 1) === 0) {
            const chunk = walk.next(chunkBytes);
            if (chunk !== null) chunks.push(chunk);
          }
          applyTo(store, step);
        }
        chunks.push(...drain(walk, chunkBytes));
        expect(hex(chunks)).toEqual(still);
        expect(hex(drain(second, chunkBytes))).toEqual(still);
        const copy = restored(chunks, nowMs);
        expect(digestOf(copy)).toBe(digest);
        expect(hex(drain(copy.openWalk(), chunkBytes))).toEqual(still);
        // Restored and then replayed equals replayed (counters included).
        for (const step of after) applyTo(copy, step);
        expect(digestOf(copy)).toBe(digestOf(store));
        expect(copy.revision).toBe(store.revision);
        expect(copy.chargedBytes).toBe(store.chargedBytes);
        expect(hex(drain(copy.openWalk(), chunkBytes))).toEqual(hex(drain(store.openWalk(), chunkBytes)));
      },
    ),
    { numRuns: runs(100) },
  );
});

test("the digest is zero when empty, and differs by key, value, deadline and revision", () => {
  const seen = new Set<string>();
  const build = (...steps: readonly (readonly [string, string, number])[]): void => {
    const store = newStore();
    for (const [key, value, deadline] of steps) set(store, key, value, deadline);
    seen.add(digestOf(store));
    for (const [key] of steps) {
      const handle = find(store, key);
      if (handle !== 0) store.remove(handle);
    }
    expect(digestOf(store)).toBe("0-0");
  };
  build(["a", "1", 0]);
  build(["b", "1", 0]);
  build(["a", "2", 0]);
  build(["a", "1", 50]);
  build(["a", "1", 0], ["a", "1", 0]);
  build(["a", "1", 0], ["b", "1", 0]);
  expect(seen.size).toBe(6);
});

test("safety 58: keys that are due together are swept in the order of their bytes", () => {
  const store = newStore();
  const names = ["z", "\u00e9", "a", "ab", "B", "\u0000", "\u00ff"];
  for (const name of names) set(store, name, "1", 10);
  set(store, "later", "1", 11);
  store.beginEntry(10, 0, 0);
  const order: string[] = [];
  let left = [...names];
  while (store.sweep(1) > 0) {
    store.beginRead(0);
    const still = left.filter((name) => store.slotSize(slotOf(latin1Bytes(name))) > 0);
    order.push(...left.filter((name) => !still.includes(name)));
    left = still;
  }
  expect(order).toEqual(["\u0000", "B", "a", "ab", "z", "\u00e9", "\u00ff"]);
  expect(store.size).toBe(1);
});

test("an expired key is absent before it is swept, and a due one is known by its deadline alone", () => {
  const store = newStore();
  store.beginEntry(100, 0, 0);
  set(store, "a", "1", 150);
  const key = latin1Bytes("a");
  expect(store.isDue(key, 0, 1, 149)).toBe(false);
  expect(store.isDue(key, 0, 1, 150)).toBe(true);
  store.beginEntry(150, 0, 0);
  expect(find(store, "a")).toBe(0);
  expect(store.isDue(key, 0, 1, 200)).toBe(false);
  expect(store.size).toBe(1);
});

test("thousands of keys come and go: the table grows, blocks are reused, the walk is in slot order", () => {
  const store = newStore();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 3000; i++) set(store, `key:${i}`, "v".repeat((i * 7 + round * 13) % 500));
    for (let i = 0; i < 3000; i += 2) store.remove(find(store, `key:${i}`));
  }
  expect(store.size).toBe(1500);
  expect(textOf(store, find(store, "key:1001"))).toBe("v".repeat((1001 * 7 + 26) % 500));
  const chunks = drain(store.openWalk(), 4096);
  for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(4096 + 600);
  const copy = restored(chunks, 0);
  expect(digestOf(copy)).toBe(digestOf(store));
});

test("a cut lowers the target; the limit follows the charge and nothing grows meanwhile", () => {
  const store = newStore();
  for (const key of ["a", "b", "c"]) set(store, key, "x".repeat(200));
  const charged = store.chargedBytes;
  store.setLimit(400, 20);
  expect(store.limitBytes).toBe(charged + 20);
  expect(store.makeRoom(1, 0)).toBe(false);
  expect(store.makeRoom(-1, 0)).toBe(true);
  store.remove(find(store, "a"));
  expect(store.limitBytes).toBe(store.chargedBytes + 20);
  store.remove(find(store, "b"));
  store.remove(find(store, "c"));
  expect(store.limitBytes).toBe(400);
  expect(store.makeRoom(380, 0)).toBe(true);
  expect(store.makeRoom(381, 0)).toBe(false);
});

test("a malformed or incomplete snapshot is refused", () => {
  const store = newStore();
  for (const key of ["a", "b", "c"]) set(store, key, "1");
  const [head, entries] = drain(store.openWalk(), 4096) as [Uint8Array, Uint8Array];
  const load =
    (...chunks: Uint8Array[]): (() => Store) =>
    () =>
      restored(chunks, 0);
  expect(load(head)).toThrow(/0 of 3 keys/);
  expect(load(entries)).toThrow(/before their head/);
  expect(load(head, entries, entries)).toThrow(/twice/);
  for (let end = 0; end < entries.length; end++) expect(load(head, entries.slice(0, end))).toThrow();
  const other = entries.slice();
  other[0] = 9;
  expect(load(head, other)).toThrow(/version 9/);
});
