import { below } from "../../../src/base/random.js";
import { type Model, sameShown, whyNotLinearizable } from "../linearizability.js";
import { byKey, isLinearizable } from "./history.js";
import type { Observation, Workload } from "./workload.js";

/** Two keys of one slot that are always written together: one object whose state is the value of both. */
const model: Model = {
  initial: "",
  step(state, name, args) {
    if (name === "MSET") return { state: args[1]!, reply: "OK" };
    const value = state === "" ? null : state;
    return { state, reply: [value, value] };
  },
};

const pair = (i: number): readonly [string, string] => [`{batch:${i}}a`, `{batch:${i}}b`];

export const batches: Workload = {
  name: "batches",
  draw(random, keys, number) {
    const [a, b] = pair(below(random, keys));
    return below(random, 2) === 0
      ? { name: "MSET", args: [a, `m${number}`, b, `m${number}`], weak: false }
      : { name: "MGET", args: [a, b], weak: true };
  },
  finalReads: (keys) =>
    Array.from({ length: keys }, (_, i) => ({ name: "MGET", args: pair(i), weak: false })),
  check(observations) {
    const wrong: string[] = [];
    for (const [key, history] of byKey(observations)) {
      const why = whyNotLinearizable(withoutUnseen(history.filter(isLinearizable)), model);
      if (why !== null) wrong.push(`${key}: ${why}`);
      for (const { operation, outcome, reply } of history)
        if (
          operation.name === "MGET" &&
          outcome === "ok" &&
          Array.isArray(reply) &&
          !sameShown(reply[0], reply[1])
        )
          wrong.push(`a read of ${key} at level ${operation.level} shows half a batch: ${reply.join(" ")}`);
    }
    return wrong;
  },
};

/**
 * Unknown writes that no read saw fit everywhere and explain nothing: with or without them there is a linearization, or
 * there is none. Each of them would double the search.
 */
function withoutUnseen(history: readonly Observation[]): readonly Observation[] {
  const seen = new Set(
    history.flatMap(({ reply, outcome }) => (outcome === "ok" && Array.isArray(reply) ? reply : [])),
  );
  return history.filter(
    ({ operation, outcome }) =>
      operation.name !== "MSET" || outcome !== "unknown" || seen.has(operation.args[1]!),
  );
}
