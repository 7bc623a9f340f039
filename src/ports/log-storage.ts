import type { RangeId, ReplicaId } from "../base/units.js";
import type { NodeRecord, RecordSection, RecoveredReplica } from "../raft/record.js";

/** Whether a record waits for the disk: `fsync` always, `buffered` only where it changes a term or vote. */
export type Durability = "fsync" | "buffered";

export type StorageError =
  | { readonly kind: "disk-full"; readonly message: string }
  /** Anything else: the process must end. */
  | { readonly kind: "failed"; readonly message: string };

/** What the boot check found. */
export interface RecoveredLog {
  readonly replicas: readonly RecoveredReplica[];
  /** Sequence of the last record; the next is one above. */
  readonly lastSequence: number;
  /** Not null: state that was promised may be lost; every replica here must be fenced. Says why. */
  readonly damage: string | null;
  /** True when no record was ever written. */
  readonly empty: boolean;
}

/** One append-only log per node. Callbacks come in the order of the calls, never during the call itself. */
export interface LogStorage {
  open(done: (error: StorageError | null, recovered: RecoveredLog | null) => void): void;
  /**
   * Appends one record: durable, as the mode says, when `done` is called without an error. Several may be
   * handed in; what arrives while one is being written goes into the next write together. disk-full: nothing of the
   * record is promised, the caller may hand in the same record again later; other errors end the process.
   */
  append(record: NodeRecord, done: (error: StorageError | null) => void): void;
  /** Bytes of records from the front on that only `range` still needs: whom to snapshot first. */
  oldestHolder(): {
    readonly range: RangeId;
    readonly replica: ReplicaId;
    readonly bytes: number;
  } | null;
  /**
   * The given ranges' logs now begin after their section's `reset`. Trims the records that nobody needs any more,
   * writing again what still lives there (hard states, configurations, marks), synced before anything goes.
   */
  trim(resets: readonly RecordSection[], done: (error: StorageError | null) => void): void;
  /** Bytes that records take on disk, about. */
  sizeBytes(): number;
  /** Writes the clean-stop marker, synced, and closes. */
  close(done: () => void): void;
}
