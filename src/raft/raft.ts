import { unreachable } from "../base/assert.js";
import type { Result } from "../base/result.js";
import type { LogIndex, MonotonicMs, ReplicaId, Term } from "../base/units.js";
import {
  campaignNow,
  handlePreVoteReply,
  handleVoteReply,
  handleVoteRequest,
  hurryElection,
  keepsPromise,
  refuseOldCandidate,
  tickElection,
} from "./election.js";
import { answerDeposedLeader, handleAppend, handleHeartbeat, handleSnapshotOffer } from "./follower.js";
import { installSnapshot } from "./install.js";
import { applyConfiguration, propose, proposeConfiguration } from "./membership.js";
import { quorumTime } from "./quorum.js";
import type { RaftGroup } from "./raft-group.js";
import { leadershipAgeMs, leaseRead, requestRead } from "./read-index.js";
import { hasReady, takeReady } from "./ready.js";
import {
  advanceCommit,
  handleAppendReply,
  handleHeartbeatReply,
  sendHeartbeat,
  snapshotWanted,
} from "./replication.js";
import { becomeFollower } from "./roles.js";
import { GroupState } from "./state.js";
import { progressOf, statusOf } from "./status.js";
import { abortTransfer, startTransfer } from "./transfer.js";
import {
  type Configuration,
  type Entry,
  type Message,
  messageTypes,
  type Progress,
  type Proposed,
  type ProposeError,
  type RaftOptions,
  type RaftStatus,
  type Ready,
  type SnapshotMeta,
} from "./types.js";

/** A replica as storage recovered it. A new one starts with an empty hard state and its first configuration. */
export function createRaft(options: RaftOptions): RaftGroup {
  return new Raft(new GroupState(options));
}

class Raft implements RaftGroup {
  constructor(private readonly state: GroupState) {}

  tick(nowMs: MonotonicMs, leaseNowMs: MonotonicMs): void {
    this.observe(nowMs, leaseNowMs);
    const state = this.state;
    if (state.role !== "leader") {
      tickElection(state);
      return;
    }
    const { electionMaxMs, heartbeatMs } = state.options;
    const answeredMs = quorumTime(state.configuration, state.answerMsOf);
    if (state.nowMs - answeredMs >= electionMaxMs) {
      // CheckQuorum: cut off from a quorum, the others may have another leader.
      becomeFollower(state, state.term, 0);
      return;
    }
    if (state.transferTarget !== 0 && state.nowMs >= state.transferDeadlineMs) abortTransfer(state);
    if (state.nowMs < state.nextHeartbeatMs) return;
    state.nextHeartbeatMs = state.nowMs + heartbeatMs;
    state.rounds.open(state.leaseNowMs);
    for (const peer of state.others) sendHeartbeat(state, peer);
    state.appendsDue = true;
  }

  step(nowMs: MonotonicMs, leaseNowMs: MonotonicMs, message: Message): void {
    const state = this.state;
    if (message.range !== state.options.range || message.to !== state.replica) return;
    this.observe(nowMs, leaseNowMs);
    if (message.term > state.term) {
      if (!this.meetLaterTerm(message)) return;
    } else if (message.term < state.term) {
      this.answerEarlierTerm(message);
      return;
    }
    this.dispatch(message);
  }

  /** False when the message is to be dropped. */
  private meetLaterTerm(message: Message): boolean {
    const state = this.state;
    switch (message.type) {
      case messageTypes.preVote:
        return true;
      case messageTypes.preVoteReply:
        // A grant names the term that we asked about; only a refusal tells of a term that exists.
        if (message.reject) becomeFollower(state, message.term, 0);
        return true;
      case messageTypes.vote:
        // Not even the term moves while a leader counts on this replica (thesis §4.2.3; safety 12, 33).
        if (!message.force && keepsPromise(state)) return false;
        becomeFollower(state, message.term, 0);
        return true;
      case messageTypes.append:
      case messageTypes.heartbeat:
      case messageTypes.snapshot:
        becomeFollower(state, message.term, message.from);
        return true;
      case messageTypes.voteReply:
      case messageTypes.appendReply:
      case messageTypes.heartbeatReply:
      case messageTypes.timeoutNow:
        becomeFollower(state, message.term, 0);
        return true;
      default:
        return unreachable(message.type);
    }
  }

  /** Old replies never count (safety 8); old requests are answered where that helps a replica that is stuck. */
  private answerEarlierTerm(message: Message): void {
    switch (message.type) {
      case messageTypes.append:
      case messageTypes.heartbeat:
      case messageTypes.snapshot:
        answerDeposedLeader(this.state, message);
        return;
      case messageTypes.preVote:
      case messageTypes.vote:
        refuseOldCandidate(this.state, message);
        return;
      case messageTypes.preVoteReply:
      case messageTypes.voteReply:
      case messageTypes.appendReply:
      case messageTypes.heartbeatReply:
      case messageTypes.timeoutNow:
        return;
      default:
        unreachable(message.type);
    }
  }

  private dispatch(message: Message): void {
    const state = this.state;
    switch (message.type) {
      case messageTypes.append:
        handleAppend(state, message);
        return;
      case messageTypes.appendReply:
        handleAppendReply(state, message);
        return;
      case messageTypes.heartbeat:
        handleHeartbeat(state, message);
        return;
      case messageTypes.heartbeatReply:
        handleHeartbeatReply(state, message);
        return;
      case messageTypes.preVote:
      case messageTypes.vote:
        handleVoteRequest(state, message);
        return;
      case messageTypes.preVoteReply:
        handlePreVoteReply(state, message);
        return;
      case messageTypes.voteReply:
        handleVoteReply(state, message);
        return;
      case messageTypes.snapshot:
        handleSnapshotOffer(state, message);
        return;
      case messageTypes.timeoutNow:
        campaignNow(state);
        return;
      default:
        unreachable(message.type);
    }
  }

  propose(data: Uint8Array): Result<Proposed, ProposeError> {
    return propose(this.state, data);
  }

  proposeConfiguration(next: Configuration): Result<Proposed, ProposeError> {
    return proposeConfiguration(this.state, next);
  }

  readIndex(context: number): boolean {
    return requestRead(this.state, context);
  }

  leaseReadIndex(leaseNowMs: MonotonicMs): LogIndex | null {
    return leaseRead(this.state, leaseNowMs);
  }

  leadershipAgeMs(leaseNowMs: MonotonicMs): number | null {
    return leadershipAgeMs(this.state, leaseNowMs);
  }

  transferLeadership(target: ReplicaId): boolean {
    return startTransfer(this.state, target);
  }

  campaign(nowMs: MonotonicMs): void {
    this.state.nowMs = Math.max(this.state.nowMs, nowMs);
    campaignNow(this.state);
  }

  hasReady(): boolean {
    return hasReady(this.state);
  }

  ready(): Ready {
    return takeReady(this.state);
  }

  persisted(token: number, nowMs: MonotonicMs): void {
    const state = this.state;
    state.nowMs = Math.max(state.nowMs, nowMs);
    state.log.durableTo(state.records.persisted(token));
    const self = state.self;
    if (self === null || self.match >= state.log.durable) return;
    // Only now does the leader count itself (safety 9).
    self.match = state.log.durable;
    advanceCommit(state);
  }

  applied(index: LogIndex): void {
    this.state.log.appliedTo(index);
  }

  applyConfiguration(next: Configuration): void {
    applyConfiguration(this.state, next);
  }

  compact(index: LogIndex): void {
    this.state.log.compact(index);
  }

  installSnapshot(meta: SnapshotMeta): boolean {
    return installSnapshot(this.state, meta);
  }

  setSnapshot(meta: SnapshotMeta): void {
    const state = this.state;
    if (state.snapshot !== null && state.snapshot.index > meta.index) return;
    state.snapshot = meta;
    if (state.role === "leader") state.appendsDue = true;
  }

  needsSnapshot(): boolean {
    return snapshotWanted(this.state);
  }

  reportSnapshot(replica: ReplicaId, succeeded: boolean): void {
    const peer = this.state.peers.get(replica);
    if (peer === undefined || peer.state !== "snapshot") return;
    if (!succeeded) peer.pendingSnapshot = 0;
    peer.becomeProbe();
    // The next answer of the replica starts it again.
    peer.probeSent = true;
  }

  reportUnreachable(replica: ReplicaId): void {
    const peer = this.state.peers.get(replica);
    if (peer !== undefined && peer.state === "replicate") peer.becomeProbe();
  }

  leaderUnreachable(nowMs: MonotonicMs): void {
    hurryElection(this.state, nowMs);
  }

  setMayVote(mayVote: boolean): void {
    const state = this.state;
    state.mayVote = mayVote && !state.lostState;
    // What a fenced replica counts for itself may be gone: it must not lead or win by it.
    if (!state.mayVote && state.role !== "follower") becomeFollower(state, state.term, 0);
  }

  status(): RaftStatus {
    return statusOf(this.state);
  }

  progress(): readonly Progress[] {
    return progressOf(this.state);
  }

  termAt(index: LogIndex): Term | null {
    const term = this.state.log.termOf(index);
    return term < 0 ? null : term;
  }

  entriesFrom(index: LogIndex, maxBytes: number): readonly Entry[] {
    const { log } = this.state;
    return log.slice(Math.max(index, log.snapshotIndex + 1), maxBytes);
  }

  nextTickMs(): MonotonicMs {
    const state = this.state;
    if (state.role !== "leader") return state.electionDeadlineMs;
    return state.transferTarget === 0
      ? state.nextHeartbeatMs
      : Math.min(state.nextHeartbeatMs, state.transferDeadlineMs);
  }

  private observe(nowMs: MonotonicMs, leaseNowMs: MonotonicMs): void {
    const state = this.state;
    if (nowMs > state.nowMs) state.nowMs = nowMs;
    if (leaseNowMs > state.leaseNowMs) state.leaseNowMs = leaseNowMs;
  }
}
