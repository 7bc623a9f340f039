import { strings } from "../../../jepsen-like/checker/models/strings.js";
import type { Operation as CheckerOperation } from "../../../jepsen-like/checker/operation.js";
import { below } from "../../../src/base/random.js";
import { operationsOf, whyNotAllowed } from "../linearizability.js";
import { byTag, isLinearizable, namesIn, tagFor } from "./history.js";
import type { Draw, Observation, Workload } from "./workload.js";

/** In place of a revision: the one that was seen last. */
const lastSeen = "?";
const span = 30;

/** Strings under all that makes them: set, with and without TTL, appended, counted, compared by revision, removed. */
export const texts: Workload = {
  name: "texts",
  draw(random, keys, number): Draw {
    const key = `${tagFor("text", below(random, keys), number, span)}t`;
    const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    const read = (name: string): Draw => ({ name, args: [key], weak: false });
    const value = below(random, 3) === 0 ? String(number) : `t${number}.`;
    switch (below(random, 14)) {
      case 0:
        return write("SET", value, "PX", String(200 + below(random, 4000)));
      case 1:
      case 2:
        return write("APPEND", `${number}.`);
      case 3:
        return write("INCRBY", String(1 + below(random, 9)));
      case 4:
        return write("GETDEL");
      case 5:
        return write("DEL");
      case 6:
        return read("EXISTS");
      case 7:
        return write("QUORATE.CAS", "0", value);
      case 8:
        return write("QUORATE.CAS", lastSeen, value);
      case 9:
        return write("QUORATE.CAD", lastSeen);
      case 10:
      case 11:
        return read("QUORATE.GETREV");
      case 12:
        return read("GET");
      default:
        return write("SET", value);
    }
  },
  complete(args, earlier) {
    if (args[1] !== lastSeen) return args;
    let revision = 0;
    for (const { operation, outcome, reply } of earlier) {
      if (outcome !== "ok" || operation.args[0] !== args[0]) continue;
      if (operation.name === "QUORATE.CAS") revision = Number(reply);
      else if (operation.name === "QUORATE.GETREV") revision = Array.isArray(reply) ? Number(reply[1]) : 0;
    }
    return args.with(1, String(revision));
  },
  finalReads: (_keys, asked) =>
    namesIn(asked).map((key) => ({ name: "QUORATE.GETREV", args: [key], weak: false })),
  check(observations, conditions) {
    return [...byTag(observations)].flatMap(([tag, history]) => {
      const operations = history.flatMap((each) => asChecked(each, conditions?.keepsTtls ?? false));
      const why = whyNotAllowed(operations, strings);
      return why === null ? [] : [`${tag}: ${why}`];
    });
  },
};

/** As the model of strings has it; none for what took no effect. */
function asChecked(observation: Observation, isTtlSure: boolean): CheckerOperation[] {
  const { operation, outcome, error } = observation;
  const { name, args } = operation;
  if (!isLinearizable(observation)) return [];
  // A refusal that tells what was there is an answer.
  const tells = error === "revision-mismatch" || (name === "INCRBY" && error === "not-integer");
  const answered = outcome === "refused" && tells ? { ...observation, outcome: "ok" as const } : observation;
  const [bare] = operationsOf([answered]);
  if (bare === undefined) return [];
  const told = { ...bare, ...meaningOf(name, args, observation, isTtlSure) };
  return [told];
}

function meaningOf(
  name: string,
  args: readonly string[],
  { reply, error }: Observation,
  isTtlSure: boolean,
): Pick<CheckerOperation, "f" | "input" | "output"> {
  const output = reply;
  switch (name) {
    case "SET": {
      if (args[2] !== "PX") return { f: "set", input: args[1], output };
      const ttlMs = isTtlSure ? Number(args[3]) : 0;
      return { f: "set", input: { value: args[1], ttlMs, latestMs: null }, output };
    }
    case "INCRBY":
      return { f: "incrby", input: args[1], output: error === null ? reply : { error } };
    case "QUORATE.CAS": {
      const input = { revision: Number(args[1]), value: args[2] };
      return { f: "cas", input, output: error === null ? { revision: reply } : false };
    }
    case "QUORATE.CAD":
      return { f: "cad", input: { revision: Number(args[1]) }, output: error === null };
    case "QUORATE.GETREV": {
      const [value, revision] = Array.isArray(reply) ? reply : [null, 0];
      return { f: "get", input: null, output: { value, revision } };
    }
    case "APPEND":
      return { f: "append", input: args[1], output };
    default:
      return { f: name.toLowerCase(), input: null, output };
  }
}
