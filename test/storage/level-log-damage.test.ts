import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Durability, LogStorage, RecoveredLog } from "../../src/ports/log-storage.js";
import { createLevelLog } from "../../src/storage/level-log.js";
import { openLevel } from "../../src/storage/log-database.js";
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
} from "../conformance/log-storage.js";
import { FaultyDatabases, noSpace } from "./faulty-database.js";
import { silentLog } from "./silent-log.js";
import { temporaryFolder } from "./temporary-folder.js";

let root: ReturnType<typeof temporaryFolder>;
let folder: string;
const open: LogStorage[] = [];

beforeEach(() => {
  root = temporaryFolder();
  folder = join(root.path, "log");
});
afterEach(async () => {
  for (const log of open.splice(0)) await closed(log);
  root.remove();
});

interface Start {
  readonly durability?: Durability;
  readonly bootId?: string;
  readonly expectExisting?: boolean;
  readonly at?: string;
}

async function start(options: Start = {}): Promise<{ log: LogStorage; recovered: RecoveredLog }> {
  const { durability = "fsync", bootId = "boot-1", expectExisting = true, at = folder } = options;
  const log = createLevelLog({ folder: at, durability, bootId, expectExisting, log: silentLog });
  open.push(log);
  return { log, recovered: await opened(log) };
}

async function stop(log: LogStorage): Promise<void> {
  open.splice(open.indexOf(log), 1);
  await closed(log);
}

const hardState = { term: 3, vote: 12, commit: 2 };

/** A log of `count` records: replica 11 of range 1, and a tombstone; closed again. */
async function writtenLog(count: number, options: Start = {}): Promise<void> {
  const { log } = await start({ expectExisting: false, ...options });
  const created = section(1, 11, { mark: "created", configuration: threeVoters, hardState });
  expect(await appended(log, record(1, created, section(2, 21, { mark: "removed" })))).toBeNull();
  for (let sequence = 2; sequence <= count; sequence++)
    expect(
      await appended(log, record(sequence, section(1, 11, { entries: [entry(sequence - 1, 3, 600)] }))),
    ).toBeNull();
  await stop(log);
}

async function changeRecord(
  sequence: number,
  change: (value: Uint8Array) => Uint8Array | null,
): Promise<void> {
  const db = openLevel(folder);
  await db.open();
  const key = recordKey(sequence);
  const value = change((await db.get(key))!);
  await db.batch([value === null ? { type: "del", key } : { type: "put", key, value }], true);
  await db.close();
}

/** Files of the log whose name ends so, the largest first. */
function filesEnding(ending: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort((a, b) => readFileSync(b).length - readFileSync(a).length);
}

function flipMiddle(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 0x10;
  writeFileSync(file, bytes);
}

function damagedAside(): string[] {
  return readdirSync(root.path).filter((name) => name.includes(".damaged-"));
}

test("safety 50: one flipped bit in the middle is damage; what comes before it is recovered, fenced", async () => {
  await writtenLog(6);
  await changeRecord(4, (value) => {
    value[value.length - 100]! ^= 1;
    return value;
  });
  const { log, recovered } = await start();
  expect(recovered.damage).toContain("record 4");
  expect(recovered.lastSequence).toBeGreaterThanOrEqual(6);
  const replica = replicaIn(recovered, 1, 11);
  expect(replica.mark).toBe("fenced");
  expect(replica.hardState).toEqual(hardState);
  expect(replica.entries).toEqual(entriesOf(1, 2, 3, 600));
  expect(replicaIn(recovered, 2, 21).mark).toBe("removed");
  expect(damagedAside()).toEqual(["log.damaged-1"]);

  // The fresh log takes records and the fences stay.
  expect(await appended(log, record(recovered.lastSequence + 1))).toBeNull();
  await stop(log);
  const again = (await start()).recovered;
  expect(again.damage).toBeNull();
  expect(replicaIn(again, 1, 11).mark).toBe("fenced");
});

test("safety 50: a record missing in the middle is damage", async () => {
  await writtenLog(6);
  await changeRecord(3, () => null);
  expect((await start()).recovered.damage).toContain("record 4 after record 2");
});

test("the highest record missing is damage: the head remembers it", async () => {
  await writtenLog(6);
  await changeRecord(6, () => null);
  const { recovered } = await start();
  expect(recovered.damage).toContain("its head says 6");
  expect(recovered.lastSequence).toBeGreaterThanOrEqual(6);
});

test("a record behind the head was never promised here: damage", async () => {
  await writtenLog(4);
  const db = openLevel(folder);
  await db.open();
  await db.batch([{ type: "put", key: recordKey(5), value: (await db.get(recordKey(4)))! }], true);
  await db.close();
  expect((await start()).recovered.damage).toContain("record 5");
});

test("damage is repeated at every start until a record follows it", async () => {
  await writtenLog(3);
  await changeRecord(2, () => null);
  const first = await start();
  await stop(first.log);
  const second = await start();
  expect(second.recovered.damage).toBe(first.recovered.damage);
  expect(replicaIn(second.recovered, 1, 11).mark).toBe("fenced");
  expect(await appended(second.log, record(second.recovered.lastSequence + 1))).toBeNull();
  await stop(second.log);
  expect((await start()).recovered.damage).toBeNull();
});

test("safety 50: a flipped bit in LevelDB's own log file is damage", async () => {
  await writtenLog(40);
  flipMiddle(filesEnding(".log")[0]!);
  expect((await start()).recovered.damage).not.toBeNull();
});

test("safety 50: damage that opening hides is remembered though the first start failed", async () => {
  await writtenLog(40);
  flipMiddle(filesEnding(".log")[0]!);
  // The disk is full, so no fresh log can be built; but LevelDB has opened, and rewritten, the damaged one.
  const databases = new FaultyDatabases();
  databases.failWith = noSpace;
  const options = { folder, durability: "fsync", bootId: "boot-1", expectExisting: true } as const;
  const log = createLevelLog({ ...options, log: silentLog, openDatabase: databases.open });
  await expect(opened(log)).rejects.toThrow(/No space left/);
  expect((await start()).recovered.damage).toContain("corrupt at byte");
});

test("safety 49: a torn last batch is no damage: it was never acknowledged", async () => {
  const { log } = await start({ expectExisting: false });
  for (const sequence of [1, 2, 3])
    expect(
      await appended(log, record(sequence, section(1, 11, { entries: [entry(sequence, 1)] }))),
    ).toBeNull();
  const copy = copyOfRunning();
  const file = join(copy, readdirSync(copy).find((name) => name.endsWith(".log"))!);
  truncateSync(file, readFileSync(file).length - 5);
  const { recovered } = await start({ at: copy });
  expect(recovered).toMatchObject({ damage: null, lastSequence: 2 });
});

test("safety 50: a flipped bit in a table file is damage", async () => {
  await writtenLog(40);
  // LevelDB moves its log into a table when it is opened.
  await stop((await start()).log);
  flipMiddle(filesEnding(".ldb")[0]!);
  expect((await start()).recovered.damage).not.toBeNull();
});

test("a truncated MANIFEST is damage", async () => {
  await writtenLog(4);
  const manifest = readdirSync(folder).find((name) => name.startsWith("MANIFEST-"))!;
  truncateSync(join(folder, manifest), 10);
  expect((await start()).recovered.damage).not.toBeNull();
  expect(damagedAside()).toEqual(["log.damaged-1"]);
});

test("a missing CURRENT is damage, and nothing of the old files is deleted", async () => {
  await writtenLog(4);
  const before = filesEnding(".log").length;
  rmSync(join(folder, "CURRENT"));
  expect((await start()).recovered.damage).toContain("CURRENT");
  const aside = readdirSync(join(root.path, "log.damaged-1")).filter((name) => name.endsWith(".log"));
  expect(aside.length).toBe(before);
});

test("an emptied folder is damage when the node had a log, and none when it is new", async () => {
  await writtenLog(4);
  rmSync(folder, { recursive: true });
  const lost = await start();
  expect(lost.recovered).toMatchObject({ damage: "the log is empty though this node had one", empty: true });
  await stop(lost.log);
  expect((await start()).recovered.damage).toBe("the log is empty though this node had one");
  const other = await start({ at: join(root.path, "other"), expectExisting: false });
  expect(other.recovered).toMatchObject({ damage: null, empty: true });
});

test("a replacement that was cut short between its renames is finished at the next start", async () => {
  await writtenLog(3);
  await changeRecord(2, () => null);
  const { log, recovered } = await start();
  await stop(log);
  cpSync(folder, `${folder}.fresh`, { recursive: true });
  rmSync(folder, { recursive: true });
  const again = await start();
  expect(again.recovered.damage).toBe(recovered.damage);
  expect(existsSync(`${folder}.fresh`)).toBe(false);
});

test("at most two damaged logs are kept", async () => {
  for (let i = 0; i < 4; i++) {
    rmSync(folder, { recursive: true, force: true });
    await writtenLog(2);
    await changeRecord(1, () => null);
    await stop((await start()).log);
  }
  expect(damagedAside().sort()).toEqual(["log.damaged-3", "log.damaged-4"]);
});

test("a log that another process has open is an error, never damage", async () => {
  await start({ expectExisting: false });
  await expect(start()).rejects.toThrow(/can't be opened/);
  expect(damagedAside()).toEqual([]);
});

/** What a dead node leaves: its files as they are while it runs. */
function copyOfRunning(): string {
  const copy = join(root.path, `copy-${readdirSync(root.path).length}`);
  cpSync(folder, copy, { recursive: true });
  return copy;
}

test("buffered: another boot without a clean stop is lost state; a dead process or a clean stop is not", async () => {
  const buffered = { durability: "buffered", expectExisting: false } as const;
  const { log } = await start(buffered);
  const created = section(1, 11, { mark: "created", configuration: threeVoters, hardState });
  expect(await appended(log, record(1, created))).toBeNull();
  expect(await appended(log, record(2, section(1, 11, { entries: [entry(1, 3)] })))).toBeNull();

  const died = await start({ ...buffered, at: copyOfRunning() });
  expect(died.recovered).toMatchObject({ damage: null, lastSequence: 2 });
  const lostPower = await start({ ...buffered, at: copyOfRunning(), bootId: "boot-2" });
  expect(lostPower.recovered.damage).toContain("lost power");
  expect(replicaIn(lostPower.recovered, 1, 11).mark).toBe("fenced");

  await stop(log);
  const clean = await start({ ...buffered, bootId: "boot-2" });
  expect(clean.recovered).toMatchObject({ damage: null, lastSequence: 2 });
});

test("fsync: another boot is nothing special", async () => {
  const { log } = await start({ expectExisting: false });
  expect(await appended(log, record(1, section(1, 11, { mark: "created" })))).toBeNull();
  const rebooted = await start({ at: copyOfRunning(), bootId: "boot-2" });
  expect(rebooted.recovered).toMatchObject({ damage: null, lastSequence: 1 });
});
