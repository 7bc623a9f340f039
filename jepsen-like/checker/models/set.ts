import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { asList, isKnown, misfit } from "./shapes.js";

/** Elements of a read, by their canonical text. */
function elements(operation: Operation): ReadonlySet<string> {
  return new Set(asList(operation.output ?? [], "set", operation).map(canonical));
}

/** A growing set. `add` element -> false when it was there already, else anything; `read` -> its elements in any order. */
export const set: Model<ReadonlySet<string>> = {
  name: "set",
  initial: new Set(),
  stateKey: (state) => [...state].sort().join(),
  step(state, operation) {
    const { f, input, output } = operation;
    if (f === "add") {
      const element = canonical(input);
      if (isKnown(operation) && typeof output === "boolean" && output === state.has(element)) return [];
      return [state.has(element) ? state : new Set(state).add(element)];
    }
    if (f !== "read") return misfit("set", operation);
    if (!isKnown(operation)) return [state];
    const seen = elements(operation);
    return seen.size === state.size && [...seen].every((each) => state.has(each)) ? [state] : [];
  },
  /**
   * Additions commute and none is taken back, so that the states are a chain of growing sets: the smallest read under way
   * comes first, and the additions that it shows may come in any one order.
   */
  candidates(state, pending, target) {
    if (pending.some(({ f, output }) => f === "add" && typeof output === "boolean")) return pending;
    const reads = pending.filter((each) => each.f === "read" && isKnown(each));
    let smallest: ReadonlySet<string> | null = null;
    for (const read of reads) {
      const seen = elements(read);
      if (seen.size < state.size || [...state].some((each) => !seen.has(each))) return [];
      if (seen.size === state.size) return [read];
      if (smallest === null || seen.size < smallest.size) smallest = seen;
    }
    if (target.f === "add" && (smallest === null || smallest.has(canonical(target.input)))) return [target];
    const missing = pending.find(({ f, input }) => {
      const element = canonical(input);
      return f === "add" && smallest?.has(element) === true && !state.has(element);
    });
    return missing === undefined ? [] : [missing];
  },
};
