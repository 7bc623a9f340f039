import { assert } from "../base/assert.js";
import type { ReplicaId, Term } from "../base/units.js";
import { dropReads } from "./read-index.js";
import type { GroupState } from "./state.js";
import { entryTypes } from "./types.js";

const noData = new Uint8Array(0);

export function becomeFollower(state: GroupState, term: Term, leader: ReplicaId): void {
  assert(term >= state.term, "the term never goes back");
  if (state.role === "leader") leaveLeadership(state);
  if (term > state.term) enterTerm(state, term);
  state.role = "follower";
  state.leader = leader;
  state.votes.clear();
  state.resetElectionTimer();
}

/** Asks first whether an election could be won; the term stays, so a replica that is cut off can't raise it. */
export function becomePreCandidate(state: GroupState): void {
  assert(state.role !== "leader", "a leader doesn't campaign");
  state.role = "pre-candidate";
  state.leader = 0;
  state.votes.clear();
  state.votes.set(state.replica, true);
  state.resetElectionTimer();
}

export function becomeCandidate(state: GroupState): void {
  assert(state.role !== "leader", "a leader doesn't campaign");
  enterTerm(state, state.term + 1);
  state.role = "candidate";
  state.leader = 0;
  state.vote = state.replica;
  state.votes.clear();
  state.votes.set(state.replica, true);
  state.resetElectionTimer();
}

export function becomeLeader(state: GroupState): void {
  assert(state.role === "candidate", "only a candidate becomes leader");
  const log = state.log;
  state.role = "leader";
  state.leader = state.replica;
  state.votes.clear();
  state.peers.clear();
  state.uncommittedBytes = log.dataBytes(log.commit, log.lastIndex);
  // What the last leaders appended may hold a configuration entry: none may follow until all of it is applied.
  state.pendingConfigurationIndex = log.lastIndex;
  state.noopIndex = log.lastIndex + 1;
  state.leaseAllowed = true;
  const durable = log.durable;
  const next = log.lastIndex + 1;
  log.append({ term: state.term, index: next, type: entryTypes.noop, data: noData });
  trackReplicas(state, next);
  assert(state.self !== null, "a leader is a member");
  state.self.match = durable;
  state.rounds.open(state.leaseNowMs);
  state.leaseFloorRound = state.rounds.newest;
  state.roundDue = true;
  state.appendsDue = true;
  state.nextHeartbeatMs = state.nowMs + state.options.heartbeatMs;
}

/** Gives every member progress, keeping what is known; drops those that are no member any more. */
export function trackReplicas(state: GroupState, next: number): void {
  const { voters, outgoing, learners } = state.configuration;
  const members = new Set([...voters, ...outgoing, ...learners]);
  for (const replica of [...state.peers.keys()]) {
    if (!members.has(replica)) state.peers.delete(replica);
  }
  for (const replica of members) {
    if (!state.peers.has(replica)) state.peers.set(replica, state.newProgress(replica, next));
  }
  state.self = state.peers.get(state.replica) ?? null;
  state.others = [...state.peers.values()].filter((peer) => peer.replica !== state.replica);
}

function enterTerm(state: GroupState, term: Term): void {
  state.term = term;
  state.vote = 0;
  state.matchedIndex = 0;
  state.echoedRound = 0;
}

function leaveLeadership(state: GroupState): void {
  dropReads(state);
  state.peers.clear();
  state.others = [];
  state.self = null;
  state.transferTarget = 0;
  state.leaseAllowed = false;
  state.uncommittedBytes = 0;
  state.appendsDue = false;
  state.roundDue = false;
}
