import { below } from "../../../src/base/random.js";
import { type Model, whyNotLinearizable } from "../linearizability.js";
import { byTag, isLinearizable, namesIn, tagFor, tagOf } from "./history.js";
import type { Draw, Observation, Shown, Workload } from "./workload.js";

const names = ["a", "b", "c"] as const;
type Name = (typeof names)[number];

interface Value {
  readonly type: "string" | "zset";
  /** A string's text, or a sorted set's members in order. */
  readonly text: string;
  readonly hasTtl: boolean;
}
type Keys = Readonly<Partial<Record<Name, Value>>>;

/** Longer than any run, and than any clock jumps. */
const ttlSeconds = "10000000";

function nameOf(key: string): Name {
  return key.slice(-1) as Name;
}

function run(keys: Keys, name: string, args: readonly string[]): { keys: Keys; reply: Shown } {
  const own = nameOf(args[0]!);
  const value = keys[own];
  const withKey = (at: Name, next: Value | undefined, from: Keys = keys): Keys => {
    const { [at]: _, ...rest } = from;
    return next === undefined ? rest : { ...rest, [at]: next };
  };
  switch (name) {
    case "SET":
      return { keys: withKey(own, { type: "string", text: args[1]!, hasTtl: false }), reply: "OK" };
    case "ZADD": {
      const members = value === undefined ? [] : value.text.split(" ");
      members.push(args[2]!);
      members.sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
      const next: Value = { type: "zset", text: members.join(" "), hasTtl: value?.hasTtl ?? false };
      return { keys: withKey(own, next), reply: 1 };
    }
    case "ZRANGE":
      return { keys, reply: value === undefined ? [] : value.text.split(" ") };
    case "GET":
      return { keys, reply: value?.text ?? null };
    case "TYPE":
      return { keys, reply: value?.type ?? "none" };
    case "EXISTS":
      return { keys, reply: value === undefined ? 0 : 1 };
    case "TTL":
      return { keys, reply: value === undefined ? -2 : value.hasTtl ? 1 : -1 };
    case "DEL":
    case "UNLINK":
      return { keys: withKey(own, undefined), reply: value === undefined ? 0 : 1 };
    case "EXPIRE":
      if (value === undefined) return { keys, reply: 0 };
      return { keys: withKey(own, { ...value, hasTtl: true }), reply: 1 };
    case "PERSIST":
      if (!value?.hasTtl) return { keys, reply: 0 };
      return { keys: withKey(own, { ...value, hasTtl: false }), reply: 1 };
    case "COPY": {
      const to = nameOf(args[1]!);
      if (value === undefined || (keys[to] !== undefined && args[2] !== "REPLACE")) return { keys, reply: 0 };
      return { keys: withKey(to, value), reply: 1 };
    }
    case "RENAME":
    case "RENAMENX": {
      const to = nameOf(args[1]!);
      const answer = name === "RENAME" ? "OK" : 1;
      // Without a source it is an error, and took no effect.
      if (value === undefined) return { keys, reply: null };
      if (name === "RENAMENX" && keys[to] !== undefined) return { keys, reply: 0 };
      return { keys: withKey(to, value, withKey(own, undefined)), reply: answer };
    }
    default:
      throw new Error(`no command on keys: ${name}`);
  }
}

/** The state is the keys as text, in the order of their names. */
const model: Model = {
  initial: "{}",
  step(state, name, args) {
    const before = JSON.parse(state) as Keys;
    const own = before[nameOf(args[0]!)];
    // Of another type: an error, unless nobody heard it.
    const isMisfit =
      own !== undefined &&
      ((name === "ZADD" && own.type !== "zset") ||
        (name === "GET" && own.type !== "string") ||
        (name === "ZRANGE" && own.type !== "zset"));
    if (isMisfit) return { state, reply: null };
    const { keys, reply } = run(before, name, args);
    const sorted = names.flatMap((each) => (keys[each] === undefined ? [] : [[each, keys[each]]]));
    return { state: JSON.stringify(Object.fromEntries(sorted)), reply };
  },
};
const span = 40;

/** Three keys of one slot that are copied, renamed, given deadlines and removed; all of them are one object. */
export const keyCommands: Workload = {
  name: "key-commands",
  draw(random, keys, number): Draw {
    const tag = tagFor("keys", below(random, keys), number, span);
    const at = below(random, 3);
    const key = tag + names[at]!;
    const other = tag + names[(at + 1 + below(random, 2)) % 3]!;
    const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    const read = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    switch (below(random, 20)) {
      case 0:
      case 1:
        return write("COPY", other);
      case 2:
        return write("COPY", other, "REPLACE");
      case 3:
        return write("RENAME", other);
      case 4:
        return write("RENAMENX", other);
      case 5:
        return write(below(random, 2) === 0 ? "DEL" : "UNLINK");
      case 6:
      case 7:
        return write("EXPIRE", ttlSeconds);
      case 8:
        return write("PERSIST");
      case 9:
        return read("TYPE");
      case 10:
        return read("TTL");
      case 11:
        return read("EXISTS");
      case 12:
        return read("GET");
      case 13:
        return read("ZRANGE", "0", "-1");
      case 14:
      case 15:
      case 16:
        return write("ZADD", String(number), `z${number}`);
      default:
        return write("SET", `k${number}`);
    }
  },
  finalReads: (_keys, asked) =>
    namesIn(asked, tagOf).flatMap((tag) =>
      names.map((each) => ({ name: "TTL", args: [tag + each], weak: false })),
    ),
  check(observations) {
    return [...byTag(observations)].flatMap(([tag, history]) => {
      const why = whyNotLinearizable(history.filter(isLinearizable).map(withoutSeconds), model);
      return why === null ? [] : [`${tag}: ${why}`];
    });
  },
};

/** That there is a TTL counts here, not how much is left of it. */
function withoutSeconds(each: Observation): Observation {
  const isTtl = each.operation.name === "TTL" && each.outcome === "ok";
  return isTtl ? { ...each, reply: Math.min(1, Number(each.reply)) } : each;
}
