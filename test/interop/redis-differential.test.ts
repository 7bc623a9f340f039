import { afterAll, beforeAll, expect, test } from "vitest";
import { below, SeededRandom } from "../../src/base/random.js";
import { commandTable } from "../../src/commands/table.js";
import { run, type Shown, testStore } from "../commands/harness.js";
import { RedisServer, type RespValue } from "./redis-server.js";

/**
 * The same commands go to a real redis-server and to our keyspace: replies and error texts must agree. Left out is
 * what shows the clock, and deadlines beyond 2^53 - 1 ms, which we shorten to that.
 */

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.stop());

const random = new SeededRandom(20_240_607);

function pick<T>(items: readonly T[]): T {
  return items[below(random, items.length)]!;
}

const keys = ["a", "b", "c", "__proto__", ""];
const integers = [
  "0",
  "1",
  "-1",
  "7",
  "-3",
  "10",
  "01",
  "+1",
  "-0",
  "",
  " 1",
  "9007199254740991",
  "9007199254740993",
  "-9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "99999999999999999999",
  "x",
];
const floats = [
  "0.1",
  "-0.1",
  "10.5",
  "3.0e3",
  "1e-5",
  "1e-18",
  ".5",
  "5.",
  "-0",
  "+2.5",
  "1234567.1",
  "123456789012345678",
  "1e20",
  "1e4000",
  "-1e4000",
  "1e5000",
  "1e-5000",
  "inf",
  "-inf",
  "nan",
  "1.5x",
  " 1",
  "",
  "e5",
  "0.30000000000000004",
  "99999999999999999999.99999999999",
];
const values = [...integers, ...floats, "hello", "\u0000\u00ff", "a longer value that takes some bytes"];
const far = "4000000000";
/** Expiries that show no clock: far ahead, past, or refused. */
const expiries = [
  ["EX", "x"],
  ["EX", "0"],
  ["PX", "-1"],
  ["EX", "9223372036854775807"],
  ["EX", "9223372036854775"],
  ["PX", "9223372036854775807"],
  ["EXAT", far],
  ["PXAT", "4000000000123"],
  ["EXAT", "0"],
  ["KEEPTTL"],
  ["PERSIST"],
  ["EX"],
];

function some<T>(items: readonly T[], most: number): T[] {
  return Array.from({ length: below(random, most + 1) }, () => pick(items));
}

function cased(word: string): string {
  return below(random, 2) === 0 ? word : word.toLowerCase();
}

const builders: Record<string, () => string[]> = {
  GET: () => [pick(keys)],
  SET: () => [
    pick(keys),
    pick(values),
    ...some([["NX"], ["XX"], ["GET"], ...expiries, ["bad"]], 3)
      .flat()
      .map(cased),
  ],
  SETNX: () => [pick(keys), pick(values)],
  GETSET: () => [pick(keys), pick(values)],
  GETDEL: () => [pick(keys)],
  GETEX: () => [pick(keys), ...some(expiries, 2).flat().map(cased)],
  SETEX: () => [pick(keys), pick(["0", "-1", "x", "9223372036854775807"]), pick(values)],
  PSETEX: () => [pick(keys), pick(["0", "-1", "x", "9223372036854775807"]), pick(values)],
  MGET: () => [pick(keys), ...some(keys, 3)],
  MSET: () => [pick(keys), pick(values), ...some(values, 3)],
  MSETNX: () => [pick(keys), pick(values), ...some(values, 3)],
  APPEND: () => [pick(keys), pick(values)],
  STRLEN: () => [pick(keys)],
  SETRANGE: () => [pick(keys), pick(["0", "3", "12", "-1", "x", "9223372036854775807"]), pick(values)],
  GETRANGE: () => [pick(keys), pick(integers), pick(integers)],
  SUBSTR: () => [pick(keys), pick(integers), pick(integers)],
  INCR: () => [pick(keys)],
  DECR: () => [pick(keys)],
  INCRBY: () => [pick(keys), pick(integers)],
  DECRBY: () => [pick(keys), pick(integers)],
  INCRBYFLOAT: () => [pick(keys), pick(floats)],
  DEL: () => [pick(keys), ...some(keys, 3)],
  UNLINK: () => [pick(keys), ...some(keys, 2)],
  EXISTS: () => [pick(keys), ...some(keys, 3)],
  TYPE: () => [pick(keys)],
  EXPIREAT: () => [pick(keys), pick([far, "4000000001", "-5", "1", "x", "9007199254740"]), ...conditions()],
  PEXPIREAT: () => [pick(keys), pick(["4000000000500", "4000000000499", "-5", "x"]), ...conditions()],
  EXPIRE: () => [
    pick(keys),
    pick(["-5", "0", "x", "9223372036854775807", "-9223372036854775808"]),
    ...conditions(),
  ],
  PEXPIRE: () => [pick(keys), pick(["-5", "0", "x", "9223372036854775807"]), ...conditions()],
  EXPIRETIME: () => [pick(keys)],
  PEXPIRETIME: () => [pick(keys)],
  TTL: () => ["no such key"],
  PTTL: () => ["no such key"],
  PERSIST: () => [pick(keys)],
  DBSIZE: () => [],
  FLUSHALL: () => some(["ASYNC", "SYNC", "NOW"], 1),
  FLUSHDB: () => some(["SYNC", "x"], 2),
};

function conditions(): string[] {
  return some(["NX", "XX", "GT", "LT", "gt", "zz"], 2);
}

function comparable(value: Shown | RespValue): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  return typeof value === "number" ? BigInt(value) : value;
}

/** "wrong number of arguments" and the like need the same bytes; so does everything else. */
async function compare(commands: readonly (readonly string[])[]): Promise<void> {
  const theirs = await redis.pipeline(commands);
  const store = testStore(1024 ** 3, 512 * 1024 * 1024);
  store.beginEntry(1_700_000_000_000, 1, 1);
  const done: string[] = [];
  for (const [i, command] of commands.entries()) {
    const ours = run(store, ...command);
    done.push(JSON.stringify(command));
    store.sweep(1000);
    if (JSON.stringify(comparable(ours), text) !== JSON.stringify(comparable(theirs[i]!), text)) {
      expect({ after: done.slice(-12), reply: comparable(ours) }).toEqual({
        after: done.slice(-12),
        reply: comparable(theirs[i]!),
      });
    }
  }
}

function text(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

test("every command of the table that Redis has is compared, or asks for the clock", () => {
  const own = commandTable.filter(({ name }) => !name.startsWith("QUORATE."));
  expect(own.map(({ name }) => name).filter((name) => !(name in builders))).toEqual([]);
});

test("random sequences of commands get the replies of Redis 7.0", async () => {
  const names = Object.keys(builders).filter((name) => !name.startsWith("FLUSH"));
  for (let round = 0; round < 30; round++) {
    const commands: string[][] = [["FLUSHALL"]];
    for (let i = 0; i < 400; i++) {
      const name = below(random, 150) === 0 ? pick(["FLUSHALL", "FLUSHDB"]) : pick(names);
      commands.push([name, ...builders[name]!()]);
    }
    await compare(commands);
  }
});

test("wrong numbers of arguments get the texts of Redis", async () => {
  const commands: string[][] = [];
  for (const { name } of commandTable) {
    if (name.startsWith("QUORATE.")) continue;
    for (let count = 0; count < 4; count++) commands.push([name, ...new Array<string>(count).fill("1")]);
  }
  await compare([["FLUSHALL"], ...commands.filter(([name]) => !/TTL|EX$|EXPIRE/.test(name!))]);
});

test("sums of random decimals have the digits of Redis's long doubles", async () => {
  const decimal = (): string => {
    const digits = String(random.u32()) + (below(random, 2) ? String(random.u32()) : "");
    const point = below(random, digits.length + 1);
    const sign = below(random, 2) ? "-" : "";
    const exponent = below(random, 4) === 0 ? `e${below(random, 40) - 20}` : "";
    return `${sign}${digits.slice(0, point)}.${digits.slice(point)}${exponent}`;
  };
  const commands: string[][] = [["FLUSHALL"]];
  for (let i = 0; i < 1500; i++) {
    if (i % 7 === 0) commands.push(["SET", "f", decimal()]);
    commands.push(["INCRBYFLOAT", "f", decimal()]);
  }
  await compare(commands);
});
