import { expect } from "vitest";
import { compareBytes, latin1Bytes, latin1Text } from "../../src/base/bytes.js";
import { type HashKey, hashHigh, keyedHash } from "../../src/base/keyed-hash.js";
import { collectionCharge, elementBytes, stringCharge } from "../../src/store/charge.js";
import type { CollectionKind, ElementCursor, Handle, Store, StoreWalk } from "../../src/store/keyspace.js";
import { createStore } from "../../src/store/map-store.js";

export const hashKey: HashKey = [9, 8, 7, 6];

export function newStore(limitBytes = 1024 * 1024 * 1024): Store {
  return createStore({ hashKey, limitBytes, valueLimitBytes: 64 * 1024 * 1024 });
}

export function digestOf(store: Store): string {
  const words = new Uint32Array(2);
  store.digest(words);
  return `${words[1]}-${words[0]}`;
}

export function drain(walk: StoreWalk, chunkBytes: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let chunk = walk.next(chunkBytes); chunk !== null; chunk = walk.next(chunkBytes)) chunks.push(chunk);
  walk.close();
  return chunks;
}

export function restored(chunks: readonly Uint8Array[], nowMs: number): Store {
  const store = newStore();
  store.beginLoad();
  for (const chunk of chunks) store.load(chunk);
  store.endLoad();
  store.beginEntry(nowMs, 0, 0);
  return store;
}

/** Elements of a collection by the plainest means: one Map or array of Latin-1 strings per key. */
export type ModelValue =
  | { readonly kind: "string"; value: string }
  | { readonly kind: "list"; readonly items: string[] }
  | { readonly kind: "set"; readonly members: Set<string> }
  | { readonly kind: "hash"; readonly fields: Map<string, string> }
  | { readonly kind: "zset"; readonly scores: Map<string, number> };

export function hashOf(text: string): number {
  keyedHash(hashKey, latin1Bytes(text));
  return hashHigh;
}

/** What a cursor shows, one line per element. */
export function shown(cursor: ElementCursor, count = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = [];
  while (lines.length < count && cursor.next()) {
    const { member, value } = cursor;
    const text = latin1Text(member.bytes, member.offset, member.offset + member.length);
    const of = latin1Text(value.bytes, value.offset, value.offset + value.length);
    lines.push(JSON.stringify([text, of, Object.is(cursor.score, -0) ? "-0" : cursor.score]));
  }
  return lines;
}

/** The same of the model, in canonical order. */
export function expected(value: ModelValue): string[] {
  const line = (member: string, of = "", score: number | string = 0): string =>
    JSON.stringify([member, of, Object.is(score, -0) ? "-0" : score]);
  switch (value.kind) {
    case "string":
      return [];
    case "list":
      return value.items.map((item) => line(item));
    case "set":
      return [...value.members].sort(byHash).map((member) => line(member));
    case "hash":
      return [...value.fields.keys()].sort(byHash).map((field) => line(field, value.fields.get(field)!));
    case "zset":
      return [...value.scores.entries()].sort(byScore).map(([member, score]) => line(member, "", score));
  }
}

export function byText(a: string, b: string): number {
  return compareBytes(latin1Bytes(a), latin1Bytes(b));
}
export function byHash(a: string, b: string): number {
  return hashOf(a) - hashOf(b) || byText(a, b);
}
export function byScore(a: readonly [string, number], b: readonly [string, number]): number {
  return a[1] === b[1] ? byText(a[0], b[0]) : a[1] - b[1];
}

export function lengthOf(value: ModelValue): number {
  return value.kind === "string" ? 1 : expected(value).length;
}

/** Charge of a key by counts and lengths alone. */
export function modelCharge(key: string, value: ModelValue): number {
  if (value.kind === "string") return stringCharge(key.length, value.value.length);
  const kind: CollectionKind = value.kind;
  let bytes = 0;
  let count = 0;
  const add = (length: number, valueLength = 0): void => {
    count++;
    bytes += elementBytes(kind, length, valueLength);
  };
  if (value.kind === "list") for (const item of value.items) add(item.length);
  else if (value.kind === "set") for (const member of value.members) add(member.length);
  else if (value.kind === "hash") for (const [field, of] of value.fields) add(field.length, of.length);
  else for (const member of value.scores.keys()) add(member.length);
  return collectionCharge(kind, key.length, count, bytes);
}

export function find(store: Store, key: string): Handle {
  return store.find(latin1Bytes(key), 0, key.length);
}

/** The store shows exactly the model, and is charged for exactly it. */
export function expectShows(store: Store, model: ReadonlyMap<string, ModelValue>): void {
  expect(store.size).toBe(model.size);
  let charge = 0;
  for (const [key, value] of model) {
    const handle = find(store, key);
    if (handle === 0) expect.fail(`${key} is absent`);
    expect(store.kindOf(handle)).toBe(value.kind);
    expect(store.chargeOf(handle)).toBe(modelCharge(key, value));
    charge += modelCharge(key, value);
    if (value.kind === "string") {
      const slice = store.stringOf(handle);
      expect(latin1Text(slice.bytes, slice.offset, slice.offset + slice.length)).toBe(value.value);
      continue;
    }
    const all = expected(value);
    expect(store.lengthOf(handle)).toBe(all.length);
    expect(shown(store.elements(handle, 0, false))).toEqual(all);
    expect(shown(store.elements(handle, all.length - 1, true))).toEqual([...all].reverse());
  }
  expect(store.chargedBytes).toBe(charge);
}
