import { type AddressInfo, createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { below, SeededRandom } from "../../src/base/random.js";
import { Quorate, type QuorateClient, type QuorateOptions } from "../../src/client/client.js";
import type { GrpcServer } from "../../src/edge/grpc/grpc-server.js";
import { FakeCluster, type FakeNode, type Treatment } from "../edge/fake-cluster.js";
import { startServer, stopServer } from "../edge/grpc-setup.js";

interface Started {
  readonly cluster: FakeCluster;
  readonly nodes: FakeNode[];
  readonly servers: GrpcServer[];
  readonly client: QuorateClient;
}

let started: Started | null = null;

async function start(count: number, options: Partial<QuorateOptions> = {}): Promise<Started> {
  const cluster = new FakeCluster();
  const nodes = Array.from({ length: count }, () => cluster.addNode());
  const servers = await Promise.all(nodes.map((node) => startServer(node)));
  for (const [i, node] of nodes.entries()) cluster.announce(node, servers[i]!.address());
  const client = await Quorate.connect({ seeds: [servers[0]!.address()], ...options });
  started = { cluster, nodes, servers, client };
  return started;
}

afterEach(async () => {
  started?.client.close();
  await Promise.all((started?.servers ?? []).map(stopServer));
  started = null;
});

test("typed commands run in a session on the leader", async () => {
  const { client, nodes } = await start(1);
  expect(await client.get("k")).toBeNull();
  expect(await client.set("k", "v", { ttlMs: 60_000 })).toBe(true);
  expect(await client.set("k", "w", { only: "absent" })).toBe(false);
  expect(await client.setGet("k", new Uint8Array([0xff]))).toBe("v");
  expect(await client.getBuffer("k")).toEqual(Buffer.from([0xff]));
  expect(await client.incrBy("n", 9007199254740993n)).toBe(9007199254740993n);
  expect(await client.incrBy("n", -9007199254740990n)).toBe(3);
  await client.mSet([
    ["a", "1"],
    ["b", "2"],
  ]);
  expect(await client.mGet(["b", "none", "a"])).toEqual(["2", null, "1"]);
  expect(await client.del(["a", "b", "none"])).toBe(2);
  const revision = await client.cas("r", 0, "x");
  expect(await client.getRevision("r")).toEqual({ value: Buffer.from("x"), revision, ttlMs: null });
  await expect(client.cas("r", revision + 9, "y")).rejects.toMatchObject({
    name: "QuorateError",
    kind: "revision-mismatch",
    outcome: "definite",
    retry: "no",
  });
  expect(await client.cad("r", revision)).toBe(true);
  expect(await client.command("STRLEN", "k")).toBe(1);
  await expect(client.command("NOSUCH")).rejects.toMatchObject({ kind: "unknown-command" });
  await expect(client.incr("k")).rejects.toMatchObject({ kind: "not-integer" });
  expect(await client.dbSize()).toBe(2);
  await client.flushAll();
  expect(await client.exists("k")).toBe(0);
  const writes = nodes[0]!.seen.filter(({ name }) => name === "SET");
  expect(writes.every(({ session, sequence }) => session > 0 && sequence > 0)).toBe(true);
});

test("the calls of one turn share one batch per node", async () => {
  const { client, nodes } = await start(1);
  await client.set("warm", "1");
  await client.set("cold", "1");
  let turns = 0;
  let before = -1;
  const { treat } = nodes[0]!;
  nodes[0]!.treat = (command) => {
    // Commands of one message run in one turn of the fake.
    if (before < 0) {
      turns++;
      before = 0;
      setTimeout(() => {
        before = -1;
      });
    }
    return treat(command);
  };
  const values = await Promise.all(
    Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? client.set(`k${i}`, "v") : client.get("warm"))),
  );
  expect(values.length).toBe(200);
  expect(turns).toBe(1);
});

test("safety 23: a write whose connection broke takes effect once", async () => {
  const { client, nodes, servers, cluster } = await start(3);
  await client.set("n", "0");
  nodes[0]!.treat = () => "run-silently";
  const answer = client.incr("n");
  await until(() => nodes[0]!.seen.some(({ name }) => name === "INCR"));
  await stopServer(servers[0]!);
  cluster.lead(2);
  expect(await answer).toBe(1);
  expect(await client.get("n")).toBe("1");
  const attempts = nodes.flatMap(({ seen }) => seen).filter(({ name }) => name === "INCR");
  expect(attempts.length).toBeGreaterThan(1);
  expect(new Set(attempts.map(({ session, sequence }) => `${session} ${sequence}`)).size).toBe(1);
});

test("safety 23: whatever mix of answers its attempts get, every write takes effect once", async () => {
  const { client, nodes } = await start(3);
  const random = new SeededRandom(7);
  const treatments: Treatment[] = [
    "run",
    "run-then-unknown",
    "outcome-unknown",
    "not-leader",
    "busy",
    "no-leader",
  ];
  for (const node of nodes) {
    node.treat = ({ name }) => (name === "INCR" ? (treatments[below(random, 11)] ?? "run") : "run");
  }
  const values = await Promise.all(Array.from({ length: 300 }, () => client.incr("n")));
  expect(new Set(values).size).toBe(300);
  expect(await client.get("n")).toBe("300");
  // The faults really happened.
  expect(nodes.flatMap(({ seen }) => seen).filter(({ name }) => name === "INCR").length).toBeGreaterThan(450);
});

test("safety 71: a seed that accepts connections and says nothing holds nobody up", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const { servers, client } = await start(1);
  const second = await Quorate.connect({ seeds: [`127.0.0.1:${port}`, servers[0]!.address()] });
  expect(await second.set("k", "v")).toBe(true);
  expect(await client.get("k")).toBe("v");
  second.close();
  silent.close();
});

test("outside a session the same write is unknown", async () => {
  const { client, nodes, servers } = await start(2, { session: false });
  nodes[0]!.treat = () => "run-silently";
  const answer = client.incr("n").catch((error: unknown) => error);
  await until(() => nodes[0]!.seen.some(({ name }) => name === "INCR"));
  await stopServer(servers[0]!);
  expect(await answer).toMatchObject({ name: "OutcomeUnknownError", outcome: "unknown", retry: "session" });
});

test("commands follow the leader as the topology tells", async () => {
  const { client, nodes, cluster } = await start(3);
  await client.set("k", "1");
  cluster.lead(3);
  await until(() => client.topology()?.ranges.every(({ leader }) => leader === "000000000003") === true);
  await client.set("k", "2");
  expect(nodes[2]!.seen.at(-1)).toMatchObject({ name: "SET" });
  // Refused by a leader that stepped down: another node is asked.
  nodes[2]!.treat = () => "not-leader";
  await client.set("k", "3");
  expect(await client.get("k")).toBe("3");
});

test("a signal ends a call at once; so does its deadline", async () => {
  const { client, nodes } = await start(1);
  await client.set("k", "0");
  nodes[0]!.treat = () => "keep";
  const abort = new AbortController();
  const aborted = client.incr("k", { signal: abort.signal }).catch((error: unknown) => error);
  await until(() => nodes[0]!.seen.some(({ name }) => name === "INCR"));
  abort.abort();
  expect(await aborted).toMatchObject({ kind: "aborted", outcome: "unknown" });
  await expect(client.get("k", { signal: abort.signal })).rejects.toMatchObject({
    kind: "aborted",
    outcome: "definite",
  });
  await expect(client.get("k", { deadlineMs: 60 })).rejects.toMatchObject({ kind: "deadline" });
  await expect(client.incr("k", { deadlineMs: 60 })).rejects.toMatchObject({ outcome: "unknown" });
});

test("a node that comes back is used again", async () => {
  const { client, nodes, servers } = await start(1);
  await client.set("k", "1");
  const address = servers[0]!.address();
  await stopServer(servers[0]!);
  const waiting = client.get("k");
  servers[0] = await startServer(nodes[0]!, address);
  expect(await waiting).toBe("1");
});

test("weaker reads say so on the wire; a session read never goes behind an own write", async () => {
  const { client, nodes, cluster } = await start(1);
  cluster.freshness = { appliedIndex: 1, ageMs: 5, revision: 7, logTimeMs: 100, stale: true };
  const last = () => nodes[0]!.seen.at(-1);
  await client.get("k", { consistency: { boundedMs: 80 } });
  expect(last()).toMatchObject({ level: 2, levelA: 80 });
  await client.get("k", { consistency: "session" });
  expect(last()).toMatchObject({ level: 1, levelA: 7 });
  await client.set("k", "v");
  // The write's position isn't known, so the read is linearizable.
  await client.get("k", { consistency: "session" });
  expect(last()).toMatchObject({ level: 0 });
  await client.get("k", { consistency: "any" });
  expect(last()).toMatchObject({ level: 3 });
});

test("close rejects what is outstanding; connect gives up in time", async () => {
  const { client, nodes } = await start(1);
  nodes[0]!.treat = () => "keep";
  const read = client.get("k").catch((error: unknown) => error);
  await until(() => nodes[0]!.seen.length > 0);
  client.close();
  expect(await read).toMatchObject({ kind: "closed", outcome: "definite" });
  await expect(client.get("k")).rejects.toMatchObject({ kind: "closed" });
  await expect(Quorate.connect({ seeds: ["127.0.0.1:1"], connectDeadlineMs: 100 })).rejects.toMatchObject({
    kind: "deadline",
  });
});

/** Polls by turns of the event loop, not by time. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
