import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OwnDoor } from "./own-door.js";
import { RedisServer } from "./redis-server.js";

/** An unmodified client library uses all five types at our door, and gets what it gets from a real redis-server. */

let redis: RedisServer;
let door: OwnDoor;
let clients: readonly [Redis, Redis];
beforeAll(async () => {
  redis = await RedisServer.start();
  door = new OwnDoor();
  clients = [new Redis(await door.listen(), "127.0.0.1", { enableReadyCheck: false }), new Redis(redis.path)];
});
afterAll(async () => {
  for (const client of clients ?? []) client.disconnect();
  await door?.close();
  await redis?.stop();
});

type Use = (client: Redis) => Promise<unknown>;
const uses: readonly (readonly [string, Use])[] = [
  [
    "strings and bits",
    async (c) => [
      await c.set("s", "v", "EX", 100),
      await c.getBuffer("s"),
      await c.incrby("n", 5),
      await c.setbit("b", 9, 1),
      await c.bitcount("b"),
      await c.mget("s", "none", "n"),
      await c.incrbyfloat("f", 0.1),
    ],
  ],
  [
    "lists",
    async (c) => [
      await c.rpush("l", "a", "b", "c"),
      await c.lrange("l", 0, -1),
      await c.lpos("l", "b"),
      await c.lmove("l", "m", "LEFT", "RIGHT"),
      await c.lmpop(2, "none", "l", "RIGHT", "COUNT", 2),
      await c.lpop("none"),
    ],
  ],
  [
    "hashes",
    async (c) => [
      await c.hset("h", { a: "1", b: "2" }),
      await c.hgetall("h"),
      await c.hmget("h", "a", "none"),
      await c.hincrbyfloat("h", "a", 0.5),
      await c.hscan("h", 0),
      await c.hrandfield("h", 0),
    ],
  ],
  [
    "sets",
    async (c) => [
      await c.sadd("s1", "a", "b"),
      await c.sadd("s2", "b", "c"),
      await c.sinter("s1", "s2"),
      (await c.sunion("s1", "s2")).sort(),
      await c.sdiffstore("s3", "s1", "s2"),
      await c.sintercard(2, "s1", "s2"),
      await c.smismember("s1", "a", "x"),
    ],
  ],
  [
    "sorted sets",
    async (c) => [
      await c.zadd("z1", "1", "a", "2.5", "b", "inf", "c"),
      await c.zadd("z2", "GT", "CH", "7", "b"),
      await c.zrange("z1", "0", "-1", "WITHSCORES"),
      await c.zunion(2, "z1", "z2", "WEIGHTS", 1, 2, "WITHSCORES"),
      await c.zinterstore("z3", 2, "z1", "z2"),
      await c.zrangebyscore("z1", "(1", "+inf", "LIMIT", 0, 1),
      await c.zmpop(1, "z1", "MIN"),
      await c.zscore("z1", "c"),
    ],
  ],
  ["a pipeline", async (c) => c.pipeline().set("p", "1").incr("p").lpush("p", "x").get("p").exec()],
];

test.each(uses)("%s", async (_name, use) => {
  const [ours, theirs] = await Promise.all(clients.map(use));
  const text = (value: unknown): string =>
    JSON.stringify(value, (_key, each) => (each instanceof Error ? each.message : each));
  expect(text(ours)).toBe(text(theirs));
  expect(text(ours).length).toBeGreaterThan(20);
});

test("a stream of a scan ends with all members", async () => {
  const members = Array.from({ length: 900 }, (_, i) => `m${i}`);
  await clients[0].sadd("scanned", ...members);
  const found = new Set<string>();
  for await (const some of clients[0].sscanStream("scanned", { count: 50 }))
    for (const member of some as string[]) found.add(member);
  expect([...found].sort()).toEqual([...members].sort());
});
