import type { Observation } from "./workload.js";

/** The histories of single keys, in order of invocation. */
export function byKey(observations: readonly Observation[]): ReadonlyMap<string, readonly Observation[]> {
  const histories = new Map<string, Observation[]>();
  for (const each of observations) {
    const key = each.operation.args[0]!;
    const history = histories.get(key);
    if (history === undefined) histories.set(key, [each]);
    else history.push(each);
  }
  return histories;
}

export function isLinearizable({ operation }: Observation): boolean {
  return operation.level === 0;
}
