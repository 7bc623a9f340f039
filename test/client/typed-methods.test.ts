import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
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
beforeEach(() => client.flushAll());

test("bits", async () => {
  expect(await client.setBit("{b}1", 7, 1)).toBe(0);
  expect(await client.setBit("{b}1", 7, 1)).toBe(1);
  expect(await client.getBit("{b}1", 6)).toBe(0);
  expect(await client.bitCount("{b}1")).toBe(1);
  expect(await client.bitCount("{b}1", { start: 0, end: 6, unit: "BIT" })).toBe(0);
  expect(await client.bitPos("{b}1", 1)).toBe(7);
  expect(await client.bitPos("{b}1", 1, { start: 1, end: -1 })).toBe(-1);
  expect(await client.bitOp("NOT", "{b}2", ["{b}1"])).toBe(1);
  expect(await client.bitCount("{b}2")).toBe(7);
});

test("keys of any type", async () => {
  await client.set("{k}1", "text");
  expect(await client.copy("{k}1", "{k}2")).toBe(true);
  expect(await client.copy("{k}1", "{k}2")).toBe(false);
  expect(await client.copy("{k}1", "{k}2", { replace: true })).toBe(true);
  await client.rename("{k}2", "{k}3");
  await expect(client.rename("{k}2", "{k}4")).rejects.toMatchObject({ kind: "no-such-key" });
  expect(await client.renameNx("{k}3", "{k}1")).toBe(false);
  expect(await client.touch(["{k}1", "{k}2", "{k}3"])).toBe(2);
  expect(await client.touch("{k}1")).toBe(1);
  expect((await client.keys("{k}*")).sort()).toEqual(["{k}1", "{k}3"]);
  expect(["{k}1", "{k}3"]).toContain(await client.randomKey());
  expect(await client.objectEncoding("{k}1")).toBe("embstr");
  expect(await client.objectEncoding("{k}2")).toBeNull();
  expect(await client.objectRefCount("{k}1")).toBe(1);
  expect(await client.objectIdleTime("{k}1")).toBe(0);
  await expect(client.objectFreq("{k}1")).rejects.toMatchObject({ kind: "invalid-argument" });
  expect(await client.memoryUsage("{k}1")).toBeGreaterThan(8);
  await client.flushAll();
  expect(await client.randomKey()).toBeNull();
});

test("lists: pushes onto what is there, positions, pops and moves", async () => {
  expect(await client.lPushX("{l}1", ["a"])).toBe(0);
  await client.rPush("{l}1", ["a", "b", "a"]);
  expect(await client.rPushX("{l}1", ["c"])).toBe(4);
  expect(await client.lPosMany("{l}1", "a", 0)).toEqual([0, 2]);
  expect(await client.lPosMany("{l}1", "a", 1, -1)).toEqual([2]);
  expect(await client.rPopLPush("{l}1", "{l}2")).toBe("c");
  expect(await client.lMPop(["{l}0", "{l}1"], "RIGHT", 2)).toEqual({ key: "{l}1", values: ["a", "b"] });
  expect(await client.lMPop(["{l}0"], "LEFT")).toBeNull();
});

test("hashes and sets: the other forms", async () => {
  await client.hMSet("h", [
    ["f", "1.5"],
    ["g", "xyz"],
  ]);
  expect(await client.hStrLen("h", "g")).toBe(3);
  expect(await client.hIncrByFloat("h", "f", 0.25)).toBe(1.75);
  expect((await client.hRandField("h", 5)).sort()).toEqual(["f", "g"]);
  await client.sAdd("{s}1", ["a", "b", "c"]);
  await client.sAdd("{s}2", ["b", "c", "d"]);
  expect(await client.sMIsMember("{s}1", ["a", "d"])).toEqual([true, false]);
  expect(await client.sInterStore("{s}3", ["{s}1", "{s}2"])).toBe(2);
  expect(await client.sUnionStore("{s}3", ["{s}1", "{s}2"])).toBe(4);
  expect(await client.sDiffStore("{s}3", ["{s}1", "{s}2"])).toBe(1);
  expect(await client.sMembers("{s}3")).toEqual(new Set(["a"]));
  expect(await client.sInterCard(["{s}1", "{s}2"])).toBe(2);
  expect(await client.sInterCard(["{s}1", "{s}2"], 1)).toBe(1);
  expect((await client.sRandMembers("{s}1", -4)).length).toBe(4);
  expect((await client.sPopMany("{s}1", 9)).sort()).toEqual(["a", "b", "c"]);
  expect(await client.exists("{s}1")).toBe(0);
});

const members = (...pairs: [string, number][]) => pairs.map(([member, score]) => ({ member, score }));

test("sorted sets: ranges of every kind", async () => {
  await client.zAdd("{z}1", [
    [1, "a"],
    [2, "b"],
    [Number.POSITIVE_INFINITY, "c"],
  ]);
  expect(await client.zMScore("{z}1", ["a", "no"])).toEqual([1, null]);
  expect(await client.zAddIncr("{z}1", 3, "a")).toBe(4);
  expect(await client.zAddIncr("{z}1", 3, "a", { only: "absent" })).toBeNull();
  expect(await client.zRevRange("{z}1", 0, 0)).toEqual(members(["c", Number.POSITIVE_INFINITY]));
  expect(await client.zRangeByScore("{z}1", "(2", Number.POSITIVE_INFINITY, { limit: [0, 1] })).toEqual(
    members(["a", 4]),
  );
  expect(await client.zRevRangeByScore("{z}1", 4, "-inf")).toEqual(members(["a", 4], ["b", 2]));
  expect((await client.zRandMember("{z}1", 9)).length).toBe(3);
  expect(await client.zRangeStore("{z}2", "{z}1", 0, 1)).toBe(2);
  expect(await client.zRemRangeByRank("{z}1", 0, 0)).toBe(1);
  await client.zAdd("{z}l", [
    [0, "Infinity"],
    [0, "b"],
    [0, "c"],
  ]);
  expect(await client.zRangeByLex("{z}l", "-", "(c")).toEqual(["Infinity", "b"]);
  expect(await client.zRevRangeByLex("{z}l", "+", "-", { limit: [0, 2] })).toEqual(["c", "b"]);
  expect(await client.zLexCount("{z}l", "[b", "+")).toBe(2);
  expect(await client.zRangeStore("{z}3", "{z}l", "[Infinity", "[b", { by: "lex" })).toBe(2);
  expect(await client.zRemRangeByLex("{z}l", "[b", "[b")).toBe(1);
});

test("sorted sets together", async () => {
  await client.zAdd("{z}1", [
    [1, "a"],
    [2, "b"],
  ]);
  await client.zAdd("{z}2", [
    [10, "b"],
    [20, "c"],
  ]);
  const both = ["{z}1", "{z}2"];
  expect(await client.zUnion(both)).toEqual(members(["a", 1], ["b", 12], ["c", 20]));
  expect(await client.zUnion(both, { weights: [2, 1], aggregate: "MAX" })).toEqual(
    members(["a", 2], ["b", 10], ["c", 20]),
  );
  expect(await client.zInter(both, { aggregate: "MIN" })).toEqual(members(["b", 2]));
  expect(await client.zDiff(both)).toEqual(members(["a", 1]));
  expect(await client.zUnionStore("{z}3", both)).toBe(3);
  expect(await client.zInterStore("{z}3", both, { weights: [1, 0] })).toBe(1);
  expect(await client.zDiffStore("{z}3", both)).toBe(1);
  expect(await client.zInterCard(both)).toBe(1);
  expect(await client.zMPop(["{z}0", "{z}2"], "MAX", 5)).toEqual({
    key: "{z}2",
    members: members(["c", 20], ["b", 10]),
  });
  expect(await client.zMPop(["{z}0"], "MIN")).toBeNull();
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test("scans go over everything in many steps, and end when the loop is left", async () => {
  const numbers = Array.from({ length: 500 }, (_, i) => String(i).padStart(3, "0"));
  await client.sAdd("s", numbers);
  await client.hSet(
    "h",
    numbers.map((each) => [each, `v${each}`] as const),
  );
  await client.zAdd(
    "z",
    numbers.map((each) => [Number(each), each] as const),
  );
  await client.mSet(numbers.map((each) => [`k${each}`, "v"] as const));
  const unique = (found: readonly string[]): string[] => [...new Set(found)].sort();
  expect(unique(await collect(client.sScanAll("s", { count: 7 })))).toEqual(numbers);
  const fields = new Map(await collect(client.hScanAll("h", { count: 7 })));
  expect(unique([...fields.keys()])).toEqual(numbers);
  expect(fields.get("007")).toBe("v007");
  const scored = await collect(client.zScanAll("z", { match: "12?" }));
  expect(scored.map(({ member, score }) => [member, score]).sort()).toEqual(
    Array.from({ length: 10 }, (_, i) => [`12${i}`, 120 + i]),
  );
  expect(unique(await collect(client.scanKeys({ type: "string", count: 50 })))).toEqual(
    numbers.map((each) => `k${each}`),
  );
  expect(await collect(client.scanKeys({ type: "hash" }))).toEqual(["h"]);
  let seen = 0;
  for await (const _key of client.scanKeys({ count: 1 })) if (++seen === 3) break;
  expect(seen).toBe(3);
});
