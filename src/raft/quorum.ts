import type { LogIndex, ReplicaId } from "../base/units.js";
import type { Configuration } from "./types.js";

/**
 * The laws of quorums. A quorum of a configuration is a majority of `voters` and, while it is joint, a majority of
 * `outgoing` as well (thesis §4.3); learners never count. A configuration without voters (a learner that knows
 * nothing yet) has no quorum: nothing is committed, won or proven by it.
 *
 * The callbacks are plain look-ups: they must not call back into this file, which shares one scratch array.
 */

/** Halves up to this size are sorted in place here, so that counting on the hot path allocates nothing. */
const scratchVoters = 7;
const scratch = new Float64Array(scratchVoters);

/** The smallest number of replicas that is a majority of `count`. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** The largest value that a majority of the non-empty `half` has reached. */
function reachedByMajority(half: readonly ReplicaId[], reachedBy: (replica: ReplicaId) => number): number {
  const count = half.length;
  const sorted = count <= scratchVoters ? scratch : new Float64Array(count);
  // Insertion sort, rising: halves are tiny.
  for (let i = 0; i < count; i++) {
    const value = reachedBy(half[i]!);
    let at = i;
    for (; at > 0 && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!;
    sorted[at] = value;
  }
  return sorted[count - majorityOf(count)]!;
}

/**
 * The largest index that a quorum holds; `matchOf` says how far a replica's durable log is known to agree.
 * Whether it may be committed depends on its term too (§5.4.2).
 * @returns 0 without voters.
 */
export function committedIndex(
  configuration: Configuration,
  matchOf: (replica: ReplicaId) => LogIndex,
): LogIndex {
  if (configuration.voters.length === 0) return 0;
  const index = reachedByMajority(configuration.voters, matchOf);
  if (configuration.outgoing.length === 0) return index;
  return Math.min(index, reachedByMajority(configuration.outgoing, matchOf));
}

/**
 * The largest time t such that each majority asked for has a time >= t: where a lease may count from.
 * @returns -Infinity without voters: nothing was ever heard.
 */
export function quorumTime(configuration: Configuration, timeOf: (replica: ReplicaId) => number): number {
  if (configuration.voters.length === 0) return Number.NEGATIVE_INFINITY;
  const time = reachedByMajority(configuration.voters, timeOf);
  if (configuration.outgoing.length === 0) return time;
  return Math.min(time, reachedByMajority(configuration.outgoing, timeOf));
}

function majorityHas(half: readonly ReplicaId[], has: (replica: ReplicaId) => boolean): boolean {
  let count = 0;
  for (let i = 0; i < half.length; i++) if (has(half[i]!)) count++;
  return count >= majorityOf(half.length);
}

/** Whether the replicas that `has` names hold a quorum. */
export function quorumOf(configuration: Configuration, has: (replica: ReplicaId) => boolean): boolean {
  return (
    majorityHas(configuration.voters, has) &&
    (configuration.outgoing.length === 0 || majorityHas(configuration.outgoing, has))
  );
}

export type VoteOutcome = "won" | "lost" | "pending";

function halfOutcome(
  half: readonly ReplicaId[],
  voteOf: (replica: ReplicaId) => boolean | null,
): VoteOutcome {
  let granted = 0;
  let open = 0;
  for (let i = 0; i < half.length; i++) {
    const vote = voteOf(half[i]!);
    if (vote === null) open++;
    else if (vote) granted++;
  }
  const needed = majorityOf(half.length);
  if (granted >= needed) return "won";
  return granted + open < needed ? "lost" : "pending";
}

/**
 * How an election stands: `voteOf` is true for a granted vote, false for a refused one, null for none yet.
 * @returns "lost" as soon as no quorum can be reached any more; always without voters.
 */
export function voteOutcome(
  configuration: Configuration,
  voteOf: (replica: ReplicaId) => boolean | null,
): VoteOutcome {
  const incoming = halfOutcome(configuration.voters, voteOf);
  if (incoming === "lost" || configuration.outgoing.length === 0) return incoming;
  const outgoing = halfOutcome(configuration.outgoing, voteOf);
  return incoming === "won" || outgoing === "lost" ? outgoing : "pending";
}
