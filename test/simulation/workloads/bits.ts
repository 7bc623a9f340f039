import { below } from "../../../src/base/random.js";
import { operationsOf, whyNotAllowed } from "../linearizability.js";
import { type ElementCommands, elementModel, type Way, withElement } from "./elements.js";
import { byTag, isLinearizable, namesIn, tagFor } from "./history.js";
import type { Draw, Observation, Shown, Workload } from "./workload.js";

/** Bits that are set and cleared; none is a byte's first, so that each byte is a character. */
const offsets = ["1", "2", "7", "9", "12", "20", "31"] as const;

/** A string of bits: an element is a bit that is set. */
const bitCommands: ElementCommands = {
  unordered: new Set(),
  elementsOf: (name, args) => (name === "SETBIT" || name === "GETBIT" ? [args[1]!] : null),
  run(state, name, [, offset, bit]): readonly Way[] {
    const seen = (reply: Shown): readonly Way[] => [{ state, reply }];
    const held = state.has(offset ?? "") ? 1 : 0;
    switch (name) {
      case "SETBIT":
        return [{ state: withElement(state, offset!, bit === "1" ? "1" : null), reply: held }];
      case "GETBIT":
        return seen(held);
      case "BITCOUNT":
        return seen(state.size);
      case "BITPOS":
        return seen(state.size === 0 ? -1 : Math.min(...[...state.keys()].map(Number)));
      default:
        throw new Error(`bits have no ${name}`);
    }
  },
};

const cellBytes = 4;
const cells = ["0", "1", "2", "3"] as const;

/** A string of cells of four characters: one that wasn't written before a later one is zeros. */
const cellCommands: ElementCommands = {
  unordered: new Set(),
  // Lengths tell of several cells together.
  entangled: new Set(["SETRANGE", "DEL"]),
  // The length tells of all cells.
  elementsOf: (name, args) => (name === "GETRANGE" && args[1] !== "0" ? [cellAt(args[1]!)] : null),
  run(state, name, [, at, value]): readonly Way[] {
    const seen = (reply: Shown): readonly Way[] => [{ state, reply }];
    const lengthOf = (some: typeof state): number =>
      some.size === 0 ? 0 : (Math.max(...[...some.keys()].map(Number)) + 1) * cellBytes;
    switch (name) {
      case "SETRANGE": {
        const next = withElement(state, cellAt(at!), value!);
        return [{ state: next, reply: lengthOf(next) }];
      }
      case "DEL":
        return [{ state: new Map(), reply: state.size === 0 ? 0 : 1 }];
      case "STRLEN":
        return seen(lengthOf(state));
      case "GETRANGE": {
        let text = "";
        for (let cell = 0; cell < lengthOf(state) / cellBytes; cell++)
          text += state.get(String(cell)) ?? "\0".repeat(cellBytes);
        return seen(value === "-1" ? text : text.slice(Number(at), Number(value) + 1));
      }
      default:
        throw new Error(`cells have no ${name}`);
    }
  },
};

/** A value of its own for each number below 36^4. */
function cellOf(number: number): string {
  return number.toString(36).padStart(cellBytes, "0");
}

function cellAt(offset: string): string {
  return String(Number(offset) / cellBytes);
}

const bitModel = elementModel(bitCommands);
const cellModel = elementModel(cellCommands);
const span = 60;

/** Strings that are changed in the middle: bits, and ranges of characters. */
export const bits: Workload = {
  name: "bits",
  draw(random, keys, number): Draw {
    const isOfBits = below(random, 2) === 0;
    const key = `${tagFor("bits", below(random, keys), number, span)}${isOfBits ? "b" : "c"}`;
    const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    const read = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: true });
    const kind = below(random, 8);
    if (isOfBits) {
      const offset = offsets[below(random, offsets.length)]!;
      if (kind < 4) return write("SETBIT", offset, String(below(random, 2)));
      if (kind < 6) return read("GETBIT", offset);
      return kind === 6 ? read("BITCOUNT") : read("BITPOS", "1");
    }
    const offset = below(random, cells.length) * cellBytes;
    if (kind < 3) return write("SETRANGE", String(offset), cellOf(number));
    if (kind === 3) return write("DEL");
    if (kind === 4) return read("STRLEN");
    if (kind === 5) return read("GETRANGE", String(offset), String(offset + cellBytes - 1));
    return read("GETRANGE", "0", "-1");
  },
  finalReads: (_keys, asked) =>
    namesIn(asked).map((key) =>
      key.endsWith("b")
        ? { name: "BITCOUNT", args: [key], weak: false }
        : { name: "GETRANGE", args: [key, "0", "-1"], weak: false },
    ),
  check(observations) {
    return [...byTag(observations)].flatMap(([tag, history]) =>
      (["b", "c"] as const).flatMap((kind) => {
        const own = history.filter(({ operation }) => operation.args[0]!.endsWith(kind));
        const model = kind === "b" ? bitModel : cellModel;
        const why = whyNotAllowed(operationsOf(own.filter(isLinearizable)), model);
        const wrong = own.flatMap((read) => neverWritten(tag, read, own));
        return why === null ? wrong : [`${tag}${kind}: ${why}`, ...wrong];
      }),
    );
  },
};

/** However old a read may be: its cells are zeros or whole values that were written there. */
function neverWritten(tag: string, read: Observation, history: readonly Observation[]): string[] {
  const { operation, reply, outcome, returnedMs } = read;
  if (outcome !== "ok" || operation.name !== "GETRANGE") return [];
  const text = String(reply);
  const first = Number(operation.args[1]);
  const wrong: string[] = [];
  for (let at = 0; at < text.length; at += cellBytes) {
    const cell = text.slice(at, at + cellBytes);
    const wasWritten = history.some(
      (each) =>
        each.operation.name === "SETRANGE" &&
        each.outcome !== "refused" &&
        each.invokedMs < returnedMs &&
        each.operation.args[1] === String(first + at) &&
        each.operation.args[2] === cell,
    );
    if (!wasWritten && cell !== "\0".repeat(cellBytes))
      wrong.push(
        `a read of ${tag} at level ${operation.level} shows ${JSON.stringify(cell)} at ${first + at}, which nobody wrote`,
      );
  }
  return wrong;
}
