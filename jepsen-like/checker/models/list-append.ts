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
  // A read under way tells which element comes next; where none does, any may.
  candidates(state, pending) {
    const reads = pending.filter((each) => each.f === "read" && isKnown(each)).map(listOf);
    if (reads.some((list) => list.length < state.length)) return [];
    const next = reads.find((list) => list.length > state.length);
    return pending.filter(
      ({ f, input }) => f !== "append" || next === undefined || isEqual(input, next[state.length]),
    );
  },
};
