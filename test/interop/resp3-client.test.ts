import { createClient } from "@redis/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OwnDoor } from "./own-door.js";
import { RedisServer } from "./redis-server.js";

/** An unmodified client library that speaks RESP3 sees maps, sets, doubles and nulls as from a real redis-server. */

const connect = async (socket: { host: string; port: number } | { path: string; tls: false }) =>
  createClient({ socket, RESP: 3 }).connect();
type Client = Awaited<ReturnType<typeof connect>>;

let redis: RedisServer;
let door: OwnDoor;
let clients: readonly [Client, Client];
beforeAll(async () => {
  redis = await RedisServer.start();
  door = new OwnDoor();
  const port = await door.listen();
  clients = [await connect({ host: "127.0.0.1", port }), await connect({ path: redis.path, tls: false })];
});
afterAll(async () => {
  for (const client of clients ?? []) client.destroy();
  await door?.close();
  await redis?.stop();
});

type Use = (client: Client) => Promise<unknown>;
const uses: readonly (readonly [string, Use])[] = [
  [
    "strings",
    async (c) => [
      await c.set("s", "v", { expiration: { type: "EX", value: 100 }, condition: "NX" }),
      await c.set("s", "w", { condition: "NX" }),
      await c.get("s"),
      await c.get("none"),
      await c.incrByFloat("f", 0.5),
      await c.mGet(["s", "none"]),
    ],
  ],
  [
    "hashes are maps",
    async (c) => [
      await c.hSet("h", { a: "1", b: "2" }),
      await c.hGetAll("h"),
      await c.hGetAll("none"),
      await c.hRandFieldCountWithValues("h", 2),
      await c.hScan("h", "0"),
    ],
  ],
  [
    "sets are sets",
    async (c) => [
      await c.sAdd("t", ["a", "b"]),
      (await c.sMembers("t")).sort(),
      await c.smIsMember("t", ["a", "x"]),
      await c.sPop("none"),
    ],
  ],
  [
    "scores are doubles",
    async (c) => [
      await c.zAdd("z", [
        { value: "a", score: 1 },
        { value: "b", score: 2.5 },
        { value: "c", score: Number.POSITIVE_INFINITY },
      ]),
      await c.zScore("z", "b"),
      await c.zScore("z", "none"),
      await c.zRangeWithScores("z", 0, -1),
      await c.zmScore("z", ["a", "none", "c"]),
      await c.zIncrBy("z", 1.5, "a"),
      await c.zPopMin("z"),
      await c.zPopMaxCount("z", 2),
      await c.zPopMax("z"),
      await c.zRandMemberCountWithScores("none", 2),
    ],
  ],
  [
    "lists",
    async (c) => [await c.rPush("l", ["a", "b"]), await c.lPos("l", "x"), await c.lmPop("l", "LEFT")],
  ],
  ["a pipeline", async (c) => c.multi().set("p", "1").incr("p").get("p").execAsPipeline()],
  [
    "an error",
    async (c) => [await c.set("e", "x"), await c.hGet("e", "f").catch((error: Error) => error.message)],
  ],
];

test.each(uses)("%s", async (_name, use) => {
  const [ours, theirs] = await Promise.all(clients.map(use));
  expect(ours).toStrictEqual(theirs);
  expect(JSON.stringify(ours)).toMatch(/.{4}/);
});

test("the connection speaks RESP3 with both", async () => {
  const protocols = await Promise.all(
    clients.map(async (client) => {
      const hello = await client.hello();
      return hello.proto;
    }),
  );
  expect(protocols).toEqual([3, 3]);
});

test("a scan finds all keys", async () => {
  const keys = Array.from({ length: 300 }, (_, i) => `scan:${i}`);
  for (const key of keys) await clients[0].set(key, "1");
  const found = new Set<string>();
  for await (const some of clients[0].scanIterator({ MATCH: "scan:*", COUNT: 50 }))
    for (const key of some) found.add(key);
  expect([...found].sort()).toEqual([...keys].sort());
});
