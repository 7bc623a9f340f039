import { below, type Random } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { byKey, describe, findingOf, inRealTime } from "./findings.js";
import { KeyRotation } from "./key-rotation.js";
import {
  type Completion,
  completed,
  type Finding,
  type Invocation,
  type Load,
  type Observed,
  type Worker,
  type Workload,
} from "./workload.js";

/**
 * Counters that the SDK increments in a session, with retries, exactly once; the other protocols increment without
 * retries, and read. What an increment answers is its place in the order of all increments.
 */
class CounterLoad implements Load {
  private readonly keys: KeyRotation;

  constructor(random: Random) {
    this.keys = new KeyRotation(random, "counter", 400);
  }

  next({ random, door }: Worker): Invocation {
    const key = this.keys.next();
    const adds = door.protocol === "sdk" ? 8 : 4;
    if (!door.has("INCR") || below(random, 10) >= adds) return { f: "read", key, value: null };
    return { f: "incr", key, value: 1 };
  }

  async run({ f, key }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "incr") return completed(await door.run(["INCR", key], options), Number);
    return completed(await door.run(["GET", key], options), (text: string | null) => Number(text ?? 0));
  }

  final(): readonly Invocation[] {
    return this.keys.used.map((key) => ({ f: "read", key, value: null }));
  }
}

function checkCounter(operations: readonly Observed[], problems: string[]): void {
  const adds = operations.filter(({ f, type }) => f === "incr" && type !== "fail");
  const done = operations.filter(({ type }) => type === "ok");
  const valueIn = ({ result }: Observed): number => result as number;
  const acknowledged = done.filter(({ f }) => f === "incr");
  const answers = new Map<number, Observed>();
  for (const add of acknowledged) {
    const twin = answers.get(valueIn(add));
    if (twin !== undefined) problems.push(`the same answer as ${describe(twin)}: ${describe(add)}`);
    answers.set(valueIn(add), add);
  }
  // No more increments than were asked for by then: one that took effect twice shows here.
  const begun = adds.map(({ invokedNs }) => invokedNs).sort((a, b) => a - b);
  for (const operation of done) {
    const most = begun.findIndex((invokedNs) => invokedNs > operation.completedNs);
    if (valueIn(operation) > (most < 0 ? begun.length : most))
      problems.push(`more increments than were asked for: ${describe(operation)}`);
  }
  // No fewer than were acknowledged before.
  const ended = acknowledged.map(({ completedNs }) => completedNs).sort((a, b) => a - b);
  for (const operation of done) {
    const first = ended.findIndex((completedNs) => completedNs >= operation.invokedNs);
    const least = (first < 0 ? ended.length : first) + (operation.f === "incr" ? 1 : 0);
    if (valueIn(operation) < least)
      problems.push(`fewer than the ${least} acknowledged increments: ${describe(operation)}`);
  }
  inRealTime(done, done, valueIn, (before, operation) => {
    const least = valueIn(before) + (operation.f === "incr" ? 1 : 0);
    if (valueIn(operation) < least) problems.push(`older than ${describe(before)}: ${describe(operation)}`);
  });
}

export const counter: Workload = {
  name: "counter",
  model: "counter",
  start: (random) => new CounterLoad(random),
  check: (history): Finding => {
    const problems: string[] = [];
    for (const operations of byKey(history).values()) checkCounter(operations, problems);
    return findingOf(problems);
  },
};
