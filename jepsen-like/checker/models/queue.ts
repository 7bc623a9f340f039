import type { Model } from "../model.js";
import { canonical } from "../operation.js";
import { answering, isKnown, misfit } from "./shapes.js";

/**
 * A list with two ends. `push` element at the tail and `unshift` at the head -> the length where that is told as a
 * number; `pop` from the head and `rpop` from the tail -> the element, null when empty; `read` -> all, head first.
 */
export const queue: Model<readonly unknown[]> = {
  name: "queue",
  initial: [],
  stateKey: canonical,
  step(state, operation) {
    const { f, input, output } = operation;
    switch (f) {
      case "push":
      case "unshift": {
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
  given(operations) {
    const known = operations.filter(isKnown);
    const isAddition = (f: string): boolean => f === "push" || f === "unshift";
    if (known.some(({ f, output }) => isAddition(f) && typeof output === "number")) return queue;
    const seen = new Set(
      known.flatMap(({ output }) => (Array.isArray(output) ? output : [output])).map(canonical),
    );
    return {
      ...queue,
      candidates: (_state, pending) =>
        pending.filter((each) => isKnown(each) || !isAddition(each.f) || seen.has(canonical(each.input))),
    };
  },
};
