import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { asList, isKnown, misfit } from "./shapes.js";

/** Elements of a read, by their canonical text. */
function elements(operation: Operation): ReadonlySet<string> {
  return new Set(asList(operation.output ?? [], "set", operation).map(canonical));
}

/** A growing set. `add` element -> false when it was there already, else anything; `read` -> its elements in any order. */
export const set: Model<ReadonlySet<string>> = {
  name: "set",
  initial: new Set(),
  stateKey: (state) => [...state].sort().join(),
  step(state, operation) {
    const { f, input, output } = operation;
    if (f === "add") {
      const element = canonical(input);
      if (isKnown(operation) && typeof output === "boolean" && output === state.has(element)) return [];
      return [state.has(element) ? state : new Set(state).add(element)];
    }
    if (f !== "read") return misfit("set", operation);
    if (!isKnown(operation)) return [state];
    const seen = elements(operation);
    return seen.size === state.size && [...seen].every((each) => state.has(each)) ? [state] : [];
  },
  given: numberedSet,
};

/** Elements have numbers; a bit of `words` each. */
interface Bits {
  readonly size: number;
  readonly words: Uint32Array;
  /** Sums of two mixes of the numbers: equal for equal sets, and for others by a chance of 2^-64. */
  readonly sums: readonly [number, number];
}

function mix(number: number, factor: number): number {
  const mixed = Math.imul(number + 1, factor);
  return Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97) ^ (mixed >>> 13);
}

function has({ words }: Bits, number: number): boolean {
  return (words[number >>> 5]! & (1 << (number & 31))) !== 0;
}

function bitsOf(numbers: ReadonlySet<number>, count: number): Bits {
  const words = new Uint32Array((count + 31) >>> 5);
  let [first, second] = [0, 0];
  for (const number of numbers) {
    words[number >>> 5]! |= 1 << (number & 31);
    first = (first + mix(number, 0x21f0aaad)) | 0;
    second = (second + mix(number, 0x6c62272f)) | 0;
  }
  return { size: numbers.size, words, sums: [first, second] };
}

function withNumber({ size, words, sums: [first, second] }: Bits, number: number): Bits {
  const more = words.slice();
  more[number >>> 5]! |= 1 << (number & 31);
  const sums = [(first + mix(number, 0x21f0aaad)) | 0, (second + mix(number, 0x6c62272f)) | 0] as const;
  return { size: size + 1, words: more, sums };
}

/** States are bit sets, so that a read costs its length once and not at every state at which it is tried. */
function numberedSet(operations: readonly Operation[]): Model<Bits> {
  const numbers = new Map<string, number>();
  const numberOf = (element: string): number => {
    const known = numbers.get(element);
    if (known !== undefined) return known;
    numbers.set(element, numbers.size);
    return numbers.size - 1;
  };
  const added = new Map<Operation, number>();
  const shown = new Map<Operation, ReadonlySet<number>>();
  for (const operation of operations)
    if (operation.f === "add") added.set(operation, numberOf(canonical(operation.input)));
    else if (operation.f !== "read") misfit("set", operation);
    else if (isKnown(operation)) shown.set(operation, new Set([...elements(operation)].map(numberOf)));
  const reads = new Map([...shown].map(([read, some]) => [read, bitsOf(some, numbers.size)]));
  return {
    name: "set",
    initial: bitsOf(new Set(), numbers.size),
    stateKey: ({ size, sums: [first, second] }) => `${size} ${first} ${second}`,
    step(state, operation) {
      const number = added.get(operation);
      if (number === undefined) {
        const read = reads.get(operation);
        const fits =
          read === undefined ||
          (read.size === state.size && read.words.every((word, i) => word === state.words[i]));
        return fits ? [state] : [];
      }
      const isThere = has(state, number);
      if (isKnown(operation) && operation.output === isThere) return [];
      return [isThere ? state : withNumber(state, number)];
    },
    isInert: ({ f, outcome, output }) => f === "read" || (outcome === "ok" && output === false),
    /**
     * Additions of different elements commute and none is taken back, so that the states are a chain of growing sets: the
     * smallest read under way comes first, and the elements that it shows may come in any one order.
     */
    candidates(state, pending, target) {
      const additionsOf = (number: number): readonly Operation[] =>
        has(state, number) ? [target] : pending.filter((each) => added.get(each) === number);
      let smallest: Bits | null = null;
      for (const each of pending) {
        const read = reads.get(each);
        if (read === undefined) continue;
        // Had it been possible, it would be placed.
        if (read.size <= state.size) return [];
        if (smallest === null || read.size < smallest.size) smallest = read;
      }
      const wanted = added.get(target);
      if (wanted !== undefined && (smallest === null || has(smallest, wanted))) return additionsOf(wanted);
      if (smallest === null) return [];
      for (const each of pending) {
        const number = added.get(each);
        if (number !== undefined && has(smallest, number) && !has(state, number)) return additionsOf(number);
      }
      return [];
    },
  };
}
