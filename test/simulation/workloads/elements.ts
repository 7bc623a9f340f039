import type { Model as CheckerModel } from "../../../jepsen-like/checker/model.js";
import type { Operation as CheckerOperation } from "../../../jepsen-like/checker/operation.js";
import { commandByName } from "../../../src/commands/table.js";
import { sameShown } from "../linearizability.js";
import type { Shown } from "./workload.js";

/** An object made of elements (fields, members, bits, …): those that are there, with what they hold. */
export type Elements = ReadonlyMap<string, string>;

export interface Way {
  readonly state: Elements;
  readonly reply: Shown;
}

/**
 * Commands on such an object. What one does to an element goes by that element alone, and a write either leaves of it
 * what it was told, or answers what it met: only then may the search let unknown writes of one element wait.
 */
export interface ElementCommands {
  /** All ways in which a command may go: several where it picks by chance. `isUnknown`: nobody heard its answer. */
  run(state: Elements, name: string, args: readonly string[], isUnknown: boolean): readonly Way[];
  /** The elements that it sees or changes; null: any. */
  elementsOf(name: string, args: readonly string[]): readonly string[] | null;
  /** Commands that answer elements in no order that counts. */
  readonly unordered: ReadonlySet<string>;
  /** Commands of which that isn't true: unknown ones are tried everywhere, as those are that write several elements. */
  readonly entangled?: ReadonlySet<string>;
}

/** The sequential meaning of an object of elements, for the checker's search. */
export function elementModel(commands: ElementCommands): CheckerModel<Elements> {
  const { unordered, entangled } = commands;
  const argsOf = ({ input }: CheckerOperation): readonly string[] => input as readonly string[];
  const outputs = new Map<CheckerOperation, Shown>();
  const outputOf = (operation: CheckerOperation): Shown => {
    let output = outputs.get(operation);
    if (output === undefined) {
      output = operation.output as Shown;
      if (unordered.has(operation.f)) output = inOrder(output);
      outputs.set(operation, output);
    }
    return output;
  };
  const step = (state: Elements, operation: CheckerOperation): readonly Elements[] => {
    const isUnknown = operation.outcome !== "ok";
    const ways = commands.run(state, operation.f, argsOf(operation), isUnknown);
    if (isUnknown) return ways.map((way) => way.state);
    const output = outputOf(operation);
    const isUnordered = unordered.has(operation.f);
    return ways
      .filter(({ reply }) => sameShown(isUnordered ? inOrder(reply) : reply, output))
      .map((way) => way.state);
  };
  const touches = (a: readonly string[] | null, b: readonly string[] | null): boolean =>
    a === null || b === null || a.some((each) => b.includes(each));
  const elementsOf = (operation: CheckerOperation): readonly string[] | null =>
    commands.elementsOf(operation.f, argsOf(operation));
  return {
    name: "elements",
    initial: new Map(),
    step,
    stateKey: (state) => [...state].sort(([a], [b]) => (a < b ? -1 : 1)).join(),
    isInert: ({ f }) => commandByName(f)!.access === "read",
    /** An unknown write waits until what it changed is missed: before that, it may as well come later or never. */
    candidates(state, pending) {
      let missed: (readonly string[] | null)[] | null = null;
      return pending.filter((operation) => {
        if (operation.outcome === "ok" || entangled?.has(operation.f)) return true;
        const own = elementsOf(operation);
        if (own !== null && own.length > 1) return true;
        missed ??= pending
          .filter((each) => each.outcome === "ok" && step(state, each).length === 0)
          .map(elementsOf);
        return missed.some((each) => touches(own, each));
      });
    },
  };
}

/** Items in the order of their text. */
export function inOrder(shown: Shown): Shown {
  if (!Array.isArray(shown)) return shown;
  return shown
    .map((each) => ({ each, text: JSON.stringify(each) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ each }) => each);
}

/** The state with an element set, or taken out when `value` is null. */
export function withElement(state: Elements, element: string, value: string | null): Elements {
  if (value === null && !state.has(element)) return state;
  const next = new Map(state);
  if (value === null) next.delete(element);
  else next.set(element, value);
  return next;
}
