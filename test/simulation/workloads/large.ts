import { below } from "../../../src/base/random.js";
import { checkHashes, hashes } from "./hashes.js";
import { checkQueues, queues } from "./queues.js";
import { checkSets, sets } from "./sets.js";
import { checkSortedSets, sortedSets } from "./sorted-sets.js";
import type { Draw, Observation, Shown, Workload } from "./workload.js";

/** Each element stands for so many, of so many bytes: two of them make a collection large. */
const parts = 12;
const padding = "-".repeat(90);

const numbers = Array.from({ length: parts }, (_, i) => String(i).padStart(2, "0"));

function partsOf(element: string): readonly string[] {
  return numbers.map((i) => `${element}.${i}${padding}`);
}
function onePart(element: string): string {
  return `${element}.05${padding}`;
}

/** What an answer shows isn't whole elements, each with all its parts in order. */
class Torn extends Error {}

/** @param some Parts, of which those of an element follow one another. */
function wholes(some: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < some.length; at += parts) {
    const element = some[at]!.slice(0, some[at]!.indexOf("."));
    const expected = partsOf(element);
    if (!expected.every((part, i) => some[at + i] === part)) throw new Torn(element);
    found.push(element);
  }
  return found;
}

function wholeCount(shown: Shown): number {
  const count = Number(shown) / parts;
  if (!Number.isInteger(count)) throw new Torn(`${shown} parts`);
  return count;
}

/** A class of commands on single elements, as one on elements of many parts. */
interface Enlarged {
  readonly of: Workload;
  check(observations: readonly Observation[]): readonly string[];
  /** By command: the arguments behind the key. */
  readonly asked: Readonly<Record<string, (rest: readonly string[]) => readonly string[]>>;
  /** By command: the answer as the small one would give it; left out: as it is. */
  readonly told: Readonly<Record<string, (reply: Shown, rest: readonly string[]) => Shown>>;
}

const same = (rest: readonly string[]): readonly string[] => rest;
const spread = (rest: readonly string[]): readonly string[] => rest.flatMap(partsOf);
const texts = (reply: Shown): readonly string[] => reply as readonly string[];

const enlargedSets: Enlarged = {
  of: sets,
  check: checkSets,
  asked: {
    SADD: spread,
    SREM: spread,
    SISMEMBER: (rest) => rest.map(onePart),
    SCARD: same,
    SMEMBERS: same,
    SINTER: (rest) => rest.map(enlargedKey),
    SUNION: (rest) => rest.map(enlargedKey),
    SDIFF: (rest) => rest.map(enlargedKey),
  },
  told: {
    SADD: wholeCount,
    SREM: wholeCount,
    SCARD: wholeCount,
    ...Object.fromEntries(
      ["SMEMBERS", "SINTER", "SUNION", "SDIFF"].map((name) => [
        name,
        (reply: Shown) => wholes([...texts(reply)].sort()),
      ]),
    ),
  },
};

const enlargedHashes: Enlarged = {
  of: hashes,
  check: checkHashes,
  asked: {
    HSET: (rest) =>
      rest.flatMap((field, i) => (i % 2 === 0 ? partsOf(field).flatMap((part) => [part, rest[i + 1]!]) : [])),
    HDEL: spread,
    HGET: (rest) => rest.map(onePart),
    HEXISTS: (rest) => rest.map(onePart),
    HLEN: same,
    HGETALL: same,
    HKEYS: same,
  },
  told: {
    HSET: wholeCount,
    HDEL: wholeCount,
    HLEN: wholeCount,
    HKEYS: (reply) => wholes([...texts(reply)].sort()),
    HGETALL(reply) {
      const pairs = [...(reply as readonly (readonly [string, string])[])].sort(([a], [b]) =>
        a < b ? -1 : 1,
      );
      const values = pairs.map(([, value]) => value);
      return wholes(pairs.map(([field]) => field)).map((field, i) => {
        const own = values.slice(i * parts, (i + 1) * parts);
        if (own.some((value) => value !== own[0])) throw new Torn(`${field} with ${own.join(" ")}`);
        return [field, own[0]!];
      });
    },
  },
};

function scored(reply: Shown): Shown {
  const pairs = reply as readonly (readonly [string, number])[];
  return wholes(pairs.map(([member]) => member)).map((member, i) => {
    const own = pairs.slice(i * parts, (i + 1) * parts).map(([, score]) => score);
    if (own.some((score) => score !== own[0])) throw new Torn(`${member} with ${own.join(" ")}`);
    return [member, own[0]!];
  });
}

const enlargedSortedSets: Enlarged = {
  of: sortedSets,
  check: checkSortedSets,
  asked: {
    // Options and score stand before the one member.
    ZADD: (rest) => [...rest.slice(0, -2), ...partsOf(rest.at(-1)!).flatMap((part) => [rest.at(-2)!, part])],
    ZREM: spread,
    ZPOPMIN: () => [String(parts)],
    ZPOPMAX: () => [String(parts)],
    ZSCORE: (rest) => rest.map(onePart),
    ZCARD: same,
    ZCOUNT: same,
    ZRANGE: same,
  },
  told: {
    ZADD: wholeCount,
    ZREM: wholeCount,
    ZCARD: wholeCount,
    ZCOUNT: wholeCount,
    ZRANGE: scored,
    ZPOPMIN: (reply) => (scored(reply) as readonly Shown[])[0] ?? [],
    ZPOPMAX: (reply) => (scored([...(reply as readonly Shown[])].reverse()) as readonly Shown[])[0] ?? [],
  },
};

const enlargedQueues: Enlarged = {
  of: queues,
  check: checkQueues,
  asked: {
    RPUSH: spread,
    LPUSH: (rest) => rest.flatMap((element) => [...partsOf(element)].reverse()),
    LPOP: () => [String(parts)],
    RPOP: () => [String(parts)],
    LRANGE: same,
    LLEN: same,
  },
  told: {
    RPUSH: wholeCount,
    LPUSH: wholeCount,
    LLEN: wholeCount,
    LRANGE: (reply) => wholes(texts(reply)),
    LPOP: (reply) => (reply === null ? null : (wholes(texts(reply))[0] ?? null)),
    RPOP: (reply) => (reply === null ? null : (wholes([...texts(reply)].reverse())[0] ?? null)),
  },
};

const kinds = [enlargedSets, enlargedHashes, enlargedSortedSets, enlargedQueues] as const;

/** In front of the tag of the small one's keys. */
const prefix = "{large:";

function enlargedOf({ operation }: Observation): Enlarged {
  return kinds.find(({ asked }) => operation.name in asked)!;
}

/** Draws until the class gives a command that has an enlarged form, on single elements. */
function drawFrom(kind: Enlarged, ...[random, keys, number]: Parameters<Workload["draw"]>): Draw {
  for (;;) {
    const { name, args, weak } = kind.of.draw(random, keys, number);
    const ask = kind.asked[name];
    if (ask === undefined) continue;
    const [key, ...rest] = args;
    return { name, args: [enlargedKey(key!), ...ask(rest)], weak };
  }
}

function enlargedKey(key: string): string {
  return key.replace("{", prefix);
}

/** The same classes of commands on collections so large that they change form, one way and back. */
export const large: Workload = {
  name: "large",
  draw: (random, keys, number) => drawFrom(kinds[below(random, kinds.length)]!, random, keys, number),
  finalReads: (keys, asked) =>
    kinds.flatMap((kind) =>
      kind.of.finalReads(
        keys,
        asked.filter((each) => enlargedOf(each) === kind),
      ),
    ),
  check: (observations) =>
    kinds.flatMap((kind) => {
      const wrong: string[] = [];
      const small = observations
        .filter((each) => enlargedOf(each) === kind)
        .map((each) => {
          try {
            return reduced(kind, each);
          } catch (error) {
            if (!(error instanceof Torn)) throw error;
            const { name, args, level } = each.operation;
            wrong.push(`${name} ${args[0]} at level ${level} shows part of an element: ${error.message}`);
            return each;
          }
        });
      return wrong.length > 0 ? wrong : kind.check(small);
    }),
};

/** The observation as the small class would have made it. */
function reduced({ told }: Enlarged, each: Observation): Observation {
  const { name, args } = each.operation;
  const rest = args.slice(1);
  const operation = { ...each.operation, args: [args[0]!, ...smallArguments(name, rest)] };
  const tell = told[name];
  const reply = each.outcome === "ok" && tell !== undefined ? tell(each.reply, rest) : each.reply;
  return { ...each, operation, reply };
}

/** Arguments with each element's first part standing for it, and no counts of parts. */
function smallArguments(name: string, rest: readonly string[]): readonly string[] {
  if (/^[LRZ]POP/.test(name)) return [];
  const seen = new Set<string>();
  const small: string[] = [];
  let isNew = true;
  for (const each of rest) {
    const at = each.indexOf(".");
    if (at < 0) {
      // A value follows its field, and a member its score: what goes with a part that is known is left out with it.
      if (name === "ZADD" || isNew) small.push(each);
      continue;
    }
    const element = each.slice(0, at);
    isNew = !seen.has(element);
    if (isNew) small.push(element);
    else if (name === "ZADD") small.pop();
    seen.add(element);
  }
  return small;
}
