import { afterAll, beforeAll, expect, test } from "vitest";
import { Quorate, type QuorateClient } from "../../src/client/client.js";
import type { GrpcServer } from "../../src/edge/grpc/grpc-server.js";
import { FakeCluster } from "../edge/fake-cluster.js";
import { startServer, stopServer } from "../edge/grpc-setup.js";

let server: GrpcServer;
let client: QuorateClient;
beforeAll(async () => {
  const cluster = new FakeCluster();
  const node = cluster.addNode();
  server = await startServer(node);
  cluster.announce(node, server.address());
  client = await Quorate.connect({ seeds: [server.address()] });
});
afterAll(async () => {
  client?.close();
  await stopServer(server);
});

test("lists, hashes, sets and sorted sets have typed methods", async () => {
  expect(await client.rPush("l", ["a", "b", "c"])).toBe(3);
  expect(await client.lRange("l", 0, -1)).toEqual(["a", "b", "c"]);
  expect(await client.lPos("l", "c")).toBe(2);
  expect(await client.lPopMany("l", 2)).toEqual(["a", "b"]);
  expect(await client.lPopMany("none", 2)).toEqual([]);
  expect(await client.hSet("h", [["f", "1"]])).toBe(1);
  expect(await client.hGetAll("h")).toEqual(new Map([["f", "1"]]));
  expect(await client.hMGet("h", ["f", "no"])).toEqual(["1", null]);
  expect(await client.hScan("h", "0")).toEqual({ cursor: "0", items: [["f", "1"]] });
  expect(await client.sAdd("s", ["x", "y"])).toBe(2);
  expect(await client.sMembers("s")).toEqual(new Set(["x", "y"]));
  expect(
    await client.zAdd("z", [
      [1, "a"],
      [Number.NEGATIVE_INFINITY, "b"],
    ]),
  ).toBe(2);
  expect(await client.zRange("z", 0, -1)).toEqual([
    { member: "b", score: Number.NEGATIVE_INFINITY },
    { member: "a", score: 1 },
  ]);
  expect(await client.zScore("z", "a")).toBe(1);
  expect(await client.zPopMax("z")).toEqual([{ member: "a", score: 1 }]);
  expect((await client.scan("0", { match: "?", count: 100 })).items.sort()).toEqual(["h", "l", "s", "z"]);
});
