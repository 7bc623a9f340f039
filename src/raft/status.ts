import type { GroupState } from "./state.js";
import type { Progress, RaftStatus } from "./types.js";

export function statusOf(state: GroupState): RaftStatus {
  const { log } = state;
  return {
    role: state.role,
    term: state.term,
    vote: state.vote,
    leader: state.leader,
    commit: log.commit,
    applied: log.applied,
    firstIndex: log.snapshotIndex + 1,
    lastIndex: log.lastIndex,
    durableIndex: log.durable,
    configuration: state.configuration,
    logBytes: log.bytes,
    uncommittedBytes: state.uncommittedBytes,
    transferTarget: state.transferTarget,
    ownTermCommitted: state.ownTermCommitted && log.applied >= state.noopIndex,
    lostState: state.lostState,
  };
}

/** A leader's view of all members, itself included; nothing from anybody else. */
export function progressOf(state: GroupState): readonly Progress[] {
  const { electionMaxMs } = state.options;
  return [...state.peers.values()].map((peer) => {
    const own = peer.replica === state.replica;
    return {
      replica: peer.replica,
      state: own ? "replicate" : peer.state,
      match: peer.match,
      next: own ? peer.match + 1 : peer.next,
      active: own || state.nowMs - peer.lastAnswerMs < electionMaxMs,
      voter: state.isVoter(peer.replica),
      inflightMessages: peer.inflights.count,
      inflightBytes: peer.inflights.bytes,
    };
  });
}
