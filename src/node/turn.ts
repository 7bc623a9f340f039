import { ByteReader, ByteWriter, emptyBytes } from "../base/bytes.js";
import type { MonotonicMs } from "../base/units.js";
import type { RecordSection } from "../raft/record.js";
import { type Message, messageTypes, type Ready } from "../raft/types.js";
import type { Replica } from "./replica.js";

/** What a message tells the layers above Raft: read before `step`, written before sending. */
export interface ContextInput {
  readonly nowMs: MonotonicMs;
  readonly wallMs: number;
  readonly leaseNowMs: MonotonicMs;
}

/** An age that one machine measured, as another may count it: clocks' rates differ by less than 5 %. */
const rateMargin = 1.05;

/**
 * Fills the context of heartbeats (log time, the true commit index, 1 + the age in ms of the proof that it is the newest
 * or 0 without one), of their replies (wall clock) and of vote replies (log-time estimate, wall clock).
 */
export function fillContext(replica: Replica, message: Message, input: ContextInput): void {
  switch (message.type) {
    case messageTypes.heartbeat: {
      const out = new ByteWriter(24);
      const ageMs = replica.group.leadershipAgeMs(input.leaseNowMs);
      out.u53(replica.logTime.estimateMs(input.nowMs));
      out.u53(replica.group.status().commit);
      out.u53(ageMs === null ? 0 : 1 + Math.ceil(ageMs * rateMargin));
      message.context = out.take();
      break;
    }
    case messageTypes.heartbeatReply: {
      const out = new ByteWriter(8);
      out.u53(Math.max(0, Math.floor(input.wallMs)));
      message.context = out.take();
      break;
    }
    case messageTypes.voteReply: {
      const out = new ByteWriter(16);
      out.u53(replica.logTime.estimateMs(input.nowMs));
      out.u53(Math.max(0, Math.floor(input.wallMs)));
      message.context = out.take();
      break;
    }
    default:
      message.context = emptyBytes;
  }
}

/** Reads what `fillContext` wrote. `echoSentAtMs`: when the newest frame that this frame echoes was sent. */
export function readContext(
  replica: Replica,
  message: Message,
  nowMs: MonotonicMs,
  echoSentAtMs: MonotonicMs | null,
): void {
  if (message.context.length === 0) return;
  const reader = new ByteReader(message.context);
  switch (message.type) {
    case messageTypes.heartbeat: {
      if (message.term < replica.group.status().term) return;
      replica.logTime.heard(reader.u53(), nowMs);
      const commit = reader.u53();
      const age = reader.u53();
      if (age > 0 && echoSentAtMs !== null)
        replica.freshness.proved(commit, echoSentAtMs - (age - 1), replica.applied);
      break;
    }
    case messageTypes.heartbeatReply:
      replica.logTime.votersClock(message.from, { estimateMs: 0, wallMs: reader.u53(), atMs: nowMs });
      break;
    case messageTypes.voteReply: {
      if (message.reject) return;
      const estimateMs = reader.u53();
      replica.logTime.votersClock(message.from, { estimateMs, wallMs: reader.u53(), atMs: nowMs });
      break;
    }
    default:
  }
}

/** The part of a Ready that must become durable, or null. */
export function sectionOf(replica: Replica, ready: Ready): RecordSection | null {
  if (ready.hardState === null && ready.entries.length === 0 && ready.snapshot === null) return null;
  return {
    range: replica.range,
    replica: replica.id,
    reset: ready.snapshot,
    hardState: ready.hardState,
    entries: ready.entries,
    configuration: ready.snapshot?.configuration ?? null,
    mark: "none",
  };
}
