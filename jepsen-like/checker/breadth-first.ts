import { type Configuration, expand, Frontier, inOrder, startOf, without } from "./configuration.js";
import type { Model } from "./model.js";
import type { Operation } from "./operation.js";
import { failureOf, type SearchResult } from "./search-result.js";
import type { Event, Pending } from "./timeline.js";

/**
 * Walks over invocations and ends in time; all configurations that are still possible go along.
 * @param budget Most steps of the model before the verdict is unknown.
 */
export function searchBreadthFirst<State>(
  model: Model<State>,
  events: readonly Event[],
  budget: number,
): SearchResult {
  const pending = new Map<Operation, Pending>();
  let configurations = [startOf(model)];
  let steps = 0;

  /** Those in which `target` took effect, from all that there are. */
  const placeAll = (target: Pending): Configuration<State>[] => {
    const done = new Frontier(model);
    const seen = new Frontier(model);
    const open: Configuration<State>[] = [];
    const meet = (configuration: Configuration<State>): void => {
      if ((configuration.known & target.bit) !== 0n) done.admit(without(configuration, target.bit));
      else if (seen.admit(configuration)) open.push(configuration);
    };
    for (const configuration of configurations) meet(configuration);
    while (open.length > 0 && steps <= budget)
      steps += expand(model, open.pop()!, pending, target.operation, meet);
    return done.all();
  };
  const longest = (): Configuration<State> =>
    configurations.reduce((best, each) => (each.length > best.length ? each : best));

  for (const { pending: each, isEnd } of events) {
    const { operation } = each;
    if (!isEnd) {
      pending.set(operation, each);
      continue;
    }
    const placed = placeAll(each);
    if (steps > budget) return { verdict: "unknown", steps };
    if (placed.length === 0) return failureOf(operation, longest().chain, pending, steps);
    configurations = placed;
    pending.delete(operation);
  }
  return { verdict: "valid", linearization: inOrder(longest().chain), steps };
}
