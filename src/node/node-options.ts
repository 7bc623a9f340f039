import type { Random } from "../base/random.js";
import type { NodeId } from "../base/units.js";
import type { MemberPorts } from "../placement/document.js";
import type { Clock, Timers } from "../ports/clock.js";
import type { IdentityStore } from "../ports/identity.js";
import type { LogStorage } from "../ports/log-storage.js";
import type { SnapshotStorage } from "../ports/snapshot-storage.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { Transport } from "../ports/transport.js";
import type { EvictionPolicy } from "../store/eviction/policies.js";

/** Everything that a node needs; nothing here is global, so a simulator can run many nodes in one process. */
export interface NodeOptions {
  readonly name: string;
  readonly freshNodeId: NodeId;
  /** Peer address as others dial it. */
  readonly address: string;
  readonly ports: MemberPorts;
  readonly domain: string;
  readonly capacity: number;
  readonly maxmemoryBytes: number;
  /** What meta's leader chooses for the cluster when nobody has chosen a policy yet. */
  readonly evictionPolicy?: EvictionPolicy;
  readonly valueLimitBytes: number;
  /** A range's log is compacted above the larger of this and half its state. */
  readonly logLimitBytes: number;
  readonly initial: readonly string[];
  readonly ranges: number;
  readonly replicationFactor: number;
  readonly durability: "fsync" | "buffered";
  readonly reads: "lease" | "quorum";
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly identity: IdentityStore;
  /** `expectExisting`: the node has started before, so an empty log is a lost one. */
  readonly openLog: (expectExisting: boolean, durability: "fsync" | "buffered") => LogStorage;
  readonly snapshots: SnapshotStorage;
  readonly transport: Transport;
  /** Something that can't be gone on from: the process must end. */
  readonly failed: (message: string) => void;
}
