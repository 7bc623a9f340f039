import type { Result } from "../base/result.js";
import type { LogIndex, MonotonicMs, ReplicaId, Term } from "../base/units.js";
import type {
  Configuration,
  Entry,
  Message,
  Progress,
  Proposed,
  ProposeError,
  RaftStatus,
  Ready,
  SnapshotMeta,
} from "./types.js";

/**
 * One replica of one Raft group: time and messages in, `Ready` out. `nowMs` is monotonic and drives every timer;
 * `leaseNowMs` (the largest difference of monotonic, wall and boot time, same origin) only ever ends a lease.
 */
export interface RaftGroup {
  tick(nowMs: MonotonicMs, leaseNowMs: MonotonicMs): void;
  /** Messages of another range or for another replica are ignored. */
  step(nowMs: MonotonicMs, leaseNowMs: MonotonicMs, message: Message): void;
  propose(data: Uint8Array): Result<Proposed, ProposeError>;
  /**
   * Proposes the next configuration: entering a joint one, leaving it, or a change of learners alone. Refused
   * before an entry of the own term is committed (safety 30) and while another is in flight (safety 31).
   */
  proposeConfiguration(next: Configuration): Result<Proposed, ProposeError>;
  /** Starts (or joins) a read round; the ReadState or dropped context comes with a later Ready. False: not leader. */
  readIndex(context: number): boolean;
  /** The index a lease read must see applied, or null without a valid lease now. */
  leaseReadIndex(leaseNowMs: MonotonicMs): LogIndex | null;
  /** How long ago this replica provably led with all that was acknowledged below its commit index; null: unknown. */
  leadershipAgeMs(leaseNowMs: MonotonicMs): number | null;
  transferLeadership(target: ReplicaId): boolean;
  /** Campaigns now, as after TimeoutNow from nobody: tests, and a single-voter bootstrap. */
  campaign(nowMs: MonotonicMs): void;

  hasReady(): boolean;
  ready(): Ready;
  /** The record of that Ready and of all before it is durable. */
  persisted(token: number, nowMs: MonotonicMs): void;
  applied(index: LogIndex): void;
  /** Applying a configuration entry makes it the one in force. */
  applyConfiguration(next: Configuration): void;

  /** The log up to `index` is covered by a durable snapshot and may go. */
  compact(index: LogIndex): void;
  /** A pulled snapshot was installed in the machine; false when it is older than the log (safety 44). */
  installSnapshot(meta: SnapshotMeta): boolean;
  /** Offers `meta` to followers that need one. */
  setSnapshot(meta: SnapshotMeta): void;
  /** A follower needs a snapshot that the log no longer reaches back to, and none that is new enough was set. */
  needsSnapshot(): boolean;
  /** The pull of a snapshot by `replica` failed or ended. */
  reportSnapshot(replica: ReplicaId, ok: boolean): void;
  /** Sends to that replica's node fail: back to probing. */
  reportUnreachable(replica: ReplicaId): void;
  /** The stream to the leader broke: campaign once the own promise ran out, staggered by position. */
  leaderUnreachable(nowMs: MonotonicMs): void;
  /**
   * Fencing: a replica that lost state neither votes, campaigns, leads nor acknowledges. It may have forgotten a vote
   * for a later term: an answer to the leader before could confirm a read, or count for a commit, that is none.
   */
  setMayVote(mayVote: boolean): void;

  status(): RaftStatus;
  progress(): readonly Progress[];
  /** Term of an entry in the log or of the snapshot before it, null when unknown. */
  termAt(index: LogIndex): Term | null;
  entriesFrom(index: LogIndex, maxBytes: number): readonly Entry[];
  /** Monotonic time at which `tick` is due next. */
  nextTickMs(): MonotonicMs;
}
