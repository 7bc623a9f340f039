import type { Random } from "../base/random.js";
import type { LogIndex, MonotonicMs, RangeId, ReplicaId, Term } from "../base/units.js";

/** What an entry is for. */
export const entryTypes = { command: 0, noop: 1, configuration: 2 } as const;
export type EntryType = (typeof entryTypes)[keyof typeof entryTypes];

export interface Entry {
  readonly term: Term;
  readonly index: LogIndex;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** Must be durable before anything that depends on it leaves the node (safety 1). */
export interface HardState {
  readonly term: Term;
  /** 0: nobody. */
  readonly vote: ReplicaId;
  /** Where the log was known to be committed: a hint at restart, never needed for safety. */
  readonly commit: LogIndex;
}

/** The replicas of a range. Joint while `outgoing` isn't empty (thesis §4.3). Ids rise within each list. */
export interface Configuration {
  readonly voters: readonly ReplicaId[];
  readonly outgoing: readonly ReplicaId[];
  readonly learners: readonly ReplicaId[];
}

/** Where a log begins after a snapshot, and who the replicas were there (safety 46). */
export interface SnapshotMeta {
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
}

export const messageTypes = {
  preVote: 1,
  preVoteReply: 2,
  vote: 3,
  voteReply: 4,
  append: 5,
  appendReply: 6,
  heartbeat: 7,
  heartbeatReply: 8,
  snapshot: 9,
  timeoutNow: 10,
} as const;
export type MessageType = (typeof messageTypes)[keyof typeof messageTypes];

/**
 * One message between replicas. Every field is present in every message (one hidden class); a type uses:
 * - preVote, vote: term (the one campaigned for), index/logTerm of the last entry, force (a transfer: ignore leases)
 * - replies to them: term, reject; of a preVote also round, its number among the sender's
 * - append: index/logTerm before the entries, entries, commit, match, round
 * - appendReply: index (match, or the rejected index), reject, hintIndex/hintTerm, round
 * - heartbeat: commit (<= match of the receiver, safety 7), match, round
 * - heartbeatReply: round, index (last durable index that matched)
 * - snapshot: snapshot; the receiver pulls its bytes from the sender's node
 * - timeoutNow: nothing
 */
export interface Message {
  readonly type: MessageType;
  readonly range: RangeId;
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: Term;
  readonly index: LogIndex;
  readonly logTerm: Term;
  readonly commit: LogIndex;
  /** The leader's match index for the receiver: a receiver whose log ends below it lost state. */
  readonly match: LogIndex;
  readonly reject: boolean;
  readonly force: boolean;
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
  /** Read and lease round: rises within a term, echoed by replies (safety 20). */
  readonly round: number;
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMeta | null;
  /** For the layers above: they fill it before sending and read it before `step`; Raft never looks. */
  context: Uint8Array;
}

/** A linearizable read may run once `index` is applied. */
export interface ReadState {
  readonly context: number;
  readonly index: LogIndex;
}

/**
 * What a replica wants done. The order, for each Ready:
 *
 * 1. send `messages` at once: a leader's appends and heartbeats alone may overtake the record;
 * 2. write `snapshot` (as a reset of the log), `entries` and `hardState` in one durable record;
 * 3. once durable: send `durableMessages` (votes, vote requests, every reply), then call `persisted(token)`;
 * 4. apply `committed` in order, any time after 1, then call `applied(index)`;
 * 5. answer `reads` once their index is applied.
 *
 * A later Ready may be taken before an earlier one is persisted; records become durable in order.
 */
export interface Ready {
  /** Rises by one per Ready. */
  readonly token: number;
  readonly messages: readonly Message[];
  readonly durableMessages: readonly Message[];
  readonly snapshot: SnapshotMeta | null;
  /**
   * The leader offers a snapshot that this log needs: pull it from that replica's node, then `installSnapshot`. An
   * offer may be repeated while it is being pulled.
   */
  readonly snapshotOffer: {
    readonly from: ReplicaId;
    readonly meta: SnapshotMeta;
  } | null;
  readonly entries: readonly Entry[];
  /** null when term and vote didn't change; a risen commit index alone waits for the next entries. */
  readonly hardState: HardState | null;
  readonly committed: readonly Entry[];
  readonly reads: readonly ReadState[];
  /** Contexts of reads that can't be confirmed any more: leadership was lost. */
  readonly droppedReads: readonly number[];
}

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

export interface Progress {
  readonly replica: ReplicaId;
  readonly state: "probe" | "replicate" | "snapshot";
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly active: boolean;
  readonly voter: boolean;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
}

export interface RaftStatus {
  readonly role: Role;
  readonly term: Term;
  readonly vote: ReplicaId;
  /** 0: unknown. */
  readonly leader: ReplicaId;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly durableIndex: LogIndex;
  readonly configuration: Configuration;
  readonly logBytes: number;
  readonly uncommittedBytes: number;
  /** 0: no transfer. */
  readonly transferTarget: ReplicaId;
  /** The no-op of the own term is applied: reads and membership changes may start. */
  readonly ownTermCommitted: boolean;
  /** Acknowledged state is gone: fenced until the replica is replaced, whatever `setMayVote` says. */
  readonly lostState: boolean;
}

export type ProposeError =
  | { readonly kind: "not-leader"; readonly leader: ReplicaId }
  | { readonly kind: "transferring" }
  | { readonly kind: "log-full" }
  | { readonly kind: "change-in-flight" }
  | { readonly kind: "bad-configuration"; readonly message: string };

export interface Proposed {
  readonly term: Term;
  readonly index: LogIndex;
}

export interface RaftOptions {
  readonly range: RangeId;
  readonly replica: ReplicaId;
  readonly random: Random;
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  readonly heartbeatMs: number;
  /** Share of electionMinMs that a lease lasts. */
  readonly leaseShare: number;
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  readonly maxAppendBytes: number;
  /** Of entries without a quorum's answer; the last one may go beyond it. */
  readonly maxUncommittedBytes: number;
  /** "quorum": no leases, every read takes a round. */
  readonly reads: "lease" | "quorum";
  /** Monotonic now. A restarted voter (one with a hard state) waits electionMinMs before it votes (safety 19). */
  readonly nowMs: MonotonicMs;
  /** What storage recovered; `snapshot` is where the log begins. */
  readonly recovered: {
    readonly hardState: HardState;
    readonly snapshot: SnapshotMeta;
    readonly entries: readonly Entry[];
  };
  /** False while the replica may not vote or campaign (fenced, or peers' hellos are awaited). */
  readonly mayVote: boolean;
}
