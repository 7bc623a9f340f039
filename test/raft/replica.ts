import type { Random } from "../../src/base/random.js";
import type { RaftGroup } from "../../src/raft/raft-group.js";
import type { Entry, HardState, Message, RaftOptions, Ready, SnapshotMeta } from "../../src/raft/types.js";

/** A replica of the small cluster, and what a test may choose of it and hear from it. */

/** What survives a crash. */
export interface Disk {
  hardState: HardState;
  snapshot: SnapshotMeta;
  entries: readonly Entry[];
  /** The machine at `snapshot.index`. */
  machine: readonly Entry[];
}

export interface Replica {
  readonly id: number;
  /** null while crashed. */
  group: RaftGroup | null;
  readonly disk: Disk;
  /** Records handed to the disk and not durable yet, in order. */
  unsynced: Ready[];
  persistAtOnce: boolean;
  applyAtOnce: boolean;
  /** Committed entries that the machine hasn't applied yet. */
  unapplied: Entry[];
  /** Everything applied since index 0: the machine's state. */
  machine: Entry[];
  /** The machines that installed snapshots hold, until the resets of the log are durable. */
  installing: (readonly Entry[])[];
  offer: { readonly from: number; readonly meta: SnapshotMeta } | null;
  /** Snapshot that this replica offers, with its machine. */
  snapshot: { readonly meta: SnapshotMeta; readonly machine: readonly Entry[] } | null;
  mayVote: boolean;
  /** How much more than the monotonic clock the lease's clock shows, as after a stop that only it noticed. */
  leaseAheadMs: number;
}

/** What a test may listen to. */
export interface ClusterEvents {
  onSend?(message: Message, replica: Replica): void;
  onDeliver?(message: Message): void;
  onApply?(replica: Replica, entry: Entry): void;
  onRead?(replica: Replica, context: number, index: number): void;
  onDroppedRead?(replica: Replica, context: number): void;
  onReady?(replica: Replica, ready: Ready): void;
  /** After anything that may have changed the replica. */
  onStep?(replica: Replica): void;
}

export type ClusterOptions = Partial<
  Pick<
    RaftOptions,
    | "electionMinMs"
    | "electionMaxMs"
    | "heartbeatMs"
    | "leaseShare"
    | "maxInflightMessages"
    | "maxInflightBytes"
    | "maxAppendBytes"
    | "maxUncommittedBytes"
    | "reads"
  >
> & {
  readonly randomOf?: (id: number) => Random;
  /** How fast a replica's clock runs, 1 by default. */
  readonly rateOf?: (id: number) => number;
  readonly events?: ClusterEvents;
};
