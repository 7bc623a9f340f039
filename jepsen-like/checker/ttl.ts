import { ruleChecker } from "./check.js";
import { ShapeError } from "./model.js";
import { canonical, describe, type Operation } from "./operation.js";
import { endOf } from "./sweep.js";

/** A TTL is never shortened by more than 1 %, plus the clocks' rate error of 5 %. */
const leastShare = 0.94;

/**
 * Values with a time to live, written once each. `write` {value, ttlMs, latestMs} -> anything: there for at least 94 % of
 * ttlMs, gone latestMs after its end (null: an outage may prolong it for ever); `read` -> the value or null. A value that
 * was seen gone never comes back. Keys get one write, so that nothing else explains an absence.
 */
export const ttl = ruleChecker("ttl", findTtlProblems);

function findTtlProblems(operations: readonly Operation[]): readonly string[] {
  const writes = operations.filter(({ f, outcome }) => f === "write" && outcome !== "fail");
  const [write, second] = writes;
  if (second !== undefined) throw new ShapeError(`a second write: ${describe(second)}`);
  const reads = operations.filter(({ f, outcome }) => f === "read" && outcome === "ok");
  if (write === undefined)
    return reads.filter(({ output }) => output !== null).map((read) => `never written: ${describe(read)}`);
  const { value, ttlMs, latestMs } = (write.input ?? {}) as {
    value?: unknown;
    ttlMs?: unknown;
    latestMs?: unknown;
  };
  if (typeof ttlMs !== "number") throw new ShapeError(`without ttlMs: ${describe(write)}`);
  const problems: string[] = [];
  const writtenNs =
    write.outcome === "ok" ? (write.completedNs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  const goneNs = typeof latestMs === "number" ? writtenNs + latestMs * 1e6 : Number.POSITIVE_INFINITY;
  // Deadlines count from the write's effect, which lies between its invocation and its end.
  const safeNs = write.invokedNs + ttlMs * leastShare * 1e6;
  const firstAbsenceNs = reads.reduce(
    (first, read) =>
      read.output === null && read.invokedNs > writtenNs ? Math.min(first, endOf(read)) : first,
    Number.POSITIVE_INFINITY,
  );
  for (const read of reads) {
    const { output, invokedNs } = read;
    const endNs = read.completedNs ?? Number.POSITIVE_INFINITY;
    if (output === null) {
      if (invokedNs > writtenNs && endNs < safeNs) problems.push(`gone too early: ${describe(read)}`);
      continue;
    }
    if (canonical(output) !== canonical(value) || endNs < write.invokedNs)
      problems.push(`never written: ${describe(read)}`);
    if (invokedNs > goneNs) problems.push(`still there after its latest end: ${describe(read)}`);
    if (firstAbsenceNs < invokedNs) problems.push(`came back: ${describe(read)}`);
  }
  return problems;
}
