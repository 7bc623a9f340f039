import type { Effect } from "../nemesis/fault.js";
import { isAnswered, type Observed, tooStale } from "../workloads/workload.js";
import type { Sight } from "./monitor.js";
import type { Strike } from "./schedule.js";

/** What a run did, so that a verdict can't be had by doing nothing. */
export interface Evidence {
  readonly acknowledged: number;
  readonly acknowledgedPerMinute: number;
  /** Share of the acknowledged operations that were sent while a fault was under way. */
  readonly shareUnderFault: number;
  readonly strikes: readonly { readonly strike: Strike; readonly seen: readonly Effect[] }[];
  /** What the run failed to show; such a run proves nothing. */
  readonly missing: readonly string[];
}

const neededPerMinute = 1000;
const neededShare = 0.2;
/** What is under way when the load ends may still change the share by this. */
const shareMargin = 0.01;
/** Effects are looked for until so long after the heal. */
const afterNs = 2e9;
const slowNs = 500e6;

export function gatherEvidence(
  history: readonly Observed[],
  strikes: readonly Strike[],
  sights: readonly Sight[],
  durationMs: number,
): Evidence {
  const done = history.filter(isAnswered);
  const underFault = done.filter(({ invokedNs }) =>
    strikes.some(({ fromNs, toNs }) => fromNs <= invokedNs && invokedNs <= toNs),
  ).length;
  const quiet = done.filter(({ invokedNs }) =>
    strikes.every(({ fromNs, toNs }) => invokedNs < fromNs || invokedNs > toNs + afterNs),
  );
  const quietNs = percentile(quiet.map(duration), 0.5);
  const seen = strikes.map((strike) => ({
    strike,
    seen: effectsOf(strike, history, sights, quietNs),
  }));
  const acknowledgedPerMinute = (done.length * 60_000) / durationMs;
  const shareUnderFault = done.length === 0 ? 0 : underFault / done.length;
  const missing: string[] = [];
  if (acknowledgedPerMinute < neededPerMinute)
    missing.push(`only ${Math.round(acknowledgedPerMinute)} operations a minute were acknowledged`);
  if (strikes.length > 0 && shareUnderFault < neededShare)
    missing.push(`only ${Math.round(shareUnderFault * 100)} % of them under a fault`);
  for (const name of new Set(strikes.map((strike) => strike.name))) {
    const same = seen.filter(({ strike }) => strike.name === name);
    if (same[0]!.strike.effects.length === 0) continue;
    if (!same.some(({ strike, seen }) => isProven(strike, seen, strikes)))
      missing.push(`${name} had no effect (${same[0]!.strike.effects.join(" or ")})`);
  }
  return { acknowledged: done.length, acknowledgedPerMinute, shareUnderFault, strikes: seen, missing };
}

/** What a run needs next, so that it can end with enough evidence. */
export type Lack = "nothing" | "operations" | "faults";

export function lackOf({ acknowledgedPerMinute, shareUnderFault, missing }: Evidence): Lack {
  if (acknowledgedPerMinute < neededPerMinute) return "operations";
  return missing.length === 0 && shareUnderFault >= neededShare + shareMargin ? "nothing" : "faults";
}

/**
 * Whether a strike showed one of its effects. Of several under way together no effect belongs to one alone, and one may
 * keep another from its own: nobody is elected while a majority is gone. Then any effect will do.
 */
function isProven(strike: Strike, seen: readonly Effect[], all: readonly Strike[]): boolean {
  const isAlone = all.every(
    (other) => other === strike || other.toNs < strike.fromNs || other.fromNs > strike.toNs,
  );
  return isAlone ? strike.effects.some((effect) => seen.includes(effect)) : seen.length > 0;
}

function duration({ invokedNs, completedNs }: Observed): number {
  return completedNs - invokedNs;
}

/** By nearest rank: the least value that at least `share` (0 to 1) of all don't exceed; 0 without values. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}

function effectsOf(
  { fromNs, struckNs, toNs, shown }: Strike,
  history: readonly Observed[],
  sights: readonly Sight[],
  quietNs: number,
): readonly Effect[] {
  const effects: Effect[] = [...shown];
  const untilNs = toNs + afterNs;
  const during = sights.filter(({ atNs }) => atNs >= struckNs && atNs <= untilNs);
  const before = sights.findLast(
    ({ atNs, leaders }) => atNs < struckNs && leaders.some(({ leader }) => leader !== null),
  );
  const ledOtherwise = during.some(({ leaders }) =>
    leaders.some(({ range, leader, term }) => {
      const earlier = before?.leaders.find((each) => each.range === range);
      return earlier !== undefined && leader !== null && (term > earlier.term || leader !== earlier.leader);
    }),
  );
  if (ledOtherwise) effects.push("leader");
  const most = Math.max(0, ...sights.map(({ answering }) => answering.length));
  if (during.some(({ answering }) => answering.length < most)) effects.push("down");
  const sent = history.filter(({ invokedNs }) => invokedNs >= fromNs && invokedNs <= untilNs);
  if (sent.some((each) => !isAnswered(each) && each.error !== tooStale)) effects.push("errors");
  const answered = sent.filter(({ type, invokedNs }) => type === "ok" && invokedNs <= toNs).map(duration);
  const slower = percentile(answered, 0.9) > 2 * quietNs && percentile(answered, 0.5) > quietNs;
  if (answered.length > 0 && (slower || Math.max(...answered) > slowNs)) effects.push("latency");
  return effects;
}
