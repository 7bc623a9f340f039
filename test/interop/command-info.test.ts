import { afterAll, beforeAll, expect, test } from "vitest";
import { commandTable } from "../../src/commands/table.js";
import { localCatalogue } from "../../src/edge/resp/local-catalogue.js";
import { OwnDoor } from "./own-door.js";
import { RedisServer } from "./redis-server.js";
import { type Frame, FrameClient } from "./resp-frames.js";

/** What clients learn of commands from COMMAND is what a real redis-server says of them. */

let redis: RedisServer;
let door: OwnDoor;
let ours: readonly [FrameClient, FrameClient];
let theirs: readonly [FrameClient, FrameClient];
beforeAll(async () => {
  redis = await RedisServer.start();
  door = new OwnDoor();
  const port = await door.listen();
  const both = async (to: number | string) =>
    [await FrameClient.open(to, false), await FrameClient.open(to, true)] as const;
  ours = await both(port);
  theirs = await both(redis.path);
});
afterAll(async () => {
  for (const client of [...(ours ?? []), ...(theirs ?? [])]) client.close();
  await door?.close();
  await redis?.stop();
});

const names = [...commandTable, ...localCatalogue].map(({ name }) => name);
const own = names.filter((name) => name.startsWith("QUORATE."));
const shared = names.filter((name) => !own.includes(name));

/** Commands of the door whose subcommands COMMAND doesn't tell of. */
const undescribed = ["CLIENT", "CLUSTER", "COMMAND", "CONFIG"];

const fields = [
  "name",
  "arity",
  "flags",
  "first key",
  "last key",
  "step",
  "categories",
  "tips",
  "key specifications",
  "subcommands",
] as const;
type Shape = string | readonly Shape[] | { readonly [name: string]: Shape };

/** A RESP3 frame with its types; sets and maps in an order of their own, since theirs means nothing. */
function shapeOf({ text, items }: Frame): Shape {
  if (items === null) return text.startsWith("$") ? text.slice(text.indexOf("\r\n") + 2, -2) : text.trimEnd();
  const shapes = items.map(shapeOf);
  switch (text[0]) {
    case "~":
      return { set: shapes.map((shape) => JSON.stringify(shape)).sort() };
    case "%": {
      const pairs = shapes.flatMap((key, i) =>
        i % 2 === 0 ? [[key as string, shapes[i + 1]!] as const] : [],
      );
      // Remarks for readers of the specification, which only SET and GETEX have.
      return Object.fromEntries(pairs.filter(([key]) => key !== "notes"));
    }
    default:
      return shapes;
  }
}

function described(frame: Frame): Record<(typeof fields)[number], Shape> {
  expect(frame.items?.length).toBe(fields.length);
  const shapes = frame.items!.map(shapeOf);
  return Object.fromEntries(fields.map((field, i) => [field, shapes[i]!])) as Record<
    (typeof fields)[number],
    Shape
  >;
}

async function infoOf(client: FrameClient, name: string): Promise<Frame> {
  const [reply] = await client.exchange([["COMMAND", "INFO", name]]);
  return reply!.items![0]!;
}

test.each(shared)("%s is described as Redis describes it", async (name) => {
  const { subcommands: ourOwn, ...mine } = described(await infoOf(ours[1], name));
  const { subcommands: redisOwn, ...real } = described(await infoOf(theirs[1], name));
  expect(mine).toEqual(real);
  if (!Array.isArray(redisOwn)) {
    expect(ourOwn).toEqual(redisOwn);
    return;
  }
  // Of subcommands there are fewer; those of the door's own commands are not described.
  if (!Array.isArray(ourOwn)) {
    expect(undescribed).toContain(name);
    return;
  }
  const known = new Map((redisOwn as Shape[][]).map((each) => [each[0], each]));
  for (const each of ourOwn as Shape[][]) expect(each).toEqual(known.get(each[0]!));
});

test("OBJECT and MEMORY describe the subcommands they have", async () => {
  const of = async (name: string): Promise<Shape[]> => {
    const found = described(await infoOf(ours[1], name)).subcommands as Shape[][];
    return found.map((each) => each[0]!);
  };
  expect(await of("OBJECT")).toEqual([
    "object|encoding",
    "object|freq",
    "object|idletime",
    "object|refcount",
    "object|help",
  ]);
  expect(await of("MEMORY")).toEqual(["memory|usage", "memory|help"]);
});

function leaves({ text, items }: Frame): string[] {
  return items === null ? [text] : items.flatMap(leaves);
}

test("RESP2 clients get the same words", async () => {
  for (const name of shared.filter((each) => !["SET", "GETEX"].includes(each))) {
    const [mine, real] = [await infoOf(ours[0], name), await infoOf(theirs[0], name)];
    const count = fields.length - 1;
    const words = (frame: Frame): string[] => frame.items!.slice(0, count).flatMap(leaves).sort();
    expect(words(mine), name).toEqual(words(real));
  }
});

test("COMMAND COUNT and LIST are of the same commands as COMMAND", async () => {
  const [all, count, list] = await ours[1].exchange([["COMMAND"], ["COMMAND", "COUNT"], ["COMMAND", "LIST"]]);
  expect(all!.items!.length).toBe(names.length);
  expect(count!.text).toBe(`:${names.length}\r\n`);
  expect(list!.items!.map(shapeOf)).toEqual(names.map((name) => name.toLowerCase()));
  for (const name of own) expect(described(await infoOf(ours[1], name)).name).toBe(name.toLowerCase());
});

const lines = [
  "ZUNION 2 a b",
  "zunion 2 a b withscores",
  "ZUNION 5 a b",
  "ZUNION x a",
  "ZUNION 1",
  "ZINTER -1 a",
  "ZINTER 99999999999999999999 a",
  "ZDIFF 1 a",
  "ZUNIONSTORE d 2 a b",
  "ZUNIONSTORE d 0 a b",
  "ZINTERSTORE d 2 a b WEIGHTS 1 2",
  "ZDIFFSTORE d 1 a",
  "ZINTERCARD 2 a b LIMIT 3",
  "SINTERCARD 1 a LIMIT 2",
  "LMPOP 2 a b LEFT",
  "LMPOP 0 a LEFT",
  "ZMPOP 1 a MIN COUNT 2",
  "BITOP AND d a b",
  "BITOP NOT d a",
  "OBJECT ENCODING a",
  "OBJECT HELP",
  "OBJECT HELP a",
  "OBJECT foo a",
  "OBJECT ENCODING",
  "MEMORY USAGE a",
  "MEMORY USAGE a SAMPLES 5",
  "COPY a b",
  "COPY a b REPLACE",
  "RENAME a b",
  "SMOVE a b c",
  "LMOVE a b LEFT RIGHT",
  "RPOPLPUSH a b",
  "SINTERSTORE d a b",
  "SUNION a b c",
  "ZRANGESTORE d a 0 -1",
  "MSET a 1 b 2",
  "MSET a 1 b",
  "MGET a b c",
  "DEL a b",
  "SET a b get",
  "SET a b",
  "SET a GET EX 5",
  "HSET h f v",
  "DBSIZE",
  "PING x",
  "KEYS a*",
  "SCAN 0",
  "GET a b",
  "nosuch a",
];

test.each(lines)("COMMAND GETKEYS and GETKEYSANDFLAGS find the keys of: %s", async (line) => {
  const commands = ["GETKEYS", "GETKEYSANDFLAGS"].map((word) => ["COMMAND", word, ...line.split(" ")]);
  const [mine, real] = await Promise.all([ours[1].exchange(commands), theirs[1].exchange(commands)]);
  expect(mine.map(shapeOf)).toEqual(real.map(shapeOf));
});
