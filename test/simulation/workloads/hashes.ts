import { below } from "../../../src/base/random.js";
import { operationsOf, whyNotAllowed } from "../linearizability.js";
import { type ElementCommands, type Elements, elementModel, type Way, withElement } from "./elements.js";
import { byTag, isLinearizable, namesIn, tagFor } from "./history.js";
import { type Sight, wrongSights } from "./versions.js";
import type { Draw, Observation, Workload } from "./workload.js";

const fields = ["a", "b", "c"] as const;
/** Counted up by one each time; the other fields get each value once. */
const counted = "n";

const commands: ElementCommands = {
  unordered: new Set(["HGETALL", "HKEYS"]),
  elementsOf(name, [, ...rest]) {
    if (name === "HSET") return rest.filter((_, i) => i % 2 === 0);
    return name === "HGETALL" || name === "HLEN" || name === "HKEYS" ? null : oneOf(name, rest);
  },
  run(state, name, [, ...rest]): readonly Way[] {
    const [field, value] = rest as [string, string];
    const held = state.get(field) ?? null;
    const seen = (reply: Way["reply"]): readonly Way[] => [{ state, reply }];
    switch (name) {
      case "HSET": {
        let next = state;
        for (let i = 0; i < rest.length; i += 2) next = withElement(next, rest[i]!, rest[i + 1]!);
        return [{ state: next, reply: next.size - state.size }];
      }
      case "HSETNX":
        return held === null ? [{ state: withElement(state, field, value), reply: 1 }] : seen(0);
      case "HINCRBY": {
        const sum = Number(held ?? 0) + Number(value);
        return [{ state: withElement(state, field, String(sum)), reply: sum }];
      }
      case "HDEL":
        return removed(state, rest);
      case "HGET":
        return seen(held);
      case "HEXISTS":
        return seen(held === null ? 0 : 1);
      case "HMGET":
        return seen(rest.map((each) => state.get(each) ?? null));
      case "HLEN":
        return seen(state.size);
      case "HKEYS":
        return seen([...state.keys()]);
      case "HGETALL":
        return seen([...state]);
      default:
        throw new Error(`hashes have no ${name}`);
    }
  },
};

function oneOf(name: string, rest: readonly string[]): readonly string[] {
  return name === "HDEL" || name === "HMGET" ? rest : [rest[0]!];
}

function removed(state: Elements, names: readonly string[]): readonly Way[] {
  let next = state;
  for (const each of names) next = withElement(next, each, null);
  return [{ state: next, reply: state.size - next.size }];
}

const model = elementModel(commands);
const span = 75;

/** Hashes: each field is a register, one counts, and whole reads see them together. */
export const hashes: Workload = {
  name: "hashes",
  draw(random, keys, number): Draw {
    const key = `${tagFor("hash", below(random, keys), number, span)}h`;
    const [field, other] = [fields[below(random, 3)]!, fields[below(random, 3)]!];
    const value = `h${number}`;
    const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    const read = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: true });
    switch (below(random, 14)) {
      case 0:
        return field === other ? write("HSET", field, value) : write("HSET", field, value, other, value);
      case 1:
        return write("HSETNX", field, value);
      case 2:
      case 3:
        return write("HINCRBY", counted, "1");
      case 4:
        return write("HDEL", field);
      case 5:
        return below(random, 3) > 0 ? write("HDEL", counted) : write("HDEL", ...fields, counted);
      case 6:
        return read("HGET", field);
      case 7:
        return read("HMGET", field, counted);
      case 8:
        return read("HGETALL");
      case 9:
        return read("HLEN");
      case 10:
        return below(random, 2) === 0 ? read("HKEYS") : read("HEXISTS", field);
      default:
        return write("HSET", field, value);
    }
  },
  finalReads: (_keys, asked) => namesIn(asked).map((key) => ({ name: "HGETALL", args: [key], weak: false })),
  check: checkHashes,
};

export function checkHashes(observations: readonly Observation[]): readonly string[] {
  return [...byTag(observations)].flatMap(([tag, history]) => {
    const why = whyNotAllowed(operationsOf(history.filter(isLinearizable)), model);
    const wrong = fields.flatMap((field) =>
      wrongSights(`field ${field} of ${tag}`, sightsOf(field, history), { mayVanish: false }),
    );
    return why === null ? wrong : [`${tag}: ${why}`, ...wrong];
  });
}

function sightsOf(field: string, history: readonly Observation[]): Sight[] {
  return history.flatMap((by): Sight[] => {
    const { operation, reply } = by;
    const [, ...rest] = operation.args;
    const at = rest.indexOf(field);
    const write = (value: string | null): Sight[] => [{ by, value, isWrite: true }];
    const see = (value: unknown): Sight[] => [{ by, value: value as string | null, isWrite: false }];
    switch (operation.name) {
      case "HSET":
        return at >= 0 && at % 2 === 0 ? write(rest[at + 1]!) : [];
      case "HSETNX":
        return rest[0] === field && reply !== 0 ? write(rest[1]!) : [];
      case "HDEL":
        return at >= 0 ? write(null) : [];
      case "HGET":
        return at >= 0 ? see(reply) : [];
      case "HMGET":
        return at >= 0 && by.outcome === "ok" ? see((reply as readonly unknown[])[at]) : [];
      case "HGETALL":
        if (by.outcome !== "ok") return [];
        return see((reply as readonly [string, string][]).find(([name]) => name === field)?.[1] ?? null);
      default:
        return [];
    }
  });
}
