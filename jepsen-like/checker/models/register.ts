import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { answering, asList, isEqual, isKnown, misfit } from "./shapes.js";

/** `{f: "cas"}`'s old and new value. */
function pair(operation: Operation): readonly [unknown, unknown] {
  const [old, next, ...more] = asList(operation.input, "register", operation);
  return more.length === 0 && next !== undefined ? [old, next] : misfit("register", operation);
}

/** The value that an operation needs to see; undefined: any. */
function needed(operation: Operation): unknown {
  if (operation.f === "read") return isKnown(operation) ? operation.output : undefined;
  if (operation.f !== "cas" || (isKnown(operation) && operation.output === false)) return undefined;
  return pair(operation)[0];
}

/**
 * One value; null is absent. `read` -> value; `write` value -> anything; `cas` [old, new] -> false when it wasn't old,
 * anything else when it was; `delete` -> false when nothing was there, anything else when it isn't told.
 */
export const register: Model<unknown> = {
  name: "register",
  initial: null,
  stateKey: canonical,
  step(state, operation) {
    const { f, input, output } = operation;
    switch (f) {
      case "read":
        return answering(operation, state, state);
      case "write":
        return [input];
      case "cas": {
        const [old, next] = pair(operation);
        const applies = isEqual(state, old);
        if (!isKnown(operation)) return applies ? [next] : [];
        return applies === (output !== false) ? [applies ? next : state] : [];
      }
      case "delete":
        if (isKnown(operation) && typeof output === "boolean" && output !== (state !== null)) return [];
        return [null];
      default:
        return misfit("register", operation);
    }
  },
  candidates(state, pending) {
    const wanted = new Set(
      pending
        .map(needed)
        .filter((value) => value !== undefined)
        .map(canonical),
    );
    // Where a refusal has to be explained, any value may be the one that was in the way.
    const anyHelps = pending.some(
      (each) =>
        (each.f === "cas" || each.f === "delete") &&
        isKnown(each) &&
        (each.output === false || each.output === true),
    );
    const leavesWanted = (value: unknown): boolean => anyHelps || wanted.has(canonical(value));
    return pending.filter((operation) => {
      const { f, input } = operation;
      if (isKnown(operation)) return true;
      if (f === "write") return leavesWanted(input);
      if (f === "delete") return state !== null && leavesWanted(null);
      if (f === "cas") return leavesWanted(pair(operation)[1]);
      return f !== "read" && misfit("register", operation);
    });
  },
};
