import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StorageError } from "../../src/ports/log-storage.js";
import type { SnapshotManifest, SnapshotStorage, SnapshotWriter } from "../../src/ports/snapshot-storage.js";
import type { SnapshotMeta } from "../../src/raft/types.js";

/** One node's snapshots over its starts. */
export interface SnapshotHarness {
  /** A handle for the next start; what the former one had not finished is lost. */
  start(): SnapshotStorage;
  dispose(): void;
}

export function metaAt(index: number, term = 2): SnapshotMeta {
  return { index, term, configuration: { voters: [1, 2, 3], outgoing: [4], learners: [5] } };
}

export function chunk(fill: number, bytes = 1000): Uint8Array {
  return new Uint8Array(bytes).fill(fill);
}

export function wrote(writer: SnapshotWriter, bytes: Uint8Array): Promise<StorageError | null> {
  return new Promise((resolve) => writer.write(bytes, resolve));
}

export function finished(writer: SnapshotWriter): Promise<SnapshotManifest> {
  return new Promise((resolve, reject) => {
    writer.finish((error, manifest) => {
      if (manifest === null) reject(new Error(error?.message));
      else resolve(manifest);
    });
  });
}

export async function saved(
  storage: SnapshotStorage,
  range: number,
  replica: number,
  meta: SnapshotMeta,
  chunks: readonly Uint8Array[],
): Promise<SnapshotManifest> {
  const writer = storage.create(range, replica, meta);
  for (const bytes of chunks) expect(await wrote(writer, bytes)).toBeNull();
  return finished(writer);
}

export function latest(
  storage: SnapshotStorage,
  range: number,
  replica: number,
): Promise<SnapshotManifest | null> {
  return new Promise((resolve) => storage.latest(range, replica, resolve));
}

export function pruned(
  storage: SnapshotStorage,
  range: number,
  keep: SnapshotManifest | null,
): Promise<void> {
  return new Promise((resolve) => storage.prune(range, keep, resolve));
}

export async function readAll(storage: SnapshotStorage, manifest: SnapshotManifest): Promise<Uint8Array[]> {
  const reader = storage.read(manifest);
  const chunks: Uint8Array[] = [];
  try {
    for (;;) {
      const next = await new Promise<Uint8Array | null>((resolve, reject) => {
        reader.next((error, bytes) => {
          if (error === null) resolve(bytes);
          else reject(new Error(error.message));
        });
      });
      if (next === null) return chunks;
      chunks.push(next);
    }
  } finally {
    reader.close();
  }
}

/** What every snapshot storage must do, the real one and its simulated twin. */
export function describeSnapshotStorage(name: string, make: () => SnapshotHarness): void {
  describe(`snapshot storage (${name})`, () => {
    let harness: SnapshotHarness;
    let storage: SnapshotStorage;
    beforeEach(() => {
      harness = make();
      storage = harness.start();
    });
    afterEach(() => harness.dispose());

    test("safety 46: a finished snapshot is there after a restart, with its configuration", async () => {
      const chunks = [chunk(1), chunk(2, 1), chunk(3, 0), chunk(4)];
      const manifest = await saved(storage, 1, 11, metaAt(7), chunks);
      expect(manifest).toEqual({ range: 1, replica: 11, meta: metaAt(7), sizeBytes: 2001, chunks: 4 });
      storage = harness.start();
      expect(await latest(storage, 1, 11)).toEqual(manifest);
      expect(await readAll(storage, manifest)).toEqual(chunks);
    });

    test("a snapshot without chunks is one too", async () => {
      const manifest = await saved(storage, 1, 11, metaAt(7), []);
      expect(await readAll(storage, manifest)).toEqual([]);
      expect(await latest(storage, 1, 11)).toEqual(manifest);
    });

    test("safety 45: a snapshot that isn't finished is invisible, before and after a restart", async () => {
      const writer = storage.create(1, 11, metaAt(7));
      expect(await wrote(writer, chunk(1))).toBeNull();
      expect(await latest(storage, 1, 11)).toBeNull();
      storage = harness.start();
      expect(await latest(storage, 1, 11)).toBeNull();
      writer.abort();
    });

    test("an aborted snapshot is invisible and takes nothing more", async () => {
      const writer = storage.create(1, 11, metaAt(7));
      expect(await wrote(writer, chunk(1))).toBeNull();
      writer.abort();
      expect(await wrote(writer, chunk(2))).toMatchObject({ kind: "failed" });
      await expect(finished(writer)).rejects.toThrow();
      expect(await latest(storage, 1, 11)).toBeNull();
    });

    test("the newest by index counts, for each replica alone", async () => {
      await saved(storage, 1, 11, metaAt(20, 3), [chunk(1)]);
      await saved(storage, 1, 11, metaAt(9, 2), [chunk(2)]);
      await saved(storage, 1, 12, metaAt(30, 3), [chunk(3)]);
      expect((await latest(storage, 1, 11))?.meta.index).toBe(20);
      expect((await latest(storage, 1, 12))?.meta.index).toBe(30);
      expect(await latest(storage, 2, 11)).toBeNull();
    });

    test("prune keeps the one and leaves other ranges alone", async () => {
      const old = await saved(storage, 1, 11, metaAt(9), [chunk(1)]);
      const kept = await saved(storage, 1, 11, metaAt(20), [chunk(2)]);
      const other = await saved(storage, 2, 21, metaAt(5), [chunk(3)]);
      await pruned(storage, 1, kept);
      await expect(readAll(storage, old)).rejects.toThrow();
      expect(await readAll(storage, kept)).toEqual([chunk(2)]);
      await pruned(storage, 1, null);
      expect(await latest(storage, 1, 11)).toBeNull();
      expect(await latest(storage, 2, 21)).toEqual(other);
    });

    test("prune leaves what came after the one, of it and of a later replica", async () => {
      const older = await saved(storage, 1, 11, metaAt(9), [chunk(1)]);
      const newer = await saved(storage, 1, 11, metaAt(20), [chunk(2)]);
      const successor = await saved(storage, 1, 12, metaAt(7), [chunk(3)]);
      await pruned(storage, 1, older);
      expect(await latest(storage, 1, 11)).toEqual(newer);
      await pruned(storage, 1, newer);
      expect(await latest(storage, 1, 11)).toEqual(newer);
      expect(await latest(storage, 1, 12)).toEqual(successor);
    });

    test("writing the same snapshot again replaces it", async () => {
      await saved(storage, 1, 11, metaAt(9), [chunk(1)]);
      const again = await saved(storage, 1, 11, metaAt(9), [chunk(2), chunk(3)]);
      expect(await latest(storage, 1, 11)).toEqual(again);
      expect(await readAll(storage, again)).toEqual([chunk(2), chunk(3)]);
    });
  });
}
