import type { ReplicaId } from "../base/units.js";
import type { PeerProgress } from "./progress.js";
import type { GroupState } from "./state.js";
import { messageTypes } from "./types.js";

/** Starts handing leadership over (thesis §3.10): the target catches up, then campaigns at once. */
export function startTransfer(state: GroupState, target: ReplicaId): boolean {
  if (state.role !== "leader" || target === state.replica) return false;
  if (state.transferTarget !== 0) return state.transferTarget === target;
  const peer = state.peers.get(target);
  if (peer === undefined || !state.isVoter(target)) return false;
  state.transferTarget = target;
  state.transferDeadlineMs = state.nowMs + state.options.electionMinMs;
  state.appendsDue = true;
  continueTransfer(state, peer);
  return true;
}

/** Sends TimeoutNow once the target holds the whole log. */
export function continueTransfer(state: GroupState, peer: PeerProgress): void {
  if (state.transferTarget !== peer.replica || peer.match !== state.log.lastIndex) return;
  // From here on another leader may rise without any follower's promise running out: the lease ends for the rest of
  // the term, even when the transfer is given up, as TimeoutNow may arrive at any time (safety 18).
  state.leaseAllowed = false;
  state.send(messageTypes.timeoutNow, peer.replica);
}

/** Proposals are taken again; the lease stays lost. */
export function abortTransfer(state: GroupState): void {
  state.transferTarget = 0;
}
