import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLevel } from "../../src/storage/log-database.js";
import { corruptOffset } from "../../src/storage/write-ahead-check.js";
import { temporaryFolder } from "./temporary-folder.js";

/** A write-ahead file as LevelDB makes it: small batches, then some over several blocks; and where each ends. */
let file: Uint8Array;
const ends: number[] = [];
let root: ReturnType<typeof temporaryFolder>;

beforeAll(async () => {
  root = temporaryFolder();
  const folder = join(root.path, "log");
  const db = openLevel(folder);
  await db.open();
  const read = (): Uint8Array =>
    Uint8Array.from(readFileSync(join(folder, readdirSync(folder).find((name) => name.endsWith(".log"))!)));
  for (const bytes of [10, 500, 3000, 20_000, 20_000, 90_000, 7, 40_000, 300]) {
    await db.batch([{ type: "put", key: `r${bytes}`, value: new Uint8Array(bytes).fill(7) }], true);
    ends.push(read().length);
  }
  file = read();
  await db.close();
});
afterAll(() => root.remove());

test("safety 49: a sound file, and one torn anywhere in its last batch, are sound", () => {
  expect(corruptOffset(file)).toBeNull();
  expect(corruptOffset(new Uint8Array(0))).toBeNull();
  for (let length = ends.at(-2)!; length < file.length; length++)
    expect(corruptOffset(file.subarray(0, length)), `${length} bytes`).toBeNull();
});

test("safety 49: a last batch that the disk filled with zeros is only torn", () => {
  const zeros = Uint8Array.from(file);
  zeros.fill(0, ends.at(-2)! + 3);
  expect(corruptOffset(zeros)).toBeNull();
});

test("safety 50: a flipped bit in any batch but the last is seen", () => {
  const last = ends.at(-2)!;
  const damaged = Uint8Array.from(file);
  for (let at = 0; at < last; at += at < 4000 ? 13 : 1009) {
    // What pads a block's end belongs to nobody.
    if (32_768 - (at % 32_768) < 7) continue;
    damaged[at]! ^= 1 << (at % 8);
    expect(corruptOffset(damaged), `byte ${at}`).not.toBeNull();
    damaged[at] = file[at]!;
  }
});
