import { latin1Bytes } from "../../src/base/bytes.js";
import type { Handle, Store } from "../../src/store/keyspace.js";
import { createStore } from "../../src/store/map-store.js";

/** What the store is filled with, and the same in commands for redis-server. */
export interface Shape {
  readonly name: string;
  /** What one figure is divided by: keys, or elements of the one collection. */
  readonly unit: "entry" | "element";
  readonly count: number;
  /** Number `i` of `count`, by the commands' own way: room first. Refused room throws. */
  put(store: Store, i: number): void;
  command(i: number): readonly string[];
}

const gib = 1024 ** 3;

export function newStore(): Store {
  return createStore({ hashKey: [3, 1, 4, 1], limitBytes: 16 * gib, valueLimitBytes: 16 * 1024 * 1024 });
}

const line = new Uint8Array(4096).fill(0x78);
const fieldNames = Array.from({ length: 10 }, (_, i) => latin1Bytes(`field:${i}`));

/** Sixteen bytes: the scattered number of a key. */
function keyText(prefix: string, i: number): string {
  return prefix + String(i).padStart(16 - prefix.length, "0");
}

function writeKey(into: Uint8Array, prefix: number, i: number): void {
  let rest = i;
  for (let at = 15; at >= 4; at--) {
    into[at] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  into[0] = into[1] = into[2] = prefix;
  into[3] = 0x3a;
}

const key = new Uint8Array(16);
const keyPrefix = "kkk:";

function room(store: Store, growth: number, keep: Handle): void {
  if (!store.makeRoom(growth, keep)) throw new Error("the store is full");
}

/** One SET, as the command does it. */
export function setOne(store: Store, i: number, valueLength: number): void {
  writeKey(key, 0x6b, i);
  const handle = store.find(key, 0, 16);
  const before = handle === 0 ? 0 : store.chargeOf(handle);
  room(store, store.stringCharge(16, valueLength, true) - before, handle);
  line[0] = i;
  store.setString(key, 0, 16, line, 0, valueLength, 0);
}

/** One DEL. */
export function removeOne(store: Store, i: number): void {
  writeKey(key, 0x6b, i);
  const handle = store.find(key, 0, 16);
  if (handle !== 0) store.remove(handle);
}

function strings(valueLength: number, count: number): Shape {
  const value = "x".repeat(valueLength);
  return {
    name: `strings of ${valueLength} bytes`,
    unit: "entry",
    count,
    put: (store, i) => setOne(store, i, valueLength),
    command: (i) => ["SET", keyText(keyPrefix, i), value],
  };
}

const hashes: Shape = {
  name: "hashes of 10 fields",
  unit: "entry",
  count: 200_000,
  put(store, i) {
    writeKey(key, 0x68, i);
    room(store, store.growthOf("hash", 0, 16, 10, 300), 0);
    const handle = store.createCollection(key, 0, 16, "hash");
    for (const field of fieldNames) store.hashSet(handle, field, 0, field.length, line, 0, 16);
  },
  command: (i) => [
    "HSET",
    keyText("hhh:", i),
    ...fieldNames.flatMap((_, f) => [`field:${f}`, "x".repeat(16)]),
  ],
};

const one = latin1Bytes("the one");
function collection(store: Store, kind: "zset" | "list"): Handle {
  const handle = store.find(one, 0, one.length);
  return handle === 0 ? store.createCollection(one, 0, one.length, kind) : handle;
}

/** Scores in no order, the same on both sides. */
function score(i: number): number {
  return Math.imul(i, 0x9e37_79b1) >>> 0;
}

const zset: Shape = {
  name: "sorted set of 1 M members",
  unit: "element",
  count: 1_000_000,
  put(store, i) {
    writeKey(key, 0x6d, i);
    const handle = collection(store, "zset");
    room(store, store.growthOf("zset", handle, one.length, 1, 25), handle);
    store.zsetSet(handle, score(i), key, 0, 16);
  },
  command: (i) => ["ZADD", "the one", `${score(i)}`, keyText("mmm:", i)],
};

const list: Shape = {
  name: "list of 1 M elements",
  unit: "element",
  count: 1_000_000,
  put(store, i) {
    writeKey(key, 0x6c, i);
    const handle = collection(store, "list");
    room(store, store.growthOf("list", handle, one.length, 1, 17), handle);
    store.listPush(handle, false, key, 0, 16);
  },
  command: (i) => ["RPUSH", "the one", keyText("lll:", i)],
};

export const shapes: readonly Shape[] = [strings(16, 2_000_000), strings(100, 2_000_000), hashes, zset, list];
