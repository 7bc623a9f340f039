import fc from "fast-check";
import { expect, test } from "vitest";
import type { RecordSection } from "../../src/raft/record.js";
import type { Entry, SnapshotMeta } from "../../src/raft/types.js";
import { type Checkpoint, type RecordPlace, ReplicaFold } from "../../src/storage/replica-fold.js";
import { entriesOf, section, threeVoters } from "../conformance/log-storage.js";
import { runs } from "../properties.js";

/** What a replica's log is, without any cleverness. */
interface NaiveLog {
  snapshot: SnapshotMeta;
  entries: Entry[];
  term: number;
}

type Step =
  | { readonly kind: "append"; readonly range: number; readonly back: number; readonly count: number }
  | { readonly kind: "compact"; readonly range: number; readonly share: number }
  | { readonly kind: "install"; readonly range: number; readonly ahead: number }
  | { readonly kind: "trim" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      range: fc.integer({ min: 1, max: 3 }),
      back: fc.integer({ min: 0, max: 4 }),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("compact" as const),
      range: fc.integer({ min: 1, max: 3 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("install" as const),
      range: fc.integer({ min: 1, max: 3 }),
      ahead: fc.integer({ min: -3, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "trim" as const }) },
);

function lastIndex(log: NaiveLog): number {
  return log.snapshot.index + log.entries.length;
}

/** Does the step to the naive log and says it as a section, or null when it can't happen there. */
function perform(log: NaiveLog, doing: Exclude<Step, { kind: "trim" }>): RecordSection | null {
  const { index } = log.snapshot;
  switch (doing.kind) {
    case "append": {
      const first = Math.max(index + 1, lastIndex(log) + 1 - doing.back);
      // What replaces entries comes from a later term, as Raft has it.
      if (first <= lastIndex(log)) log.term += 1;
      const entries = entriesOf(first, first + doing.count - 1, log.term);
      log.entries = [...log.entries.slice(0, first - index - 1), ...entries];
      return section(doing.range, 1, { entries });
    }
    case "compact": {
      const kept = log.entries[Math.floor(doing.share * (log.entries.length - 1))];
      if (kept === undefined) return null;
      log.snapshot = { index: kept.index, term: kept.term, configuration: threeVoters };
      log.entries = log.entries.filter((entry) => entry.index > kept.index);
      return section(doing.range, 1, { reset: log.snapshot });
    }
    case "install": {
      const at = lastIndex(log) + doing.ahead;
      if (at <= index) return null;
      log.term += 1;
      log.snapshot = { index: at, term: log.term, configuration: threeVoters };
      log.entries = [];
      return section(doing.range, 1, { reset: log.snapshot });
    }
  }
}

function folded(
  checkpoint: Checkpoint | null,
  first: number,
  records: ReadonlyMap<number, RecordSection>,
  bytes: number,
) {
  const fold = new ReplicaFold(true);
  const placeOf = (sequence: number): RecordPlace => ({
    sequence,
    startBytes: sequence * bytes,
    chainBefore: 0,
  });
  if (checkpoint !== null) fold.restore(checkpoint, placeOf(first));
  for (const [sequence, each] of records) expect(fold.fold(each, placeOf(sequence))).toBeNull();
  return fold;
}

test.each([0, 5_000, 20_000])(
  "safety 43: whatever is trimmed, the rest folds to the same logs (%i bytes a record)",
  (bytes) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const logs = [1, 2, 3].map(
          (): NaiveLog => ({
            snapshot: { index: 0, term: 0, configuration: { voters: [], outgoing: [], learners: [] } },
            entries: [],
            term: 1,
          }),
        );
        let records = new Map<number, RecordSection>();
        let checkpoint: Checkpoint | null = null;
        let first = 1;
        let next = 1;
        let live = new ReplicaFold(false);
        for (const doing of steps) {
          if (doing.kind === "trim") {
            first = live.oldest()?.sequence ?? next;
            checkpoint = live.checkpoint(next);
            records = new Map([...records].filter(([sequence]) => sequence >= first));
            // Half of the nodes restart here and go on from what they read.
            if (next % 2 === 0) live = folded(checkpoint, first, records, bytes);
            continue;
          }
          const said = perform(logs[doing.range - 1]!, doing);
          if (said === null) continue;
          expect(live.fold(said, { sequence: next, startBytes: next * bytes, chainBefore: 0 })).toBeNull();
          records.set(next, said);
          next += 1;
        }
        for (const replica of folded(checkpoint, first, records, bytes).recovered()) {
          const naive = logs[replica.range - 1]!;
          expect(replica.snapshot).toEqual(naive.snapshot);
          expect(replica.entries).toEqual(naive.entries);
        }
      }),
      { numRuns: runs(300) },
    );
  },
);

test("entries that leave a hole are told", () => {
  const fold = new ReplicaFold(true);
  const place = { sequence: 1, startBytes: 0, chainBefore: 0 };
  expect(fold.fold(section(1, 11, { entries: entriesOf(1, 3, 1) }), place)).toBeNull();
  expect(fold.fold(section(1, 11, { entries: entriesOf(5, 6, 1) }), place)).toContain(
    "entries 4 to 4 are missing",
  );
});
