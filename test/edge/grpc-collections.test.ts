import { afterAll, beforeAll, expect, test } from "vitest";
import { commandTable } from "../../src/commands/table.js";
import type { GrpcServer } from "../../src/edge/grpc/grpc-server.js";
import { rpcTable } from "../../src/edge/grpc/rpc-table.js";
import { FakeCluster } from "./fake-cluster.js";
import { packages, startServer, stopServer, unaryClient } from "./grpc-setup.js";

let server: GrpcServer;
let cache: ReturnType<typeof unaryClient>;

beforeAll(async () => {
  const cluster = new FakeCluster();
  const node = cluster.addNode();
  server = await startServer(node);
  cluster.announce(node, server.address());
  cache = unaryClient(server.address(), "CacheService");
});
afterAll(async () => {
  cache.client.close();
  await stopServer(server);
});

const bytes = (text: string): Buffer => Buffer.from(text);
const all = (...texts: string[]): Buffer[] => texts.map(bytes);
type Step = readonly [string, object, object];

async function play(steps: readonly Step[]): Promise<void> {
  for (const [method, request, response] of steps)
    expect([method, await cache.call(method, request as Record<string, unknown>)]).toEqual([
      method,
      response,
    ]);
}

test("every call of the service has a command, and every command of Redis a call", () => {
  const methods = Object.keys(packages["quorate.v1.CacheService"] as object).sort();
  expect(Object.keys(rpcTable).sort()).toEqual(methods);
  const reached = new Set(Object.values(rpcTable).map(({ command }) => command));
  // GETRANGE and FLUSHALL under older names.
  const aliases = ["SUBSTR", "FLUSHDB"];
  expect(commandTable.map(({ name }) => name).filter((name) => !reached.has(name))).toEqual(aliases);
});

test("bits and keys of any type", async () => {
  const key = bytes("{k}s");
  const other = bytes("{k}t");
  await play([
    ["SetBit", { key, offset: 7, bit: true }, { previous: false }],
    ["GetBit", { key, offset: 7 }, { bit: true }],
    ["BitCount", { key }, { count: 1 }],
    ["BitCount", { key, range: { start: 0, end: 6, unit: "BIT_UNIT_BIT" } }, { count: 0 }],
    ["BitPos", { key, bit: true }, { position: 7 }],
    ["BitPos", { key, bit: false, start: 0, end: -1 }, { position: 0 }],
    ["BitOp", { operation: "BIT_OPERATION_NOT", destination: other, keys: [key] }, { length: 1 }],
    ["Copy", { source: key, destination: other }, { applied: false }],
    ["Copy", { source: key, destination: other, replace: true }, { applied: true }],
    ["Rename", { key: other, newKey: bytes("{k}u") }, {}],
    ["RenameNx", { key: bytes("{k}u"), newKey: key }, { applied: false }],
    ["Touch", { keys: [key, other] }, { count: 1 }],
    ["ObjectEncoding", { key: other }, {}],
    ["ObjectEncoding", { key }, { encoding: "embstr" }],
    ["ObjectRefCount", { key }, { references: 1 }],
    ["Del", { keys: [key] }, { count: 1 }],
    ["RandomKey", {}, { key: bytes("{k}u") }],
    ["Keys", { pattern: bytes("{k}?") }, { keys: all("{k}u") }],
    ["Scan", { cursor: 0, match: bytes("*"), type: "string" }, { cursor: 0, keys: all("{k}u") }],
    ["FlushAll", {}, {}],
  ]);
});

test("lists", async () => {
  const key = bytes("{l}1");
  const destination = bytes("{l}2");
  await play([
    ["RPush", { key, values: all("a", "b", "c") }, { length: 3 }],
    ["LPush", { key, values: all("z") }, { length: 4 }],
    ["LRange", { key, start: 0, stop: -1 }, { values: all("z", "a", "b", "c") }],
    ["LIndex", { key, index: -1 }, { value: bytes("c") }],
    ["LIndex", { key, index: 9 }, {}],
    ["LInsert", { key, after: true, pivot: bytes("a"), value: bytes("b") }, { length: 5 }],
    ["LPos", { key, value: bytes("b"), count: 0 }, { positions: [2, 3] }],
    ["LPos", { key, value: bytes("b"), rank: -1 }, { positions: [3] }],
    ["LRem", { key, count: 1, value: bytes("b") }, { count: 1 }],
    ["LPop", { key }, { values: all("z") }],
    ["RPop", { key, count: 5 }, { values: all("c", "b", "a") }],
    ["LPop", { key }, { values: [] }],
    ["RPush", { key, values: all("x", "y") }, { length: 2 }],
    [
      "LMove",
      { source: key, destination, from: "LIST_END_LEFT", to: "LIST_END_RIGHT" },
      { value: bytes("x") },
    ],
    ["LMPop", { keys: [key, destination], end: "LIST_END_LEFT" }, { key, values: all("y") }],
  ]);
});

test("hashes", async () => {
  const key = bytes("h");
  const fields = [
    { field: bytes("f"), value: bytes("1") },
    { field: bytes("g"), value: bytes("x") },
  ];
  await play([
    ["HSet", { key, fields }, { count: 2 }],
    ["HGet", { key, field: bytes("f") }, { value: bytes("1") }],
    ["HGet", { key, field: bytes("no") }, {}],
    ["HMGet", { key, fields: all("f", "no") }, { fields: [fields[0], { field: bytes("no") }] }],
    ["HIncrBy", { key, field: bytes("f"), increment: 4 }, { value: 5 }],
    ["HIncrByFloat", { key, field: bytes("f"), increment: 0.5 }, { value: 5.5, text: "5.5" }],
    ["HDel", { key, fields: all("f") }, { count: 1 }],
    ["HGetAll", { key }, { fields: [fields[1]] }],
    ["HRandField", { key, count: -2, withValues: true }, { fields: [fields[1], fields[1]] }],
    ["HScan", { key, cursor: 0 }, { cursor: 0, fields: [fields[1]] }],
    ["HExists", { key, field: bytes("g") }, { exists: true }],
  ]);
});

test("sets", async () => {
  const key = bytes("{t}1");
  const other = bytes("{t}2");
  await play([
    ["SAdd", { key, members: all("a") }, { count: 1 }],
    ["SAdd", { key: other, members: all("a", "b") }, { count: 2 }],
    ["SMIsMember", { key, members: all("a", "b") }, { exist: [true, false] }],
    ["SInter", { keys: [key, other] }, { members: all("a") }],
    ["SDiff", { keys: [other, key] }, { members: all("b") }],
    ["SUnionStore", { destination: bytes("{t}3"), keys: [key, other] }, { count: 2 }],
    ["SInterCard", { keys: [key, other] }, { count: 1 }],
    ["SMove", { source: other, destination: key, member: bytes("b") }, { applied: true }],
    ["SPop", { key: other }, { members: all("a") }],
    ["SPop", { key: other, count: 3 }, { members: [] }],
    ["SScan", { key: other, cursor: 0 }, { cursor: 0, members: [] }],
  ]);
});

test("sorted sets", async () => {
  const key = bytes("{z}1");
  const other = bytes("{z}2");
  const [a, b, c] = [
    { member: bytes("a"), score: 1 },
    { member: bytes("b"), score: 2.5 },
    { member: bytes("c"), score: Number.POSITIVE_INFINITY },
  ];
  await play([
    ["ZAdd", { key, members: [a, b, c] }, { count: 3 }],
    ["ZAdd", { key, members: [{ ...a, score: 0 }], scoreCondition: "SCORE_CONDITION_GREATER" }, { count: 0 }],
    ["ZAddIncr", { key, member: bytes("q"), increment: 1, condition: "MEMBER_CONDITION_PRESENT" }, {}],
    ["ZScore", { key, member: bytes("b") }, { score: 2.5 }],
    ["ZMScore", { key, members: all("a", "no") }, { members: [a, { member: bytes("no") }] }],
    ["ZRank", { key, member: bytes("b") }, { rank: 1 }],
    ["ZRange", { key, ranks: { start: 0, stop: 1 }, withScores: true }, { members: [a, b] }],
    ["ZRange", { key, scores: { max: 2.5 }, reverse: true, withScores: true }, { members: [b, a] }],
    ["ZRange", { key, scores: { max: 2.5, maxExcluded: true } }, { members: [{ member: bytes("a") }] }],
    ["ZCount", { key, range: { min: 2 } }, { count: 2 }],
    ["ZRangeStore", { destination: other, source: key, ranks: { start: 0, stop: 0 } }, { count: 1 }],
    ["ZUnion", { keys: [key, other], weights: [1, 2] }, { members: [{ ...b }, { ...a, score: 3 }, c] }],
    ["ZDiff", { keys: [key, other] }, { members: [b, c] }],
    ["ZInterCard", { keys: [key, other] }, { count: 1 }],
    ["ZPopMin", { key }, { members: [a] }],
    ["ZMPop", { keys: [key], end: "SCORE_END_HIGHEST" }, { key, members: [c] }],
    ["ZScan", { key, cursor: 0 }, { cursor: 0, members: [b] }],
  ]);
});
