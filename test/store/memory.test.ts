import { expect, test } from "vitest";
import { latin1Bytes } from "../../src/base/bytes.js";
import { SeededRandom } from "../../src/base/random.js";
import { slotOf } from "../../src/base/slot.js";
import { Rows } from "../../src/store/rows.js";
import { classBytes, sizeClassOf } from "../../src/store/size-class.js";
import { Slab } from "../../src/store/slab.js";
import { reverseBits, SlotIndex } from "../../src/store/slot-index.js";
import {
  digestOf,
  drain,
  expectShows,
  find,
  type ModelValue,
  newStore,
  restored,
} from "./collection-model.js";

/** Blocks with the owner's number as content, by owner. */
class Blocks {
  readonly slab = new Slab();
  readonly refs = new Map<number, { ref: number; length: number }>();
  /** Bytes of the blocks by size class, what they take at least. */
  liveBytes = 0;
  private next = 1;

  add(length: number): void {
    const owner = this.next++;
    const ref = this.slab.allocate(length, owner);
    this.slab.bytesOf(ref).fill(owner, this.slab.offsetOf(ref), this.slab.offsetOf(ref) + length);
    this.refs.set(owner, { ref, length });
    this.liveBytes += classBytes(sizeClassOf(length + 4));
  }

  remove(owner: number): void {
    const { ref, length } = this.refs.get(owner)!;
    this.slab.free(ref);
    this.liveBytes -= classBytes(sizeClassOf(length + 4));
    this.refs.delete(owner);
  }

  compact(times: number): void {
    for (let i = 0; i < times; i++)
      this.slab.compact((owner, ref) => {
        this.refs.get(owner)!.ref = ref;
      });
  }

  check(): void {
    for (const [owner, { ref, length }] of this.refs) {
      const at = this.slab.offsetOf(ref);
      const content = this.slab.bytesOf(ref).subarray(at, at + length);
      if (content[0] !== (owner & 0xff) || content[length - 1] !== (owner & 0xff))
        expect.fail(`block of ${owner} changed`);
    }
  }
}

/** One page of each of 55 classes may be partly filled, whatever is live. */
const openPagesBytes = 55 * 32 * 1024;

test("pages serve other sizes: memory follows what is live when the sizes of values change", () => {
  const blocks = new Blocks();
  const random = new SeededRandom(5);
  for (const size of [40, 300, 20, 1000, 90, 3000, 40]) {
    // Two of three go, at random: no page becomes empty by itself.
    for (const owner of [...blocks.refs.keys()]) if (random.u32() % 3 !== 0) blocks.remove(owner);
    while (blocks.liveBytes < 3_000_000) blocks.add(1 + (random.u32() % size));
    blocks.compact(400);
    blocks.check();
    expect(blocks.slab.reservedBytes).toBeLessThan(1.2 * blocks.liveBytes + openPagesBytes);
  }
});

test("an emptied slab keeps next to nothing, and large blocks come and go alone", () => {
  const blocks = new Blocks();
  for (let i = 0; i < 20_000; i++) blocks.add(100 + (i % 200));
  blocks.add(1_000_000);
  for (const owner of [...blocks.refs.keys()]) blocks.remove(owner);
  blocks.compact(200);
  expect(blocks.slab.reservedBytes).toBeLessThan(1024 * 1024);
});

test("moving blocks is paid by freeing: without it nothing moves", () => {
  const blocks = new Blocks();
  for (let i = 0; i < 5000; i++) blocks.add(64);
  let moves = 0;
  for (let i = 0; i < 100; i++) blocks.slab.compact(() => moves++);
  expect(moves).toBe(0);
});

test("rows take the lowest place first and let emptied segments go", () => {
  const rows = new Rows(14);
  const all = Array.from({ length: 40_000 }, () => rows.add());
  expect(new Set(all).size).toBe(40_000);
  for (const row of all) rows.set(row, 3, row);
  for (const row of all) if (row > 5000 || row % 2 === 0) rows.remove(row);
  expect(rows.lastRow()).toBeLessThan(2 * 4096);
  expect(rows.add()).toBeLessThan(5000);
  for (const row of all) if (row <= 5000 && row % 2 === 1) expect(rows.get(row, 3)).toBe(row);
});

test("an index finds and orders its rows at any size, also when all share a slot", () => {
  const rows = new Rows(2);
  const words = { hash: 0, next: 1 };
  const index = new SlotIndex(rows, words);
  const random = new SeededRandom(3);
  const live = new Map<number, number>();
  const slot = 77;
  const listed = (): number[] => {
    const hashes: number[] = [];
    for (let order = 0; order < 2 ** 32; order = index.runEnd(slot, order)) {
      const end = index.runEnd(slot, order);
      for (let row = index.first(slot, reverseBits(order)); row !== 0; row = rows.get(row, words.next)) {
        const place = reverseBits(rows.get(row, words.hash));
        if (place < order || place >= end) expect.fail("a row outside its run");
        hashes.push(place);
      }
    }
    return hashes;
  };
  for (const target of [3, 20_000, 100, 6000, 0]) {
    while (live.size < target) {
      const row = rows.add();
      const hash = random.u32();
      rows.set(row, words.hash, hash);
      index.add(slot, hash, row);
      live.set(row, hash);
    }
    for (const [row, hash] of live) {
      if (live.size <= target) break;
      index.remove(slot, hash, row);
      rows.remove(row);
      live.delete(row);
    }
    expect(index.slotSizes[slot]).toBe(target);
    expect(listed().sort((a, b) => a - b)).toEqual([...live.values()].map(reverseBits).sort((a, b) => a - b));
  }
});

test("keys and deadlines survive rows and blocks that move, with a walk open meanwhile", () => {
  const store = newStore();
  const model = new Map<string, ModelValue>();
  const random = new SeededRandom(11);
  let now = 1;
  const begin = (): void => store.beginEntry(now, random.u32(), 0);
  const set = (i: number, length: number): void => {
    begin();
    const key = `key ${i}`;
    const value = String.fromCharCode(random.u32() & 0xff).repeat(length);
    const bytes = latin1Bytes(key + value);
    store.setString(bytes, 0, key.length, bytes, key.length, bytes.length, i % 3 === 0 ? 1000 + (i % 50) : 0);
    model.set(key, { kind: "string", value });
  };
  const remove = (i: number): void => {
    const key = `key ${i}`;
    begin();
    if (!model.delete(key)) return;
    store.remove(find(store, key));
  };
  for (let i = 0; i < 40_000; i++) set(i, 10);
  const digest = digestOf(store);
  const walk = store.openWalk();
  const chunks = [walk.next(50_000)!, walk.next(50_000)!];
  // Few remain, spread over all rows; ghosts take rows too.
  for (let i = 0; i < 40_000; i++) if (i % 20 !== 0) remove(i);
  for (let i = 0; i < 40_000; i += 20) set(i, 300);
  chunks.push(...drain(walk, 50_000));
  expect(digestOf(restored(chunks, now))).toBe(digest);
  for (let i = 0; i < 8000; i++) begin();
  expectShows(store, model);
  // What is due goes, by the same heap, however rows moved.
  now = 1049;
  begin();
  while (store.sweep(100) > 0) begin();
  for (const key of [...model.keys()]) if (Number(key.slice(4)) % 3 === 0) model.delete(key);
  expectShows(store, model);
  expect(store.keysWithDeadline).toBe(0);
});

test("keys are listed and drawn in canonical order, from any position, live ones only", () => {
  const store = newStore();
  store.beginEntry(1, 7, 7);
  const names: string[] = [];
  for (let i = 0; i < 3000; i++) {
    const key = i % 2 === 0 ? `{tag}${i}` : `key ${i}`;
    const bytes = latin1Bytes(key);
    store.setString(bytes, 0, bytes.length, bytes, 0, 1, i % 10 === 0 ? 1 : 0);
    if (i % 10 !== 0) names.push(key);
  }
  const listed = (from: number): { keys: string[]; positions: number[] } => {
    const cursor = store.keysFrom(from);
    const keys: string[] = [];
    const positions: number[] = [];
    while (cursor.next()) {
      const { bytes, offset, length } = cursor.key;
      keys.push(String.fromCharCode(...bytes.subarray(offset, offset + length)));
      positions.push(cursor.position);
    }
    return { keys, positions };
  };
  const all = listed(0);
  expect([...all.keys].sort()).toEqual([...names].sort());
  expect(all.positions).toEqual([...all.positions].sort((a, b) => a - b));
  const slots = all.keys.map((key) => slotOf(latin1Bytes(key)));
  expect(slots).toEqual([...slots].sort((a, b) => a - b));
  for (const at of [0, 1, 700, 2699]) {
    expect(listed(all.positions[at]!).keys).toEqual(
      all.keys.slice(all.positions.indexOf(all.positions[at]!)),
    );
    expect(listed(all.positions[at]! + 1).keys.length).toBe(
      all.positions.filter((p) => p > all.positions[at]!).length,
    );
  }
  const copy = restored(drain(store.openWalk(), 5000), 1);
  for (let seed = 0; seed < 50; seed++) {
    store.beginEntry(1, seed, 1);
    copy.beginEntry(1, seed, 1);
    const drawn = [store, copy].map((of) => {
      const key = of.keyOf(of.randomKey());
      return String.fromCharCode(...key.bytes.subarray(key.offset, key.offset + key.length));
    });
    expect(drawn[0]).toBe(drawn[1]);
    expect(names).toContain(drawn[0]);
  }
});
