import { below, type Random } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { byKey, describe, findingOf } from "./findings.js";
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

const elementsPerSet = 60;
const setsAtATime = 3;

/** Sets whose elements are keys under one hash tag, added once each; MGET of all of them is one atomic read. */
class SetLoad implements Load {
  private readonly open: { readonly key: string; nextElement: number }[] = [];
  private sets = 0;

  private pick(random: Random): { readonly key: string; nextElement: number } {
    while (this.open.length < setsAtATime) this.open.push({ key: `set:${this.sets++}`, nextElement: 0 });
    return this.open[below(random, setsAtATime)]!;
  }

  next({ random, door }: Worker): Invocation | null {
    const chosen = this.pick(random);
    const reads = door.has("MGET");
    if (reads && below(random, 2) === 0) return { f: "read", key: chosen.key, value: null };
    const invocation = { f: "add", key: chosen.key, value: chosen.nextElement++ };
    if (chosen.nextElement === elementsPerSet) this.open.splice(this.open.indexOf(chosen), 1);
    return invocation;
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "add") {
      const outcome = await door.run(["SET", elementKey(key, value as number), String(value)], options);
      return completed(outcome, () => value);
    }
    if (!door.has("MGET")) return { type: "fail", error: "this protocol can't read a whole set" };
    const keys = Array.from({ length: elementsPerSet }, (_, element) => elementKey(key, element));
    const outcome = await door.run(["MGET", ...keys], options);
    return completed(outcome, (values: readonly (string | null)[]) =>
      values.flatMap((held, element) => (held === null ? [] : [element])),
    );
  }

  final(): readonly Invocation[] {
    return Array.from({ length: this.sets }, (_, i) => ({ f: "read", key: `set:${i}`, value: null }));
  }
}

function elementKey(set: string, element: number): string {
  return `{${set}}:${element}`;
}

function checkSet(operations: readonly Observed[], problems: string[]): void {
  const reads = operations.filter(({ f, type }) => f === "read" && type === "ok");
  for (const add of operations.filter(({ f }) => f === "add")) {
    const shows = ({ result }: Observed): boolean =>
      (result as readonly number[]).includes(add.value as number);
    // From the first proof on that it is there, nobody may miss it.
    let provenNs = add.type === "ok" ? add.completedNs : Number.POSITIVE_INFINITY;
    for (const read of reads) if (shows(read)) provenNs = Math.min(provenNs, read.completedNs);
    for (const read of reads) {
      if (shows(read)) {
        if (add.type === "fail" || read.completedNs < add.invokedNs)
          problems.push(`shows ${String(add.value)}, which was refused or not yet added: ${describe(read)}`);
      } else if (read.invokedNs > provenNs)
        problems.push(
          `misses ${String(add.value)}, there since ${(provenNs / 1e9).toFixed(3)} s: ${describe(read)}`,
        );
    }
  }
}

export const set: Workload = {
  name: "set",
  model: "set",
  start: () => new SetLoad(),
  check: (history): Finding => {
    const problems: string[] = [];
    for (const operations of byKey(history).values()) checkSet(operations, problems);
    return findingOf(problems);
  },
};
