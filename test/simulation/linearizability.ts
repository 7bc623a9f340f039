import type { Model as CheckerModel } from "../../jepsen-like/checker/model.js";
import type { Operation as CheckerOperation } from "../../jepsen-like/checker/operation.js";
import { search } from "../../jepsen-like/checker/search.js";
import { commandByName } from "../../src/commands/table.js";
import type { Observation, Shown } from "./workloads/workload.js";

/** The sequential meaning of one object, as commands and replies. */
export interface Model {
  readonly initial: string;
  /**
   * Whether it keeps values as they were given, compares them with none, and each command leaves the state or makes one
   * that doesn't depend on it. Much need not be tried then.
   */
  readonly isRegister?: boolean;
  /** What the command answers in a state, and the state after it. */
  step(
    state: string,
    name: string,
    args: readonly string[],
  ): { readonly state: string; readonly reply: Shown };
}

const stepBudget = 8_000_000;
/** States of registers are small, and their histories as long as the run. */
const registerBudget = 32_000_000;

/** What is wrong with one object's history, as the checker tells it; null when it is linearizable. */
export function whyNotLinearizable(history: readonly Observation[], model: Model): string | null {
  const told = model.isRegister === true ? withoutUnseenValues(history) : history;
  const budget = model.isRegister === true ? registerBudget : stepBudget;
  return whyNotAllowed(operationsOf(told), checkerModel(model), budget);
}

/** The same for operations as the checker has them. */
export function whyNotAllowed<State>(
  operations: readonly CheckerOperation[],
  model: CheckerModel<State>,
  budget = stepBudget,
): string | null {
  const result = search(model, operations, budget);
  if (result.verdict === "valid") return null;
  if (result.verdict === "unknown") return "nobody can tell whether it is linearizable";
  const { f, output, invokedNs, input } = result.failed;
  const asked = Array.isArray(input) ? input.join(" ") : JSON.stringify(input);
  return `it is not linearizable: no order allows ${f} ${asked} -> ${JSON.stringify(output)} of ${invokedNs / 1e6} ms`;
}

/**
 * Values that no answer shows are all alike: which of them stands somewhere nobody can tell. So writes of them may stand
 * for one another.
 */
function withoutUnseenValues(history: readonly Observation[]): readonly Observation[] {
  const seen = new Set<Shown>();
  const note = (shown: Shown): void => {
    if (Array.isArray(shown)) shown.forEach(note);
    else seen.add(shown);
  };
  for (const { outcome, reply } of history) if (outcome === "ok") note(reply);
  return history.map((observation) => {
    const { operation } = observation;
    const [key, ...values] = operation.args;
    if (values.every((value) => seen.has(value) || value === key)) return observation;
    const args = [key!, ...values.map((value) => (seen.has(value) ? value : unseen))];
    return { ...observation, operation: { ...operation, args } };
  });
}

const unseen = "(unseen)";
/** A value that nobody writes. */
const anyValue = "(any)";

function checkerModel(model: Model): CheckerModel<string> {
  const step = (state: string, { f, input, output, outcome }: CheckerOperation): readonly string[] => {
    const next = model.step(state, f, input as readonly string[]);
    return outcome === "ok" && !sameShown(next.reply, output as Shown) ? [] : [next.state];
  };
  return {
    name: "commands",
    initial: model.initial,
    step,
    stateKey: (state) => state,
    isInert: ({ f }) => commandByName(f)!.access === "read",
    ...(model.isRegister === true ? { candidates: candidatesOfRegister(step) } : {}),
  };
}

/**
 * An unknown operation is worth trying where it lets another one happen that can't happen yet. Elsewhere it can be left
 * out, when the next one overwrites what it wrote, or come later, when the next one leaves the state.
 */
function candidatesOfRegister(
  step: (state: string, operation: CheckerOperation) => readonly string[],
): NonNullable<CheckerModel<string>["candidates"]> {
  return (state, pending) => {
    const isUnknown = ({ outcome }: CheckerOperation): boolean => outcome === "info";
    const waiting = pending.filter((each) => !isUnknown(each) && step(state, each).length === 0);
    const conditional = pending.filter((each) => isUnknown(each) && step(anyValue, each)[0] === anyValue);
    const helps = new Map<string, boolean>([[state, false]]);
    return pending.filter((each) => {
      if (!isUnknown(each)) return true;
      const next = step(state, each)[0]!;
      let isHelp = helps.get(next);
      if (isHelp === undefined) {
        isHelp =
          waiting.some((other) => step(next, other).length > 0) ||
          conditional.some((other) => step(next, other)[0] !== next);
        helps.set(next, isHelp);
      }
      return isHelp;
    });
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
