import type { RangeId, ReplicaId } from "../base/units.js";
import type { SnapshotMeta } from "../raft/types.js";
import type { StorageError } from "./log-storage.js";

export interface SnapshotManifest {
  readonly range: RangeId;
  readonly replica: ReplicaId;
  readonly meta: SnapshotMeta;
  /** Bytes of all chunks. */
  readonly sizeBytes: number;
  readonly chunks: number;
}

/** Snapshots as files: invisible until `finish` called back, then complete and checked (safety 45, 54). */
export interface SnapshotStorage {
  create(range: RangeId, replica: ReplicaId, meta: SnapshotMeta): SnapshotWriter;
  /** The newest complete snapshot of a replica, or null; a damaged one is as if it were not there. */
  latest(range: RangeId, replica: ReplicaId, done: (manifest: SnapshotManifest | null) => void): void;
  read(manifest: SnapshotManifest): SnapshotReader;
  /**
   * Removes the range's snapshots that are older than `keep`: of the same replica with lower indexes, and of replicas
   * with lower ids. Newer ones may come while it runs, and stay. With null: all.
   */
  prune(range: RangeId, keep: SnapshotManifest | null, done: () => void): void;
}

export interface SnapshotWriter {
  /** One chunk, at most about `limits.snapshotChunkBytes` and one element. Wait for `done` before the next. */
  write(chunk: Uint8Array, done: (error: StorageError | null) => void): void;
  /** Makes it durable and visible. */
  finish(done: (error: StorageError | null, manifest: SnapshotManifest | null) => void): void;
  abort(): void;
}

export interface SnapshotReader {
  /** The next chunk, null at the end; an error when its check fails. */
  next(done: (error: StorageError | null, chunk: Uint8Array | null) => void): void;
  close(): void;
}
