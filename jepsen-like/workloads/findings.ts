import type { Finding, Observed } from "./workload.js";

/** Problems of which a run shows the first few. */
const shown = 20;

export function findingOf(problems: readonly string[]): Finding {
  const more = problems.length - shown;
  return {
    verdict: problems.length === 0 ? "valid" : "invalid",
    problems: more > 0 ? [...problems.slice(0, shown), `and ${more} more`] : problems,
  };
}

export function byKey(history: readonly Observed[]): ReadonlyMap<string, readonly Observed[]> {
  const groups = new Map<string, Observed[]>();
  for (const operation of history) {
    const group = groups.get(operation.key);
    if (group === undefined) groups.set(operation.key, [operation]);
    else group.push(operation);
  }
  return groups;
}

export function describe({ f, key, value, result, process, node, invokedNs, completedNs }: Observed): string {
  const at = (ns: number): string => (Number.isFinite(ns) ? `${(ns / 1e9).toFixed(3)} s` : "never answered");
  const shownResult = result === value ? "" : ` = ${JSON.stringify(result)}`;
  return `${f} ${key} ${JSON.stringify(value)}${shownResult} (process ${process} at ${node}, ${at(invokedNs)} to ${at(completedNs)})`;
}

/**
 * Walks pairs in which `earlier` had ended before `later` began, in the order of time, and keeps the largest `earlier`
 * by `size`: what real time demands of values that only grow.
 */
export function inRealTime(
  earlier: readonly Observed[],
  later: readonly Observed[],
  size: (operation: Observed) => number,
  check: (largestBefore: Observed, operation: Observed) => void,
): void {
  const ended = [...earlier].sort((a, b) => a.completedNs - b.completedNs);
  const begun = [...later].sort((a, b) => a.invokedNs - b.invokedNs);
  let next = 0;
  let largest: Observed | null = null;
  for (const operation of begun) {
    while (next < ended.length && ended[next]!.completedNs < operation.invokedNs) {
      const candidate = ended[next++]!;
      if (largest === null || size(candidate) > size(largest)) largest = candidate;
    }
    if (largest !== null) check(largest, operation);
  }
}
