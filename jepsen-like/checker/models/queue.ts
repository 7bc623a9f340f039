import type { Model } from "../model.js";
import { canonical } from "../operation.js";
import { numberedQueue } from "./numbered-queue.js";
import { queueWindows } from "./queue-windows.js";
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
  given: (operations) => numberedQueue(operations),
  narrowed: (operations) => queueWindows(queue as Model<unknown>, operations),
};
