import { below } from "../../../src/base/random.js";
import { operationsOf, whyNotAllowed } from "../linearizability.js";
import { type ElementCommands, type Elements, elementModel, type Way, withElement } from "./elements.js";
import { byTag, isLinearizable, namesIn, tagFor, tagOf } from "./history.js";
import type { Draw, Observation, Shown, Workload } from "./workload.js";

const members = ["m0", "m1", "m2", "m3", "m4"] as const;
const sides = ["a", "b"] as const;

/** Which of the two sets a key names: its last letter. */
function sideOf(key: string): string {
  return key.slice(-1);
}

/** A member's state is the sides on which it is: "a", "b" or "ab". */
function put(state: Elements, member: string, side: string, isIn: boolean): Elements {
  const before = state.get(member) ?? "";
  const after = sides.filter((each) => (each === side ? isIn : before.includes(each))).join("");
  return withElement(state, member, after === "" ? null : after);
}

function on(state: Elements, side: string): string[] {
  return [...state].filter(([, at]) => at.includes(side)).map(([member]) => member);
}

const whole = new Set(["SMEMBERS", "SCARD", "SPOP", "SINTER", "SUNION", "SDIFF"]);

const commands: ElementCommands = {
  unordered: new Set(["SMEMBERS", "SINTER", "SUNION", "SDIFF"]),
  entangled: new Set(["SMOVE"]),
  elementsOf: (name, args) => (whole.has(name) ? null : args.slice(name === "SMOVE" ? 2 : 1)),
  run(state, name, args): readonly Way[] {
    const side = sideOf(args[0]!);
    const seen = (reply: Shown): readonly Way[] => [{ state, reply }];
    const has = (member: string, at = side): boolean => (state.get(member) ?? "").includes(at);
    switch (name) {
      case "SADD":
      case "SREM": {
        let [next, changed] = [state, 0];
        for (const member of args.slice(1)) {
          if (has(member) === (name === "SREM")) changed++;
          next = put(next, member, side, name === "SADD");
        }
        return [{ state: next, reply: changed }];
      }
      case "SMOVE": {
        const [, destination, member] = args as [string, string, string];
        if (!has(member)) return seen(0);
        return [{ state: put(put(state, member, side, false), member, sideOf(destination), true), reply: 1 }];
      }
      case "SPOP": {
        const there = on(state, side);
        if (there.length === 0) return seen(null);
        return there.map((member) => ({ state: put(state, member, side, false), reply: member }));
      }
      case "SISMEMBER":
        return seen(has(args[1]!) ? 1 : 0);
      case "SMISMEMBER":
        return seen(args.slice(1).map((member) => (has(member) ? 1 : 0)));
      case "SCARD":
        return seen(on(state, side).length);
      case "SMEMBERS":
        return seen(on(state, side));
      case "SINTER":
        return seen(on(state, "a").filter((member) => has(member, "b")));
      case "SUNION":
        return seen([...state.keys()]);
      case "SDIFF":
        return seen(on(state, side).filter((member) => !has(member, side === "a" ? "b" : "a")));
      default:
        throw new Error(`sets have no ${name}`);
    }
  },
};

const model = elementModel(commands);
const span = 75;

/** Pairs of sets of one slot: members come, go, move from one to the other, and are drawn by chance. */
export const sets: Workload = {
  name: "sets",
  draw(random, keys, number): Draw {
    const tag = tagFor("set", below(random, keys), number, span);
    const [key, other] = below(random, 3) > 0 ? [`${tag}a`, `${tag}b`] : [`${tag}b`, `${tag}a`];
    const [member, second] = [members[below(random, 5)]!, members[below(random, 5)]!];
    const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    const read = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: true });
    switch (below(random, 14)) {
      case 0:
        return member === second ? write("SADD", member) : write("SADD", member, second);
      case 1:
      case 2:
        return write("SREM", member);
      case 3:
        return write("SMOVE", other, member);
      case 4:
        return write("SPOP");
      case 5:
        return read("SISMEMBER", member);
      case 6:
        return read("SMISMEMBER", member, second);
      case 7:
        return read("SCARD");
      case 8:
        return read(["SINTER", "SUNION", "SDIFF"][below(random, 3)]!, other);
      case 9:
      case 10:
        return read("SMEMBERS");
      default:
        return write("SADD", member);
    }
  },
  finalReads: (_keys, asked) =>
    namesIn(asked, tagOf).flatMap((tag) =>
      sides.map((side) => ({ name: "SMEMBERS", args: [tag + side], weak: false })),
    ),
  check: checkSets,
};

export function checkSets(observations: readonly Observation[]): readonly string[] {
  return [...byTag(observations)].flatMap(([tag, history]) => {
    const why = whyNotAllowed(operationsOf(history.filter(isLinearizable)), model);
    const wrong = history.flatMap((read) => (isLinearizable(read) ? [] : neverAdded(tag, read, history)));
    return why === null ? wrong : [`${tag}: ${why}`, ...wrong];
  });
}

/** A weaker read may be old, but shows only what was added at some time, and nothing twice. */
function neverAdded(tag: string, read: Observation, history: readonly Observation[]): string[] {
  const { operation, reply, outcome, returnedMs } = read;
  if (outcome !== "ok" || !commands.unordered.has(operation.name)) return [];
  const shown = reply as readonly string[];
  const shows = `a ${operation.name} of ${tag} at level ${operation.level} shows`;
  if (new Set(shown).size < shown.length) return [`${shows} a member twice: ${shown.join(" ")}`];
  return shown
    .filter(
      (member) =>
        !history.some(
          (each) =>
            each.operation.name === "SADD" &&
            each.outcome !== "refused" &&
            each.invokedMs < returnedMs &&
            each.operation.args.includes(member),
        ),
    )
    .map((member) => `${shows} ${member}, which nobody added`);
}
