import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { createSnapshotFiles } from "../../src/storage/snapshot-files.js";
import {
  chunk,
  describeSnapshotStorage,
  latest,
  metaAt,
  pruned,
  readAll,
  saved,
  wrote,
} from "../conformance/snapshot-storage.js";
import { SimDisk } from "../simulation/sim-disk.js";
import { createSimStorage } from "../simulation/sim-storage.js";
import { silentLog } from "./silent-log.js";
import { temporaryFolder } from "./temporary-folder.js";

describeSnapshotStorage("files", () => {
  const folder = temporaryFolder();
  return {
    start: () => createSnapshotFiles({ folder: folder.path, log: silentLog }),
    dispose: () => folder.remove(),
  };
});

describeSnapshotStorage("simulated", () => {
  const scheduler = (_delayMs: number, callback: () => void): void => void setImmediate(callback);
  const disk = new SimDisk({ scheduler, random: new SeededRandom(1), durability: "fsync" });
  return {
    start: () => {
      disk.crash("power");
      return createSimStorage(disk, false).snapshots;
    },
    dispose: () => {},
  };
});

let root: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  root = temporaryFolder();
});
afterEach(() => root.remove());

const start = (): ReturnType<typeof createSnapshotFiles> =>
  createSnapshotFiles({ folder: root.path, log: silentLog });
const files = (): string[] => readdirSync(root.path);

test("safety 45: of a damaged snapshot nothing is seen; an older whole one counts", async () => {
  await saved(start(), 1, 11, metaAt(9), [chunk(1), chunk(2)]);
  await saved(start(), 1, 11, metaAt(20), [chunk(3), chunk(4)]);
  const file = join(root.path, files().find((name) => name.startsWith("1-11-20"))!);
  const whole = readFileSync(file);
  for (const at of [3, 100, 1500, whole.length - 40, whole.length - 5]) {
    const damaged = Uint8Array.from(whole);
    damaged[at]! ^= 1;
    writeFileSync(file, damaged);
    expect((await latest(start(), 1, 11))?.meta.index, `flipped byte ${at}`).toBe(9);
  }
  writeFileSync(file, whole);
  expect((await latest(start(), 1, 11))?.meta.index).toBe(20);
});

test("safety 54: a snapshot torn at any length is invisible", async () => {
  await saved(start(), 1, 11, metaAt(9), [chunk(1, 50), chunk(2, 50)]);
  const file = join(root.path, files()[0]!);
  for (let length = readFileSync(file).length - 1; length >= 0; length -= 7) {
    truncateSync(file, length);
    expect(await latest(start(), 1, 11), `${length} bytes`).toBeNull();
  }
});

test("a snapshot under another's name is ignored", async () => {
  await saved(start(), 1, 11, metaAt(9), [chunk(1)]);
  copyFileSync(join(root.path, files()[0]!), join(root.path, "1-12-9-2.snapshot"));
  expect(await latest(start(), 1, 12)).toBeNull();
});

test("what was left unfinished is removed at the next start", async () => {
  const writer = start().create(1, 11, metaAt(9));
  expect(await wrote(writer, chunk(1))).toBeNull();
  expect(files().length).toBe(1);
  start();
  expect(files()).toEqual([]);
  writer.abort();
});

test("damage met while reading is an error, never a wrong chunk", async () => {
  const storage = start();
  const manifest = await saved(storage, 1, 11, metaAt(9), [chunk(1), chunk(2)]);
  const file = join(root.path, files()[0]!);
  const bytes = readFileSync(file);
  bytes[1200]! ^= 1;
  writeFileSync(file, bytes);
  await expect(readAll(storage, manifest)).rejects.toThrow(/chunk 1 is damaged/);
});

test("a reader goes on though its snapshot is pruned meanwhile", async () => {
  const storage = start();
  const manifest = await saved(storage, 1, 11, metaAt(9), [chunk(1), chunk(2)]);
  const reader = storage.read(manifest);
  const next = (): Promise<Uint8Array | null> =>
    new Promise((resolve) => reader.next((_error, bytes) => resolve(bytes)));
  expect(await next()).toEqual(chunk(1));
  await pruned(storage, 1, null);
  expect(await next()).toEqual(chunk(2));
  expect(await next()).toBeNull();
  reader.close();
});
