import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { answering, asList, asNumber, isKnown, misfit } from "./shapes.js";

type Scores = ReadonlyMap<string, number>;

/** Members by score, then by name in code units, as [name, score]. */
function ranking(scores: Scores): readonly (readonly [string, number])[] {
  return [...scores].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
}

function entry(operation: Operation): readonly [string, number] {
  const [member, score] = asList(operation.input, "leaderboard", operation);
  return [String(member), asNumber(score, "leaderboard", operation)];
}

/**
 * A sorted set. `add` [member, score] -> anything; `incr` [member, by] -> the new score; `remove` member -> whether it was
 * there; `score` member -> its score or null; `rank` member -> its place from the lowest, 0 first, or null; `range`
 * -> all as [member, score], lowest first.
 */
export const leaderboard: Model<Scores> = {
  name: "leaderboard",
  initial: new Map(),
  stateKey: (state) => canonical(ranking(state)),
  isInert: ({ f, outcome, output }) =>
    f === "score" ||
    f === "rank" ||
    f === "range" ||
    (f === "remove" && outcome === "ok" && output === false),
  step(state, operation) {
    const { f, input } = operation;
    switch (f) {
      case "add": {
        const [member, score] = entry(operation);
        return [new Map(state).set(member, score)];
      }
      case "incr": {
        const [member, by] = entry(operation);
        const score = (state.get(member) ?? 0) + by;
        return answering(operation, score, new Map(state).set(member, score));
      }
      case "remove": {
        const next = new Map(state);
        return answering(operation, next.delete(String(input)), next);
      }
      case "score":
        return answering(operation, state.get(String(input)) ?? null, state);
      case "rank": {
        const place = ranking(state).findIndex(([member]) => member === input);
        return answering(operation, place < 0 ? null : place, state);
      }
      case "range":
        return answering(operation, ranking(state), state);
      default:
        return misfit("leaderboard", operation);
    }
  },
  /**
   * An unknown operation may wait until one that would be wrong without it: those on other members don't see it, and what
   * is right both with and without it either comes first or hides it.
   */
  candidates(state, pending) {
    const scoreOf = (member: string): number | null => state.get(member) ?? null;
    const isMissed = (member: string, each: Operation): boolean => {
      const { f, input, output } = each;
      if (!isKnown(each)) return false;
      if (f === "rank") return true;
      if (f === "range") {
        const told = asList(output, "leaderboard", each) as readonly (readonly [string, number])[];
        return (told.find(([name]) => name === member)?.[1] ?? null) !== scoreOf(member);
      }
      if (f === "score") return input === member;
      if (f === "remove") return input === member && (output === false) === (scoreOf(member) !== null);
      return f === "incr" && entry(each)[0] === member && output !== (scoreOf(member) ?? 0) + entry(each)[1];
    };
    return pending.filter((operation) => {
      if (isKnown(operation)) return true;
      const member = operation.f === "remove" ? String(operation.input) : entry(operation)[0];
      return pending.some((each) => isMissed(member, each));
    });
  },
};
