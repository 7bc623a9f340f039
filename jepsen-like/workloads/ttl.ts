import { below } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { byKey, describe, findingOf } from "./findings.js";
import {
  type Completion,
  completed,
  type Finding,
  type Invocation,
  type Load,
  type Observed,
  type QuietTimes,
  type Worker,
  type Workload,
} from "./workload.js";

const ttlsMs = [300, 800, 2000, 4000] as const;
/** Keys of the last so many writes are read. */
const recentKeys = 40;
/** A TTL is never shortened by more than 1 %, and clocks' rates differ by less than 5 %. */
const shortest = 0.94;
const longest = 1.06;
/** For the clock entry that a read of a due key waits for, and a busy machine. */
const slackNs = 1e9;

interface TimedSet {
  readonly ttlMs: number;
}

/** Keys that are written once, with a time to live: there before, gone after, and never back. */
class TtlLoad implements Load {
  private written = 0;

  next({ random }: Worker): Invocation {
    if (this.written === 0 || below(random, 4) === 0)
      return {
        f: "set",
        key: `ttl:${this.written++}`,
        value: { ttlMs: ttlsMs[below(random, ttlsMs.length)]! },
      };
    const back = 1 + below(random, Math.min(recentKeys, this.written));
    return { f: "read", key: `ttl:${this.written - back}`, value: null };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "read")
      return completed(await door.run(["GET", key], options), (text: string | null) => text !== null);
    const { ttlMs } = value as TimedSet;
    return completed(await door.run(["SET", key, "there", "PX", ttlMs], options), () => value);
  }

  final(): readonly Invocation[] {
    return Array.from({ length: this.written }, (_, i) => ({ f: "read", key: `ttl:${i}`, value: null }));
  }
}

function checkTtl(operations: readonly Observed[], isQuiet: QuietTimes, problems: string[]): void {
  const [set] = operations.filter(({ f }) => f === "set");
  const reads = operations.filter(({ f, type }) => f === "read" && type === "ok");
  if (set === undefined) return;
  const ttlNs = (set.value as TimedSet).ttlMs * 1e6;
  const present = reads.filter(({ result }) => result === true);
  const absent = reads.filter(({ result }) => result === false);
  for (const read of present)
    if (set.type === "fail" || read.completedNs < set.invokedNs)
      problems.push(`refused or not yet written, but there: ${describe(read)}`);
  if (set.type === "ok")
    for (const read of absent)
      if (read.invokedNs > set.completedNs && read.completedNs < set.invokedNs + shortest * ttlNs)
        problems.push(`gone too early after ${describe(set)}: ${describe(read)}`);
  // Once gone after it was there, gone for good.
  const firstSeenNs = Math.min(
    set.type === "ok" ? set.completedNs : Number.POSITIVE_INFINITY,
    ...present.map(({ completedNs }) => completedNs),
  );
  const goneNs = Math.min(
    ...absent.filter(({ invokedNs }) => invokedNs > firstSeenNs).map(({ completedNs }) => completedNs),
  );
  for (const read of present)
    if (read.invokedNs > goneNs)
      problems.push(`back again, gone at ${(goneNs / 1e9).toFixed(3)} s: ${describe(read)}`);
  // An outage may prolong a time to live; without one it ends in time.
  if (set.type !== "ok") return;
  const dueNs = set.completedNs + longest * ttlNs + slackNs;
  for (const read of present)
    if (read.invokedNs > dueNs && isQuiet(set.invokedNs, read.invokedNs))
      problems.push(`still there without an outage after ${describe(set)}: ${describe(read)}`);
}

export const ttl: Workload = {
  name: "ttl",
  model: null,
  start: () => new TtlLoad(),
  check: (history, isQuiet): Finding => {
    const problems: string[] = [];
    for (const operations of byKey(history).values()) checkTtl(operations, isQuiet, problems);
    return findingOf(problems);
  },
};
