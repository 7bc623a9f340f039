import { assert } from "../base/assert.js";
import { below } from "../base/random.js";
import type { LogIndex, MonotonicMs, ReplicaId, Term } from "../base/units.js";
import { Inflights } from "./inflights.js";
import { RaftLog } from "./log.js";
import { type Draft, draftMessage } from "./message.js";
import { PeerProgress } from "./progress.js";
import { RecordsInFlight } from "./records.js";
import { Rounds } from "./rounds.js";
import {
  type Configuration,
  entryTypes,
  type Message,
  type MessageType,
  type RaftOptions,
  type ReadState,
  type Role,
  type SnapshotMeta,
} from "./types.js";

/** Reads that wait for one round: confirmed together, at the commit index of their arrival or later. */
export interface ReadBatch {
  readonly round: number;
  index: LogIndex;
  readonly contexts: number[];
}

/**
 * Everything one replica knows. The files beside this one hold what happens to it, by theme; `raft.ts` is the door.
 * Plain fields and arrays: propose, append and acknowledgement run through here for every entry.
 */
export class GroupState {
  readonly options: RaftOptions;
  readonly replica: ReplicaId;
  readonly log: RaftLog;
  readonly records: RecordsInFlight;

  role: Role = "follower";
  term: Term;
  vote: ReplicaId;
  leader: ReplicaId = 0;
  configuration: Configuration;
  mayVote: boolean;
  lostState = false;

  /** The newest times given; neither goes back. */
  nowMs: MonotonicMs;
  leaseNowMs: MonotonicMs = Number.NEGATIVE_INFINITY;
  /** When a leader was heard last: votes are refused for electionMinMs after it (safety 19). */
  heardMs: MonotonicMs = Number.NEGATIVE_INFINITY;
  /** Until then a restarted voter neither votes nor campaigns: it may have promised a lease (safety 19). */
  restartWaitMs: MonotonicMs = Number.NEGATIVE_INFINITY;
  electionDeadlineMs: MonotonicMs;

  /** As follower: up to where this log is known to equal the leader's, and the newest round echoed, in this term. */
  matchedIndex: LogIndex = 0;
  echoedRound = 0;

  /** As candidate: who answered, and how. */
  readonly votes = new Map<ReplicaId, boolean>();
  /** Numbers the pre-votes of this run; answers echo it. */
  preVoteRound = 0;

  /** As leader. */
  readonly peers = new Map<ReplicaId, PeerProgress>();
  /** The same, without this replica, in a fixed order for sending. */
  others: PeerProgress[] = [];
  self: PeerProgress | null = null;
  readonly rounds = new Rounds();
  /** Index of the no-op of the own term. */
  noopIndex: LogIndex = 0;
  /** A configuration entry may lie in the log up to here; the next one waits until it is applied (safety 31). */
  pendingConfigurationIndex: LogIndex = 0;
  uncommittedBytes = 0;
  nextHeartbeatMs: MonotonicMs = 0;
  transferTarget: ReplicaId = 0;
  transferDeadlineMs: MonotonicMs = 0;
  /** False for the rest of the term once TimeoutNow was sent (safety 18). */
  leaseAllowed = false;
  /** Only rounds from here on earn a lease: the configuration's own. */
  leaseFloorRound = 0;
  /** Reads before the no-op is committed. */
  heldReads: number[] = [];
  readonly readBatches: ReadBatch[] = [];
  /** What followers behind the log are offered. */
  snapshot: SnapshotMeta | null = null;

  /** Due at the next Ready: appends to whom they fit, and a round for reads. */
  appendsDue = false;
  roundDue = false;

  /** What the next Ready hands out. */
  token = 0;
  messages: Draft[] = [];
  durableMessages: Draft[] = [];
  readStates: ReadState[] = [];
  droppedReads: number[] = [];
  installed: SnapshotMeta | null = null;
  offer: { readonly from: ReplicaId; readonly meta: SnapshotMeta } | null = null;
  emittedTerm: Term;
  emittedVote: ReplicaId;
  emittedCommit: LogIndex;

  /** What quorums are asked about, made once. A replica without progress has nothing. */
  readonly matchOf = (replica: ReplicaId): LogIndex => this.peers.get(replica)?.match ?? 0;
  readonly voteOf = (replica: ReplicaId): boolean | null => this.votes.get(replica) ?? null;
  readonly ackedRoundOf = (replica: ReplicaId): number =>
    replica === this.replica ? Number.POSITIVE_INFINITY : (this.peers.get(replica)?.ackedRound ?? 0);
  readonly leaseMsOf = (replica: ReplicaId): number =>
    replica === this.replica
      ? Number.POSITIVE_INFINITY
      : (this.peers.get(replica)?.ackedLeaseMs ?? Number.NEGATIVE_INFINITY);
  readonly answerMsOf = (replica: ReplicaId): number =>
    replica === this.replica
      ? this.nowMs
      : (this.peers.get(replica)?.lastAnswerMs ?? Number.NEGATIVE_INFINITY);

  constructor(options: RaftOptions) {
    const { hardState, snapshot, entries } = options.recovered;
    assert(options.electionMinMs > 0, "electionMinMs > 0");
    assert(options.electionMinMs <= options.electionMaxMs, "electionMinMs <= electionMaxMs");
    assert(options.leaseShare > 0 && options.leaseShare < 1, "a lease is shorter than the promise");
    this.options = options;
    this.replica = options.replica;
    this.log = new RaftLog(snapshot, entries, hardState.commit);
    this.term = hardState.term;
    this.vote = hardState.vote;
    this.configuration = snapshot.configuration;
    this.mayVote = options.mayVote;
    this.nowMs = options.nowMs;
    this.records = new RecordsInFlight(hardState.term);
    this.emittedTerm = hardState.term;
    this.emittedVote = hardState.vote;
    this.emittedCommit = hardState.commit;
    assert(this.log.lastTerm <= this.term, "the log holds no term above the hard state's");
    // One record holds both, so a commit above the log means that storage lost what it had promised.
    if (hardState.commit > this.log.lastIndex) this.loseState();
    this.electionDeadlineMs = this.nowMs + this.drawTimeoutMs();
    const alone = this.isOnlyVoter() && !entries.some((e) => e.type === entryTypes.configuration);
    // What it promised a leader before it ended lasts no longer than this.
    if (hardState.term > 0 && !alone) this.restartWaitMs = this.nowMs + options.electionMinMs;
  }

  /** Uniform in [electionMinMs, electionMaxMs). */
  drawTimeoutMs(): number {
    const { electionMinMs, electionMaxMs, random } = this.options;
    return electionMinMs + below(random, Math.max(1, electionMaxMs - electionMinMs));
  }

  resetElectionTimer(): void {
    this.electionDeadlineMs = Math.max(this.nowMs, this.restartWaitMs) + this.drawTimeoutMs();
  }

  isVoter(replica: ReplicaId): boolean {
    return this.configuration.voters.includes(replica) || this.configuration.outgoing.includes(replica);
  }

  isOnlyVoter(): boolean {
    const { voters, outgoing } = this.configuration;
    return (
      voters.length === 1 &&
      voters[0] === this.replica &&
      (outgoing.length === 0 || (outgoing.length === 1 && outgoing[0] === this.replica))
    );
  }

  /** Fenced for good: what was acknowledged once is gone, so no later word of this replica may count. */
  loseState(): void {
    this.lostState = true;
    this.mayVote = false;
  }

  /** Whether a reply of this replica may count anywhere. */
  get answers(): boolean {
    return this.mayVote && !this.lostState;
  }

  /** The no-op of the own term is committed: the commit index is as new as any acknowledged write (safety 4). */
  get ownTermCommitted(): boolean {
    return this.role === "leader" && this.log.commit >= this.noopIndex;
  }

  /** A leader's message: may leave before the record. */
  send(type: MessageType, to: ReplicaId): Draft {
    const message = draftMessage(type, this.options.range, this.replica, to, this.term);
    // A single voter leads before its term is durable. Were its appends to leave now and the term be lost in a
    // crash, the same term could name other entries at the same index.
    if (this.records.durableTerm < this.term) this.durableMessages.push(message);
    else this.messages.push(message);
    return message;
  }

  /** Vote requests and replies: leave once the record of their Ready is durable (safety 1). */
  sendDurably(type: MessageType, to: ReplicaId): Draft {
    const message = draftMessage(type, this.options.range, this.replica, to, this.term);
    this.durableMessages.push(message);
    return message;
  }

  reply(type: MessageType, request: Message): Draft {
    const message = this.sendDurably(type, request.from);
    message.round = request.round;
    return message;
  }

  newProgress(replica: ReplicaId, next: LogIndex): PeerProgress {
    const { maxInflightMessages, maxInflightBytes } = this.options;
    const inflights = new Inflights(maxInflightMessages, maxInflightBytes);
    return new PeerProgress(replica, next, this.nowMs, inflights);
  }
}
