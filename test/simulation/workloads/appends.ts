import { below } from "../../../src/base/random.js";
import { byKey, isLinearizable } from "./history.js";
import type { Observation, Workload } from "./workload.js";

/** Texts that only grow: each append answers where it ended, so the order of all is seen without a search. */
export const appends: Workload = {
  name: "appends",
  draw(random, keys, number) {
    const key = `append:${below(random, keys)}`;
    return below(random, 3) > 0
      ? { name: "APPEND", args: [key, `${number},`], weak: false }
      : { name: "GET", args: [key], weak: true };
  },
  finalReads: (keys) =>
    Array.from({ length: keys }, (_, i) => ({ name: "GET", args: [`append:${i}`], weak: false })),
  check(observations) {
    return [...byKey(observations)].flatMap(([key, history]) => checkText(key, history));
  },
};

function checkText(key: string, history: readonly Observation[]): string[] {
  const ok = history.filter(({ outcome }) => outcome === "ok");
  const text = ok.reduce((longest, { operation, reply }) => {
    const shown = operation.name === "GET" && typeof reply === "string" ? reply : "";
    return shown.length > longest.length ? shown : longest;
  }, "");
  const wrong: string[] = [];
  const ends = new Map<string, number>();
  let end = 0;
  for (const part of text.split(",").slice(0, -1)) {
    end += part.length + 1;
    if (ends.has(part)) wrong.push(`${key}: ${part} was appended twice`);
    ends.set(part, end);
  }
  const placed: { readonly observation: Observation; readonly end: number }[] = [];
  for (const observation of history) {
    const { operation, outcome, reply } = observation;
    const part = operation.args[1]?.slice(0, -1);
    if (part !== undefined) {
      if (outcome === "refused" && ends.has(part)) wrong.push(`${key}: ${part} was refused, yet appended`);
      if (outcome === "ok" && ends.get(part) !== reply)
        wrong.push(`${key}: ${part} was told to end at ${reply}, it ends at ${ends.get(part)}`);
    } else if (outcome === "ok" && !text.startsWith(String(reply ?? "")))
      wrong.push(`${key}: a read at level ${operation.level} shows another order`);
    if (outcome !== "ok" || !isLinearizable(observation)) continue;
    placed.push({ observation, end: part === undefined ? String(reply ?? "").length : Number(reply) });
  }
  return wrong.length > 0 ? wrong : checkOrder(key, placed);
}

/** Whoever began after another had ended sees at least what that one saw. */
function checkOrder(
  key: string,
  placed: readonly { readonly observation: Observation; readonly end: number }[],
): string[] {
  const byReturn = [...placed].sort((a, b) => a.observation.returnedMs - b.observation.returnedMs);
  let reached = 0;
  let next = 0;
  for (const { observation, end } of placed) {
    while (next < byReturn.length && byReturn[next]!.observation.returnedMs < observation.invokedMs)
      reached = Math.max(reached, byReturn[next++]!.end);
    const least = observation.operation.name === "APPEND" ? reached + 1 : reached;
    if (end < least)
      return [`${key}: what began at ${observation.invokedMs} ends at ${end}, ${reached} was seen before`];
  }
  return [];
}
