import { agesHold } from "./clock-bounds.js";
import type { FaultKind, Script } from "./script.js";

/** Faults after which each process still has its sense of time. */
const calmKinds: ReadonlySet<FaultKind> = new Set([
  "pause",
  "sleep",
  "isolate",
  "one-way",
  "partition",
  "bridge",
  "ring",
  "flap",
  "slow-link",
  "reset-streams",
  "slow-disk",
  "client-cut",
  "transfer",
]);

/** Host clocks that are told apart by more than that may end TTLs when all restart. */
const steadyWallMs = 1000;

/** Whether what gets a TTL is there for about as long: no clock jumps, no process restarts, nothing is evicted. */
export function keepsTtls({ shape, faults }: Script): boolean {
  const walls = shape.hosts.map(({ wallMs }) => wallMs);
  return (
    shape.evictionPolicy === undefined &&
    agesHold(shape) &&
    Math.max(...walls) - Math.min(...walls) < steadyWallMs &&
    faults.every(({ kind }) => calmKinds.has(kind))
  );
}
