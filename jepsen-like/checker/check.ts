import { type Explanation, explain, explanationText } from "./explain.js";
import { type Model, ShapeError } from "./model.js";
import type { Operation } from "./operation.js";
import { search } from "./search.js";

/** unknown is never a pass: the budget ran out, or the history doesn't fit the model. */
export type Verdict = "valid" | "invalid" | "unknown";

export interface KeyResult {
  readonly key: string | null;
  readonly verdict: Verdict;
  readonly operations: number;
  /** Steps of the model, a measure of the work that doesn't depend on the machine. */
  readonly steps: number;
  /** null unless a search found the history invalid. */
  readonly explanation: Explanation | null;
  /** Why, one finding per string; empty when valid. */
  readonly problems: readonly string[];
}

export interface CheckResult {
  readonly verdict: Verdict;
  readonly operations: number;
  /** Operations whose outcome is info. */
  readonly unknowns: number;
  readonly keys: readonly KeyResult[];
}

export interface CheckOptions {
  /** Most steps of the model per key before the verdict is unknown; 5 million takes tens of seconds. */
  readonly budget?: number;
  /** Most steps for making an explanation small. */
  readonly explainBudget?: number;
}

const defaultBudget = 5_000_000;
const defaultExplainBudget = 1_000_000;

/**
 * A judge of whole histories. Those of `modelChecker` search linearizations; others know a cheaper or weaker rule.
 */
export interface Checker {
  readonly name: string;
  check(operations: readonly Operation[], options?: CheckOptions): CheckResult;
}

/**
 * Judges each key on its own, which is enough: linearizability is local.
 *
 * What a caller must know:
 * - Operations come in any order; each process may have any number under way. Times are of ONE clock.
 * - `fail` drops an operation, so it may only be said of what provably did not happen. Everything else that has no answer
 *   is `info`: optional, with an open end. A compare-and-set that answers "no" is `ok` with that answer.
 * - An operation that touches several keys belongs to a checker that says so (`append-txn`, `bank`).
 * - Cost: linear in the length while few operations overlap; unknown ones stay under way for ever, so a register whose
 *   values are unique, or a set, list or counter, carries 50 of them easily. It is kept so by placing operations only
 *   when one that ends needs it, by dropping configurations that used up more unknowns for the same state, by taking
 *   equal unknowns in one order, and by `Model.candidates`.
 * - No I/O, clock or chance: the same operations give the same result.
 */
export function modelChecker<State>(model: Model<State>): Checker {
  return {
    name: model.name,
    check: (operations, options = {}) =>
      gather(
        operations,
        [...byKey(operations)].map(([key, some]) => checkKey(model, key, some, options)),
      ),
  };
}

/** A checker of a rule of its own: `find` returns what is wrong with one key's operations. */
export function ruleChecker(
  name: string,
  find: (operations: readonly Operation[]) => readonly string[],
  partition: (operations: readonly Operation[]) => ReadonlyMap<string | null, readonly Operation[]> = byKey,
): Checker {
  return {
    name,
    check: (operations) =>
      gather(
        operations,
        [...partition(operations)].map(([key, some]) =>
          judged(key, some.length, () => {
            const problems = find(some);
            return {
              verdict: problems.length === 0 ? "valid" : "invalid",
              steps: some.length,
              explanation: null,
              problems,
            };
          }),
        ),
      ),
  };
}

function byKey(operations: readonly Operation[]): ReadonlyMap<string | null, readonly Operation[]> {
  const keys = new Map<string | null, Operation[]>();
  for (const operation of operations) {
    const some = keys.get(operation.key);
    if (some === undefined) keys.set(operation.key, [operation]);
    else some.push(operation);
  }
  return keys;
}

function checkKey<State>(
  model: Model<State>,
  key: string | null,
  operations: readonly Operation[],
  { budget = defaultBudget, explainBudget = defaultExplainBudget }: CheckOptions,
): KeyResult {
  return judged(key, operations.length, () => {
    const result = search(model, operations, budget);
    const { verdict, steps } = result;
    if (verdict === "valid") return { verdict, steps, explanation: null, problems: [] };
    if (verdict === "unknown")
      return { verdict, steps, explanation: null, problems: [`undecided after ${steps} steps`] };
    const part = result.within ?? { model: model as Model<unknown>, operations };
    const explanation = explain(part.model, part.operations, result, explainBudget);
    return { verdict, steps, explanation, problems: [explanationText(explanation)] };
  });
}

type Judgement = Omit<KeyResult, "key" | "operations">;

function judged(key: string | null, operations: number, judge: () => Judgement): KeyResult {
  try {
    return { key, operations, ...judge() };
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    return { key, operations, verdict: "unknown", steps: 0, explanation: null, problems: [error.message] };
  }
}

function gather(operations: readonly Operation[], keys: readonly KeyResult[]): CheckResult {
  const some = (verdict: Verdict): boolean => keys.some((key) => key.verdict === verdict);
  return {
    verdict: some("invalid") ? "invalid" : some("unknown") ? "unknown" : "valid",
    operations: operations.length,
    unknowns: operations.filter(({ outcome }) => outcome === "info").length,
    keys,
  };
}

/** For people: the verdict, then the findings of each key that isn't valid. */
export function resultText({ verdict, operations, unknowns, keys }: CheckResult): string {
  const bad = keys.filter((key) => key.verdict !== "valid");
  return [
    `${verdict}: ${operations} operations, ${unknowns} unknown, ${keys.length} keys`,
    ...bad.flatMap(({ key, verdict, problems }) => [
      "",
      `${key === null ? "without a key" : `key ${key}`}: ${verdict}`,
      ...problems.map((problem) => problem.replace(/^/gm, "  ")),
    ]),
    "",
  ].join("\n");
}
