import type { Model } from "../model.js";
import { canonical } from "../operation.js";
import { register } from "./register.js";

/** A register whose value may vanish at any moment, by eviction or expiry, and then never comes back by itself. */
export const evictable: Model<unknown> = {
  name: "eviction",
  initial: null,
  stateKey: canonical,
  step: (state, operation) =>
    state === null
      ? register.step(null, operation)
      : [...register.step(state, operation), ...register.step(null, operation)],
};
