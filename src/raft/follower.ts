import { assert } from "../base/assert.js";
import { becomeFollower } from "./roles.js";
import type { GroupState } from "./state.js";
import { type Message, messageTypes } from "./types.js";

/** The follower's side: appends, heartbeats, snapshot offers. All of them are of the current term here. */

/** Whoever sends these leads this term. */
function hear(state: GroupState, message: Message): void {
  assert(state.role !== "leader", "one leader per term");
  if (state.role !== "follower") becomeFollower(state, state.term, message.from);
  assert(state.leader === 0 || state.leader === message.from, "one leader per term");
  state.leader = message.from;
  state.heardMs = state.nowMs;
  state.resetElectionTimer();
  // The leader counts on entries that aren't here: they were acknowledged and then lost.
  if (state.log.lastIndex < message.match) state.loseState();
}

export function handleAppend(state: GroupState, message: Message): void {
  hear(state, message);
  if (state.lostState) return;
  const log = state.log;
  if (message.index < log.commit) {
    acknowledge(state, message, log.commit);
    return;
  }
  if (log.termOf(message.index) !== message.logTerm) {
    rejectAppend(state, message);
    return;
  }
  const commitBefore = log.commit;
  takeEntries(state, message);
  const lastNew = message.index + message.entries.length;
  // What lies above the last new entry may be another leader's (safety 6).
  log.commitTo(Math.min(message.commit, lastNew));
  state.matchedIndex = Math.max(state.matchedIndex, lastNew);
  const nothingToSay =
    message.entries.length === 0 &&
    message.index === message.match &&
    message.round === state.echoedRound &&
    log.commit > commitBefore;
  // An append for the commit index's sake alone needs no answer: the leader knows all of it.
  if (!nothingToSay) acknowledge(state, message, lastNew);
}

/** Deletes only where terms differ, so that a late append never takes newer entries back (safety 5). */
function takeEntries(state: GroupState, message: Message): void {
  const log = state.log;
  const { entries } = message;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (entry.index <= log.lastIndex) {
      if (log.termOf(entry.index) === entry.term) continue;
      log.truncateFrom(entry.index);
      state.records.cut(log.lastIndex);
    }
    assert(entry.term <= state.term, "no entry is of a later term than its leader");
    log.append(entry);
  }
}

function acknowledge(state: GroupState, message: Message, index: number): void {
  if (!state.answers) return;
  const reply = state.reply(messageTypes.appendReply, message);
  reply.index = index;
  state.echoedRound = Math.max(state.echoedRound, message.round);
}

/** Says where the logs may meet, so that the leader skips whole terms instead of single entries. */
function rejectAppend(state: GroupState, message: Message): void {
  if (!state.answers) return;
  const log = state.log;
  const reply = state.reply(messageTypes.appendReply, message);
  reply.reject = true;
  reply.index = message.index;
  reply.hintIndex = log.lastIndexWithTermUpTo(message.index, message.logTerm);
  reply.hintTerm = Math.max(0, log.termOf(reply.hintIndex));
  state.echoedRound = Math.max(state.echoedRound, message.round);
}

export function handleHeartbeat(state: GroupState, message: Message): void {
  hear(state, message);
  if (state.lostState) return;
  state.log.commitTo(Math.min(message.commit, state.log.lastIndex));
  if (!state.answers) return;
  const reply = state.reply(messageTypes.heartbeatReply, message);
  reply.index = Math.max(state.matchedIndex, state.log.commit);
  state.echoedRound = Math.max(state.echoedRound, message.round);
}

export function handleSnapshotOffer(state: GroupState, message: Message): void {
  hear(state, message);
  const meta = message.snapshot;
  if (state.lostState || meta === null) return;
  const log = state.log;
  if (meta.index > log.commit && log.termOf(meta.index) === meta.term) {
    // The log reaches there by itself: no need to pull anything.
    log.commitTo(meta.index);
  }
  if (meta.index <= log.commit) {
    state.matchedIndex = Math.max(state.matchedIndex, log.commit);
    acknowledge(state, message, log.commit);
    return;
  }
  state.offer = { from: message.from, meta };
}

/** A leader of an older term learns that it is deposed; else PreVote and CheckQuorum could deadlock (safety 11). */
export function answerDeposedLeader(state: GroupState, message: Message): void {
  if (!state.answers) return;
  const reply = state.reply(messageTypes.appendReply, message);
  reply.reject = true;
  reply.round = 0;
}
