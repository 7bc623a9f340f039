import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { answering, isKnown, misfit } from "./shapes.js";

/**
 * A list with two ends. `push` element at the tail and `unshift` at the head -> the length where that is told as a
 * number; `pop` from the head and `rpop` from the tail -> the element, null when empty; `read` -> all, head first.
 */
export const queue: Model<readonly unknown[]> = {
  name: "queue",
  initial: [],
  stateKey: canonical,
  isInert: ({ f, outcome, output }) =>
    f === "read" || ((f === "pop" || f === "rpop") && outcome === "ok" && (output ?? null) === null),
  step(state, operation) {
    const { f, input, output } = operation;
    switch (f) {
      case "push":
      case "unshift": {
        // A pop that answers null found nothing.
        if ((input ?? null) === null) return misfit("queue", operation);
        const next = f === "push" ? [...state, input] : [input, ...state];
        return isKnown(operation) && typeof output === "number" && output !== next.length ? [] : [next];
      }
      case "pop":
        return answering(operation, state[0] ?? null, state.slice(1));
      case "rpop":
        return answering(operation, state.at(-1) ?? null, state.slice(0, -1));
      case "read":
        return answering(operation, state, state);
      default:
        return misfit("queue", operation);
    }
  },
  /** An unknown element that nobody ever saw may as well not have been added, unless lengths count it. */
  given(operations): Model<readonly unknown[]> {
    const known = operations.filter(isKnown);
    const isAddition = (f: string): boolean => f === "push" || f === "unshift";
    if (known.some(({ f, output }) => isAddition(f) && typeof output === "number")) return queue;
    const seen = new Set(
      known.flatMap(({ output }) => (Array.isArray(output) ? output : [output])).map(canonical),
    );
    const isUnseen = (each: Operation): boolean =>
      !isKnown(each) && isAddition(each.f) && !seen.has(canonical(each.input));
    const added = new Map<string, number>();
    for (const { f, input } of operations)
      if (isAddition(f)) added.set(canonical(input), (added.get(canonical(input)) ?? 0) + 1);
    const taken = new Set(
      known.filter(({ f }) => f === "pop" || f === "rpop").map(({ output }) => canonical(output ?? null)),
    );
    /** An element that was added once and that an answer names can't be taken by anyone else. */
    const isTaken = (element: unknown): boolean => {
      const text = canonical(element);
      return taken.has(text) && added.get(text) === 1;
    };
    const model: Model<readonly unknown[]> = {
      ...queue,
      isInert: (each) => queue.isInert!(each) || isUnseen(each),
      candidates: (state, pending) =>
        pending.filter((each) => {
          if (isKnown(each) || isAddition(each.f)) return true;
          return state.length > 0 && !isTaken(each.f === "pop" ? state[0] : state.at(-1));
        }),
    };
    return model;
  },
};
