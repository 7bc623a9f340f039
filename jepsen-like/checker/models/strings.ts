import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { isKnown, misfit } from "./shapes.js";

interface Text {
  /** null: absent. */
  readonly value: string | null;
  /** null: not told yet, but above `above`. */
  readonly revision: number | null;
  /** The highest revision that was told. */
  readonly above: number;
  /** Between these moments, in ns, the value goes; infinite: it stays. */
  readonly firstEndNs: number;
  readonly lastEndNs: number;
  /** A value went by its TTL: it isn't earlier than that could be. */
  readonly notBeforeNs: number;
}

/** A TTL is never shortened by more than 1 %, plus the clocks' rate error of 5 %. */
const leastShare = 0.94;
const bounds = { least: -(2n ** 63n), most: 2n ** 63n - 1n };
const encoder = new TextEncoder();

/**
 * A string under the string commands. An answer may be told alone or, where a revision is told with it, as
 * {value, revision}; a revision is a whole number above all earlier ones of the key.
 *
 * - `set` value, or {value, ttlMs, latestMs} -> anything. It goes at any moment from 94 % of ttlMs after the invocation on,
 *   and latestMs after its end it is gone; latestMs left out or null: an outage may prolong it for ever.
 * - `get` and `getdel` -> the value or null; `append` text -> the length in bytes; `del` and `exists` -> 1 or 0
 * - `incrby` whole number (number, or decimal text) -> the sum, or {error} when the value is none or the sum leaves 64 bits
 * - `cas` {revision, value} and `cad` {revision} -> false when another revision (or nothing) was there, else anything;
 *   revision 0 in `cas`: nothing is there
 *
 * `append` and `incrby` keep the TTL, `set` and `cas` end it.
 */
export const strings: Model<Text> = {
  name: "strings",
  initial: {
    value: null,
    revision: 0,
    above: 0,
    firstEndNs: Number.POSITIVE_INFINITY,
    lastEndNs: Number.POSITIVE_INFINITY,
    notBeforeNs: Number.NEGATIVE_INFINITY,
  },
  stateKey: ({ value, revision, above, firstEndNs, lastEndNs, notBeforeNs }) =>
    `${revision} ${above} ${firstEndNs} ${lastEndNs} ${notBeforeNs} ${canonical(value)}`,
  step(state, operation) {
    const endNs = isKnown(operation)
      ? (operation.completedNs ?? Number.POSITIVE_INFINITY)
      : Number.POSITIVE_INFINITY;
    if (endNs < state.notBeforeNs) return [];
    const states: Text[] = [];
    if (operation.invokedNs <= state.lastEndNs) states.push(...stepAlive(state, operation));
    if (state.value !== null && endNs >= state.firstEndNs)
      states.push(...stepAlive({ ...gone(state), notBeforeNs: state.firstEndNs }, operation));
    // What comes behind an operation is no earlier than that one's beginning.
    const isWrite = operation.f !== "get" && operation.f !== "exists";
    return states.map((each) =>
      isWrite && each.notBeforeNs <= operation.invokedNs
        ? { ...each, notBeforeNs: Number.NEGATIVE_INFINITY }
        : each,
    );
  },
  // An absence may come from an end that nobody saw, and a revision may be news.
  isInert(operation) {
    const { f, output } = operation;
    if (f !== "get" && f !== "exists") return false;
    if (!isKnown(operation)) return true;
    return f === "get" ? typeof output === "string" : output === 1;
  },
  /** Ends count from the invocation, so that those with a TTL are no two of a kind. */
  kindOf: ({ f, input, invokedNs }) =>
    `${f} ${canonical(input)}${f === "set" && typeof input === "object" ? ` ${invokedNs}` : ""}`,
};

function gone({ above, notBeforeNs }: Text): Text {
  return { ...strings.initial, above, notBeforeNs };
}

/** Several states only where a revision is not told. */
function stepAlive(state: Text, operation: Operation): readonly Text[] {
  const { f, input } = operation;
  const { value } = state;
  switch (f) {
    case "get":
      return seen(state, operation, value);
    case "exists":
      return answers(operation, value === null ? 0 : 1) ? [state] : [];
    case "getdel":
      return answers(operation, value) ? [gone(state)] : [];
    case "del":
      return answers(operation, value === null ? 0 : 1) ? [gone(state)] : [];
    case "set":
      return written({ ...state, ...lifeOf(operation) }, operation, textOf(operation));
    case "append": {
      const text = `${value ?? ""}${textOf(operation)}`;
      return answers(operation, encoder.encode(text).length) ? written(state, operation, text) : [];
    }
    case "incrby": {
      const sum = sumOf(value, input, operation);
      const isError = isKnown(operation) && membersOf(operation.output).error !== undefined;
      if (sum === null) return isError || !isKnown(operation) ? [state] : [];
      return !isError && answers(operation, sum) ? written(state, operation, sum) : [];
    }
    case "cas":
    case "cad":
      return compared(state, operation);
    default:
      return misfit("strings", operation);
  }
}

function compared(state: Text, operation: Operation): readonly Text[] {
  const { f, input, output } = operation;
  const { revision, value } = membersOf(input);
  if (typeof revision !== "number" || (f === "cas" && typeof value !== "string"))
    return misfit("strings", operation);
  const isUntold = state.value !== null && state.revision === null;
  const mayApply = isUntold
    ? revision > state.above
    : revision === (state.value === null ? 0 : state.revision);
  const applies = mayApply && (f === "cas" || state.value !== null);
  const isRefused = isKnown(operation) && output === false;
  if (isRefused) return applies && !isUntold ? [] : [state];
  if (!applies) return isKnown(operation) ? [] : [state];
  const met = { ...state, above: Math.max(state.above, revision) };
  if (f === "cad") return [gone(met)];
  const { firstEndNs, lastEndNs } = strings.initial;
  return written({ ...met, firstEndNs, lastEndNs }, operation, String(value));
}

/** The state after a write, where the revision that was told, if any, is above all others. */
function written(state: Text, operation: Operation, value: string): readonly Text[] {
  const told = isKnown(operation) ? membersOf(operation.output).revision : undefined;
  if (typeof told !== "number") return [{ ...state, value, revision: null }];
  return told > state.above ? [{ ...state, value, revision: told, above: told }] : [];
}

function seen(state: Text, operation: Operation, value: string | null): readonly Text[] {
  if (!answers(operation, value)) return [];
  const told = isKnown(operation) ? membersOf(operation.output).revision : undefined;
  if (typeof told !== "number") return [state];
  if (value === null) return told === 0 ? [state] : [];
  if (state.revision !== null) return told === state.revision ? [state] : [];
  return told > state.above ? [{ ...state, revision: told, above: told }] : [];
}

/** Whether the answer, where it is known and told, is `answer`. */
function answers(operation: Operation, answer: string | number | null): boolean {
  if (!isKnown(operation)) return true;
  const { output } = operation;
  const told = output !== null && typeof output === "object" ? membersOf(output).value : output;
  if (told === undefined) return operation.f !== "get" && operation.f !== "getdel";
  return told === answer || (operation.f === "incrby" && String(told) === answer);
}

/** null: not a number that can be counted up. */
function sumOf(value: string | null, by: unknown, operation: Operation): string | null {
  if (typeof by !== "number" && typeof by !== "string") return misfit("strings", operation);
  const isWhole = value === null || /^(0|-?[1-9][0-9]{0,18})$/.test(value);
  if (!isWhole || BigInt(value ?? 0) > bounds.most || BigInt(value ?? 0) < bounds.least) return null;
  const sum = BigInt(value ?? 0) + BigInt(by);
  return sum > bounds.most || sum < bounds.least ? null : String(sum);
}

function textOf(operation: Operation): string {
  const { input } = operation;
  const text = typeof input === "string" ? input : membersOf(input).value;
  return typeof text === "string" ? text : misfit("strings", operation);
}

function lifeOf(operation: Operation): Pick<Text, "firstEndNs" | "lastEndNs"> {
  const { ttlMs, latestMs } = membersOf(operation.input);
  const { firstEndNs, lastEndNs } = strings.initial;
  if (typeof ttlMs !== "number") return { firstEndNs, lastEndNs };
  const endNs = isKnown(operation)
    ? (operation.completedNs ?? Number.POSITIVE_INFINITY)
    : Number.POSITIVE_INFINITY;
  return {
    firstEndNs: operation.invokedNs + ttlMs * leastShare * 1e6,
    lastEndNs: typeof latestMs === "number" ? endNs + latestMs * 1e6 : lastEndNs,
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" ? (value as Readonly<Record<string, unknown>>) : {};
}
