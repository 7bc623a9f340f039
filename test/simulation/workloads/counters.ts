import { below } from "../../../src/base/random.js";
import { consistencyLevels } from "../../../src/commands/command-codec.js";
import { byKey, isLinearizable } from "./history.js";
import type { Observation, Workload } from "./workload.js";

/** What clocks of different rates may make of a bound. */
const rateMargin = 1.12;

/** Counters that only rise: what a weaker read may show is told by what was counted before and meanwhile. */
export const counters: Workload = {
  name: "counters",
  draw(random, keys) {
    const key = `count:${below(random, keys)}`;
    return below(random, 5) < 3
      ? { name: "INCR", args: [key], weak: false }
      : { name: "GET", args: [key], weak: true };
  },
  finalReads: (keys) =>
    Array.from({ length: keys }, (_, i) => ({ name: "GET", args: [`count:${i}`], weak: false })),
  check(observations) {
    const wrong: string[] = [];
    for (const [key, history] of byKey(observations)) {
      wrong.push(...checkStrong(key, history.filter(isLinearizable)));
      for (const read of history)
        if (!isLinearizable(read) && read.outcome === "ok") wrong.push(...checkWeak(key, read, history));
    }
    return wrong;
  },
};

/** Each step answers its number, so the order of all is seen without a search. */
function checkStrong(key: string, history: readonly Observation[]): string[] {
  const ok = history.filter(({ outcome }) => outcome === "ok");
  const byReturn = [...ok].sort((a, b) => a.returnedMs - b.returnedMs);
  const taken = new Set<number>();
  let reached = 0;
  let next = 0;
  for (const { invokedMs, returnedMs, operation, reply } of ok) {
    const value = Number(reply ?? 0);
    while (next < byReturn.length && byReturn[next]!.returnedMs < invokedMs)
      reached = Math.max(reached, Number(byReturn[next++]!.reply ?? 0));
    const steps = operation.name === "INCR";
    if (steps && taken.has(value)) return [`${key}: ${value} was counted twice`];
    if (steps) taken.add(value);
    if (value < reached + (steps ? 1 : 0))
      return [`${key}: ${operation.name} of ${invokedMs} answers ${value}, ${reached} was seen before`];
    let begun = 0;
    for (const each of history)
      if (each.operation.name === "INCR" && each.outcome !== "refused" && each.invokedMs < returnedMs)
        begun++;
    if (value > begun)
      return [`${key}: ${operation.name} of ${invokedMs} answers ${value} after ${begun} steps`];
  }
  return [];
}

function checkWeak(key: string, read: Observation, history: readonly Observation[]): string[] {
  const value = Number(read.reply ?? 0);
  const { level, client, maxAgeMs } = read.operation;
  let least = 0;
  let most = 0;
  const boundMs = read.invokedMs - maxAgeMs * rateMargin - 1;
  for (const each of history) {
    if (each.operation.name === "INCR" && each.outcome !== "refused" && each.invokedMs < read.returnedMs)
      most++;
    if (each.outcome !== "ok" || each.returnedMs > read.invokedMs) continue;
    const counts =
      (level === consistencyLevels.session && each.operation.client === client) ||
      (level === consistencyLevels.bounded && isLinearizable(each) && each.returnedMs < boundMs);
    if (counts) least = Math.max(least, Number(each.reply ?? 0));
  }
  if (value >= least && value <= most) return [];
  return [`a read of ${key} at level ${level} shows ${value} at ${read.invokedMs}, not ${least} to ${most}`];
}
