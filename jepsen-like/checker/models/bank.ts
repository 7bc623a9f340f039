import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { answering, asNumber, isKnown, misfit } from "./shapes.js";

type Accounts = Readonly<Record<string, number>>;

function record(value: unknown, operation: Operation): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== "object") return misfit("bank", operation);
  return value as Readonly<Record<string, unknown>>;
}

function balances(value: unknown, operation: Operation): Accounts {
  const entries = Object.entries(record(value, operation));
  return Object.fromEntries(entries.map(([name, sum]) => [name, asNumber(sum, "bank", operation)]));
}

/**
 * Accounts of one range; the key names the bank. `open` {account: balance} first; `transfer` {from, to, amount} -> false when
 * the source holds too little, else anything; `read` -> {account: balance} of all accounts at one moment.
 */
export const bank: Model<Accounts> = {
  name: "bank",
  initial: {},
  stateKey: canonical,
  isInert: ({ f, outcome, output }) => f === "read" || (outcome === "ok" && output === false),
  step(state, operation) {
    const { f, input, output } = operation;
    if (f === "open") return [{ ...state, ...balances(input, operation) }];
    if (f === "read") return answering(operation, state, state);
    if (f !== "transfer") return misfit("bank", operation);
    const { from, to, amount } = record(input, operation);
    const sum = asNumber(amount, "bank", operation);
    const source = String(from);
    const applies = (state[source] ?? 0) >= sum;
    if (isKnown(operation) && applies !== (output !== false)) return [];
    if (!applies) return isKnown(operation) ? [state] : [];
    const paid = { ...state, [source]: (state[source] ?? 0) - sum };
    return [{ ...paid, [String(to)]: (paid[String(to)] ?? 0) + sum }];
  },
  /** An unknown transfer may wait until an answer would be wrong without it: transfers that apply may come in any order. */
  candidates(state, pending) {
    const isMissed = pending.some((each) => isKnown(each) && bank.step(state, each).length === 0);
    return isMissed ? pending : pending.filter(isKnown);
  },
};
