import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { answering, asList, isEqual, isKnown, misfit } from "./shapes.js";

type List = readonly unknown[];

function listOf(operation: Operation): List {
  return asList(operation.output ?? [], "list-append", operation);
}

/** `append` element -> the length after it where that is told as a number; `read` -> all elements in order. */
export const listAppend: Model<List> = {
  name: "list-append",
  initial: [],
  stateKey: canonical,
  step(state, operation) {
    const { f, input, output } = operation;
    if (f === "read")
      return answering(
        isKnown(operation) ? { ...operation, output: listOf(operation) } : operation,
        state,
        state,
      );
    if (f !== "append") return misfit("list-append", operation);
    const next = [...state, input];
    return typeof output === "number" ? answering(operation, next.length, next) : [next];
  },
  /** Reads are prefixes of one list, so that the longest tells in which order everything in it came. */
  given(operations) {
    const longest = operations
      .filter((each) => each.f === "read" && isKnown(each))
      .map(listOf)
      .reduce((best, list) => (list.length > best.length ? list : best), []);
    const tellsLengths = operations.some(({ f, output }) => f === "append" && typeof output === "number");
    return {
      ...listAppend,
      candidates(state, pending, target) {
        const reads = pending.filter(({ f }) => f === "read");
        if (reads.some((each) => isKnown(each) && listOf(each).length < state.length)) return [];
        if (state.length < longest.length)
          return pending.filter(({ f, input }) => f !== "append" || isEqual(input, longest[state.length]));
        // Behind what was ever read, only lengths tell anything.
        return tellsLengths ? pending : target.f === "append" ? [...reads, target] : reads;
      },
    };
  },
};
