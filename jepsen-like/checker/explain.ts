import type { Model } from "./model.js";
import { describe, type Operation } from "./operation.js";
import { search } from "./search.js";
import type { SearchResult } from "./search-result.js";
import { endOf } from "./sweep.js";

/** Why a key's history isn't linearizable. */
export interface Explanation {
  readonly failed: Operation;
  /** A longest linearization of what had ended before `failed` did. */
  readonly prefix: readonly Operation[];
  readonly unplaced: readonly Operation[];
  /**
   * Operations that contradict one another even if every other one were optional and open-ended. None of them can be
   * left out, unless the search for fewer ran out of its budget.
   */
  readonly core: readonly Operation[];
  /** Pairs of indexes into `core`: the first had ended before the second began; pairs that follow are left out. */
  readonly order: readonly (readonly [number, number])[];
}

const shownOfPrefix = 8;
const shownUnplaced = 12;

type Failure = Pick<Explanation, "failed" | "prefix" | "unplaced">;

/** @param budget Most steps for all tries together. */
export function explain<State>(
  model: Model<State>,
  operations: readonly Operation[],
  found: Extract<SearchResult, { verdict: "invalid" }>,
  budget: number,
): Explanation {
  const { failed, prefix, unplaced } = firstFailure(model, operations, found, budget);
  const end = failed.completedNs ?? Number.POSITIVE_INFINITY;
  const until = operations.filter(({ outcome, invokedNs }) => outcome !== "fail" && invokedNs <= end);
  const core = smallestCore(model, until, failed, budget);
  return { failed, prefix, unplaced, core, order: orderOf(core) };
}

/**
 * A model that looks ahead (`given`) fails as soon as what is still to come has become impossible. People understand it at
 * the moment when it comes: the first by which the history, cut there, is invalid.
 */
function firstFailure<State>(
  model: Model<State>,
  operations: readonly Operation[],
  found: Failure,
  budget: number,
): Failure {
  if (model.given === undefined) return found;
  const ended = operations.filter(({ outcome }) => outcome === "ok").sort((a, b) => endOf(a) - endOf(b));
  let best: Failure | null = null;
  let [low, high] = [0, ended.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const original = new Map<Operation, Operation>();
    for (const operation of operations)
      if (operation.outcome !== "fail" && operation.invokedNs <= endOf(ended[middle]!))
        original.set(cutAt(operation, endOf(ended[middle]!)), operation);
    const result = search(model, [...original.keys()], budget);
    if (result.verdict === "unknown") return found;
    if (result.verdict === "invalid") {
      high = middle;
      continue;
    }
    const prefix = result.linearization.map((operation) => original.get(operation)!);
    const placed = new Set(prefix);
    const failed = ended[middle + 1]!;
    const unplaced = operations.filter(
      (each) => each.outcome !== "fail" && each.invokedNs <= endOf(failed) && !placed.has(each),
    );
    best = { failed, prefix, unplaced };
    low = middle + 1;
  }
  return best ?? found;
}

function cutAt(operation: Operation, ns: number): Operation {
  return endOf(operation) <= ns ? operation : { ...operation, outcome: "info", completedNs: null };
}

function smallestCore<State>(
  model: Model<State>,
  until: readonly Operation[],
  failed: Operation,
  budget: number,
): readonly Operation[] {
  // What ended later than the failure wasn't needed for it; it was under way.
  const end = failed.completedNs ?? Number.POSITIVE_INFINITY;
  let core = until.filter(({ outcome, completedNs }) => outcome === "ok" && (completedNs ?? end) <= end);
  let left = budget;
  const contradicts = (some: readonly Operation[]): boolean => {
    const kept = new Set(some);
    const weakened = until.map((operation) =>
      kept.has(operation)
        ? operation
        : ({ ...operation, outcome: "info", completedNs: null } satisfies Operation),
    );
    const result = search(model, weakened, Math.floor(left / 4));
    // To prepare a model costs about as much as some steps per operation.
    left -= result.steps + 4 * until.length;
    return result.verdict === "invalid";
  };
  for (
    let size = Math.ceil(core.length / 2);
    size >= 1 && left > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  )
    for (let from = 0; from < core.length && left > 0; ) {
      const fewer = [...core.slice(0, from), ...core.slice(from + size)];
      if (contradicts(fewer)) core = fewer;
      else from += size;
    }
  return core;
}

function orderOf(core: readonly Operation[]): (readonly [number, number])[] {
  const isBefore = (a: Operation, b: Operation): boolean =>
    a.completedNs !== null && a.completedNs < b.invokedNs;
  const pairs: (readonly [number, number])[] = [];
  for (const [i, a] of core.entries())
    for (const [j, b] of core.entries())
      if (isBefore(a, b) && !core.some((between) => isBefore(a, between) && isBefore(between, b)))
        pairs.push([i, j]);
  return pairs;
}

/** For people; one operation per line. */
export function explanationText({ failed, prefix, unplaced, core, order }: Explanation): string {
  const last = prefix.slice(-shownOfPrefix);
  return [
    `nothing is left that allows: ${describe(failed)}`,
    `these contradict one another, however all others went:`,
    ...core.map((operation, i) => {
      const later = order.filter(([from]) => from === i).map(([, to]) => `#${to + 1}`);
      return `  #${i + 1} ${describe(operation)}${later.length === 0 ? "" : `, ended before ${later.join(", ")} began`}`;
    }),
    `the longest linearization has ${prefix.length} operations${last.length < prefix.length ? `, the last ${last.length}` : ""}:`,
    ...last.map((operation) => `  ${describe(operation)}`),
    `not placed:`,
    ...unplaced.slice(0, shownUnplaced).map((operation) => `  ${describe(operation)}`),
    ...(unplaced.length > shownUnplaced ? [`  and ${unplaced.length - shownUnplaced} more`] : []),
  ].join("\n");
}
