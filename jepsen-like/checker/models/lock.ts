import type { Model } from "../model.js";
import { asNumber, isKnown, misfit } from "./shapes.js";

interface Lock {
  /** null: free, or held by a grant whose token nobody was told. */
  readonly holder: number | null;
  readonly isFree: boolean;
  /** The highest token given out. */
  readonly highest: number;
}

/**
 * A lock with fencing tokens and without time. `acquire` -> a token above all earlier ones, or null when it was held;
 * `release` token -> true, or false when that wasn't the holder's; a grant whose answer was lost stays held
 * until a `expire` (any input) frees it.
 */
export const lock: Model<Lock> = {
  name: "lock",
  initial: { holder: null, isFree: true, highest: 0 },
  stateKey: ({ holder, isFree, highest }) => `${holder} ${isFree} ${highest}`,
  isInert: ({ f, outcome, output }) =>
    outcome === "ok" && ((f === "acquire" && output === null) || (f === "release" && output === false)),
  step(state, operation) {
    const { f, input, output } = operation;
    const freed: Lock = { ...state, holder: null, isFree: true };
    switch (f) {
      case "acquire": {
        if (!isKnown(operation)) return state.isFree ? [{ ...state, holder: null, isFree: false }] : [];
        if (output === null) return state.isFree ? [] : [state];
        const token = asNumber(output, "lock", operation);
        return state.isFree && token > state.highest
          ? [{ holder: token, isFree: false, highest: token }]
          : [];
      }
      case "release": {
        // Of a grant whose answer was lost nobody knows the token, but it is above all earlier ones.
        const isSilent = !state.isFree && state.holder === null;
        const token = asNumber(input, "lock", operation);
        const mayApply = !state.isFree && (isSilent ? token > state.highest : state.holder === token);
        const applied = mayApply ? [{ ...freed, highest: Math.max(token, state.highest) }] : [];
        if (!isKnown(operation)) return applied;
        if (output !== false) return applied;
        return mayApply && !isSilent ? [] : [state];
      }
      case "expire":
        return [freed];
      default:
        return misfit("lock", operation);
    }
  },
};
