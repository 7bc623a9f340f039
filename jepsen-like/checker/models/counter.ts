import type { Model } from "../model.js";
import { answering, asNumber, misfit } from "./shapes.js";

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
};
