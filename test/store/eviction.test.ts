import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { stringCharge } from "../../src/store/charge.js";
import { HandleSet } from "../../src/store/eviction/handle-set.js";
import { drawKeys } from "../../src/store/eviction/key-draw.js";
import { policyNames } from "../../src/store/eviction/policies.js";
import { runs } from "../properties.js";
import { EvictionReplica } from "./eviction-replica.js";

const value = "v".repeat(40);
const charge = stringCharge(5, value.length);
const oom = "-OOM command not allowed when used memory > 'maxmemory'.";
const evicting = policyNames.filter((name) => name !== "noeviction");

/** A limit for `keys` keys of five bytes with `value`, beside the sessions' share. */
function limitFor(keys: number): number {
  return Math.ceil((keys * charge) / 0.95) + 2;
}
function keyOf(n: number): string {
  return `k${String(n).padStart(4, "0")}`;
}
function fill(replica: EvictionReplica, from: number, to: number, options = ""): void {
  for (let n = from; n < to; n++) expect(replica.run(`SET ${keyOf(n)} ${value}${options}`)).toEqual(["OK"]);
}
function surviving(replica: EvictionReplica, from: number, to: number): number {
  let count = 0;
  for (let n = from; n < to; n++) if (replica.has(keyOf(n))) count++;
  return count;
}
/** Reads keys and lets their uses enter the log. */
function use(replica: EvictionReplica, from: number, to: number): void {
  for (let n = from; n < to; n++) replica.read(`GET ${keyOf(n)}`);
  replica.sendTouches();
}

test.each(evicting)(
  "%s: a full range goes on taking writes, and never holds more than its limit",
  (policy) => {
    const replica = new EvictionReplica(policy, limitFor(100));
    const deadline = policy.startsWith("volatile") ? " PX 1000000" : "";
    for (let n = 0; n < 400; n++) {
      expect(replica.run(`SET ${keyOf(n)} ${value}${deadline}`)).toEqual(["OK"]);
      expect(replica.chargedBytes).toBeLessThanOrEqual(limitFor(100));
    }
    expect(replica.keys).toBe(100);
    expect(replica.store.counters.evicted).toBe(300);
  },
);

test("noeviction refuses, and DEL makes room again", () => {
  const replica = new EvictionReplica("noeviction", limitFor(10));
  fill(replica, 0, 10);
  expect(replica.run(`SET ${keyOf(10)} ${value}`)).toEqual([oom]);
  expect(replica.run(`DEL ${keyOf(3)}`, `SET ${keyOf(10)} ${value}`)).toEqual([1, "OK"]);
  expect(replica.keys).toBe(10);
});

test.each(evicting.filter((name) => name.startsWith("volatile")))(
  "%s never evicts a key without a deadline, and refuses when there are only such",
  (policy) => {
    const replica = new EvictionReplica(policy, limitFor(50));
    fill(replica, 0, 25);
    fill(replica, 25, 50, " PX 5000000");
    fill(replica, 50, 75);
    expect(surviving(replica, 0, 25)).toBe(25);
    expect(surviving(replica, 25, 50)).toBe(0);
    expect(replica.run(`SET ${keyOf(75)} ${value}`)).toEqual([oom]);
    expect(replica.keys).toBe(50);
  },
);

test("a key that is made persistent is no victim of a volatile policy any more", () => {
  const replica = new EvictionReplica("volatile-lru", limitFor(8));
  fill(replica, 0, 8, " PX 5000000");
  fill(replica, 8, 12, " PX 5000000");
  const left = [...Array(12).keys()].filter((n) => replica.has(keyOf(n)));
  for (const n of left) replica.run(`PERSIST ${keyOf(n)}`);
  expect(replica.run(`SET ${keyOf(20)} ${value}`)).toEqual([oom]);
});

test("lru: what was read lately stays, by touches alone", () => {
  const replica = new EvictionReplica("allkeys-lru", limitFor(200));
  fill(replica, 0, 200);
  for (let round = 0; round < 10; round++) {
    replica.clock(replica.nowMs + 60_000);
    use(replica, 0, 50);
    fill(replica, 1000 + round * 15, 1015 + round * 15);
  }
  expect(surviving(replica, 0, 50)).toBeGreaterThanOrEqual(48);
  expect(surviving(replica, 50, 200)).toBeLessThan(30);
});

test("a read by itself changes nothing that is replicated (safety 60)", () => {
  const replica = new EvictionReplica("allkeys-lru", limitFor(50));
  fill(replica, 0, 50);
  replica.clock(replica.nowMs + 60_000);
  const before = replica.machine.digest();
  for (let n = 0; n < 50; n++) replica.read(`GET ${keyOf(n)}`);
  expect(replica.machine.digest()).toBe(before);
  expect(replica.sendTouches()).toBe(50);
  expect(replica.machine.digest()).not.toBe(before);
});

test("looking at a key is no use of it, as in Redis", () => {
  const replica = new EvictionReplica("allkeys-lru", limitFor(50));
  fill(replica, 0, 50);
  replica.clock(replica.nowMs + 60_000);
  const asks = [
    "TTL",
    "PTTL",
    "EXPIRETIME",
    "PEXPIRETIME",
    "EXISTS",
    "TYPE",
    "OBJECT IDLETIME",
    "MEMORY USAGE",
  ];
  for (const ask of asks) replica.read(`${ask} ${keyOf(1)}`);
  expect(replica.sendTouches()).toBe(0);
  expect(replica.read(`OBJECT IDLETIME ${keyOf(1)}`)).toBe(60);
  replica.read(`GET ${keyOf(1)}`);
  expect(replica.sendTouches()).toBe(1);
  expect(replica.read(`OBJECT IDLETIME ${keyOf(1)}`)).toBe(0);
  expect(replica.read(`OBJECT FREQ ${keyOf(1)}`)).toMatch(/^-ERR An LFU maxmemory policy is not selected/);
  replica.policy("allkeys-lfu");
  expect(replica.read(`OBJECT IDLETIME ${keyOf(1)}`)).toMatch(/^-ERR An LFU maxmemory policy is selected/);
  expect(replica.read(`OBJECT FREQ ${keyOf(1)}`)).toEqual(expect.any(Number));
});

test("lfu: what is read often outlives a scan, and is forgotten once nobody reads it", () => {
  const replica = new EvictionReplica("allkeys-lfu", limitFor(200));
  fill(replica, 0, 200);
  for (let round = 0; round < 30; round++) {
    replica.clock(replica.nowMs + 1000);
    for (let times = 0; times < 10; times++) for (let n = 0; n < 50; n++) replica.read(`GET ${keyOf(n)}`);
    replica.sendTouches();
  }
  expect(
    replica.store.frequencyOf(replica.store.find(new TextEncoder().encode(keyOf(0)), 0, 5)),
  ).toBeGreaterThan(6);
  fill(replica, 1000, 1300);
  expect(surviving(replica, 0, 50)).toBeGreaterThanOrEqual(48);
  for (let n = 2000; n < 9000; n++) replica.run(`SET ${keyOf(n)} ${value}`);
  expect(surviving(replica, 0, 50)).toBeLessThanOrEqual(5);
});

test("fifo: uses don't count, age does", () => {
  const replica = new EvictionReplica("allkeys-fifo", limitFor(200));
  fill(replica, 0, 200);
  replica.clock(replica.nowMs + 60_000);
  use(replica, 0, 50);
  fill(replica, 0, 50);
  fill(replica, 1000, 1150);
  expect(surviving(replica, 0, 100)).toBeLessThan(35);
  expect(surviving(replica, 1000, 1150)).toBeGreaterThan(130);
});

test("ttl: the nearest deadlines go first", () => {
  const replica = new EvictionReplica("volatile-ttl", limitFor(200));
  for (let n = 0; n < 200; n++) replica.run(`SET ${keyOf(n)} ${value} PX ${1_000_000 + n * 10_000}`);
  fill(replica, 1000, 1080, " PX 9000000");
  expect(surviving(replica, 0, 60)).toBeLessThan(15);
  expect(surviving(replica, 120, 200)).toBeGreaterThan(70);
});

test("s3fifo: a scan doesn't push out what was used twice", () => {
  const replica = new EvictionReplica("allkeys-s3fifo", limitFor(200));
  fill(replica, 0, 200);
  use(replica, 0, 100);
  fill(replica, 1000, 1600);
  expect(surviving(replica, 0, 100)).toBeGreaterThanOrEqual(95);
  expect(surviving(replica, 1000, 1600)).toBe(200 - surviving(replica, 0, 200));
});

test("a write that can never fit is refused before anything goes for it", () => {
  const replica = new EvictionReplica("allkeys-lru", limitFor(100));
  fill(replica, 0, 100);
  const before = replica.store.revision;
  expect(replica.run(`SET big ${"x".repeat(limitFor(100))}`)).toEqual([oom]);
  expect(replica.run(`APPEND ${keyOf(1)} ${"x".repeat(100 * charge)}`)).toEqual([oom]);
  expect(replica.store.revision).toBe(before);
  expect(replica.keys).toBe(100);
});

test("one entry evicts a bounded number: what needs more is refused, and the next attempt goes on", () => {
  const replica = new EvictionReplica("allkeys-random", limitFor(9000));
  for (let n = 0; n < 9000; n += 100)
    replica.run(...Array.from({ length: 100 }, (_, i) => `SET ${keyOf(n + i)} ${value}`));
  const big = `SET big ${"x".repeat(6000 * charge)}`;
  expect(replica.run(big)).toEqual([oom]);
  expect(9000 - replica.keys).toBe(4097);
  expect(replica.run(big)).toEqual(["OK"]);
  expect(replica.chargedBytes).toBeLessThanOrEqual(limitFor(9000));
});

test("after a cut the limit follows the charge down, a bounded number of keys per entry", () => {
  const replica = new EvictionReplica("allkeys-lru", limitFor(9000));
  for (let n = 0; n < 9000; n += 100)
    replica.run(...Array.from({ length: 100 }, (_, i) => `SET ${keyOf(n + i)} ${value}`));
  replica.limit(limitFor(1000));
  let before = replica.keys;
  expect(before).toBe(9000);
  let entries = 0;
  while (replica.machine.owesEvictions) {
    replica.clock(replica.nowMs + 1);
    entries++;
    expect(before - replica.keys).toBeLessThanOrEqual(2048);
    expect(replica.chargedBytes).toBeLessThanOrEqual(replica.machine.status().limitBytes);
    before = replica.keys;
  }
  expect(entries).toBe(4);
  expect(replica.keys).toBe(1000);
  expect(replica.machine.status().limitBytes).toBe(limitFor(1000));
});

test("MSET over keys that go to make room for it stays within the limit", () => {
  const replica = new EvictionReplica("allkeys-random", limitFor(10));
  fill(replica, 0, 10);
  const wide = "w".repeat(40 + charge);
  for (let round = 0; round < 50; round++) {
    const pairs = [0, 1, 2].map((n) => `${keyOf(n)} ${wide}`).join(" ");
    expect(replica.run(`MSET ${pairs}`)).toEqual(["OK"]);
    expect(replica.chargedBytes).toBeLessThanOrEqual(limitFor(10));
    fill(replica, 0, 10);
  }
});

test("the key being changed is never the victim of its own change", () => {
  const replica = new EvictionReplica("allkeys-random", limitFor(6));
  fill(replica, 0, 6);
  for (let round = 0; round < 60; round++) {
    fill(replica, 0, 6);
    expect(replica.run(`APPEND ${keyOf(2)} ${"a".repeat(charge)}`)[0]).toBeGreaterThan(charge);
    replica.run(`DEL ${keyOf(2)}`);
  }
});

/** One step of a random run: commands, reads with their touches, time, limits, policies. */
type Step =
  | { readonly kind: "run"; readonly commands: readonly string[] }
  | { readonly kind: "read"; readonly keys: readonly number[] }
  | { readonly kind: "clock"; readonly ms: number }
  | { readonly kind: "limit"; readonly keys: number }
  | { readonly kind: "policy"; readonly name: string };

const key = fc.integer({ min: 0, max: 80 }).map(keyOf);
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(key, fc.integer({ min: 0, max: 300 })).map(([k, n]) => `SET ${k} ${"s".repeat(n)}`),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(key, fc.integer({ min: 1, max: 400 })).map(([k, ms]) => `SET ${k} ${value} PX ${ms}`),
  },
  { weight: 2, arbitrary: fc.tuple(key, key).map(([a, b]) => `MSET ${a} ${value} ${b} ${value}`) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(key, fc.integer({ min: 0, max: 200 }))
      .map(([k, n]) => `APPEND ${k} ${"a".repeat(n)}`),
  },
  { weight: 1, arbitrary: key.map((k) => `DEL ${k}`) },
  { weight: 1, arbitrary: key.map((k) => `PERSIST ${k}`) },
  { weight: 1, arbitrary: fc.constant("FLUSHALL") },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .array(command, { minLength: 1, maxLength: 6 })
      .map((commands): Step => ({ kind: "run", commands })),
  },
  {
    weight: 6,
    arbitrary: fc
      .array(fc.integer({ min: 0, max: 80 }), { maxLength: 20 })
      .map((keys): Step => ({ kind: "read", keys })),
  },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 5000 }).map((ms): Step => ({ kind: "clock", ms })) },
  { weight: 1, arbitrary: fc.integer({ min: 5, max: 40 }).map((keys): Step => ({ kind: "limit", keys })) },
  { weight: 1, arbitrary: fc.constantFrom(...policyNames).map((name): Step => ({ kind: "policy", name })) },
);

function take(replica: EvictionReplica, each: Step): void {
  switch (each.kind) {
    case "run":
      replica.run(...each.commands);
      break;
    case "read":
      for (const n of each.keys) replica.read(`GET ${keyOf(n)}`);
      replica.sendTouches();
      break;
    case "clock":
      replica.clock(replica.nowMs + each.ms);
      break;
    case "limit":
      replica.limit(limitFor(each.keys));
      break;
    case "policy":
      replica.policy(each.name);
      break;
  }
}

test.each(policyNames)(
  "%s: a replica restored from a snapshot evicts the same keys as the one that replayed (safety 55, 56, 59)",
  (policy) => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        fc.array(step, { minLength: 10, maxLength: 60 }),
        (before, after) => {
          const first = new EvictionReplica(policy, limitFor(20));
          for (const each of before) take(first, each);
          const second = first.restored();
          expect(second.machine.digest()).toBe(first.machine.digest());
          for (const each of after) {
            const from = first.log.length;
            take(first, each);
            for (const data of first.log.slice(from)) second.apply(data);
            expect(second.machine.digest()).toBe(first.machine.digest());
            const { chargedBytes, limitBytes } = first.machine.status();
            expect(chargedBytes).toBeLessThanOrEqual(limitBytes);
          }
        },
      ),
      { numRuns: runs(25) },
    );
  },
);

test("a snapshot shows recency as it was at its opening, whatever is touched while it is written (safety 47)", () => {
  const replica = new EvictionReplica("allkeys-lru", limitFor(300));
  fill(replica, 0, 300);
  replica.clock(replica.nowMs + 60_000);
  const digest = replica.machine.digest();
  const walk = replica.machine.openSnapshot();
  const chunks = [walk.next()!];
  use(replica, 0, 300);
  fill(replica, 1000, 1100);
  for (let chunk = walk.next(); chunk !== null; chunk = walk.next()) chunks.push(chunk);
  walk.close();
  const other = new EvictionReplica("noeviction", 1024);
  other.machine.beginRestore();
  for (const chunk of chunks) other.machine.restore(chunk);
  other.machine.endRestore();
  expect(other.machine.digest()).toBe(digest);
});

test.each(["volatile-random", "allkeys-s3fifo"])("%s: entries whose rows move are still found", (policy) => {
  const replica = new EvictionReplica(policy, limitFor(40_000));
  const setOf = (n: number): string => `SET ${String(n).padStart(5, "0")} ${value} PX 9000000`;
  for (let n = 0; n < 40_000; n += 500) replica.run(...Array.from({ length: 500 }, (_, i) => setOf(n + i)));
  const gone = (n: number): string => `DEL ${String(n).padStart(5, "0")}`;
  for (let n = 0; n < 30_000; n += 500) replica.run(...Array.from({ length: 500 }, (_, i) => gone(n + i)));
  for (let n = 0; n < 2000; n++) replica.clock(replica.nowMs + 1);
  replica.limit(limitFor(1000));
  while (replica.machine.owesEvictions) replica.clock(replica.nowMs + 1);
  expect(replica.keys).toBe(1000);
  expect(replica.restored().machine.digest()).toBe(replica.machine.digest());
});

test("draws see each key of a set as often as any other, wherever it lies", () => {
  const set = new HandleSet();
  const random = new SeededRandom(5);
  const members: (readonly [number, number, number])[] = [];
  for (let handle = 1; handle <= 300; handle++) {
    // Half of them in one slot: a hash tag.
    const slot = handle % 2 === 0 ? 77 : random.u32() % 16_384;
    members.push([slot, random.u32(), handle]);
  }
  for (const [slot, hash, handle] of members) set.add(slot, hash, handle);
  for (const [slot, hash, handle] of members.slice(0, 100)) set.remove(slot, hash, handle);
  const seen = new Map<number, number>();
  const drawn: number[] = [];
  for (let i = 0; i < 200_000; i++) {
    drawn.length = 0;
    drawKeys(set, random.u32(), drawn);
    for (const handle of drawn) seen.set(handle, (seen.get(handle) ?? 0) + 1);
  }
  expect([...seen.keys()].sort((a, b) => a - b)).toEqual(members.slice(100).map(([, , handle]) => handle));
  for (const times of seen.values()) {
    expect(times).toBeGreaterThan(850);
    expect(times).toBeLessThan(1150);
  }
});
