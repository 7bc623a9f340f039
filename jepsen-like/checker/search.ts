import { searchBreadthFirst } from "./breadth-first.js";
import { searchDepthFirst } from "./depth-first.js";
import type { Model } from "./model.js";
import type { Operation } from "./operation.js";
import type { SearchResult } from "./search-result.js";
import { timelineOf } from "./timeline.js";

/** Steps per operation after which the first search gives up; where its guesses are good it takes some five. */
const guessedSteps = 30;

/** Steps for each part of a history that is looked at by itself. */
const partSteps = 5000;

/**
 * Searches a linearization of one key's history (Wing & Gong; just-in-time linearization and memoised configurations
 * after Lowe): depth first, which finds one soon where there are many; then small parts, where the model knows some that
 * stand for themselves; then breadth first, which is quicker to show that there is none. An operation is placed no sooner
 * than when something that ends needs it.
 * @param budget Most steps of the model before the verdict is unknown.
 */
export function search<State>(
  model: Model<State>,
  operations: readonly Operation[],
  budget: number,
): SearchResult {
  const prepared: Model<unknown> = model.given?.(operations) ?? (model as Model<unknown>);
  const events = timelineOf(prepared, operations);
  const guess = searchDepthFirst(prepared, events, Math.min(budget / 2, guessedSteps * events.length));
  if (guess.verdict !== "unknown") return guess;
  let { steps } = guess;
  for (const part of model.narrowed?.(operations) ?? []) {
    if (steps > budget / 2) break;
    const some = part.model.given?.(part.operations) ?? part.model;
    const result = searchDepthFirst(some, timelineOf(some, part.operations), partSteps);
    steps += result.steps;
    if (result.verdict === "invalid") return { ...result, within: part, steps };
  }
  const result = searchBreadthFirst(prepared, events, budget - steps);
  return { ...result, steps: steps + result.steps };
}
