import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LogStorage, RecoveredLog, StorageError } from "../../src/ports/log-storage.js";
import type { NodeRecord, RecordSection, RecoveredReplica } from "../../src/raft/record.js";
import { type Configuration, type Entry, entryTypes } from "../../src/raft/types.js";

/** One node's log over its starts; the twin says how. */
export interface LogHarness {
  /** A handle for the next start; the former one must be closed or dead. */
  start(): LogStorage;
  /** Removes what the harness made. */
  dispose(): Promise<void> | void;
}

export const threeVoters: Configuration = { voters: [1, 2, 3], outgoing: [], learners: [] };

export function entry(index: number, term: number, bytes = 8): Entry {
  return { index, term, type: entryTypes.command, data: new Uint8Array(bytes).fill(index & 0xff) };
}

export function entriesOf(first: number, last: number, term: number, bytes = 8): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => entry(first + i, term, bytes));
}

export function section(range: number, replica: number, parts: Partial<RecordSection>): RecordSection {
  const nothing = { reset: null, hardState: null, entries: [], configuration: null, mark: "none" } as const;
  return { range, replica, ...nothing, ...parts };
}

export function record(sequence: number, ...sections: RecordSection[]): NodeRecord {
  return { sequence, sections };
}

export function opened(log: LogStorage): Promise<RecoveredLog> {
  return new Promise((resolve, reject) => {
    log.open((error, recovered) => {
      if (error !== null || recovered === null) reject(new Error(error?.message ?? "nothing recovered"));
      else resolve(recovered);
    });
  });
}

export function appended(log: LogStorage, what: NodeRecord): Promise<StorageError | null> {
  return new Promise((resolve) => log.append(what, resolve));
}

export function trimmed(log: LogStorage, resets: readonly RecordSection[]): Promise<StorageError | null> {
  return new Promise((resolve) => log.trim(resets, resolve));
}

export function closed(log: LogStorage): Promise<void> {
  return new Promise((resolve) => log.close(resolve));
}

export function replicaIn(recovered: RecoveredLog, range: number, replica: number): RecoveredReplica {
  const found = recovered.replicas.find((each) => each.range === range && each.replica === replica);
  if (found === undefined) throw new Error(`replica ${replica} of range ${range} wasn't recovered`);
  return found;
}

function indexes(replica: RecoveredReplica): string {
  return replica.entries.map((each) => `${each.index}:${each.term}`).join(" ");
}

/** What every log storage must do, the real one and its simulated twin. */
export function describeLogStorage(name: string, make: () => LogHarness): void {
  describe(`log storage (${name})`, () => {
    let harness: LogHarness;
    let log: LogStorage;

    beforeEach(async () => {
      harness = make();
      log = harness.start();
      await opened(log);
    });
    afterEach(async () => {
      await closed(log);
      await harness.dispose();
    });

    async function restarted(): Promise<RecoveredLog> {
      await closed(log);
      log = harness.start();
      return opened(log);
    }

    async function written(...records: NodeRecord[]): Promise<void> {
      for (const each of records) expect(await appended(log, each)).toBeNull();
    }

    const created = section(1, 11, {
      mark: "created",
      configuration: threeVoters,
      hardState: { term: 1, vote: 11, commit: 0 },
    });

    test("a new log is empty and undamaged", async () => {
      const recovered = await restarted();
      expect(recovered).toEqual({ replicas: [], lastSequence: 0, damage: null, empty: true });
    });

    test("safety 1: what was acknowledged is there after a restart", async () => {
      await written(
        record(1, created),
        record(2, section(1, 11, { entries: entriesOf(1, 3, 1) })),
        record(3, section(1, 11, { hardState: { term: 2, vote: 12, commit: 3 } })),
      );
      const recovered = await restarted();
      expect(recovered).toMatchObject({ lastSequence: 3, damage: null, empty: false });
      const replica = replicaIn(recovered, 1, 11);
      expect(replica.mark).toBe("created");
      expect(replica.hardState).toEqual({ term: 2, vote: 12, commit: 3 });
      expect(replica.snapshot).toEqual({ index: 0, term: 0, configuration: threeVoters });
      expect(replica.entries).toEqual(entriesOf(1, 3, 1));
    });

    test("callbacks come in the order of the calls and never during them", async () => {
      const order: number[] = [];
      const all = [1, 2, 3, 4, 5].map(
        (sequence) =>
          new Promise<void>((resolve) => {
            log.append(record(sequence, section(1, 11, { entries: [entry(sequence, 1)] })), (error) => {
              expect(error).toBeNull();
              order.push(sequence);
              resolve();
            });
          }),
      );
      expect(order).toEqual([]);
      await Promise.all(all);
      expect(order).toEqual([1, 2, 3, 4, 5]);
      expect(indexes(replicaIn(await restarted(), 1, 11))).toBe("1:1 2:1 3:1 4:1 5:1");
    });

    test("a later section overrides an earlier one from its first entry on", async () => {
      await written(
        record(1, created, section(2, 21, { entries: entriesOf(1, 2, 7) })),
        record(2, section(1, 11, { entries: entriesOf(1, 6, 1) })),
        record(3, section(1, 11, { entries: entriesOf(4, 5, 2) })),
        record(4, section(1, 11, { entries: entriesOf(6, 6, 3) })),
      );
      const recovered = await restarted();
      expect(indexes(replicaIn(recovered, 1, 11))).toBe("1:1 2:1 3:1 4:2 5:2 6:3");
      expect(indexes(replicaIn(recovered, 2, 21))).toBe("1:7 2:7");
    });

    test("a reset inside the log keeps what follows; one that the log disagrees with keeps nothing", async () => {
      await written(
        record(1, created, section(2, 21, { entries: entriesOf(1, 9, 1) })),
        record(2, section(1, 11, { entries: entriesOf(1, 9, 1) })),
        record(3, section(1, 11, { reset: { index: 5, term: 1, configuration: threeVoters } })),
        record(4, section(2, 21, { reset: { index: 5, term: 4, configuration: threeVoters } })),
        record(5, section(2, 21, { entries: [entry(6, 4)] })),
      );
      const recovered = await restarted();
      expect(indexes(replicaIn(recovered, 1, 11))).toBe("6:1 7:1 8:1 9:1");
      expect(replicaIn(recovered, 1, 11).snapshot.index).toBe(5);
      expect(indexes(replicaIn(recovered, 2, 21))).toBe("6:4");
      expect(replicaIn(recovered, 2, 21).snapshot.term).toBe(4);
    });

    test("safety 44: an older reset changes nothing", async () => {
      await written(
        record(1, created),
        record(2, section(1, 11, { reset: { index: 8, term: 2, configuration: threeVoters } })),
        record(3, section(1, 11, { entries: [entry(9, 2)] })),
        record(4, section(1, 11, { reset: { index: 3, term: 1, configuration: threeVoters } })),
      );
      const replica = replicaIn(await restarted(), 1, 11);
      expect(replica.snapshot.index).toBe(8);
      expect(indexes(replica)).toBe("9:2");
    });

    test("a removed replica is a tombstone, whatever comes later", async () => {
      await written(
        record(1, created, section(1, 11, { entries: entriesOf(1, 4, 1) })),
        record(2, section(1, 11, { mark: "removed" })),
        record(3, section(1, 11, { entries: entriesOf(5, 6, 1) })),
      );
      const replica = replicaIn(await restarted(), 1, 11);
      expect(replica.mark).toBe("removed");
      expect(replica.entries).toEqual([]);
    });

    test("the oldest holder is the range whose live entries lie furthest back", async () => {
      const bulk = 20_000;
      expect(log.oldestHolder()).toBeNull();
      await written(
        record(1, created, section(1, 11, { entries: [entry(1, 1)] })),
        record(2, section(2, 21, { entries: [entry(1, 1, bulk)] })),
        record(3, section(2, 21, { entries: [entry(2, 1, bulk)] })),
      );
      const holder = log.oldestHolder();
      expect(holder).toMatchObject({ range: 1, replica: 11 });
      expect(holder!.bytes).toBeLessThan(bulk);
      await trimmed(log, [section(1, 11, { reset: { index: 1, term: 1, configuration: threeVoters } })]);
      expect(log.oldestHolder()).toMatchObject({ range: 2, replica: 21 });
      expect(log.oldestHolder()!.bytes).toBeGreaterThanOrEqual(2 * bulk);
    });

    test("safety 43: a trim keeps hard states, configurations, tombstones, fences and live entries", async () => {
      const bulk = 20_000;
      const joint: Configuration = { voters: [1, 2, 4], outgoing: [1, 2, 3], learners: [5] };
      await written(
        record(1, created, section(2, 21, { mark: "removed" }), section(3, 31, { mark: "fenced" })),
        record(2, section(4, 41, { mark: "created", configuration: threeVoters })),
        record(3, section(1, 11, { entries: entriesOf(1, 3, 1, bulk) })),
        record(4, section(1, 11, { entries: entriesOf(4, 6, 2, bulk) })),
        record(5, section(1, 11, { entries: entriesOf(7, 9, 2, bulk) })),
      );
      const before = log.sizeBytes();
      const reset = { index: 6, term: 2, configuration: joint };
      expect(await trimmed(log, [section(1, 11, { reset })])).toBeNull();
      expect(log.sizeBytes()).toBeLessThan(before / 2);
      await written(record(6, section(1, 11, { entries: [entry(10, 2)] })));

      const recovered = await restarted();
      expect(recovered).toMatchObject({ damage: null, lastSequence: 6 });
      const replica = replicaIn(recovered, 1, 11);
      expect(replica.hardState).toEqual({ term: 1, vote: 11, commit: 0 });
      expect(replica.snapshot).toEqual(reset);
      expect(indexes(replica)).toBe("7:2 8:2 9:2 10:2");
      expect(replicaIn(recovered, 2, 21).mark).toBe("removed");
      expect(replicaIn(recovered, 3, 31).mark).toBe("fenced");
      expect(replicaIn(recovered, 4, 41).snapshot.configuration).toEqual(threeVoters);
    });

    test("entries that a reset ended don't come back, though their record is still there", async () => {
      // Range 2 pins the front, so the records of range 1's discarded entries stay.
      await written(
        record(1, section(2, 21, { entries: [entry(1, 1)] })),
        record(2, section(1, 11, { entries: entriesOf(1, 9, 3) })),
        record(3, section(1, 11, { reset: { index: 5, term: 5, configuration: threeVoters } })),
      );
      expect(await trimmed(log, [])).toBeNull();
      const replica = replicaIn(await restarted(), 1, 11);
      expect(replica.snapshot.index).toBe(5);
      expect(replica.entries).toEqual([]);
    });

    test("a log that was trimmed to nothing goes on where it was", async () => {
      await written(record(1, created), record(2, section(1, 11, { entries: entriesOf(1, 3, 1) })));
      const reset = { index: 3, term: 1, configuration: threeVoters };
      expect(await trimmed(log, [section(1, 11, { reset })])).toBeNull();
      expect(log.sizeBytes()).toBe(0);
      expect(await restarted()).toMatchObject({ damage: null, lastSequence: 2, empty: false });
      await written(record(3, section(1, 11, { entries: [entry(4, 1)] })));
      expect(indexes(replicaIn(await restarted(), 1, 11))).toBe("4:1");
    });

    test("a record may jump ahead in sequence: a node numbers on above what its peers remember", async () => {
      await written(record(1, created), record(900, section(1, 11, { entries: [entry(1, 1)] })));
      expect(await restarted()).toMatchObject({ damage: null, lastSequence: 900 });
    });

    test("a closed log refuses", async () => {
      await closed(log);
      expect(await appended(log, record(1, created))).toMatchObject({ kind: "failed" });
    });
  });
}
