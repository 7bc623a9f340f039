import { expect, test } from "vitest";
import type { Store } from "../../src/store/keyspace.js";
import { run, type Shown, testStore } from "./harness.js";

/** Unions and differences of collections large enough to be trees, whose results begin as a copy of one of them. */

const big = Array.from({ length: 1500 }, (_, i) => `m${i}`);
const small = [...big.slice(700, 720), ...Array.from({ length: 20 }, (_, i) => `n${i}`)];
const scoreOf = (member: string): number => Number(member.slice(1)) % 97;

function digestOf(store: Store): string {
  const words = new Uint32Array(2);
  store.digest(words);
  return words.join();
}

function filled(...rest: readonly (readonly string[])[]): Store {
  const store = testStore();
  for (const words of rest) run(store, ...words);
  return store;
}

function sorted(shown: Shown): readonly string[] {
  return [...(shown as readonly string[])].sort();
}

function sets(): Store {
  return filled(["SADD", "big", ...big], ["SADD", "small", ...small]);
}

function scores(members: readonly string[], factor: number): string[] {
  return members.flatMap((member) => [String(scoreOf(member) * factor), member]);
}

function sortedSets(): Store {
  return filled(["ZADD", "big", ...scores(big, 1)], ["ZADD", "small", ...scores(small, 10)]);
}

test("a union of sets has what any of them has, from whichever it begins", () => {
  const expected = [...new Set([...big, ...small])].sort();
  for (const keys of [
    ["big", "small"],
    ["small", "big"],
    ["small", "big", "big", "none"],
  ]) {
    const store = sets();
    expect(sorted(run(store, "SUNION", ...keys))).toEqual(expected);
    expect(run(store, "SUNIONSTORE", "d", ...keys)).toBe(expected.length);
    expect(sorted(run(store, "SMEMBERS", "d"))).toEqual(expected);
    expect(run(store, "SCARD", "big")).toBe(big.length);
  }
});

test("a difference of sets has what only the first has, whichever is larger", () => {
  const store = sets();
  const expected = big.filter((member) => !small.includes(member)).sort();
  expect(run(store, "SDIFFSTORE", "d", "big", "none", "small")).toBe(expected.length);
  expect(sorted(run(store, "SMEMBERS", "d"))).toEqual(expected);
  expect(sorted(run(store, "SDIFF", "small", "big"))).toEqual(
    small.filter((member) => !big.includes(member)).sort(),
  );
  expect(run(store, "SDIFF", "big", "big")).toEqual([]);
  expect(run(store, "SDIFF", "big", "small", "big")).toEqual([]);
  expect(run(store, "SDIFF", "none", "big")).toEqual([]);
  // Down to what fits an entry's block again.
  run(store, "SADD", "most", ...big.slice(3));
  expect(sorted(run(store, "SDIFF", "big", "most"))).toEqual(["m0", "m1", "m2"]);
});

test("a union of sorted sets adds, or takes the least or greatest score, from whichever it begins", () => {
  const join = { SUM: (a: number, b: number) => a + b, MIN: Math.min, MAX: Math.max };
  for (const keys of [
    ["big", "small"],
    ["small", "big"],
  ])
    for (const aggregate of ["SUM", "MIN", "MAX"] as const) {
      const store = sortedSets();
      const expected = new Map(big.map((member) => [member, scoreOf(member)]));
      for (const member of small) {
        const before = expected.get(member);
        const score = scoreOf(member) * 10;
        expected.set(member, before === undefined ? score : join[aggregate](before, score));
      }
      expect(run(store, "ZUNIONSTORE", "d", "2", ...keys, "AGGREGATE", aggregate)).toBe(expected.size);
      for (const [member, score] of expected) expect(run(store, "ZSCORE", "d", member)).toBe(score);
      expect(run(store, "ZCARD", "big")).toBe(big.length);
    }
});

test("a difference of sorted sets keeps the scores of what only the first has", () => {
  const store = sortedSets();
  const expected = big.filter((member) => !small.includes(member));
  expect(run(store, "ZDIFFSTORE", "d", "2", "big", "small")).toBe(expected.length);
  for (const member of big)
    expect(run(store, "ZSCORE", "d", member)).toBe(small.includes(member) ? null : scoreOf(member));
  expect(run(store, "ZDIFF", "2", "big", "big")).toEqual([]);
  expect(run(store, "ZDIFF", "3", "big", "small", "big")).toEqual([]);
  expect(run(store, "ZDIFF", "2", "none", "big")).toEqual([]);
});

test("what begins as a copy has the digest and charge of what was put member by member", () => {
  for (const [command, ...inputs] of [
    [["SUNIONSTORE", "d", "big", "small"], "SADD"],
    [["SDIFFSTORE", "d", "big", "small"], "SADD"],
    [["ZUNIONSTORE", "d", "2", "big", "small"], "ZADD"],
    [["ZDIFFSTORE", "d", "2", "big", "small"], "ZADD"],
  ] as const) {
    const add = inputs[0];
    const make = add === "SADD" ? sets : sortedSets;
    const store = make();
    run(store, ...command);
    const again = make();
    const members = run(
      store,
      add === "SADD" ? "SMEMBERS" : "ZRANGE",
      "d",
      ...(add === "SADD" ? [] : ["0", "-1"]),
    );
    const words = (members as readonly string[]).flatMap((member) =>
      add === "SADD" ? [member] : [String(run(store, "ZSCORE", "d", member)), member],
    );
    run(again, add, "d", ...words);
    expect(digestOf(again)).toBe(digestOf(store));
    expect(again.chargedBytes).toBe(store.chargedBytes);
  }
});
