import { err, ok, type Result } from "../base/result.js";
import type { ReplicaId } from "../base/units.js";
import { configurationError, encodeConfiguration } from "./configuration-codec.js";
import { confirmReads, restartLease } from "./read-index.js";
import { advanceCommit } from "./replication.js";
import { becomeFollower, trackReplicas } from "./roles.js";
import type { GroupState } from "./state.js";
import { abortTransfer } from "./transfer.js";
import { type Configuration, entryTypes, type Proposed, type ProposeError } from "./types.js";

export function propose(state: GroupState, data: Uint8Array): Result<Proposed, ProposeError> {
  const refusal = refusalOf(state);
  if (refusal !== null) return err(refusal);
  // A large entry fits beside others that take less than half of the limit: else it could wait for ever.
  const { maxUncommittedBytes } = state.options;
  if (state.uncommittedBytes + Math.min(data.length, maxUncommittedBytes / 2) > maxUncommittedBytes) {
    return err({ kind: "log-full" });
  }
  return ok(append(state, entryTypes.command, data));
}

export function proposeConfiguration(state: GroupState, next: Configuration): Result<Proposed, ProposeError> {
  const refusal = refusalOf(state);
  if (refusal !== null) return err(refusal);
  const message = configurationError(next) ?? transitionError(state.configuration, next);
  if (message !== null) return err({ kind: "bad-configuration", message });
  // Before an entry of the own term commits, another leader's change may still be under way unseen (safety 30);
  // one that isn't applied yet may still change who decides (safety 31).
  if (!state.ownTermCommitted || state.pendingConfigurationIndex > state.log.applied) {
    return err({ kind: "change-in-flight" });
  }
  const proposed = append(state, entryTypes.configuration, encodeConfiguration(next));
  state.pendingConfigurationIndex = proposed.index;
  return ok(proposed);
}

function refusalOf(state: GroupState): ProposeError | null {
  if (state.role !== "leader") return { kind: "not-leader", leader: state.leader };
  return state.transferTarget === 0 ? null : { kind: "transferring" };
}

function append(state: GroupState, type: 0 | 2, data: Uint8Array): Proposed {
  const index = state.log.lastIndex + 1;
  const term = state.term;
  state.log.append({ term, index, type, data });
  state.uncommittedBytes += data.length;
  state.appendsDue = true;
  return { term, index };
}

/** What is wrong with going from `current` to `next` in one step, null when nothing is (thesis §4.3). */
function transitionError(current: Configuration, next: Configuration): string | null {
  if (next.voters.length === 0) return "no voters";
  if (current.outgoing.length > 0) {
    if (next.outgoing.length > 0) return "leave the joint configuration first";
    return same(current.voters, next.voters) ? null : "leaving keeps the incoming voters";
  }
  if (next.outgoing.length > 0) {
    return same(current.voters, next.outgoing) ? null : "the outgoing voters are today's";
  }
  return same(current.voters, next.voters) ? null : "voters change through a joint configuration";
}

function same(a: readonly ReplicaId[], b: readonly ReplicaId[]): boolean {
  return a.length === b.length && a.every((replica, i) => replica === b[i]);
}

/** The entry was applied: from now on `next` elects and commits. */
export function applyConfiguration(state: GroupState, next: Configuration): void {
  state.configuration = next;
  if (state.role !== "leader") {
    const campaigns = state.role === "candidate" || state.role === "pre-candidate";
    if (campaigns && !state.isVoter(state.replica)) becomeFollower(state, state.term, 0);
    return;
  }
  if (!state.isVoter(state.replica)) {
    // Removed, or made a learner: the others elect someone among themselves.
    becomeFollower(state, state.term, 0);
    return;
  }
  trackReplicas(state, state.log.lastIndex + 1);
  if (state.transferTarget !== 0 && !state.isVoter(state.transferTarget)) abortTransfer(state);
  restartLease(state);
  // Fewer replicas may now be enough.
  advanceCommit(state);
  confirmReads(state);
  state.appendsDue = true;
}
