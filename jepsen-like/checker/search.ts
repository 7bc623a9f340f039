import { searchBreadthFirst } from "./breadth-first.js";
import { searchDepthFirst } from "./depth-first.js";
import type { Model } from "./model.js";
import type { Operation } from "./operation.js";
import type { SearchResult } from "./search-result.js";
import { timelineOf } from "./timeline.js";

/** Steps per operation after which the first search gives up; where its guesses are good it takes some five. */
const guessedSteps = 30;

/**
 * Searches a linearization of one key's history (Wing & Gong; just-in-time linearization and memoised configurations
 * after Lowe): depth first, which finds one soon where there are many, then breadth first, which is quicker to show that
 * there is none. An operation is placed no sooner than when something that ends needs it.
 * @param budget Most steps of the model before the verdict is unknown.
 */
export function search<State>(
  model: Model<State>,
  operations: readonly Operation[],
  budget: number,
): SearchResult {
  return searchPrepared<unknown>(model.given?.(operations) ?? (model as Model<unknown>), operations, budget);
}

function searchPrepared<State>(
  model: Model<State>,
  operations: readonly Operation[],
  budget: number,
): SearchResult {
  const events = timelineOf(model, operations);
  const guess = searchDepthFirst(model, events, Math.min(budget / 2, guessedSteps * events.length));
  if (guess.verdict !== "unknown") return guess;
  const result = searchBreadthFirst(model, events, budget - guess.steps);
  return { ...result, steps: guess.steps + result.steps };
}
