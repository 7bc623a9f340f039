import { ruleChecker } from "./check.js";
import { ShapeError } from "./model.js";
import { describe, type Operation } from "./operation.js";
import { endOf, LargestBefore } from "./sweep.js";

/**
 * Reads that may be old. `write` -> the revision that it got (whole number, above all earlier ones of the key). `read`
 * {level: "session" | "bounded" | "any", session?: string, maxAgeMs?: number} -> {revision, ageMs?: number | null};
 * revision 0 is absent. `session`: never older than what its session read or wrote before. `bounded`: not older than
 * asked, nor than the age that it tells. `any`: only what was written, and the age, where told, is true.
 */
export const weakReads = ruleChecker("weak-reads", findOldReads);

interface Read {
  readonly operation: Operation;
  readonly level: string;
  readonly session: string;
  readonly revision: number;
  /** Infinite when nothing was promised. */
  readonly ageNs: number;
}

function findOldReads(operations: readonly Operation[]): readonly string[] {
  const done = operations.filter(({ outcome }) => outcome === "ok");
  const writes = done
    .filter(({ f }) => f === "write")
    .map((operation) => ({ operation, revision: revisionOf(operation) }));
  const reads = done.filter(({ f }) => f === "read").map(readOf);
  const mayBeUnknown = operations.some(({ f, outcome }) => f === "write" && outcome === "info");
  const problems: string[] = [];
  const writeOf = new Map(writes.map((write) => [write.revision, write.operation]));
  const newestWrite = largest(writes);
  const bySession = new Map<string, { operation: Operation; revision: number }[]>();
  for (const { session, operation, revision } of [
    ...reads,
    ...writes.map((write) => ({ ...write, session: sessionOf(write.operation) })),
  ]) {
    const known = bySession.get(session);
    if (known === undefined) bySession.set(session, [{ operation, revision }]);
    else known.push({ operation, revision });
  }
  const newestOfSession = new Map([...bySession].map(([session, some]) => [session, largest(some)]));
  for (const { operation, revision, ageNs, level, session } of reads) {
    const write = writeOf.get(revision);
    if (revision !== 0 && write === undefined && !mayBeUnknown)
      problems.push(`never written: ${describe(operation)}`);
    if (write !== undefined && write.invokedNs > endOf(operation))
      problems.push(`from the future: ${describe(operation)}`);
    // Of the moment that it speaks for, everything that had ended must show.
    const newest = newestWrite.before(operation.invokedNs - ageNs) ?? 0;
    if (newest > revision)
      problems.push(`older than it says, revision ${newest} was there: ${describe(operation)}`);
    if (level !== "session") continue;
    const seen = newestOfSession.get(session)!.before(operation.invokedNs) ?? 0;
    if (seen > revision)
      problems.push(`older than revision ${seen}, which its session knew: ${describe(operation)}`);
  }
  return problems;
}

function largest(some: readonly { operation: Operation; revision: number }[]): LargestBefore {
  return new LargestBefore(
    some.map(({ operation, revision }) => ({ atNs: endOf(operation), value: revision })),
  );
}

function sessionOf(operation: Operation): string {
  const session = (operation.input as { session?: unknown } | null)?.session;
  return typeof session === "string" ? session : String(operation.process);
}

function revisionOf(operation: Operation): number {
  const { output } = operation;
  const revision = typeof output === "number" ? output : (output as { revision?: unknown } | null)?.revision;
  if (typeof revision !== "number") throw new ShapeError(`without a revision: ${describe(operation)}`);
  return revision;
}

function readOf(operation: Operation): Read {
  const { level, maxAgeMs } = (operation.input ?? {}) as { level?: unknown; maxAgeMs?: unknown };
  if (level !== "session" && level !== "bounded" && level !== "any")
    throw new ShapeError(`without a level: ${describe(operation)}`);
  if (level === "bounded" && typeof maxAgeMs !== "number")
    throw new ShapeError(`without maxAgeMs: ${describe(operation)}`);
  const told = (operation.output as { ageMs?: unknown } | null)?.ageMs;
  const agesMs = [level === "bounded" ? maxAgeMs : null, told].filter((age) => typeof age === "number");
  const ageNs = Math.min(Number.POSITIVE_INFINITY, ...agesMs.map((age) => age * 1e6));
  return { operation, level, session: sessionOf(operation), revision: revisionOf(operation), ageNs };
}
