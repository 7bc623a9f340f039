import { trackReplicas } from "./roles.js";
import type { GroupState } from "./state.js";
import { messageTypes, type SnapshotMeta } from "./types.js";

/**
 * The state machine stands at `meta`: the log begins there now. Refused when the log is past it already, which a
 * snapshot must never take back (safety 44). Either way the leader learns how far this replica is.
 */
export function installSnapshot(state: GroupState, meta: SnapshotMeta): boolean {
  const log = state.log;
  const fresh = meta.index > log.commit;
  if (fresh) {
    const keepsTail = log.reset(meta);
    if (!keepsTail) state.records.cut(0);
    state.configuration = meta.configuration;
    state.installed = meta;
    if (state.role === "leader") {
      // It led before it knew how far the log was committed.
      state.uncommittedBytes = log.dataBytes(log.commit, log.lastIndex);
      trackReplicas(state, log.lastIndex + 1);
    }
  }
  state.matchedIndex = Math.max(state.matchedIndex, log.commit);
  if (state.leader !== 0 && state.leader !== state.replica && state.answers) {
    const reply = state.sendDurably(messageTypes.appendReply, state.leader);
    reply.index = log.commit;
  }
  return fresh;
}
