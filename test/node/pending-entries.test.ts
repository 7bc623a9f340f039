import { expect, test } from "vitest";
import type { ErrorKind } from "../../src/base/errors.js";
import type { CommandStream } from "../../src/node/command-stream.js";
import { PendingEntries } from "../../src/node/pending-entries.js";
import { PendingEntry } from "../../src/node/pending-entry.js";
import type { Telemetry } from "../../src/ports/telemetry.js";

/** Entries that wait, one command each, and how their commands ended. */
function harness() {
  const ended: [number, ErrorKind][] = [];
  const stream = {
    fail: (token: number, kind: ErrorKind) => ended.push([token, kind]),
  } as unknown as CommandStream;
  const pending = new PendingEntries({} as Telemetry);
  return {
    ended,
    pending,
    propose(index: number, term: number): PendingEntry {
      const entry = new PendingEntry();
      entry.add(stream, index, 0, Number.POSITIVE_INFINITY);
      entry.index = index;
      entry.term = term;
      pending.add(entry);
      return entry;
    },
  };
}

test("an entry that is applied is given to who waits for it, once", () => {
  const { pending, propose, ended } = harness();
  const entry = propose(7, 1);
  expect(pending.take(6, 1)).toBeNull();
  expect(pending.take(7, 1)).toBe(entry);
  expect(pending.take(7, 1)).toBeNull();
  expect(ended).toEqual([]);
});

test("once an entry of a later term is applied, all that an earlier leader proposed has failed for good", () => {
  const { pending, propose, ended } = harness();
  expect(pending.take(6, 1)).toBeNull();
  for (const index of [7, 8, 9]) propose(index, 1);
  expect(pending.take(7, 2)).toBeNull();
  expect(ended).toEqual([
    [7, "not-leader"],
    [8, "not-leader"],
    [9, "not-leader"],
  ]);
  expect(pending.count).toBe(0);
});

test("an entry that an earlier leader's takes the place of after all has failed for good", () => {
  const { pending, propose, ended } = harness();
  for (const index of [7, 8]) propose(index, 8);
  expect(pending.take(7, 7)).toBeNull();
  expect(ended).toEqual([[7, "not-leader"]]);
  expect(pending.take(8, 9)).toBeNull();
  expect(ended.at(-1)).toEqual([8, "not-leader"]);
});

test("entries of the term that is applied go on waiting", () => {
  const { pending, propose, ended } = harness();
  propose(7, 1);
  const entry = propose(9, 2);
  expect(pending.take(8, 2)).toBeNull();
  expect(ended).toEqual([[7, "not-leader"]]);
  expect(pending.take(9, 2)).toBe(entry);
});

test("what stands at an index of an earlier leader's entry, or in a snapshot, has an unknown outcome", () => {
  const { pending, propose, ended } = harness();
  propose(7, 1);
  propose(7, 3);
  expect(ended).toEqual([[7, "outcome-unknown"]]);
  propose(8, 3);
  pending.swallowed(7);
  expect(ended).toHaveLength(2);
  expect(pending.count).toBe(1);
  pending.abandon();
  expect(ended.at(-1)).toEqual([8, "outcome-unknown"]);
});
