import { sendAppends, sendRound } from "./replication.js";
import type { GroupState } from "./state.js";
import type { HardState, Ready } from "./types.js";

export function hasReady(state: GroupState): boolean {
  const { log } = state;
  return (
    state.appendsDue ||
    state.roundDue ||
    state.messages.length > 0 ||
    state.durableMessages.length > 0 ||
    log.written < log.lastIndex ||
    log.emitted < log.commit ||
    state.term !== state.emittedTerm ||
    state.vote !== state.emittedVote ||
    state.readStates.length > 0 ||
    state.droppedReads.length > 0 ||
    state.installed !== null ||
    state.offer !== null
  );
}

const nothing: readonly never[] = [];

/** An empty list stays with the state, which goes on filling it: a Ready that held it would change after the fact. */
function handOut<T>(list: readonly T[]): readonly T[] {
  return list.length > 0 ? list : nothing;
}

/** Hands out everything since the last Ready, and what a leader has to send by now. */
export function takeReady(state: GroupState): Ready {
  const { log } = state;
  if (state.role === "leader") {
    if (state.appendsDue) sendAppends(state);
    if (state.roundDue) sendRound(state);
    // A read that arrives from now on needs a later round.
    state.rounds.sent = state.rounds.newest;
  }
  const token = ++state.token;
  const entries = log.range(log.written, log.lastIndex);
  const hardState = changedHardState(state, entries.length > 0);
  const committed = log.range(log.emitted, log.commit);
  const ready: Ready = {
    token,
    messages: handOut(state.messages),
    durableMessages: handOut(state.durableMessages),
    snapshot: state.installed,
    snapshotOffer: state.offer,
    entries,
    hardState,
    committed,
    reads: handOut(state.readStates),
    droppedReads: handOut(state.droppedReads),
  };
  log.written = log.lastIndex;
  log.emitted = log.commit;
  if (entries.length > 0 || hardState !== null || ready.snapshot !== null) {
    state.records.add(token, log.written, state.term);
  }
  if (state.messages.length > 0) state.messages = [];
  if (state.durableMessages.length > 0) state.durableMessages = [];
  if (state.readStates.length > 0) state.readStates = [];
  if (state.droppedReads.length > 0) state.droppedReads = [];
  state.installed = null;
  state.offer = null;
  return ready;
}

/**
 * A risen commit index alone isn't worth a record; it goes with the next entries. It must go with them: whoever holds
 * the entry that leaves a joint configuration has then also kept that the entry which entered it is committed, and so
 * never elects by the configuration before (safety 42).
 */
function changedHardState(state: GroupState, hasEntries: boolean): HardState | null {
  const { term, vote } = state;
  const { commit } = state.log;
  const voteChanged = term !== state.emittedTerm || vote !== state.emittedVote;
  const commitGoesAlong = commit !== state.emittedCommit && (hasEntries || state.installed !== null);
  if (!voteChanged && !commitGoesAlong) return null;
  state.emittedTerm = term;
  state.emittedVote = vote;
  state.emittedCommit = commit;
  return { term, vote, commit };
}
