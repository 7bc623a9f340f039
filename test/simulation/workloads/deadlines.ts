import { below } from "../../../src/base/random.js";
import { byKey, isLinearizable } from "./history.js";
import type { Observation, Workload } from "./workload.js";

/** Values that live for a while: a value once gone, by whatever cause, is gone for ever. */
export const deadlines: Workload = {
  name: "deadlines",
  draw(random, keys, number) {
    const key = `due:${below(random, keys)}`;
    const lifeMs = String(50 + below(random, 4000));
    return below(random, 4) === 0
      ? { name: "SET", args: [key, `t${number}`, "PX", lifeMs], weak: false }
      : { name: "GET", args: [key], weak: true };
  },
  finalReads: () => [],
  check(observations) {
    return [...byKey(observations)].flatMap(([key, history]) => checkLives(key, history));
  },
};

function checkLives(key: string, history: readonly Observation[]): string[] {
  const wrong: string[] = [];
  const sets = new Map<string, Observation>();
  for (const each of history) if (each.operation.name === "SET") sets.set(each.operation.args[1]!, each);
  const reads = history.filter(({ operation, outcome }) => operation.name === "GET" && outcome === "ok");
  const gone = reads.filter((read) => read.reply === null && isLinearizable(read));
  for (const read of reads) {
    if (read.reply === null) continue;
    const set = sets.get(String(read.reply));
    if (set === undefined || set.outcome === "refused" || read.returnedMs < set.invokedMs)
      wrong.push(`${key} shows ${read.reply} at ${read.invokedMs} though nobody set it`);
    else if (isLinearizable(read) && set.outcome === "ok") {
      const before = gone.find((g) => g.invokedMs > set.returnedMs && g.returnedMs < read.invokedMs);
      if (before !== undefined)
        wrong.push(`${key} was gone at ${before.returnedMs}, and shows ${read.reply} at ${read.invokedMs}`);
    }
  }
  return wrong;
}
