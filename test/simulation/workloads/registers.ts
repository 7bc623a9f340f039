import { below } from "../../../src/base/random.js";
import { type Model, whyNotLinearizable } from "../linearizability.js";
import { byKey, isLinearizable } from "./history.js";
import type { Observation, Workload } from "./workload.js";

/** The state is the value; "" stands for an absent key, as no value is empty. */
const model: Model = {
  initial: "",
  isRegister: true,
  step(state, name, args) {
    const value = state === "" ? null : state;
    switch (name) {
      case "GET":
        return { state, reply: value };
      case "SET":
        return { state: args[1]!, reply: "OK" };
      case "SETNX":
        return value === null ? { state: args[1]!, reply: 1 } : { state, reply: 0 };
      case "GETSET":
        return { state: args[1]!, reply: value };
      case "GETDEL":
        return { state: "", reply: value };
      case "DEL":
        return { state: "", reply: value === null ? 0 : 1 };
      default:
        throw new Error(`registers have no ${name}`);
    }
  },
};
const writes = ["SET", "SET", "SET", "SETNX", "GETSET"] as const;
const removals = ["DEL", "GETDEL"] as const;

/** Single values, each written once, so that a read tells which write it saw. */
export const registers: Workload = {
  name: "registers",
  draw(random, keys, number) {
    const key = `register:${below(random, keys)}`;
    const kind = below(random, 10);
    if (kind < 5) return { name: "GET", args: [key], weak: true };
    if (kind === 5) return { name: removals[below(random, removals.length)]!, args: [key], weak: false };
    return { name: writes[below(random, writes.length)]!, args: [key, `v${number}`], weak: false };
  },
  finalReads: (keys) =>
    Array.from({ length: keys }, (_, i) => ({ name: "GET", args: [`register:${i}`], weak: false })),
  check(observations) {
    const wrong: string[] = [];
    for (const [key, history] of byKey(observations)) {
      const why = whyNotLinearizable(history.filter(isLinearizable), model);
      if (why !== null) wrong.push(`${key}: ${why}`);
      for (const read of history)
        if (!isLinearizable(read) && read.outcome === "ok" && !wasWritten(read, history))
          wrong.push(`a read of ${key} at level ${read.operation.level} shows ${read.reply}, never written`);
    }
    return wrong;
  },
};

function wasWritten(read: Observation, history: readonly Observation[]): boolean {
  return (
    read.reply === null ||
    history.some(
      ({ operation, outcome, invokedMs }) =>
        outcome !== "refused" && operation.args[1] === read.reply && invokedMs < read.returnedMs,
    )
  );
}
