import { below } from "#quorate/base/random.js";
import type { Consistency, Door, RunOptions } from "../doors/door.js";
import { byKey, describe, findingOf, inRealTime } from "./findings.js";
import {
  type Completion,
  completed,
  type Finding,
  type Invocation,
  type Load,
  type Observed,
  tooStale,
  type Worker,
  type Workload,
} from "./workload.js";

const counters = 4;
const boundsMs = [50, 500, 2000] as const;

interface Asked {
  readonly consistency: Consistency;
  readonly worker: number;
}

interface Shown {
  readonly count: number;
  /** As the reply stated; null: unknown, or not told by the protocol. */
  readonly ageMs: number | null;
}

/** Counters that only grow, read at every level of freshness: what a reply says of its age has to be true. */
class ReadsLoad implements Load {
  next({ random, door, index }: Worker): Invocation {
    const key = `reads:${below(random, counters)}`;
    if (door.has("INCR") && below(random, 10) < 4) return { f: "add", key, value: 1 };
    return { f: "read", key, value: { consistency: level(random, door), worker: index } satisfies Asked };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "add") return completed(await door.run(["INCR", key], options), Number);
    const { consistency } = (value ?? { consistency: "linearizable" }) as Asked;
    const outcome = await door.run(["GET", key], { ...options, consistency });
    // A bound that can't be kept is refused: that is the promise, not a failure.
    if (outcome.type === "fail" && /too-stale/.test(outcome.error)) return { type: "fail", error: tooStale };
    return completed(
      outcome,
      (text: string | null): Shown => ({
        count: Number(text ?? 0),
        ageMs: outcome.type === "ok" ? (outcome.age?.ageMs ?? null) : null,
      }),
    );
  }

  final(): readonly Invocation[] {
    return Array.from({ length: counters }, (_, i) => ({ f: "read", key: `reads:${i}`, value: null }));
  }
}

function level(random: Worker["random"], door: Door): Consistency {
  // Redis's protocol offers weaker reads in RESP3 alone, which this client doesn't speak.
  if (door.protocol === "resp") return "linearizable";
  // A session is what one client has seen: the SDK keeps it.
  if (door.protocol === "sdk" && below(random, 2) === 0) return "session";
  switch (below(random, 3)) {
    case 0:
      return "linearizable";
    case 1:
      return "any";
    default:
      return { boundedMs: boundsMs[below(random, boundsMs.length)]! };
  }
}

function countOf({ f, result }: Observed): number {
  return f === "add" ? (result as number) : (result as Shown).count;
}

function consistencyOf({ value }: Observed): Consistency {
  return (value as Asked | null)?.consistency ?? "linearizable";
}

function checkReads(operations: readonly Observed[], problems: string[]): void {
  const done = operations.filter(({ type }) => type === "ok");
  const adds = done.filter(({ f }) => f === "add");
  const reads = done.filter(({ f }) => f === "read");
  const strict = reads.filter((read) => consistencyOf(read) === "linearizable");
  inRealTime([...adds, ...strict], [...adds, ...strict], countOf, (before, operation) => {
    const least = countOf(before) + (operation.f === "add" ? 1 : 0);
    if (countOf(operation) < least) problems.push(`older than ${describe(before)}: ${describe(operation)}`);
  });
  for (const read of reads) {
    const consistency = consistencyOf(read);
    const { ageMs } = read.result as Shown;
    const boundMs = typeof consistency === "object" ? consistency.boundedMs : Number.POSITIVE_INFINITY;
    if (ageMs !== null && ageMs > boundMs) problems.push(`older than was asked for: ${describe(read)}`);
    const oldestMs = Math.min(ageMs ?? Number.POSITIVE_INFINITY, boundMs);
    const knownNs = read.invokedNs - oldestMs * 1e6;
    const missed = adds.find((add) => add.completedNs < knownNs && countOf(add) > countOf(read));
    if (missed !== undefined)
      problems.push(`older than it says, misses ${describe(missed)}: ${describe(read)}`);
  }
  checkSessions(reads, problems);
}

/** A session read never shows less than what its client has seen. */
function checkSessions(reads: readonly Observed[], problems: string[]): void {
  const workerOf = ({ value }: Observed): number => (value as Asked | null)?.worker ?? -1;
  for (const read of reads) {
    if (consistencyOf(read) !== "session") continue;
    const seen = reads.find(
      (other) =>
        workerOf(other) === workerOf(read) &&
        other.completedNs < read.invokedNs &&
        countOf(other) > countOf(read),
    );
    if (seen !== undefined) problems.push(`its client had seen ${describe(seen)}: ${describe(read)}`);
  }
}

export const reads: Workload = {
  name: "reads",
  model: null,
  start: () => new ReadsLoad(),
  check: (history): Finding => {
    const problems: string[] = [];
    for (const operations of byKey(history).values()) checkReads(operations, problems);
    return findingOf(problems);
  },
};
