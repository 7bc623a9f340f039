import { below } from "../../../src/base/random.js";
import { consistencyLevels } from "../../../src/commands/command-codec.js";
import { checkLinearizable, type Model } from "../linearizability.js";
import { byKey, isLinearizable } from "./history.js";
import type { Observation, Workload } from "./workload.js";

const model: Model = {
  initial: "0",
  step(state, name) {
    if (name === "GET") return { state, reply: state === "0" ? null : state };
    const next = Number(state) + 1;
    return { state: String(next), reply: next };
  },
};

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
      const verdict = checkLinearizable(history.filter(isLinearizable), model);
      if (verdict !== "valid") wrong.push(`${key} is not linearizable (${verdict})`);
      for (const read of history)
        if (!isLinearizable(read) && read.outcome === "ok") wrong.push(...checkWeak(key, read, history));
    }
    return wrong;
  },
};

function checkWeak(key: string, read: Observation, history: readonly Observation[]): string[] {
  const value = Number(read.reply ?? 0);
  const { level, client, maxAgeMs } = read.operation;
  let least = 0;
  let most = 0;
  const boundMs = read.invokedMs - maxAgeMs * rateMargin - 1;
  for (const each of history) {
    if (each.operation.name === "INCR" && each.outcome !== "refused" && each.invokedMs < read.returnedMs) most++;
    if (each.outcome !== "ok" || each.returnedMs > read.invokedMs) continue;
    const counts =
      (level === consistencyLevels.session && each.operation.client === client) ||
      (level === consistencyLevels.bounded && isLinearizable(each) && each.returnedMs < boundMs);
    if (counts) least = Math.max(least, Number(each.reply ?? 0));
  }
  if (value >= least && value <= most) return [];
  return [`a read of ${key} at level ${level} shows ${value} at ${read.invokedMs}, not ${least} to ${most}`];
}
