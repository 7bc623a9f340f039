import type { LogIndex, MonotonicMs } from "../base/units.js";
import type { PeerProgress } from "./progress.js";
import { quorumTime } from "./quorum.js";
import type { GroupState } from "./state.js";

/** Takes a linearizable read in. False when this replica doesn't lead. */
export function requestRead(state: GroupState, context: number): boolean {
  if (state.role !== "leader") return false;
  // Before the no-op commits, writes that the last leader acknowledged may lie above the commit index (safety 4).
  if (state.ownTermCommitted) startRead(state, context);
  else state.heldReads.push(context);
  return true;
}

/** The no-op of the own term is committed: reads that waited for it start now, sharing one round. */
export function releaseHeldReads(state: GroupState): void {
  const held = state.heldReads;
  if (held.length === 0) return;
  state.heldReads = [];
  for (const context of held) startRead(state, context);
}

function startRead(state: GroupState, context: number): void {
  const index = state.log.commit;
  if (state.isOnlyVoter()) {
    state.readStates.push({ context, index });
    return;
  }
  // An open round leaves after this call, so its echoes prove that this replica led at the request; one that
  // was sent before would prove nothing (safety 20).
  const round = state.rounds.open(state.leaseNowMs);
  state.roundDue = true;
  const last = state.readBatches[state.readBatches.length - 1];
  if (last !== undefined && last.round === round) {
    last.index = index;
    last.contexts.push(context);
  } else {
    state.readBatches.push({ round, index, contexts: [context] });
  }
}

/** Notes the round that a reply echoed; the reply is known to be of this term. */
export function noteEcho(state: GroupState, peer: PeerProgress, round: number): void {
  if (round <= peer.ackedRound || round > state.rounds.newest) return;
  peer.ackedRound = round;
  if (round >= state.leaseFloorRound) peer.ackedLeaseMs = state.rounds.openedMs(round);
  if (state.readBatches.length > 0) confirmReads(state);
}

/** Hands out the reads whose round a quorum echoed. */
export function confirmReads(state: GroupState): void {
  const batches = state.readBatches;
  if (batches.length === 0) return;
  const confirmed = quorumTime(state.configuration, state.ackedRoundOf);
  let count = 0;
  for (; count < batches.length && batches[count]!.round <= confirmed; count++) {
    const { contexts, index } = batches[count]!;
    for (const context of contexts) state.readStates.push({ context, index });
  }
  if (count > 0) batches.splice(0, count);
}

/** Leadership is lost: nothing that waits can be confirmed any more. */
export function dropReads(state: GroupState): void {
  for (const batch of state.readBatches) {
    for (const context of batch.contexts) state.droppedReads.push(context);
  }
  state.readBatches.length = 0;
  for (const context of state.heldReads) state.droppedReads.push(context);
  state.heldReads = [];
}

/**
 * The commit index under a lease that holds at `leaseNowMs`. Compares times and nothing else: no timer clears a
 * flag that a callback after a pause could still find set (safety 16). Messages that arrive late change nothing, as
 * the lease counts from the sending of their round (safety 17).
 */
export function leaseRead(state: GroupState, leaseNowMs: MonotonicMs): LogIndex | null {
  if (state.options.reads !== "lease" || !state.leaseAllowed || !state.ownTermCommitted) return null;
  const nowMs = Math.max(leaseNowMs, state.leaseNowMs);
  const sinceMs = quorumTime(state.configuration, state.leaseMsOf);
  const leaseMs = state.options.leaseShare * state.options.electionMinMs;
  return nowMs - sinceMs < leaseMs ? state.log.commit : null;
}

/**
 * How old at most the knowledge is, in ms of the lease clock, that this replica led and that its log up to the commit
 * index held everything acknowledged: 0 under a lease, else the time since the newest round that a quorum answered was
 * sent. Null when that can't be told.
 */
export function leadershipAgeMs(state: GroupState, leaseNowMs: MonotonicMs): number | null {
  if (state.role !== "leader" || !state.ownTermCommitted) return null;
  if (leaseRead(state, leaseNowMs) !== null) return 0;
  const sinceMs = quorumTime(state.configuration, state.leaseMsOf);
  if (sinceMs === Number.NEGATIVE_INFINITY) return null;
  return Math.max(0, Math.max(leaseNowMs, state.leaseNowMs) - sinceMs);
}

/** A configuration came into force: leases must be earned under it anew. */
export function restartLease(state: GroupState): void {
  state.leaseFloorRound = state.rounds.sent + 1;
  for (const peer of state.others) peer.ackedLeaseMs = Number.NEGATIVE_INFINITY;
  state.rounds.open(state.leaseNowMs);
  state.roundDue = true;
}
