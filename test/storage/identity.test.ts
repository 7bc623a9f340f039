import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import type { Identity, IdentityStore } from "../../src/ports/identity.js";
import type { StorageError } from "../../src/ports/log-storage.js";
import { createIdentityFile } from "../../src/storage/identity-file.js";
import { SimDisk } from "../simulation/sim-disk.js";
import { createSimStorage } from "../simulation/sim-storage.js";
import { temporaryFolder } from "./temporary-folder.js";

let root: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  root = temporaryFolder();
});
afterEach(() => root.remove());

const identity: Identity = {
  nodeId: 0xabcdef012345,
  clusterId: "c0ffee",
  document: '{"ranges":16,"name":"größe"}',
  started: false,
};

function loaded(store: IdentityStore): Promise<{ error: StorageError | null; identity: Identity | null }> {
  return new Promise((resolve) => store.load((error, found) => resolve({ error, identity: found })));
}
function saved(store: IdentityStore, what: Identity): Promise<StorageError | null> {
  return new Promise((resolve) => store.save(what, resolve));
}

const scheduler = (_delayMs: number, callback: () => void): void => void setImmediate(callback);
const twins: [string, () => () => IdentityStore][] = [
  ["file", () => () => createIdentityFile({ folder: join(root.path, "node") })],
  [
    "simulated",
    () => {
      const disk = new SimDisk({ scheduler, random: new SeededRandom(1), durability: "fsync" });
      return () => {
        disk.crash("power");
        return createSimStorage(disk, false).identity;
      };
    },
  ],
];

test.each(twins)(
  "%s: an identity is null at first, and as it was saved last after a restart",
  async (_, make) => {
    const start = make();
    expect(await loaded(start())).toEqual({ error: null, identity: null });
    const store = start();
    expect(await Promise.all([saved(store, identity), saved(store, { ...identity, started: true })])).toEqual(
      [null, null],
    );
    expect(await loaded(start())).toEqual({ error: null, identity: { ...identity, started: true } });
  },
);

test("a damaged identity is a clear error, never a new node", async () => {
  const store = createIdentityFile({ folder: root.path });
  expect(await saved(store, identity)).toBeNull();
  const file = join(root.path, "identity.json");
  const text = readFileSync(file, "utf8");
  for (const damaged of [
    "",
    "null",
    text.slice(0, 40),
    text.replace("c0ffee", "c0ffef"),
    text.replace("false", "true"),
  ]) {
    writeFileSync(file, damaged);
    const { error, identity: found } = await loaded(store);
    expect(found).toBeNull();
    expect(error?.message).toMatch(/identity\.json can't be read: it is damaged/);
  }
});

test("safety 54: nothing but the whole file is left in the folder", async () => {
  const store = createIdentityFile({ folder: root.path });
  expect(await saved(store, identity)).toBeNull();
  expect(await saved(store, { ...identity, started: true })).toBeNull();
  expect(readdirSync(root.path)).toEqual(["identity.json"]);
});
