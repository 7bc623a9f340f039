import type { ErrorKind } from "../base/errors.js";
import type { NodeId, RangeId, Slot } from "../base/units.js";
import type { ReplySink } from "../commands/reply-sink.js";
import type { Protocol } from "../ports/telemetry.js";
import type { EvictionPolicy } from "../store/eviction/policies.js";

/** How a reply that isn't linearizable was read. */
export interface ReadFreshness {
  readonly appliedIndex: number;
  /** Upper bound of the age in ms; null: unknown. */
  readonly ageMs: number | null;
  /** Revision and log time of the range: what a session read at another replica must have reached. */
  readonly revision: number;
  readonly logTimeMs: number;
  readonly stale: boolean;
}

/**
 * A connection's end of its commands. The edge numbers them by `token` (any safe integer it likes, unique among those
 * outstanding). For each command, exactly once and in any order: `reply(token)`, then the calls of one value on the
 * sink, synchronously, then `done(token)`. After `close()` nothing comes any more.
 */
export interface ReplyTarget {
  reply(token: number): ReplySink;
  /** `freshness` is null for a linearizable reply and for writes. */
  done(token: number, freshness: ReadFreshness | null): void;
  /**
   * The replies of this turn are complete as far as they will come: write them out. Called once per turn in which
   * at least one reply was done.
   */
  flush(): void;
}

/** One client connection. On it, commands on one range take effect in order, and reads see earlier writes. */
export interface ServiceConnection {
  /**
   * Runs the command in bytes[start, end) (`command-codec.ts`); the bytes are copied before it returns.
   * `deadlineMs` is what is left of the caller's patience, 0 for the default.
   */
  execute(bytes: Uint8Array, start: number, end: number, token: number, deadlineMs: number): void;
  /** Bytes of commands that were not answered yet: the edge stops reading above its bound. */
  readonly pendingBytes: number;
  close(): void;
}

export interface RangeView {
  readonly id: RangeId;
  readonly slots: readonly [Slot, Slot];
  /** 0: none known. */
  readonly leader: NodeId;
  readonly term: number;
  readonly replicas: readonly ReplicaView[];
}

/** null fields: another node's replica whose numbers are not known here. */
export interface ReplicaView {
  readonly node: NodeId;
  readonly replica: number;
  readonly role: "leader" | "follower" | "learner" | "candidate" | "fenced" | "unknown";
  readonly commit: number | null;
  readonly applied: number | null;
  readonly firstIndex: number | null;
  readonly digest: string | null;
}

export interface MemberView {
  readonly id: NodeId;
  readonly name: string;
  readonly up: boolean;
  readonly ports: {
    readonly resp: string;
    readonly grpc: string;
    readonly peer: string;
    readonly http: string;
  };
}

/** What this node knows of the cluster. */
export interface Topology {
  readonly clusterId: string;
  readonly self: NodeId;
  /** Rises whenever members, ranges or leaders change. */
  readonly version: number;
  readonly members: readonly MemberView[];
  readonly ranges: readonly RangeView[];
}

/** Sums over the ranges of this node's replicas, for INFO, DBSIZE of one node and metrics. */
export interface NodeStatistics {
  readonly uptimeMs: number;
  readonly keys: number;
  readonly keysWithDeadline: number;
  readonly chargedBytes: number;
  readonly limitBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly expired: number;
  readonly evicted: number;
  readonly commands: number;
  readonly rangesLed: number;
  readonly ranges: readonly RangeStatistics[];
}

export interface RangeStatistics {
  readonly id: RangeId;
  readonly leads: boolean;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly logBytes: number;
  readonly chargedBytes: number;
  readonly limitBytes: number;
  readonly keys: number;
}

/** The one door behind all edges. */
export interface Service {
  /** `ordered` false: commands of it are independent of one another (unary calls). */
  connect(protocol: Protocol, target: ReplyTarget, ordered: boolean): ServiceConnection;
  /** A new session number from meta, for exactly-once retries. Calls back exactly once. */
  openSession(done: (error: ErrorKind | null, session: number) => void): void;
  topology(): Topology;
  /** Calls back when `topology().version` rises; returns the end of it. */
  watchTopology(changed: () => void): () => void;
  statistics(): NodeStatistics;
  /** Name of the cluster's eviction policy, as meta's tables have it here. */
  readonly evictionPolicy: string;
  /**
   * Changes the eviction policy of the whole cluster; the ranges follow by an entry each. Calls back exactly once, with
   * null when meta has committed it.
   */
  changeEvictionPolicy(policy: EvictionPolicy, done: (error: ErrorKind | null) => void): void;
  /** Every range that this node knows has a leader. */
  ready(): boolean;
  /** Log-time estimate, unix ms: what TIME says. */
  estimateMs(): number;
  /**
   * Applied index and digest of each replica on this node; `atIndex` of a range waits until exactly that index is
   * applied and answers the digest there (null when it passed already).
   */
  digest(range: RangeId, done: (replica: ReplicaView) => void, atIndex?: number): void;
}
