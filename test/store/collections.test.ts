import fc from "fast-check";
import { expect, test } from "vitest";
import { latin1Bytes, latin1Text } from "../../src/base/bytes.js";
import { SeededRandom } from "../../src/base/random.js";
import type { CollectionKind, Handle, Store, StoreWalk } from "../../src/store/keyspace.js";
import { runs } from "../properties.js";
import {
  byHash,
  byText,
  digestOf,
  drain,
  expected,
  expectShows,
  find,
  hashOf,
  lengthOf,
  type ModelValue,
  newStore,
  restored,
  shown,
} from "./collection-model.js";

/** A random history of one store beside its model, in which a walk may be open at any time. */
class History {
  readonly store: Store = newStore();
  readonly model = new Map<string, ModelValue>();
  private readonly random: SeededRandom;
  private readonly kinds: readonly CollectionKind[];
  private walk: StoreWalk | null = null;
  private walked: Uint8Array[] = [];
  private atOpening = { digest: "", revision: 0, model: new Map<string, ModelValue>() };
  private readonly keyCount: number;
  private readonly longest: number;
  walksChecked = 0;

  constructor(seed: number, kinds: readonly CollectionKind[], keyCount: number, longest: number) {
    this.random = new SeededRandom(seed);
    this.kinds = kinds;
    this.keyCount = keyCount;
    this.longest = longest;
  }

  private below(bound: number): number {
    return this.random.u32() % bound;
  }

  private text(): string {
    const length = this.below(20) === 0 ? this.below(this.longest) : this.below(12);
    return String.fromCharCode(this.below(256), this.below(256))
      .repeat(Math.ceil(length / 2))
      .slice(0, length);
  }

  private score(): number {
    const scores = [0, -0, 1, -1, 1.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    return this.below(2) === 0 ? scores[this.below(scores.length)]! : this.below(1000) / 7;
  }

  /** One command: a mutation of one key, counted once. */
  step(growing: boolean): void {
    const { store, model } = this;
    store.beginEntry(store.nowMs, this.random.u32(), 0);
    const key = `key ${this.below(this.keyCount)}`;
    const kind = this.kinds[this.below(this.kinds.length)]!;
    const dice = this.below(200);
    const revision = store.revision;
    if (dice === 0) {
      if (find(store, key) !== 0) store.remove(find(store, key));
      expect(store.revision).toBe(revision + (model.delete(key) ? 1 : 0));
    } else if (dice === 1) this.rename(key);
    else if (dice === 2) this.copy(key);
    else if (dice === 3) this.setString(key);
    else if (dice === 4) this.detached(key, kind);
    else this.change(key, kind, growing);
    if (this.walk === null && this.below(100) === 0) this.openWalk();
    else if (this.walk !== null && this.below(3) === 0) this.goOn();
  }

  private setString(key: string): void {
    const text = this.text();
    const bytes = latin1Bytes(key + text);
    this.store.setString(bytes, 0, key.length, bytes, key.length, bytes.length, 0);
    this.model.set(key, { kind: "string", value: text });
  }

  private rename(key: string): void {
    const { store, model } = this;
    const to = `key ${this.below(this.keyCount)}`;
    if (to === key || !model.has(key)) return;
    const revision = store.revision;
    store.rename(find(store, key), latin1Bytes(to), 0, to.length);
    expect(store.revision).toBe(revision + 2);
    model.set(to, model.get(key)!);
    model.delete(key);
  }

  private copy(key: string): void {
    const { store, model } = this;
    const to = `key ${this.below(this.keyCount)}`;
    if (to === key || !model.has(key)) return;
    store.copy(find(store, key), latin1Bytes(to), 0, to.length);
    model.set(to, structuredClone(model.get(key)!));
  }

  private detached(key: string, kind: CollectionKind): void {
    const { store, model } = this;
    const handle = store.createDetached(kind);
    const value = emptyModel(kind);
    for (let i = this.below(200); i > 0; i--) this.changeValue(handle, value, true);
    if (lengthOf(value) === 0) {
      store.discard(handle);
      return;
    }
    const revision = store.revision;
    const charge = store.chargeUnderKey(handle, key.length);
    store.attach(handle, latin1Bytes(key), 0, key.length);
    expect(store.revision).toBe(revision + 1);
    expect(store.chargeOf(handle)).toBe(charge);
    model.set(key, value);
  }

  private change(key: string, kind: CollectionKind, growing: boolean): void {
    const { store, model } = this;
    const revision = store.revision;
    let value = model.get(key);
    let handle = find(store, key);
    let isNew = false;
    if (value === undefined || value.kind !== kind) {
      handle = store.createCollection(latin1Bytes(key), 0, key.length, kind);
      value = emptyModel(kind);
      model.set(key, value);
      isNew = true;
    }
    let changed = isNew;
    for (let i = 1 + this.below(4); i > 0; i--) changed = this.changeValue(handle, value, growing) || changed;
    const isEmpty = lengthOf(value) === 0;
    if (isEmpty) model.delete(key);
    expect(store.dropIfEmpty(handle)).toBe(isEmpty);
    expect(store.revision).toBe(revision + (changed ? 1 : 0));
  }

  /** @returns whether anything changed. */
  private changeValue(handle: Handle, value: ModelValue, growing: boolean): boolean {
    const { store } = this;
    const removes = this.below(10) < (growing ? 2 : 7);
    const count = store.lengthOf(handle);
    const text = this.text();
    const bytes = latin1Bytes(text);
    const end = bytes.length;
    switch (value.kind) {
      case "string":
        return false;
      case "list": {
        const { items } = value;
        const index = this.below(count + 1);
        const action = this.below(4);
        if (removes) {
          const run = Math.min(count - index, 1 + this.below(this.below(20) === 0 ? 400 : 3));
          store.listRemove(handle, index, run);
          items.splice(index, run);
          return run > 0;
        }
        if (action === 0 && index < count) {
          store.listSet(handle, index, bytes, 0, end);
          items[index] = text;
        } else if (action === 1) {
          store.listInsert(handle, index, bytes, 0, end);
          items.splice(index, 0, text);
        } else {
          store.listPush(handle, action === 2, bytes, 0, end);
          if (action === 2) items.unshift(text);
          else items.push(text);
        }
        return true;
      }
      case "set": {
        const { members } = value;
        const member = this.picked([...members], text);
        const chosen = latin1Bytes(member);
        expect(store.setHas(handle, chosen, 0, chosen.length)).toBe(members.has(member));
        if (removes) {
          const had = members.delete(member);
          expect(store.setRemove(handle, chosen, 0, chosen.length)).toBe(had);
          return had;
        }
        const isNew = !members.has(member);
        members.add(member);
        expect(store.setAdd(handle, chosen, 0, chosen.length)).toBe(isNew);
        return isNew;
      }
      case "hash": {
        const { fields } = value;
        const field = this.picked([...fields.keys()], text);
        const chosen = latin1Bytes(field);
        const had = store.hashGet(handle, chosen, 0, chosen.length);
        expect(had && latin1Text(had.bytes, had.offset, had.offset + had.length)).toBe(
          fields.get(field) ?? null,
        );
        if (removes) {
          const isGone = fields.delete(field);
          expect(store.hashRemove(handle, chosen, 0, chosen.length)).toBe(isGone);
          return isGone;
        }
        const of = this.text();
        const isNew = !fields.has(field);
        fields.set(field, of);
        expect(store.hashSet(handle, chosen, 0, chosen.length, latin1Bytes(of), 0, of.length)).toBe(isNew);
        return true;
      }
      case "zset":
        return this.changeZset(handle, value.scores, text, removes);
    }
  }

  private changeZset(handle: Handle, scores: Map<string, number>, text: string, removes: boolean): boolean {
    const { store } = this;
    const member = this.picked([...scores.keys()], text);
    const chosen = latin1Bytes(member);
    expect(store.zsetScore(handle, chosen, 0, chosen.length)).toBe(scores.get(member) ?? Number.NaN);
    if (removes && this.below(15) === 0) {
      const rank = this.below(scores.size + 1);
      const run = Math.min(scores.size - rank, this.below(200));
      const ranked = expected({ kind: "zset", scores });
      for (const line of ranked.slice(rank, rank + run)) scores.delete((JSON.parse(line) as [string])[0]);
      store.zsetRemoveRange(handle, rank, run);
      return run > 0;
    }
    if (removes) {
      const had = scores.delete(member);
      expect(store.zsetRemove(handle, chosen, 0, chosen.length)).toBe(had);
      return had;
    }
    const score = this.score();
    const before = scores.get(member);
    if (before !== score) scores.set(member, score);
    expect(store.zsetSet(handle, score, chosen, 0, chosen.length)).toBe(before === undefined);
    return before !== score;
  }

  /** Often an element that is there. */
  private picked(members: readonly string[], text: string): string {
    return members.length > 0 && this.below(2) === 0 ? members[this.below(members.length)]! : text;
  }

  private openWalk(): void {
    const { store } = this;
    this.walk = store.openWalk();
    this.walked = [];
    this.atOpening = {
      digest: digestOf(store),
      revision: store.revision,
      model: structuredClone(this.model),
    };
  }

  /** One more chunk of the open walk; at its end the walk is compared with the state at its opening. */
  private goOn(): void {
    const chunk = this.walk!.next(1 + this.below(2000));
    if (chunk !== null) {
      this.walked.push(chunk);
      return;
    }
    this.finishWalk();
  }

  finishWalk(): void {
    if (this.walk === null) return;
    for (let chunk = this.walk.next(700); chunk !== null; chunk = this.walk.next(700))
      this.walked.push(chunk);
    this.walk.close();
    this.walk = null;
    const copy = restored(this.walked, this.store.nowMs);
    expect(digestOf(copy)).toBe(this.atOpening.digest);
    expect(copy.revision).toBe(this.atOpening.revision);
    expectShows(copy, this.atOpening.model);
    this.walksChecked++;
  }
}

function emptyModel(kind: CollectionKind): ModelValue {
  switch (kind) {
    case "list":
      return { kind, items: [] };
    case "set":
      return { kind, members: new Set() };
    case "hash":
      return { kind, fields: new Map() };
    case "zset":
      return { kind, scores: new Map() };
  }
}

function run(history: History, steps: number): void {
  for (let i = 0; i < steps; i++) {
    history.step(i % 1500 < 1000);
    if (i % 97 === 0) expectShows(history.store, history.model);
  }
  history.finishWalk();
  expectShows(history.store, history.model);
}

const seeds = fc.integer({ min: 0, max: 0x7fff_ffff });

for (const kind of ["list", "set", "hash", "zset"] as const) {
  test(`a ${kind} is what a naive model is, through growth, shrinking and walks`, () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const history = new History(seed, [kind], 2, 60);
        run(history, 1200);
        expect(history.walksChecked).toBeGreaterThan(0);
        const copy = restored(drain(history.store.openWalk(), 300), 0);
        expect(digestOf(copy)).toBe(digestOf(history.store));
        expectShows(copy, history.model);
      }),
      { numRuns: runs(8) },
    );
  });
}

test("collections of all kinds with large elements are what naive models are", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      run(new History(seed, ["list", "set", "hash", "zset"], 12, 6000), 1500);
    }),
    { numRuns: runs(6) },
  );
});

test("a restored store goes on as the one that was walked: same digest after the same commands", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const replayed = new History(seed, ["list", "set", "hash", "zset"], 5, 100);
      run(replayed, 800);
      const chunks = drain(replayed.store.openWalk(), 500);
      const copy = restored(chunks, 0);
      // Canonical: the copy's own walk gives the same bytes, whatever form its trees have.
      expect(drain(copy.openWalk(), 500).map(hexOf)).toEqual(chunks.map(hexOf));
      for (const store of [replayed.store, copy]) {
        for (const [key, value] of replayed.model) {
          if (value.kind !== "set") continue;
          store.beginEntry(0, 1, 1);
          const handle = find(store, key);
          store.setAdd(handle, latin1Bytes("one more"), 0, 8);
        }
      }
      expect(digestOf(copy)).toBe(digestOf(replayed.store));
    }),
    { numRuns: runs(4) },
  );
});

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function zset(members: readonly (readonly [string, number])[]): { store: Store; handle: Handle } {
  const store = newStore();
  const handle = store.createCollection(latin1Bytes("z"), 0, 1, "zset");
  for (const [member, score] of members) store.zsetSet(handle, score, latin1Bytes(member), 0, member.length);
  return { store, handle };
}

test("ranks and boundaries of sorted sets, small and large, agree with a sorted array", () => {
  const member = fc.string({ unit: "binary-ascii", maxLength: 6 });
  const score = fc.constantFrom(0, -0, 1, 2, 2.5, -3, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(member, score), { maxLength: 30 }),
      fc.constantFrom(0, 600),
      score,
      member,
      (pairs, more, bound, lex) => {
        const scores = new Map(pairs);
        for (let i = 0; i < more; i++) scores.set(`more ${i}`, (i % 7) - 3);
        const { store, handle } = zset([...scores]);
        const ranked = [...scores].sort((a, b) => (a[1] === b[1] ? byText(a[0], b[0]) : a[1] - b[1]));
        for (const [rank, [name]] of ranked.entries())
          if (rank % 7 === 0) expect(store.zsetRank(handle, latin1Bytes(name), 0, name.length)).toBe(rank);
        expect(store.zsetCountBelow(handle, bound, false)).toBe(ranked.filter(([, s]) => s < bound).length);
        expect(store.zsetCountBelow(handle, bound, true)).toBe(ranked.filter(([, s]) => s <= bound).length);
        const middle = Math.floor(ranked.length / 2);
        expect(shown(store.elements(handle, middle, false), 5)).toEqual(
          expected({ kind: "zset", scores }).slice(middle, middle + 5),
        );
        const alike = zset([...scores.keys()].map((name) => [name, 1] as const));
        const names = [...scores.keys()].sort(byText);
        const below = (orEqual: boolean): number =>
          alike.store.zsetCountBelowLex(alike.handle, latin1Bytes(lex), 0, lex.length, orEqual);
        expect(below(false)).toBe(names.filter((name) => byText(name, lex) < 0).length);
        expect(below(true)).toBe(names.filter((name) => byText(name, lex) <= 0).length);
      },
    ),
    { numRuns: runs(60) },
  );
});

test("a scan shows each element once, in hash order, from any hash on", () => {
  for (const kind of ["set", "hash", "zset"] as const) {
    for (const count of [10, 900]) {
      const store = newStore();
      const handle = store.createCollection(latin1Bytes("k"), 0, 1, kind);
      const members: string[] = [];
      for (let i = 0; i < count; i++) {
        const member = `member ${i}`;
        const bytes = latin1Bytes(member);
        members.push(member);
        if (kind === "set") store.setAdd(handle, bytes, 0, bytes.length);
        else if (kind === "hash") store.hashSet(handle, bytes, 0, bytes.length, bytes, 0, 3);
        else store.zsetSet(handle, -i, bytes, 0, bytes.length);
      }
      members.sort(byHash);
      for (const from of [0, hashOf(members[3]!), hashOf(members[3]!) + 1, 2 ** 32]) {
        const cursor = store.scan(handle, from);
        const seen: string[] = [];
        while (cursor.next()) {
          const { bytes, offset, length } = cursor.member;
          seen.push(latin1Text(bytes, offset, offset + length));
          expect(cursor.hash).toBe(hashOf(seen[seen.length - 1]!));
        }
        expect(seen).toEqual(members.filter((member) => hashOf(member) >= from));
      }
    }
  }
});
