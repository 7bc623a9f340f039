import type { MonotonicMs } from "../base/units.js";
import { quorumTime, voteOutcome } from "./quorum.js";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.js";
import type { GroupState } from "./state.js";
import { entryTypes, type Message, messageTypes } from "./types.js";

/** The timer of everybody but a leader. */
export function tickElection(state: GroupState): void {
  if (state.nowMs < state.electionDeadlineMs) return;
  state.resetElectionTimer();
  if (mayCampaign(state) && state.nowMs >= state.restartWaitMs) startPreVote(state);
}

function mayCampaign(state: GroupState): boolean {
  return (
    state.role !== "leader" && state.answers && state.isVoter(state.replica) && !configurationWaits(state)
  );
}

/** A committed configuration that isn't applied yet: this replica may not know who elects it. */
function configurationWaits(state: GroupState): boolean {
  const { log } = state;
  for (let index = log.applied + 1; index <= log.commit; index++) {
    if (log.entryAt(index).type === entryTypes.configuration) return true;
  }
  return false;
}

function startPreVote(state: GroupState): void {
  becomePreCandidate(state);
  state.preVoteRound++;
  if (voteOutcome(state.configuration, state.voteOf) === "won") startElection(state, false);
  else requestVotes(state, true, false);
}

/** Campaigns without asking first: after TimeoutNow, when the old leader has given up its lease. */
export function campaignNow(state: GroupState): void {
  if (mayCampaign(state)) startElection(state, true);
}

function startElection(state: GroupState, force: boolean): void {
  becomeCandidate(state);
  if (voteOutcome(state.configuration, state.voteOf) === "won") becomeLeader(state);
  else requestVotes(state, false, force);
}

function requestVotes(state: GroupState, preVote: boolean, force: boolean): void {
  const { voters, outgoing } = state.configuration;
  for (const replica of new Set([...voters, ...outgoing])) {
    if (replica === state.replica) continue;
    const type = preVote ? messageTypes.preVote : messageTypes.vote;
    const message = state.sendDurably(type, replica);
    if (preVote) {
      message.term = state.term + 1;
      message.round = state.preVoteRound;
    }
    message.index = state.log.lastIndex;
    message.logTerm = state.log.lastTerm;
    message.force = force;
  }
}

/**
 * Whether this replica promised its leader not to vote. A leader counts on it for its lease; it also keeps a replica
 * that was removed, or is back from a partition, from disturbing a group that has a leader (thesis §4.2.3).
 */
export function keepsPromise(state: GroupState): boolean {
  const { electionMinMs } = state.options;
  if (state.role === "leader") {
    return state.nowMs - quorumTime(state.configuration, state.answerMsOf) < electionMinMs;
  }
  return state.nowMs < state.restartWaitMs || state.nowMs - state.heardMs < electionMinMs;
}

/** preVote of any term not below ours; vote of our term, which the request may have raised. */
export function handleVoteRequest(state: GroupState, message: Message): void {
  const preVote = message.type === messageTypes.preVote;
  const type = preVote ? messageTypes.preVoteReply : messageTypes.voteReply;
  // A candidate that isn't in the configuration is answered too: it may know a newer one.
  const free =
    state.vote === message.from ||
    (state.vote === 0 && state.leader === 0) ||
    (preVote && message.term > state.term);
  const { lastTerm, lastIndex } = state.log;
  const upToDate = message.logTerm > lastTerm || (message.logTerm === lastTerm && message.index >= lastIndex);
  const promised = !message.force && keepsPromise(state);
  const reply = state.reply(type, message);
  if (!free || !upToDate || promised || !state.answers) {
    reply.reject = true;
    return;
  }
  if (preVote) {
    // The answer names the term that was asked about, as ours may lie behind.
    reply.term = message.term;
    return;
  }
  state.vote = message.from;
  state.resetElectionTimer();
}

/** Someone campaigns for a term that is over: it learns ours. */
export function refuseOldCandidate(state: GroupState, message: Message): void {
  const preVote = message.type === messageTypes.preVote;
  const reply = state.reply(preVote ? messageTypes.preVoteReply : messageTypes.voteReply, message);
  reply.reject = true;
}

export function handlePreVoteReply(state: GroupState, message: Message): void {
  if (state.role !== "pre-candidate") return;
  // An answer to an earlier campaign says nothing about now, even when both asked for the same term (safety 11).
  if (message.round !== state.preVoteRound) return;
  if (!message.reject && message.term !== state.term + 1) return;
  if (!state.votes.has(message.from)) state.votes.set(message.from, !message.reject);
  const outcome = voteOutcome(state.configuration, state.voteOf);
  if (outcome === "won") startElection(state, false);
  else if (outcome === "lost") becomeFollower(state, state.term, 0);
}

export function handleVoteReply(state: GroupState, message: Message): void {
  if (state.role !== "candidate" || message.term !== state.term) return;
  if (!state.votes.has(message.from)) state.votes.set(message.from, !message.reject);
  const outcome = voteOutcome(state.configuration, state.voteOf);
  if (outcome === "won") becomeLeader(state);
  else if (outcome === "lost") becomeFollower(state, state.term, 0);
}

/**
 * The stream to the leader broke: campaign as soon as the own promise has run out, each voter a heartbeat after the
 * one before it, so that they don't split the vote.
 */
export function hurryElection(state: GroupState, nowMs: MonotonicMs): void {
  if (state.role !== "follower" || !state.isVoter(state.replica)) return;
  const { electionMinMs, heartbeatMs } = state.options;
  let position = 0;
  for (const voter of state.configuration.voters) {
    if (voter < state.replica && voter !== state.leader) position++;
  }
  const promiseEndsMs = Math.max(state.heardMs + electionMinMs, state.restartWaitMs, nowMs);
  const deadlineMs = promiseEndsMs + position * heartbeatMs;
  state.electionDeadlineMs = Math.min(state.electionDeadlineMs, deadlineMs);
}
