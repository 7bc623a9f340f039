import { below } from "../../../src/base/random.js";
import { operationsOf, whyNotAllowed } from "../linearizability.js";
import { type ElementCommands, type Elements, elementModel, type Way, withElement } from "./elements.js";
import { byTag, isLinearizable, namesIn, tagFor } from "./history.js";
import { type Sight, wrongSights } from "./versions.js";
import type { Draw, Observation, Shown, Workload } from "./workload.js";

/** Members of `placed` get each score once; the others are counted up by one. */
const placed = ["p0", "p1", "p2"] as const;
const counted = ["c0", "c1"] as const;

/** Lowest first: by score, then by name. */
function ranking(state: Elements): readonly (readonly [string, number])[] {
  return [...state]
    .map(([member, score]): [string, number] => [member, Number(score)])
    .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
}

const whole = new Set(["ZRANGE", "ZRANK", "ZCARD", "ZCOUNT", "ZPOPMIN", "ZPOPMAX", "ZREMRANGEBYRANK"]);

const commands: ElementCommands = {
  unordered: new Set(),
  elementsOf: (name, args) => {
    if (whole.has(name)) return null;
    if (name === "ZADD") return [args.at(-1)!];
    return name === "ZINCRBY" ? [args[2]!] : args.slice(1);
  },
  run(state, name, args, isUnknown): readonly Way[] {
    const seen = (reply: Shown): readonly Way[] => [{ state, reply }];
    switch (name) {
      case "ZADD": {
        const [score, member] = args.slice(-2) as [string, string];
        const before = state.get(member);
        const isRefused =
          (args.includes("NX") && before !== undefined) ||
          (args.includes("GT") && before !== undefined && Number(score) <= Number(before));
        if (isRefused) return seen(0);
        const changes = args.includes("CH") ? Number(before !== score) : Number(before === undefined);
        return [{ state: withElement(state, member, score), reply: changes }];
      }
      case "ZINCRBY": {
        const [, by, member] = args as [string, string, string];
        const sum = Number(state.get(member) ?? 0) + Number(by);
        return [{ state: withElement(state, member, String(sum)), reply: sum }];
      }
      case "ZREM": {
        const next = args.slice(1).reduce((left, member) => withElement(left, member, null), state);
        return [{ state: next, reply: state.size - next.size }];
      }
      case "ZPOPMIN":
      case "ZPOPMAX": {
        const ranks = ranking(state);
        if (ranks.length === 0) return seen([]);
        // What an unknown pop takes goes by what came before it, which the search may leave for later: any, then.
        const popped = isUnknown ? ranks : [name === "ZPOPMIN" ? ranks[0]! : ranks.at(-1)!];
        return popped.map((each) => ({ state: withElement(state, each[0], null), reply: each }));
      }
      case "ZSCORE":
        return seen(scoreOf(state, args[1]!));
      case "ZMSCORE":
        return seen(args.slice(1).map((member) => scoreOf(state, member)));
      case "ZRANK": {
        const rank = ranking(state).findIndex(([member]) => member === args[1]);
        return seen(rank < 0 ? null : rank);
      }
      case "ZCARD":
        return seen(state.size);
      case "ZCOUNT":
        return seen(ranking(state).filter(([, score]) => score >= Number(args[1])).length);
      case "ZRANGE":
        return seen(ranking(state));
      default:
        throw new Error(`sorted sets have no ${name}`);
    }
  },
};

function scoreOf(state: Elements, member: string): number | null {
  const score = state.get(member);
  return score === undefined ? null : Number(score);
}

const model = elementModel(commands);
const span = 75;

/** Sorted sets: scores set, counted, popped from both ends, seen one by one and as a ranking. */
export const sortedSets: Workload = {
  name: "sorted-sets",
  draw(random, keys, number): Draw {
    const key = `${tagFor("zset", below(random, keys), number, span)}z`;
    const member = placed[below(random, 3)]!;
    const counter = counted[below(random, 2)]!;
    const any = below(random, 2) === 0 ? member : counter;
    const score = String(number + 1);
    const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    const read = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: true });
    switch (below(random, 16)) {
      case 0:
        return write("ZADD", "NX", score, member);
      case 1:
        return write("ZADD", "GT", "CH", score, member);
      case 2:
      case 3:
        return write("ZINCRBY", "1", counter);
      case 4:
        return write("ZREM", any);
      case 5:
        return write(below(random, 2) === 0 ? "ZPOPMIN" : "ZPOPMAX");
      case 6:
        return read("ZSCORE", any);
      case 7:
        return read("ZMSCORE", member, counter);
      case 8:
        return read("ZRANK", any);
      case 9:
        return read("ZCARD");
      case 10:
        return read("ZCOUNT", String(Math.max(1, number - 20)), "+inf");
      case 11:
      case 12:
        return read("ZRANGE", "0", "-1", "WITHSCORES");
      default:
        return write("ZADD", score, member);
    }
  },
  finalReads: (_keys, asked) =>
    namesIn(asked).map((key) => ({ name: "ZRANGE", args: [key, "0", "-1", "WITHSCORES"], weak: false })),
  check: checkSortedSets,
};

export function checkSortedSets(observations: readonly Observation[]): readonly string[] {
  return [...byTag(observations)].flatMap(([tag, history]) => {
    const why = whyNotAllowed(operationsOf(history.filter(isLinearizable)), model);
    const wrong = placed.flatMap((member) =>
      wrongSights(`${member} of ${tag}`, sightsOf(member, history), { mayVanish: false }),
    );
    return why === null ? wrong : [`${tag}: ${why}`, ...wrong];
  });
}

function sightsOf(member: string, history: readonly Observation[]): Sight[] {
  return history.flatMap((by): Sight[] => {
    const { name, args } = by.operation;
    const isOk = by.outcome === "ok";
    const sight = (value: unknown, isWrite: boolean): Sight => ({
      by,
      value: value === null || value === undefined ? null : String(value),
      isWrite,
    });
    switch (name) {
      case "ZADD":
        // With an option, an answer of 0 says that it may not have been set.
        if (args.at(-1) !== member || (args.length > 3 && by.reply === 0)) return [];
        return [sight(args.at(-2), true)];
      case "ZREM":
        return args.includes(member) ? [sight(null, true)] : [];
      case "ZPOPMIN":
      case "ZPOPMAX": {
        if (!isOk) return [sight(null, true)];
        const [popped, score] = by.reply as readonly unknown[];
        return popped === member ? [sight(score, false), sight(null, true)] : [];
      }
      case "ZSCORE":
        return isOk && args[1] === member ? [sight(by.reply, false)] : [];
      case "ZMSCORE":
        return isOk && args[1] === member ? [sight((by.reply as readonly unknown[])[0], false)] : [];
      case "ZRANGE": {
        if (!isOk) return [];
        const shown = by.reply as readonly (readonly [string, number])[];
        return [sight(shown.find(([each]) => each === member)?.[1], false)];
      }
      default:
        return [];
    }
  });
}
