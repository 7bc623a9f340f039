import { consistencyLevels } from "../../../src/commands/command-codec.js";
import { isLinearizable } from "./history.js";
import type { Observation } from "./workload.js";

/** What one observation tells of a place that holds one value at a time, where each value is written once. */
export interface Sight {
  readonly by: Observation;
  /** null: nothing is there. */
  readonly value: string | null;
  /** It put the value there, or took away what was there; else it saw it. */
  readonly isWrite: boolean;
}

/** What clocks of different rates may make of a bound. */
const rateMargin = 1.12;

/**
 * What no cache may show, at any level of consistency: a value that nobody wrote, or one behind which the place was
 * already seen with another value or with none. With `mayVanish` left false, nothing goes unless it is taken away.
 */
export function wrongSights(
  place: string,
  sights: readonly Sight[],
  { mayVanish }: { readonly mayVanish: boolean },
): string[] {
  const told = sights.filter(({ by }) => by.outcome === "ok");
  const writes = new Map<string, Observation>();
  /** By when each value was there for the first time. */
  const there = new Map<string, number>();
  for (const { by, value, isWrite } of sights) {
    if (value === null) continue;
    if (isWrite) writes.set(value, by);
    if (by.outcome === "ok") there.set(value, Math.min(by.returnedMs, there.get(value) ?? by.returnedMs));
  }
  const wrong: string[] = [];
  for (const { by, value, isWrite } of told) {
    if (isWrite) continue;
    const shows = `${place} shows ${value} at level ${by.operation.level} at ${by.invokedMs}`;
    if (value === null) {
      const lost = mayVanish ? undefined : lostFor(by, sights);
      if (lost !== undefined) wrong.push(`${shows}, ${lost} was there before and nobody took it away`);
      continue;
    }
    const write = writes.get(value);
    if (write === undefined || write.outcome === "refused" || write.invokedMs >= by.returnedMs) {
      wrong.push(`${shows}, which nobody wrote`);
      continue;
    }
    const since = there.get(value)!;
    const past = told.find(
      (each) => each.value !== value && each.by.invokedMs > since && isKnownTo(by, each.by),
    );
    if (past !== undefined) wrong.push(`${shows}, after ${past.value} was there at ${past.by.returnedMs}`);
  }
  return wrong;
}

/** Whether a read must show at least what an earlier answer told. That one wasn't old itself. */
function isKnownTo(read: Observation, earlier: Observation): boolean {
  const { level, client, maxAgeMs } = read.operation;
  if (!isLinearizable(earlier)) return false;
  switch (level) {
    case consistencyLevels.session:
      return earlier.operation.client === client && earlier.returnedMs < read.invokedMs;
    case consistencyLevels.bounded:
      return earlier.returnedMs < read.invokedMs - maxAgeMs * rateMargin - 1;
    case consistencyLevels.any:
      return false;
    default:
      return earlier.returnedMs < read.invokedMs;
  }
}

/** A value that must be there for a read that shows none: written before it, with nothing that may have taken it away. */
function lostFor(read: Observation, sights: readonly Sight[]): string | undefined {
  for (const { by, value, isWrite } of sights) {
    if (!isWrite || value === null || by.outcome !== "ok" || !isKnownTo(read, by)) continue;
    const mayBeGone = sights.some(
      (each) =>
        each.isWrite &&
        each.value === null &&
        each.by.outcome !== "refused" &&
        each.by.invokedMs < read.returnedMs &&
        !(each.by.outcome === "ok" && each.by.returnedMs < by.invokedMs),
    );
    if (!mayBeGone) return value;
  }
  return undefined;
}
