import { below, type Random } from "../../../src/base/random.js";
import { byKey, namesIn } from "./history.js";
import { type Sight, wrongSights } from "./versions.js";
import type { Draw, Observation, Workload } from "./workload.js";

/** Keys per key of other classes: many more than fit. */
const crowd = 12;
const kinds = ["string", "string", "hash", "zset", "set", "list"] as const;
type Kind = (typeof kinds)[number];

/** Values are told apart by what stands before their padding. */
function padded(random: Random, number: number): string {
  const length = below(random, 4) === 0 ? below(random, 3000) : below(random, 300);
  return `v${number}${"~".repeat(length)}`;
}
function bare(value: string): string {
  const at = value.indexOf("~");
  return at < 0 ? value : value.slice(0, at);
}

/** Entries of every type come and go in a cache that is too small for them. */
export const evictions: Workload = {
  name: "evictions",
  draw(random, keys, number): Draw {
    const at = below(random, keys * crowd);
    const kind = kinds[at % kinds.length]!;
    const key = `cache:${kind}:${at}`;
    const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
    const ttlMs = String(50 + below(random, 6000));
    const choice = below(random, 20);
    if (choice === 0) return write("DEL");
    if (choice < 4) return write("PEXPIRE", ttlMs);
    if (choice === 4) return write("PERSIST");
    if (choice < 12) return readOf(random, kind, key, number);
    return writeOf(random, kind, key, number, ttlMs);
  },
  finalReads: (_keys, asked) =>
    namesIn(asked).map((key) => ({
      name: wholeRead[kindOf(key)][0]!,
      args: [key, ...wholeRead[kindOf(key)].slice(1)],
      weak: false,
    })),
  check(observations) {
    return [...byKey(observations)].flatMap(([key, history]) => [
      ...history.flatMap((each) => shownTwice(key, each)),
      ...[...placesOf(history)].flatMap((place) =>
        wrongSights(`${key} ${place}`, sightsOf(place, history), { mayVanish: true }),
      ),
    ]);
  },
};

/** Each member and element was put there once. */
function shownTwice(key: string, { operation, outcome, reply }: Observation): string[] {
  if (outcome !== "ok" || !Array.isArray(reply) || operation.name === "HGETALL") return [];
  return new Set(reply).size === reply.length
    ? []
    : [`${key} shows a value twice: ${reply.map(String).map(bare)}`];
}

function kindOf(key: string): Kind {
  return key.split(":")[1] as Kind;
}

/** What shows all of a value, and the arguments behind the key. */
const wholeRead: Readonly<Record<Kind, readonly string[]>> = {
  string: ["GET"],
  hash: ["HGETALL"],
  zset: ["ZRANGE", "0", "-1"],
  set: ["SMEMBERS"],
  list: ["LRANGE", "0", "-1"],
};

function readOf(random: Random, kind: Kind, key: string, number: number): Draw {
  if (below(random, 12) === 0) return { name: "TYPE", args: [key], weak: true };
  const [name, ...rest] = wholeRead[kind];
  if (kind === "hash" && below(random, 2) === 0)
    return { name: "HGET", args: [key, `f${number % 2}`], weak: true };
  return { name: name!, args: [key, ...rest], weak: true };
}

function writeOf(random: Random, kind: Kind, key: string, number: number, ttlMs: string): Draw {
  const value = padded(random, number);
  const write = (name: string, ...rest: string[]): Draw => ({ name, args: [key, ...rest], weak: false });
  switch (kind) {
    case "string": {
      const choice = below(random, 6);
      if (choice === 0) return write("GETSET", value);
      if (choice === 1) return write("SETNX", value);
      return choice < 4 ? write("SET", value, "PX", ttlMs) : write("SET", value);
    }
    case "hash":
      return write("HSET", `f${number % 2}`, value);
    case "zset":
      return write("ZADD", String(number), value);
    case "set":
      return below(random, 4) === 0 ? write("SPOP") : write("SADD", value);
    case "list":
      return below(random, 4) === 0 ? write("LPOP") : write("RPUSH", value);
  }
}

/** Where values lie in a key: a string is one place, so is a field; each member of what holds many is one of its own. */
function placesOf(history: readonly Observation[]): ReadonlySet<string> {
  const places = new Set<string>();
  for (const { operation } of history) {
    const { name, args } = operation;
    if (name === "SET" || name === "SETNX" || name === "GETSET") places.add("as string");
    else if (name === "HSET") places.add(args[1]!);
    else if (name === "SADD" || name === "RPUSH") places.add(bare(args[1]!));
    else if (name === "ZADD") places.add(bare(args[2]!));
  }
  return places;
}

function sightsOf(place: string, history: readonly Observation[]): Sight[] {
  return history.flatMap((by): Sight[] => {
    const { name, args } = by.operation;
    const isOk = by.outcome === "ok";
    const wrote = (value: string | null): Sight => ({ by, value, isWrite: true });
    const saw = (value: unknown): Sight => ({
      by,
      value: typeof value === "string" ? bare(value) : null,
      isWrite: false,
    });
    const sawMember = (members: readonly unknown[]): Sight =>
      saw(members.find((each) => typeof each === "string" && bare(each) === place) ?? null);
    switch (name) {
      case "SET":
        return [wrote(bare(args[1]!))];
      case "SETNX":
        return by.reply === 0 ? [] : [wrote(bare(args[1]!))];
      case "GETSET":
        return isOk ? [saw(by.reply), wrote(bare(args[1]!))] : [wrote(bare(args[1]!))];
      case "HSET":
        return args[1] === place ? [wrote(bare(args[2]!))] : [];
      case "ZADD":
        return bare(args[2]!) === place ? [wrote(place)] : [];
      case "SADD":
      case "RPUSH":
        return bare(args[1]!) === place ? [wrote(place)] : [];
      case "DEL":
        return [wrote(null)];
      case "SPOP":
      case "LPOP":
        if (!isOk) return [wrote(null)];
        return typeof by.reply === "string" && bare(by.reply) === place ? [saw(by.reply), wrote(null)] : [];
      case "TYPE":
        return isOk && by.reply === "none" ? [saw(null)] : [];
      case "GET":
        return isOk ? [saw(by.reply)] : [];
      case "HGET":
        return isOk && args[1] === place ? [saw(by.reply)] : [];
      case "HGETALL": {
        const pairs = isOk ? (by.reply as readonly (readonly [string, string])[]) : [];
        return isOk ? [saw(pairs.find(([field]) => field === place)?.[1])] : [];
      }
      case "ZRANGE":
      case "SMEMBERS":
      case "LRANGE":
        return isOk ? [sawMember(by.reply as readonly unknown[])] : [];
      default:
        return [];
    }
  });
}
