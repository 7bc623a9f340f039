import type { NodeId } from "../base/units.js";
import { type CommandView, consistencyLevels } from "../commands/command-codec.js";
import type { TurnClock } from "./clocks.js";
import type { CommandStream } from "./command-stream.js";
import type { RangeRoute } from "./routing-table.js";

/**
 * Serves a read that asks for less than linearizable from the replica of this node, if that replica can show what is
 * asked for. "elsewhere": no usable replica here, ask the leader; "too-stale": neither shown, the leader may.
 */
export function readWeakly(
  route: RangeRoute,
  self: NodeId,
  clock: TurnClock,
  stream: CommandStream,
  view: CommandView,
  start: number,
  end: number,
  token: number,
): "served" | "elsewhere" | "too-stale" {
  const replica = route.replica;
  if (replica === null || replica.restoring || replica.applied === 0)
    return view.level === consistencyLevels.any ? "elsewhere" : "too-stale";
  // The last turn may have been before the process was stopped or the machine slept, and this command came since: only
  // the largest elapsed time of the three clocks bounds an age (safety 16, 75).
  clock.sample();
  const leads = route.leader === self && replica.group.leaseReadIndex(clock.leaseNowMs) !== null;
  if (leads && view.level !== consistencyLevels.any) return "elsewhere";
  const status = replica.machine.status();
  const ageMs = leads ? 0 : replica.freshness.ageMs(clock.leaseNowMs);
  if (view.level === consistencyLevels.bounded && (ageMs === null || ageMs > view.levelA)) return "too-stale";
  if (
    view.level === consistencyLevels.session &&
    (status.revision < view.levelA || status.logTimeMs < view.levelB)
  )
    return "too-stale";
  replica.readNow(stream, view.bytes, start, end, token, {
    appliedIndex: status.appliedIndex,
    ageMs,
    revision: status.revision,
    logTimeMs: status.logTimeMs,
    stale: true,
  });
  return "served";
}
