import { type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GrpcServer } from "../../src/edge/grpc/grpc-server.js";
import { FakeCluster, type FakeNode } from "./fake-cluster.js";
import { packages, startServer, stopServer, unaryClient } from "./grpc-setup.js";

let node: FakeNode;
let server: GrpcServer;
let cache: ReturnType<typeof unaryClient>;

beforeAll(async () => {
  const cluster = new FakeCluster();
  node = cluster.addNode();
  server = await startServer(node);
  cluster.announce(node, server.address());
  cache = unaryClient(server.address(), "CacheService");
});
afterAll(async () => {
  cache.client.close();
  await stopServer(server);
});

const bytes = (text: string): Buffer => Buffer.from(text);
const refusal = (method: string, request: object, deadlineMs?: number): Promise<ServiceError> =>
  cache.call(method, request as Record<string, unknown>, deadlineMs).then(
    () => Promise.reject(new Error("was not refused")),
    (error: ServiceError) => error,
  );

test("each typed call runs its command and types the reply", async () => {
  const key = bytes("k");
  const steps: [string, object, object][] = [
    ["Get", { key }, {}],
    ["Set", { key, value: bytes("1"), ttlMs: 60_000 }, { applied: true }],
    ["Set", { key, value: bytes("2"), condition: "EXISTENCE_CONDITION_ABSENT" }, { applied: false }],
    ["Set", { key, value: bytes("2"), keepTtl: true, get: true }, { applied: true, previous: bytes("1") }],
    ["Get", { key }, { value: bytes("2") }],
    ["SetNx", { key, value: bytes("x") }, { applied: false }],
    ["Persist", { key }, { applied: true }],
    ["Ttl", { key }, { ttlSeconds: -1 }],
    ["PTtl", { key: bytes("none") }, { ttlMs: -2 }],
    ["Incr", { key }, { value: 3 }],
    ["IncrBy", { key, increment: -10 }, { value: -7 }],
    ["Decr", { key }, { value: -8 }],
    ["DecrBy", { key, decrement: -10 }, { value: 2 }],
    ["IncrByFloat", { key, increment: 0.5 }, { value: 2.5, text: "2.5" }],
    ["Append", { key, value: bytes("ab") }, { length: 5 }],
    ["StrLen", { key }, { length: 5 }],
    ["SetRange", { key, offset: 1, value: bytes("_") }, { length: 5 }],
    ["GetRange", { key, start: -2, end: -1 }, { value: bytes("ab") }],
    ["Type", { key }, { type: "string" }],
    ["GetSet", { key, value: bytes("y") }, { previous: bytes("2_5ab") }],
    ["GetEx", { key, ttlSeconds: 100 }, { value: bytes("y") }],
    [
      "PExpireAt",
      { key, unixMs: 4_102_444_800_000, condition: "DEADLINE_CONDITION_LATER" },
      { applied: true },
    ],
    ["PExpireTime", { key }, { unixMs: 4_102_444_800_000 }],
    ["ExpireAt", { key, unixSeconds: 4_102_444_801 }, { applied: true }],
    ["ExpireTime", { key }, { unixSeconds: 4_102_444_801 }],
    ["Expire", { key, ttlSeconds: 100, condition: "DEADLINE_CONDITION_NONE" }, { applied: false }],
    ["PExpire", { key, ttlMs: 100_000 }, { applied: true }],
    ["GetDel", { key }, { value: bytes("y") }],
    ["SetEx", { key, ttlSeconds: 100, value: bytes("a") }, {}],
    ["PSetEx", { key, ttlMs: 100_000, value: bytes("a") }, {}],
    [
      "MSet",
      {
        pairs: [
          { key: bytes("{k}a"), value: bytes("1") },
          { key: bytes("{k}b"), value: bytes("") },
        ],
      },
      {},
    ],
    ["MSetNx", { pairs: [{ key: bytes("{k}a"), value: bytes("9") }] }, { applied: false }],
    [
      "MGet",
      { keys: [bytes("{k}a"), bytes("none"), bytes("{k}b")] },
      { values: [{ value: bytes("1") }, {}, { value: bytes("") }] },
    ],
    ["Exists", { keys: [bytes("{k}a"), bytes("{k}a")] }, { count: 2 }],
    ["Del", { keys: [bytes("{k}a"), bytes("none")] }, { count: 1 }],
    ["Unlink", { keys: [bytes("{k}b")] }, { count: 1 }],
    ["DbSize", {}, { keys: 1 }],
    ["FlushAll", {}, {}],
    ["GetRevision", { key }, { revision: 0, ttlMs: -2 }],
  ];
  for (const [method, request, response] of steps)
    expect([method, await cache.call(method, request as Record<string, unknown>)]).toEqual([
      method,
      response,
    ]);

  const set = await cache.call("CompareAndSet", { key, revision: 0, value: bytes("r") });
  expect(set.revision).toBeGreaterThan(0);
  expect(await cache.call("GetRevision", { key })).toEqual({
    value: bytes("r"),
    revision: set.revision,
    ttlMs: -1,
  });
  expect(await cache.call("CompareAndDelete", { key, revision: set.revision })).toEqual({ applied: true });
});

test("integers beyond 2^53 keep their digits (safety 63)", async () => {
  const key = bytes("big");
  await cache.call("Set", { key, value: bytes("9223372036854775806") });
  expect((await refusal("IncrBy", { key, increment: 2 })).code).toBe(status.OUT_OF_RANGE);
  await cache.call("Incr", { key });
  expect((await cache.call("Get", { key })).value).toEqual(bytes("9223372036854775807"));
});

test("an error carries its kind, outcome and leader in both trailers", async () => {
  node.treat = () => "not-leader";
  const error = await refusal("Set", { key: bytes("k"), value: bytes("v") });
  node.treat = () => "run";
  expect(error.code).toBe(status.FAILED_PRECONDITION);
  const codec = packages["quorate.v1.ErrorDetail"] as never as { deserialize(bytes: Buffer): object };
  const own = error.metadata.get("quorate-error-bin")[0] as Buffer;
  expect(codec.deserialize(own)).toEqual({
    kind: "not-leader",
    message: "this node doesn't lead the range",
    outcome: "OUTCOME_DEFINITE",
    retry: "RETRY_SAFE",
    leaderHint: server.address(),
  });
  const rich = (error.metadata.get("grpc-status-details-bin")[0] as Buffer).toString("latin1");
  for (const part of ["google.rpc.ErrorInfo", "NOT_LEADER", "quorate.v1.ErrorDetail", "definite"])
    expect(rich).toContain(part);
});

test("unknown outcomes have a status of their own (safety 26)", async () => {
  node.treat = () => "outcome-unknown";
  const error = await refusal("Incr", { key: bytes("k") });
  node.treat = () => "run";
  expect(error.code).toBe(status.UNKNOWN);
});

test("a request without a key is refused before it runs", async () => {
  const before = node.seen.length;
  for (const [method, request] of [
    ["Get", {}],
    ["MGet", { keys: [] }],
    ["MSet", { pairs: [{ value: bytes("x") }] }],
    ["Set", { key: bytes("k"), context: { session: { id: 3, sequence: 4, acked: 4 } } }],
  ] as const)
    expect([method, (await refusal(method, request)).code]).toEqual([method, status.INVALID_ARGUMENT]);
  expect(node.seen.length).toBe(before);
});

test("the call's deadline travels as what is left of it", async () => {
  await cache.call("Get", { key: bytes("k") }, 20_000);
  const { deadlineMs } = node.seen.at(-1)!;
  expect(deadlineMs).toBeGreaterThan(10_000);
  expect(deadlineMs).toBeLessThanOrEqual(20_000);
});

test("session, consistency and freshness reach the command and come back", async () => {
  await cache.call("Set", {
    key: bytes("s"),
    value: bytes("v"),
    context: { session: { id: 900, sequence: 5, acked: 2 } },
  });
  expect(node.seen.at(-1)).toMatchObject({ session: 900, sequence: 5, acked: 2 });
  node.cluster.freshness = { appliedIndex: 9, ageMs: 1.2, revision: 3, logTimeMs: 1000.5, stale: true };
  const response = await cache.call("Get", {
    key: bytes("s"),
    context: { consistency: "CONSISTENCY_LEVEL_BOUNDED", maxAgeMs: 50 },
  });
  node.cluster.freshness = null;
  expect(node.seen.at(-1)).toMatchObject({ level: 2, levelA: 50 });
  expect(response.context).toEqual({ appliedIndex: 9, ageMs: 2, revision: 3, logTimeMs: 1000, stale: true });
});

test("a cancelled call leaves nothing behind, and its late reply is dropped", async () => {
  node.treat = () => "keep";
  const error = await refusal("Incr", { key: bytes("late") }, 1000);
  expect(error.code).toBe(status.DEADLINE_EXCEEDED);
  node.treat = () => "run";
  node.release();
  expect((await cache.call("Incr", { key: bytes("late") })).value).toBe(2);
});

test("cluster calls tell what the node knows", async () => {
  const cluster = unaryClient(server.address(), "ClusterService");
  const { topology } = (await cluster.call("GetTopology")) as { topology: Record<string, unknown> };
  expect(topology).toMatchObject({ clusterId: "c0ffee", self: "000000000001" });
  expect(topology.ranges).toMatchObject([
    { id: 1, lastSlot: 8191, leader: "000000000001" },
    { id: 2, firstSlot: 8192, replicas: [{ role: "REPLICA_ROLE_LEADER", firstIndex: 1 }] },
  ]);
  expect((await cluster.call("OpenSession")).session).toBeGreaterThan(0);
  const digest = (await cluster.call("GetDigest", { range: 1 })) as { replica: { digest: string } };
  expect(digest.replica.digest).toMatch(/^[0-9a-f]+$/);
  expect(await cluster.call("Status")).toMatchObject({ ready: true, statistics: { keys: 2, commands: 7 } });
  await expect(cluster.call("GetDigest", { range: 77 })).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
  cluster.client.close();
});
