import type { Model } from "../../../jepsen-like/checker/model.js";
import type { Operation } from "../../../jepsen-like/checker/operation.js";

/** Tries every order; for histories of some ten operations. Knows nothing of `candidates` and `given`. */
export function isLinearizable<State>(model: Model<State>, history: readonly Operation[]): boolean {
  const place = (state: State, left: readonly Operation[]): boolean => {
    if (left.every(({ outcome }) => outcome === "info")) return true;
    return left.some((next) => {
      const mustWait = left.some(
        (other) => other.outcome === "ok" && (other.completedNs ?? Infinity) < next.invokedNs,
      );
      if (mustWait) return false;
      const others = left.filter((each) => each !== next);
      return model.step(state, next).some((after) => place(after, others));
    });
  };
  return place(
    model.initial,
    history.filter(({ outcome }) => outcome !== "fail"),
  );
}
