import type { Model as CheckerModel } from "../../jepsen-like/checker/model.js";
import type { Operation as CheckerOperation } from "../../jepsen-like/checker/operation.js";
import { search } from "../../jepsen-like/checker/search.js";
import { commandByName } from "../../src/commands/table.js";
import type { Observation, Shown } from "./workloads/workload.js";

/** The sequential meaning of one object, as commands and replies. */
export interface Model {
  readonly initial: string;
  /** What the command answers in a state, and the state after it. */
  step(
    state: string,
    name: string,
    args: readonly string[],
  ): { readonly state: string; readonly reply: Shown };
}

const stepBudget = 2_000_000;

/** What is wrong with one object's history, as the checker tells it; null when it is linearizable. */
export function whyNotLinearizable(history: readonly Observation[], model: Model): string | null {
  return whyNotAllowed(operationsOf(history), checkerModel(model));
}

/** The same for operations as the checker has them. */
export function whyNotAllowed<State>(
  operations: readonly CheckerOperation[],
  model: CheckerModel<State>,
): string | null {
  const result = search(model, operations, stepBudget);
  if (result.verdict === "valid") return null;
  if (result.verdict === "unknown") return "nobody can tell whether it is linearizable";
  const { f, output, invokedNs, input } = result.failed;
  const asked = Array.isArray(input) ? input.join(" ") : JSON.stringify(input);
  return `it is not linearizable: no order allows ${f} ${asked} -> ${JSON.stringify(output)} of ${invokedNs / 1e6} ms`;
}

function checkerModel(model: Model): CheckerModel<string> {
  return {
    name: "commands",
    initial: model.initial,
    step(state, { f, input, output, outcome }) {
      const next = model.step(state, f, input as readonly string[]);
      return outcome === "ok" && !sameShown(next.reply, output as Shown) ? [] : [next.state];
    },
    stateKey: (state) => state,
  };
}

/** What happened or may have, for the checker: commands by their names, arguments as input, replies as output. */
export function operationsOf(history: readonly Observation[]): CheckerOperation[] {
  return history.map(operationOf).filter((each) => each !== null);
}

function operationOf({
  operation,
  invokedMs,
  returnedMs,
  outcome,
  reply,
}: Observation): CheckerOperation | null {
  const { name, args, client } = operation;
  // What only reads takes no effect when it fails, whatever its error says.
  if (outcome === "refused" || (outcome === "unknown" && commandByName(name)!.access === "read")) return null;
  const isOk = outcome === "ok";
  return {
    process: client,
    f: name,
    key: args[0]!,
    input: args,
    output: reply,
    invokedNs: invokedMs * 1e6,
    completedNs: isOk ? returnedMs * 1e6 : null,
    outcome: isOk ? "ok" : "info",
  };
}

export function sameShown(a: Shown, b: Shown): boolean {
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return a === b;
  return a.length === b.length && a.every((each, i) => sameShown(each, b[i]!));
}
