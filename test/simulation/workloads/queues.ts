import type { Model } from "../../../jepsen-like/checker/model.js";
import { below } from "../../../src/base/random.js";
import { operationsOf, sameShown, whyNotAllowed } from "../linearizability.js";
import { byTag, isLinearizable, namesIn, tagFor, tagOf } from "./history.js";
import type { Draw, Observation, Shown, Workload } from "./workload.js";

/** Two lists of one slot, head first. */
interface Lists {
  readonly a: readonly string[];
  readonly b: readonly string[];
}
type Side = keyof Lists;
const sides: readonly Side[] = ["a", "b"];

/** Which of the two lists a key names: its last letter. */
function sideOf(key: string): Side {
  return key.endsWith("a") ? "a" : "b";
}

const pushes: ReadonlySet<string> = new Set(["RPUSH", "LPUSH"]);
const pops: ReadonlySet<string> = new Set(["RPOP", "LPOP"]);
const moves: ReadonlySet<string> = new Set(["LMOVE", "RPOPLPUSH"]);

function run(state: Lists, name: string, args: readonly string[]): { state: Lists; reply: Shown } {
  const side = sideOf(args[0]!);
  const list = state[side];
  const withList = (next: readonly string[]): Lists => ({ ...state, [side]: next });
  switch (name) {
    case "RPUSH":
    case "LPUSH": {
      const added = args.slice(1);
      const next = name === "RPUSH" ? [...list, ...added] : [...added.reverse(), ...list];
      return { state: withList(next), reply: next.length };
    }
    case "LPOP":
      return { state: withList(list.slice(1)), reply: list[0] ?? null };
    case "RPOP":
      return { state: withList(list.slice(0, -1)), reply: list.at(-1) ?? null };
    case "LMOVE":
    case "RPOPLPUSH": {
      const [from, to] = name === "LMOVE" ? [args[2], args[3]] : ["RIGHT", "LEFT"];
      const element = from === "LEFT" ? list[0] : list.at(-1);
      if (element === undefined) return { state, reply: null };
      const taken = withList(from === "LEFT" ? list.slice(1) : list.slice(0, -1));
      const target = sideOf(args[1]!);
      const put = to === "LEFT" ? [element, ...taken[target]] : [...taken[target], element];
      return { state: { ...taken, [target]: put }, reply: element };
    }
    case "LREM": {
      const next = list.filter((each) => each !== args[2]);
      return { state: withList(next), reply: list.length - next.length };
    }
    case "LRANGE":
      return { state, reply: list };
    case "LLEN":
      return { state, reply: list.length };
    case "LINDEX":
      return { state, reply: list.at(Number(args[1])) ?? null };
    default:
      throw new Error(`queues have no ${name}`);
  }
}

const queueModel: Model<Lists> = {
  name: "queues",
  initial: { a: [], b: [] },
  stateKey: ({ a, b }) => `${a.join()}|${b.join()}`,
  step(state, { f, input, output, outcome }) {
    const next = run(state, f, input as readonly string[]);
    return outcome === "ok" && !sameShown(next.reply, output as Shown) ? [] : [next.state];
  },
  isInert: ({ f, output, outcome }) =>
    f === "LRANGE" ||
    f === "LLEN" ||
    f === "LINDEX" ||
    (outcome === "ok" && ((pops.has(f) && output === null) || (f === "LREM" && output === 0))),
  /**
   * What was given to somebody was taken by nobody else, and of elements that no answer names one is like the other. Where
   * an unknown operation came can't be left open otherwise: order counts, and lengths tell of two only together.
   */
  given(operations): Model<Lists> {
    const told = operations.filter(({ outcome }) => outcome === "ok");
    const given = new Set(told.filter(({ f }) => pops.has(f)).map(({ output }) => output));
    const seen = new Set(told.flatMap(({ output }) => output));
    return {
      ...queueModel,
      kindOf({ f, input }) {
        const [key, ...rest] = input as readonly string[];
        const isUnseen = pushes.has(f) && !rest.some((each) => seen.has(each));
        return isUnseen ? `${f} ${key} ${rest.length}` : `${f} ${key} ${rest.join()}`;
      },
      candidates: (state, pending) =>
        pending.filter(({ f, input, outcome }) => {
          if (outcome === "ok" || (!pops.has(f) && !moves.has(f))) return true;
          const list = state[sideOf((input as readonly string[])[0]!)];
          if (list.length === 0) return false;
          return moves.has(f) || !given.has(f === "LPOP" ? list[0] : list.at(-1));
        }),
    };
  },
};

/** Of a pair of lists, in numbers of operations: with twice as many, unknown ones among them can be too many to search. */
const span = 30;

/** Pairs of lists as queues: what is pushed is given out at most once, and not lost while it was acknowledged. */
export const queues: Workload = {
  name: "queues",
  draw(random, keys, number): Draw {
    const tag = tagFor("queue", below(random, keys), number, span);
    const [key, other] = below(random, 3) > 0 ? [`${tag}a`, `${tag}b`] : [`${tag}b`, `${tag}a`];
    const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    const read = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: true });
    const end = (): string => (below(random, 2) === 0 ? "LEFT" : "RIGHT");
    switch (below(random, 14)) {
      case 0:
        return write("RPUSH", `e${number}`, `f${number}`);
      case 1:
        return write("LPUSH", `e${number}`);
      case 2:
      case 3:
      case 4:
        return write("LPOP");
      case 5:
        return write("RPOP");
      case 6:
        return below(random, 2) === 0 ? write("RPOPLPUSH", other) : write("LMOVE", other, end(), end());
      case 7:
        return write("LREM", "0", `e${Math.max(0, number - below(random, 12))}`);
      case 8:
        return read("LINDEX", String(below(random, 3) - 1));
      case 9:
        return read("LLEN");
      case 10:
        return read("LRANGE", "0", "-1");
      default:
        return write("RPUSH", `e${number}`);
    }
  },
  finalReads: (_keys, asked) =>
    namesIn(asked, tagOf).flatMap((tag) =>
      sides.map((side) => ({ name: "LRANGE", args: [tag + side, "0", "-1"], weak: false })),
    ),
  check: checkQueues,
};

export function checkQueues(observations: readonly Observation[]): readonly string[] {
  return [...byTag(observations)].flatMap(([tag, history]) => {
    const wrong = [...givenTwice(tag, history), ...neverPushed(tag, history)];
    if (wrong.length > 0) return wrong;
    const why = whyNotAllowed(operationsOf(history.filter(isLinearizable)), queueModel);
    return why === null ? [] : [`${tag}: ${why}`];
  });
}

function givenTwice(tag: string, history: readonly Observation[]): string[] {
  const wrong: string[] = [];
  const given = new Set<Shown>();
  for (const { operation, outcome, reply } of history) {
    if (outcome !== "ok" || !pops.has(operation.name) || reply === null) continue;
    if (given.has(reply)) wrong.push(`${tag}: ${reply} was given twice`);
    given.add(reply);
  }
  return wrong;
}

/** However old a read may be: what it shows was pushed by then, and is shown once. */
function neverPushed(tag: string, history: readonly Observation[]): string[] {
  const pushedMs = new Map<string, number>();
  for (const { operation, outcome, invokedMs } of history)
    if (pushes.has(operation.name) && outcome !== "refused")
      for (const element of operation.args.slice(1)) pushedMs.set(element, invokedMs);
  return history.flatMap(({ operation, outcome, reply, returnedMs }) => {
    if (outcome !== "ok" || operation.name !== "LRANGE") return [];
    const shown = reply as readonly string[];
    const shows = `a read of ${tag} at level ${operation.level} shows`;
    if (new Set(shown).size < shown.length) return [`${shows} an element twice: ${shown.join(" ")}`];
    return shown
      .filter((element) => (pushedMs.get(element) ?? Number.POSITIVE_INFINITY) >= returnedMs)
      .map((element) => `${shows} ${element}, which nobody pushed`);
  });
}
