import type { LogIndex, RangeId, ReplicaId } from "../base/units.js";
import type { Configuration, Entry, HardState, SnapshotMeta } from "./types.js";

/**
 * What one durable record says of one replica. A later section overrides an earlier one from its first entry on,
 * so truncation is never a delete.
 */
export interface RecordSection {
  readonly range: RangeId;
  readonly replica: ReplicaId;
  /** The log now begins after this point; what was before is in a snapshot. */
  readonly reset: SnapshotMeta | null;
  readonly hardState: HardState | null;
  /** Contiguous, rising. */
  readonly entries: readonly Entry[];
  /** Last known configuration, whenever it changes or the front is trimmed. */
  readonly configuration: Configuration | null;
  readonly mark: "none" | "created" | "fenced" | "removed";
}

/** One durable record of a node: everything that one turn changed, in all ranges. */
export interface NodeRecord {
  /** Rises by one per record of this node. */
  readonly sequence: number;
  readonly sections: readonly RecordSection[];
}

/** A replica as its node's log tells it at boot. */
export interface RecoveredReplica {
  readonly range: RangeId;
  readonly replica: ReplicaId;
  readonly mark: "created" | "fenced" | "removed";
  readonly hardState: HardState;
  /** Where the log begins; index 0 with the first configuration for one without a snapshot. */
  readonly snapshot: SnapshotMeta;
  readonly entries: readonly Entry[];
  /** The index up to which a record once said the log was compacted. */
  readonly firstIndex: LogIndex;
}
