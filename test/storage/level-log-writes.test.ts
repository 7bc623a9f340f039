import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Durability, LogStorage } from "../../src/ports/log-storage.js";
import { createLevelLog } from "../../src/storage/level-log.js";
import { recordKey } from "../../src/storage/log-format.js";
import {
  appended,
  closed,
  entriesOf,
  entry,
  opened,
  record,
  replicaIn,
  section,
  threeVoters,
  trimmed,
} from "../conformance/log-storage.js";
import { FaultyDatabases, noSpace } from "./faulty-database.js";
import { silentLog } from "./silent-log.js";
import { temporaryFolder } from "./temporary-folder.js";

let root: ReturnType<typeof temporaryFolder>;
let databases: FaultyDatabases;
let log: LogStorage;
/** Writes that opening took. */
let before = 0;

beforeEach(() => {
  root = temporaryFolder();
  databases = new FaultyDatabases();
});
afterEach(async () => {
  databases.failWith = null;
  await closed(log);
  root.remove();
});

async function start(durability: Durability = "fsync"): Promise<ReturnType<typeof opened>> {
  log = createLevelLog({
    folder: join(root.path, "log"),
    durability,
    bootId: "boot-1",
    expectExisting: false,
    log: silentLog,
    openDatabase: databases.open,
  });
  const recovered = await opened(log);
  before = databases.writes.length;
  return recovered;
}

const entries = (sequence: number): ReturnType<typeof record> =>
  record(sequence, section(1, 11, { entries: [entry(sequence, 1)] }));

test("what arrives while a write is in flight goes into the next one together", async () => {
  await start();
  let release = (): void => {};
  databases.gate = new Promise((resolve) => {
    release = resolve;
  });
  const all = [1, 2, 3, 4].map((sequence) => appended(log, entries(sequence)));
  expect(databases.writes.length).toBe(before + 1);
  release();
  expect(await Promise.all(all)).toEqual([null, null, null, null]);
  expect(databases.recordWrites(before)).toEqual([[recordKey(1)], [2, 3, 4].map(recordKey)]);
});

test("safety 1: in buffered mode terms, votes, marks and resets are synced, entries and commits are not", async () => {
  await start("buffered");
  const reset = { index: 2, term: 1, configuration: threeVoters };
  const steps = [
    { part: section(1, 11, { mark: "created" }), sync: true },
    { part: section(1, 11, { entries: [entry(1, 1)] }), sync: false },
    { part: section(1, 11, { hardState: { term: 1, vote: 0, commit: 0 } }), sync: true },
    { part: section(1, 11, { hardState: { term: 1, vote: 0, commit: 1 } }), sync: false },
    { part: section(1, 11, { hardState: { term: 1, vote: 12, commit: 1 } }), sync: true },
    { part: section(1, 11, { hardState: { term: 1, vote: 12, commit: 2 } }), sync: false },
    { part: section(1, 11, { reset }), sync: true },
  ];
  for (const [i, { part }] of steps.entries()) expect(await appended(log, record(i + 1, part))).toBeNull();
  expect(databases.writes.slice(before).map((write) => write.sync)).toEqual(steps.map(({ sync }) => sync));
});

test("in fsync mode every record is synced", async () => {
  await start("fsync");
  for (const sequence of [1, 2, 3]) await appended(log, entries(sequence));
  expect(databases.writes.slice(before).every((write) => write.sync)).toBe(true);
});

test("safety 51: after a failed write nothing is tried again and everything fails", async () => {
  await start();
  expect(await appended(log, entries(1))).toBeNull();
  databases.failWith = "IO error: /data/log/000005.log: Input/output error";
  const failed = await Promise.all([2, 3].map((sequence) => appended(log, entries(sequence))));
  expect(failed.map((error) => error?.kind)).toEqual(["failed", "failed"]);
  databases.failWith = null;
  const writes = databases.writes.length;
  expect(await appended(log, entries(2))).toMatchObject({ kind: "failed" });
  expect(await trimmed(log, [])).toMatchObject({ kind: "failed" });
  expect(databases.writes.length).toBe(writes);
  expect(databases.opens).toBe(1);
});

test("safety 52: on a full disk nothing is promised, in order, and the same records are taken later", async () => {
  await start();
  expect(await appended(log, entries(1))).toBeNull();
  databases.failWith = noSpace;
  const order: string[] = [];
  await Promise.all(
    [2, 3, 4].map(async (sequence) => {
      const error = await appended(log, entries(sequence));
      order.push(`${sequence} ${error?.kind}`);
    }),
  );
  expect(order).toEqual(["2 disk-full", "3 disk-full", "4 disk-full"]);
  expect(await appended(log, entries(2))).toMatchObject({ kind: "disk-full" });

  databases.failWith = null;
  for (const sequence of [2, 3, 4]) expect(await appended(log, entries(sequence))).toBeNull();
  expect(databases.opens).toBeGreaterThan(1);
  await closed(log);
  const recovered = await start();
  expect(recovered).toMatchObject({ damage: null, lastSequence: 4 });
  expect(replicaIn(recovered, 1, 11).entries).toEqual(entriesOf(1, 4, 1));
});

test("safety 52: a write that was reported as failed but reached the disk is taken back before the next", async () => {
  await start();
  expect(await appended(log, entries(1))).toBeNull();
  databases.failWith = noSpace;
  databases.applyFailed = true;
  expect(await appended(log, record(2, section(1, 11, { entries: entriesOf(2, 9, 1) })))).toMatchObject({
    kind: "disk-full",
  });
  databases.failWith = null;
  // Another leader's entries instead.
  const other = record(2, section(1, 11, { entries: [entry(2, 5)] }));
  expect(await appended(log, other)).toBeNull();
  await closed(log);
  const recovered = await start();
  expect(recovered).toMatchObject({ damage: null, lastSequence: 2 });
  expect(replicaIn(recovered, 1, 11).entries).toEqual([entry(1, 1), entry(2, 5)]);
});

test("safety 52: the same on a log that was trimmed to nothing", async () => {
  await start();
  expect(await appended(log, entries(1))).toBeNull();
  const reset = { index: 1, term: 1, configuration: threeVoters };
  expect(await trimmed(log, [section(1, 11, { reset })])).toBeNull();
  databases.failWith = noSpace;
  databases.applyFailed = true;
  expect(await appended(log, entries(2))).toMatchObject({ kind: "disk-full" });
  databases.failWith = null;
  expect(await appended(log, entries(2))).toBeNull();
  await closed(log);
  expect(replicaIn(await start(), 1, 11).entries).toEqual([entry(2, 1)]);
});

test("a trim that found the disk full may be asked for again", async () => {
  await start();
  for (const sequence of [1, 2, 3]) expect(await appended(log, entries(sequence))).toBeNull();
  const reset = { index: 2, term: 1, configuration: threeVoters };
  databases.failWith = noSpace;
  expect(await trimmed(log, [section(1, 11, { reset })])).toMatchObject({ kind: "disk-full" });
  databases.failWith = null;
  expect(await trimmed(log, [section(1, 11, { reset })])).toBeNull();
  await closed(log);
  const replica = replicaIn(await start(), 1, 11);
  expect(replica.snapshot.index).toBe(2);
  expect(replica.entries).toEqual([entry(3, 1)]);
});

test("safety 43: the anchor is synced before any record goes", async () => {
  await start("buffered");
  expect(await appended(log, entries(1))).toBeNull();
  const reset = { index: 1, term: 1, configuration: threeVoters };
  expect(await trimmed(log, [section(1, 11, { reset })])).toBeNull();
  const trim = databases.writes.at(-1)!;
  expect(trim.sync).toBe(true);
  expect(trim.changes.map((change) => `${change.type} ${change.key}`)).toEqual(["put anchor"]);
});
