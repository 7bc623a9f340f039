import type { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { Client, credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ByteWriter } from "../../src/base/bytes.js";
import { SeededRandom } from "../../src/base/random.js";
import { encodeGreeting, paths } from "../../src/transport/wire.js";
import { FaultCluster, rounds, until } from "./cluster.js";
import { Doors } from "./doors.js";
import { figures } from "./figures.js";
import { command, RawClient } from "./raw-client.js";

let cluster: FaultCluster;
let doors: Doors;

beforeAll(async () => {
  cluster = await FaultCluster.start();
  doors = await Doors.open(cluster, 0);
}, 90_000);

afterAll(async () => {
  doors.close();
  await cluster.stop();
}, 60_000);

const answerWithinMs = 5000;
/** What a node's resident memory may grow by over a whole test: buffers of declared sizes would show. */
const growthLimitBytes = 200 * 1024 * 1024;
const names = ["resp", "http", "grpc", "peer"] as const;

function residentBytes(n: number): number {
  const status = readFileSync(`/proc/${cluster.node(n).pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

/** Runs bad input against node 1; afterwards all is as before. */
async function unharmed(what: string, attack: () => Promise<number>): Promise<void> {
  const { pids } = cluster;
  const before = residentBytes(0);
  const attempts = await attack();
  const growthBytes = residentBytes(0) - before;
  expect(cluster.pids).toEqual(pids);
  for (const n of [0, 1, 2]) expect(cluster.isAlive(n), cluster.log(n).slice(-2000)).toBe(true);
  await doors.write("{bad}input");
  for (const { door, what: kind, error } of await doors.tryAll("{bad}input"))
    expect(error, `${door} ${kind} afterwards`).toBeNull();
  await cluster.healed();
  expect(growthBytes).toBeLessThan(growthLimitBytes);
  expect(attempts).toBeGreaterThan(0);
  figures(what, { attempts, growthMiB: Math.round(growthBytes / 1024 / 1024) });
}

/** Sends, waits for an answer or the end, says what came. */
async function poke(port: number, bytes: string | Uint8Array, half = false): Promise<string> {
  const client = await RawClient.open(port);
  client.send(bytes);
  if (half) client.socket.end();
  await client.until(() => client.received.length > 0, half ? answerWithinMs : 300);
  const { received } = client;
  client.close();
  return received;
}

test("random bytes on every port are answered with an error or a closed connection", {
  timeout: 240_000,
}, async () => {
  await unharmed("random bytes", async () => {
    const random = new SeededRandom(7);
    let attempts = 0;
    for (let round = 0; round < rounds(3) * 10; round++)
      for (const name of names) {
        const bytes = Buffer.alloc(1 + (random.u32() % 5000));
        for (let i = 0; i < bytes.length; i++) bytes[i] = random.u32();
        // Some begin as what the port expects, so that they come further.
        const prefix =
          round % 2 === 0 ? "" : name === "resp" ? "*3\r\n" : name === "http" ? "GET /" : http2Preface;
        await poke(cluster.node(0).ports[name], Buffer.concat([Buffer.from(prefix), bytes]));
        attempts++;
      }
    return attempts;
  });
});

const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** What must be refused, and how. */
const badCommands: readonly (readonly [string, string, RegExp])[] = [
  ["a huge array", "*1000000000\r\n", /^-ERR Protocol error/],
  ["an array above 32 bits", "*99999999999999\r\n", /^-ERR Protocol error/],
  ["a huge string", "*2\r\n$3\r\nGET\r\n$2147483647\r\n", /^-ERR Protocol error/],
  ["a negative length", "*2\r\n$3\r\nGET\r\n$-5\r\n", /^-ERR Protocol error/],
  ["no number", "*x\r\n", /^-ERR Protocol error/],
  ["a string without its mark", "*1\r\n:5\r\n", /^-ERR Protocol error/],
  ["a long inline command", "x".repeat(70_000), /^-ERR Protocol error/],
  ["an unknown command", command("NOSUCH", "x"), /^-ERR unknown command/],
  ["too few arguments", command("GET"), /^-ERR wrong number of arguments/],
  ["too many arguments", command("GET", "a", "b"), /^-ERR wrong number of arguments/],
  ["no integer", command("INCRBY", "{bad}n", "x"), /^-ERR value is not an integer/],
  ["an option that isn't one", command("SET", "{bad}n", "1", "NOPE"), /^-ERR syntax error/],
  ["a key that is too long", command("SET", "k".repeat(64 * 1024 + 1), "v"), /^-/],
  ["a browser", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", /^(-|$)/],
];

test("malformed and oversize commands are refused clearly on RESP", { timeout: 60_000 }, async () => {
  await unharmed("malformed commands", async () => {
    const port = cluster.node(0).ports.resp;
    for (const [what, bytes, expected] of badCommands)
      expect(await poke(port, bytes), what).toMatch(expected);
    // A value above the limit: refused by its declared length, before it is sent.
    expect(await poke(port, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$17000000\r\n")).toMatch(/^-/);
    return badCommands.length + 1;
  });
});

test("malformed and oversize requests are refused clearly on HTTP", { timeout: 60_000 }, async () => {
  await unharmed("malformed requests", async () => {
    const base = `http://${cluster.address(0, "http")}`;
    const json = (value: unknown): RequestInit => ({ method: "PUT", body: JSON.stringify(value) });
    const cases: readonly (readonly [string, RequestInit])[] = [
      ["/cache/%ff", {}],
      ["/cache/", {}],
      ["/cache/a?consistency=wrong", {}],
      ["/cache/a", { method: "PUT", body: "not json" }],
      ["/cache/a", json({ value: 5 })],
      ["/cache/a", json({ value: "v", ttl: -1 })],
      ["/cache/a", json({ value: "x".repeat(17 * 1024 * 1024) })],
      [`/cache/${"k".repeat(70_000)}`, {}],
      ["/cache/batch", { method: "POST", body: "[" }],
      ["/nowhere", {}],
      ["/cache/a", { method: "PATCH" }],
    ];
    for (const [path, options] of cases) {
      const status = await fetch(base + path, options).then(
        async (response) => {
          await response.arrayBuffer();
          return response.status;
        },
        // An oversize body may be cut off while it is being sent.
        () => 400,
      );
      expect(status, `${options.method ?? "GET"} ${path.slice(0, 40)}`).toBeGreaterThanOrEqual(400);
      expect(status, `${options.method ?? "GET"} ${path.slice(0, 40)}`).toBeLessThan(500);
    }
    const port = cluster.node(0).ports.http;
    const declared = await poke(
      port,
      "PUT /cache/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
    );
    expect(declared).toMatch(/^HTTP\/1.1 4/);
    return cases.length + 1;
  });
});

test("bodies of huge declared lengths don't take memory on gRPC and between peers", {
  timeout: 60_000,
}, async () => {
  await unharmed("huge gRPC frames", async () => {
    let attempts = 0;
    for (const name of ["grpc", "peer"] as const)
      for (let i = 0; i < 20; i++) {
        // An HTTP/2 frame that says it has 16 MiB, and settings that make no sense.
        const frame = Buffer.from([0xff, 0xff, 0xff, i % 10, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        await poke(cluster.node(0).ports[name], Buffer.concat([Buffer.from(http2Preface), frame]));
        attempts++;
      }
    return attempts;
  });
});

test("half-closed and abandoned connections are let go", { timeout: 120_000 }, async () => {
  await unharmed("half-closed connections", async () => {
    const { resp, http, grpc, peer } = cluster.node(0).ports;
    // Half-closed after a whole command: it is answered.
    expect(await poke(resp, command("PING"), true)).toMatch(/^\+PONG/);
    expect(await poke(http, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", true)).toMatch(/^HTTP\/1.1 200/);
    const clients: RawClient[] = [];
    for (const port of [resp, http, grpc, peer])
      for (let i = 0; i < 50; i++) {
        const client = await RawClient.open(port);
        // Half a command, then the end of what it sends.
        client.send("*2\r\n$3\r\nGE");
        client.socket.end();
        clients.push(client);
      }
    await until("all are closed by the server", () => clients.every(({ closed }) => closed), 60_000);
    for (const client of clients) client.close();
    return clients.length;
  });
});

test("safety 74: malformed calls and frames of a peer are refused and end nothing", {
  timeout: 60_000,
}, async () => {
  await unharmed("malformed peer calls", async () => {
    const random = new SeededRandom(11);
    const client = new Client(cluster.address(0, "peer"), credentials.createInsecure());
    const raw = (bytes: Buffer): Buffer => bytes;
    let attempts = 0;
    const ended = (call: EventEmitter): Promise<void> =>
      new Promise((resolve) => {
        call.on("data", () => {});
        call.on("error", () => resolve());
        call.on("end", () => resolve());
      });
    for (let round = 0; round < rounds(3) * 20; round++) {
      const bytes = Buffer.alloc(random.u32() % 64);
      for (let i = 0; i < bytes.length; i++) bytes[i] = random.u32();
      const deadline = Date.now() + 2000;
      await new Promise<void>((resolve) => {
        client.makeUnaryRequest(paths.call, raw, raw, bytes, { deadline }, () => resolve());
      });
      // A snapshot request as it is framed, with nonsense inside.
      const request = new ByteWriter(64);
      request.u53(1 + (random.u32() % 1000));
      request.block(bytes);
      for (const body of [bytes, Buffer.from(request.take())])
        await ended(client.makeServerStreamRequest(paths.snapshot, raw, raw, body, { deadline }));
      for (const path of [paths.raft, paths.forward]) {
        const call = client.makeBidiStreamRequest(path, raw, raw, { deadline });
        const end = ended(call);
        call.write(bytes);
        // A greeting of the right form by nobody.
        call.write(encodeGreeting({ id: 5, process: 1, address: "nowhere:1", hello: bytes }));
        call.end();
        await end;
      }
      attempts += 5;
    }
    client.close();
    return attempts;
  });
});
