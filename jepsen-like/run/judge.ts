import type { CheckOptions } from "../checker/check.js";
import { checkerOf } from "../checker/checkers.js";
import type { Operation } from "../checker/operation.js";
import { findingOf } from "../workloads/findings.js";
import type { Finding, Observed, QuietTimes, Workload } from "../workloads/workload.js";

const explainingSteps = 100_000;

/** What the workload's model and its own check say: the worse of the two, with the problems of both. */
export function judge(
  workload: Workload,
  history: readonly Observed[],
  isQuiet: QuietTimes,
): readonly Finding[] {
  const findings: Finding[] = [];
  if (workload.check !== undefined) findings.push(workload.check(history, isQuiet));
  // What is known to be wrong already need only be explained.
  const wrong = findings.some(({ verdict }) => verdict === "invalid");
  const options = wrong ? { budget: explainingSteps, explainBudget: explainingSteps } : {};
  if (workload.model !== null) findings.push(judgeByModel(workload.model, history, options));
  return findings;
}

function judgeByModel(model: string, history: readonly Observed[], options: CheckOptions): Finding {
  const checker = checkerOf(model);
  if (checker === null) throw new TypeError(`there is no model ${model}`);
  const { verdict, keys } = checker.check(history.map(operationOf), options);
  const problems = keys
    .filter((each) => each.verdict !== "valid")
    .flatMap(({ key, problems }) => problems.map((problem) => `${key ?? "without a key"}: ${problem}`));
  return { ...findingOf(problems), verdict };
}

/** As the checker takes it. */
export function operationOf(observed: Observed): Operation {
  const { process, f, key, value, result, invokedNs, completedNs, type, node, error } = observed;
  return {
    process,
    f,
    key,
    input: value,
    output: result,
    invokedNs,
    completedNs: Number.isFinite(completedNs) ? completedNs : null,
    outcome: type,
    node,
    ...(error === null ? {} : { error }),
  };
}
