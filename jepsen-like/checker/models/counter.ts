import type { Model } from "../model.js";
import type { Operation } from "../operation.js";
import { answering, asNumber, isKnown, misfit } from "./shapes.js";

/** `incr` amount -> the sum with it (null: not told), each exactly once; `read` -> the sum (null is 0). */
export const counter: Model<number> = {
  name: "counter",
  initial: 0,
  stateKey: String,
  step(state, operation) {
    const { f, input, output } = operation;
    if (f === "read") return answering({ ...operation, output: output ?? 0 }, state, state);
    if (f !== "incr") return misfit("counter", operation);
    const sum = state + asNumber(input ?? 1, "counter", operation);
    return output === null || output === undefined ? [sum] : answering(operation, sum, sum);
  },
  /** A counter that never falls is, while an operation is under way, at most where that one's answer puts it. */
  isInert: ({ f }) => f === "read",
  given(operations): Model<number> {
    const amountOf = ({ f, input }: Operation): number =>
      f === "incr" && typeof input === "number" ? input : 1;
    if (operations.some((each) => amountOf(each) < 0)) return counter;
    /** The sum right before a known operation; infinite when it isn't told. */
    const beforeOf = (each: Operation): number => {
      if (!isKnown(each)) return Number.POSITIVE_INFINITY;
      if (each.f === "read") return typeof each.output === "number" ? each.output : 0;
      return typeof each.output === "number" ? each.output - amountOf(each) : Number.POSITIVE_INFINITY;
    };
    return {
      ...counter,
      candidates: (state, pending) =>
        pending.filter((each) => {
          const next = each.f === "read" ? state : state + amountOf(each);
          return pending.every((other) => other === each || beforeOf(other) >= next);
        }),
    };
  },
};
