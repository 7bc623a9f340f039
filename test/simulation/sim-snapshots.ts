import type { RangeId, ReplicaId } from "../../src/base/units.js";
import type { StorageError } from "../../src/ports/log-storage.js";
import type {
  SnapshotManifest,
  SnapshotReader,
  SnapshotStorage,
  SnapshotWriter,
} from "../../src/ports/snapshot-storage.js";
import type { SnapshotMeta } from "../../src/raft/types.js";
import type { SimDisk, SimSnapshot } from "./sim-disk.js";

function same(a: SnapshotManifest, b: SnapshotManifest): boolean {
  return (
    a.range === b.range &&
    a.replica === b.replica &&
    a.meta.index === b.meta.index &&
    a.meta.term === b.meta.term
  );
}

/** One start's handle on the snapshots of a simulated disk: behaves as `createSnapshotFiles` does. */
export class SimSnapshots implements SnapshotStorage {
  private readonly disk: SimDisk;

  constructor(disk: SimDisk) {
    this.disk = disk;
  }

  create(range: RangeId, replica: ReplicaId, meta: SnapshotMeta): SnapshotWriter {
    return new SimSnapshotWriter(this.disk, { range, replica, meta });
  }

  latest(range: RangeId, replica: ReplicaId, done: (manifest: SnapshotManifest | null) => void): void {
    this.disk.later(() => {
      let newest: SnapshotManifest | null = null;
      for (const { manifest } of this.disk.snapshots) {
        if (manifest.range !== range || manifest.replica !== replica) continue;
        if (newest === null || manifest.meta.index > newest.meta.index) newest = manifest;
      }
      done(newest);
    });
  }

  read(manifest: SnapshotManifest): SnapshotReader {
    const { disk } = this;
    const found = disk.snapshots.find((snapshot) => same(snapshot.manifest, manifest));
    let at = 0;
    let closed = false;
    return {
      next(done) {
        disk.later(() => {
          if (found === undefined || closed)
            done({ kind: "failed", message: "the snapshot can't be read" }, null);
          else done(null, found.chunks[at++]?.slice() ?? null);
        });
      },
      close() {
        closed = true;
      },
    };
  }

  prune(range: RangeId, keep: SnapshotManifest | null, done: () => void): void {
    this.disk.later(() => {
      this.disk.snapshots = this.disk.snapshots.filter(
        ({ manifest: { range: of, replica, meta } }) =>
          of !== range ||
          (keep !== null &&
            (replica > keep.replica || (replica === keep.replica && meta.index >= keep.meta.index))),
      );
      done();
    });
  }
}

class SimSnapshotWriter implements SnapshotWriter {
  private readonly disk: SimDisk;
  private readonly subject: Pick<SnapshotManifest, "range" | "replica" | "meta">;
  private readonly chunks: Uint8Array[] = [];
  private ended = false;

  constructor(disk: SimDisk, subject: Pick<SnapshotManifest, "range" | "replica" | "meta">) {
    this.disk = disk;
    this.subject = subject;
  }

  write(chunk: Uint8Array, done: (error: StorageError | null) => void): void {
    const copy = chunk.slice();
    this.run(() => this.chunks.push(copy), done);
  }

  finish(done: (error: StorageError | null, manifest: SnapshotManifest | null) => void): void {
    const sizeBytes = this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const manifest: SnapshotManifest = { ...this.subject, sizeBytes, chunks: this.chunks.length };
    const { disk, chunks } = this;
    const snapshot: SimSnapshot = { manifest, chunks };
    const publish = (): void => {
      disk.snapshots = [...disk.snapshots.filter((other) => !same(other.manifest, manifest)), snapshot];
      this.ended = true;
    };
    this.run(publish, (error) => done(error, error === null ? manifest : null));
  }

  abort(): void {
    this.ended = true;
  }

  private run(apply: () => void, done: (error: StorageError | null) => void): void {
    const ended: StorageError = { kind: "failed", message: "the snapshot was ended" };
    if (this.ended) {
      this.disk.later(() => done(ended));
      return;
    }
    // An abort meanwhile wins over the write.
    const unlessAborted = (): void => {
      if (!this.ended) apply();
    };
    this.disk.write(unlessAborted, (error) => {
      if (error !== null) this.ended = true;
      done(error);
    });
  }
}
