import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { byValues, register } from "./register.js";
import { isKnown } from "./shapes.js";

/** A register whose value may vanish at any moment, by eviction or expiry, and then never comes back by itself. */
export const evictable: Model<unknown> = {
  ...vanishing(register),
  stateKey: canonical,
  given: vanishingByValues,
};

/** The same, where what holds `model.initial` holds nothing. */
function vanishing<State>(model: Model<State>): Model<State> {
  return {
    name: "eviction",
    initial: model.initial,
    stateKey: model.stateKey,
    step: (state, operation) =>
      state === model.initial
        ? model.step(state, operation)
        : [...model.step(state, operation), ...model.step(model.initial, operation)],
  };
}

/** What may be left out beside a register may be left out here: an eviction helps none of those that need a value. */
function vanishingByValues(operations: readonly Operation[]): Model<string> {
  const model = byValues(operations);
  return {
    ...vanishing(model),
    // A refusal, or a read of nothing, may be there because of an eviction.
    isInert: (operation) =>
      operation.f === "read" && (!isKnown(operation) || (operation.output ?? null) !== null),
    kindOf: model.kindOf!,
    candidates: model.candidates!,
  };
}
