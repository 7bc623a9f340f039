import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { answering, asList, isKnown, misfit } from "./shapes.js";

type List = readonly unknown[];

function listOf(operation: Operation): List {
  return asList(operation.output ?? [], "list-append", operation);
}

/**
 * `append` element -> the length after it, which is its place, where that is told as a number; `read` -> all elements in
 * order, first to last.
 */
export const listAppend: Model<List> = {
  name: "list-append",
  initial: [],
  stateKey: canonical,
  step(state, operation) {
    const { f, input, output } = operation;
    if (f === "read")
      return answering(
        isKnown(operation) ? { ...operation, output: listOf(operation) } : operation,
        state,
        state,
      );
    if (f !== "append") return misfit("list-append", operation);
    const next = [...state, input];
    return typeof output === "number" ? answering(operation, next.length, next) : [next];
  },
  given: alongTheLongest,
};

/**
 * Reads are prefixes of one list, so that the longest tells in which order everything in it came, and a length is the
 * whole state: of what comes behind, only the number can be seen.
 */
function alongTheLongest(operations: readonly Operation[]): Model<number> {
  const texts = new Map<unknown, string>();
  // Most elements are read many times over.
  const textOf = (element: unknown): string => {
    const known = texts.get(element);
    if (known !== undefined) return known;
    const text = canonical(element);
    texts.set(element, text);
    return text;
  };
  const reads = new Map<Operation, readonly string[]>();
  const appended = new Map<Operation, string>();
  for (const operation of operations)
    if (operation.f === "append") appended.set(operation, textOf(operation.input));
    else if (operation.f !== "read") misfit("list-append", operation);
    else if (isKnown(operation)) reads.set(operation, listOf(operation).map(textOf));
  let longest: readonly string[] = [];
  for (const list of reads.values()) if (list.length > longest.length) longest = list;
  /** The length at which each read is possible; null: at none. */
  const lengths = new Map<Operation, number | null>();
  for (const [read, list] of reads)
    lengths.set(read, list.every((element, i) => element === longest[i]) ? list.length : null);
  const inLongest = new Set(longest);
  const placeOf = (each: Operation): number | null =>
    isKnown(each) && typeof each.output === "number" ? each.output : null;
  const tellsPlaces = operations.some((each) => each.f === "append" && placeOf(each) !== null);
  return {
    name: "list-append",
    initial: 0,
    stateKey: String,
    step(length, operation) {
      const element = appended.get(operation);
      if (element === undefined)
        return !isKnown(operation) || lengths.get(operation) === length ? [length] : [];
      if (length < longest.length && longest[length] !== element) return [];
      const place = placeOf(operation);
      return place === null || place === length + 1 ? [length + 1] : [];
    },
    isInert: ({ f }) => f === "read",
    kindOf: (operation) => {
      const element = appended.get(operation)!;
      return inLongest.has(element) ? element : "unseen";
    },
    candidates(length, pending, target) {
      const appends = pending.filter(({ f }) => f === "append");
      for (const each of pending) {
        // A read that were possible here would be placed already.
        const end = each.f === "read" ? (lengths.get(each) ?? 0) : placeOf(each);
        if (end !== null && end <= length) return [];
      }
      if (length < longest.length) return appends.filter((each) => appended.get(each) === longest[length]);
      const next = appends.find((each) => placeOf(each) === length + 1);
      if (next !== undefined) return [next];
      // Where no place is told, what comes behind the longest read may come in any order.
      return tellsPlaces || target.f !== "append" ? appends : [target];
    },
  };
}
