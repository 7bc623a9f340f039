import { connect } from "node:net";
import { Client, type ClientDuplexStream, credentials, loadPackageDefinition, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoPath as healthProtoPath } from "grpc-health-check";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ByteWriter, utf8Bytes } from "../../src/base/bytes.js";
import { plainHeader, writeCommand } from "../../src/commands/command-codec.js";
import { commandByName } from "../../src/commands/table.js";
import type { GrpcServer } from "../../src/edge/grpc/grpc-server.js";
import { FakeCluster, type FakeNode } from "./fake-cluster.js";
import { packages, startServer, stopServer } from "./grpc-setup.js";

interface Reply {
  readonly id: number;
  readonly replies: Record<string, unknown>[];
  readonly packed?: Buffer;
}

const { Pipeline } = packages["quorate.v1.PipelineService"] as never as {
  Pipeline: {
    requestSerialize(message: object): Buffer;
    responseDeserialize(bytes: Buffer): { batches: Reply[] };
  };
};

let node: FakeNode;
let server: GrpcServer;
let client: Client;
let stream: ClientDuplexStream<object, { batches: Reply[] }>;
let received: Reply[][] = [];
let arrived: () => void = () => {};

beforeAll(async () => {
  const cluster = new FakeCluster();
  node = cluster.addNode();
  server = await startServer(node);
  client = new Client(server.address(), credentials.createInsecure());
});
afterEach(() => {
  stream?.cancel();
  node.treat = () => "run";
});
afterAll(async () => {
  client.close();
  await stopServer(server);
});

function open(): void {
  received = [];
  stream = client.makeBidiStreamRequest(
    "/quorate.v1.PipelineService/Pipeline",
    Pipeline.requestSerialize,
    Pipeline.responseDeserialize,
  );
  stream.on("data", ({ batches }: { batches: Reply[] }) => {
    received.push(batches);
    arrived();
  });
  stream.on("error", () => {});
}

async function replies(count: number): Promise<Reply[]> {
  while (received.flat().length < count)
    await new Promise<void>((resolve) => {
      arrived = resolve;
    });
  return received.flat();
}

const command = (name: string, ...args: string[]) => ({ name, args: args.map((arg) => Buffer.from(arg)) });

function packed(...commands: [string, ...string[]][]): Buffer {
  const out = new ByteWriter();
  for (const [name, ...args] of commands) {
    const one = new ByteWriter();
    writeCommand(one, plainHeader(commandByName(name)!.opcode), args.map(utf8Bytes));
    out.varint(1000);
    out.block(one.written());
  }
  return Buffer.from(out.take());
}

test("a batch is answered in the order of its commands, errors among them", async () => {
  open();
  stream.write({
    batches: [
      {
        id: 5,
        commands: [
          command("set", "a", "1"),
          command("INCR", "a"),
          command("NOSUCH", "x"),
          command("GET", "a"),
          command("MGET", "a", "none"),
        ],
      },
    ],
  });
  const [batch] = await replies(1);
  expect(batch).toMatchObject({
    id: 5,
    replies: [
      { status: "OK" },
      { integer: 2 },
      { error: { kind: "unknown-command", outcome: "OUTCOME_DEFINITE" } },
      { bulk: Buffer.from("2") },
      { array: { values: [{ bulk: Buffer.from("2") }, { nil: true }] } },
    ],
  });
});

test("batches that finish in one turn share one message", async () => {
  open();
  stream.write({ batches: [1, 2, 3].map((id) => ({ id, commands: [command("SET", `k${id}`, "v")] })) });
  await replies(3);
  expect(received.map((batches) => batches.map(({ id }) => id))).toEqual([[1, 2, 3]]);
});

test("sessions and consistency of a batch reach each command", async () => {
  open();
  stream.write({
    batches: [
      {
        id: 1,
        context: {
          session: { id: 700, acked: 3 },
          consistency: "CONSISTENCY_LEVEL_SESSION",
          seen: { revision: 4 },
        },
        commands: [{ ...command("INCR", "n"), sequence: 4 }, command("GET", "n")],
      },
    ],
  });
  await replies(1);
  expect(node.seen.slice(-2)).toMatchObject([
    { name: "INCR", session: 700, sequence: 4, acked: 3 },
    { name: "GET", session: 0, level: 1, levelA: 4 },
  ]);
});

test("packed commands are answered as soon as their replies are there", async () => {
  open();
  node.treat = ({ name }) => (name === "INCR" ? "keep" : "run");
  stream.write({ batches: [{ id: 9, packed: packed(["SET", "p", "1"], ["INCR", "p"], ["GET", "p"]) }] });
  // position, flags, length, reply: +OK, then the bulk "1".
  expect((await replies(1))[0]!.packed).toEqual(Buffer.from([0, 0, 1, 1, 2, 0, 3, 7, 1, 0x31]));
  node.treat = () => "run";
  node.release();
  expect((await replies(2))[1]).toMatchObject({ id: 9, packed: Buffer.from([1, 0, 2, 3, 2]) });
});

test("an empty batch is answered: a sign of life", async () => {
  open();
  stream.write({ batches: [{ id: 77 }] });
  expect(await replies(1)).toMatchObject([{ id: 77, replies: [] }]);
});

test("malformed commands end the stream and run nothing", async () => {
  const before = node.seen.length;
  const whole = packed(["SET", "m", "1"], ["SET", "m", "2"]);
  const chosenPrincipal = Buffer.from(packed(["GET", "m"]));
  chosenPrincipal[6] = 1;
  for (const bytes of [whole.subarray(0, whole.length - 1), chosenPrincipal]) {
    open();
    const ended = new Promise<{ code: number }>((resolve) => stream.on("error", resolve));
    stream.write({ batches: [{ id: 1, packed: bytes }] });
    expect((await ended).code).toBe(status.INVALID_ARGUMENT);
  }
  expect(node.seen.length).toBe(before);
});

test("a stream whose client stops writing is answered before it ends", async () => {
  open();
  const ended = new Promise((resolve) => stream.on("end", resolve));
  stream.write({ batches: [{ id: 1, commands: [command("SET", "e", "1")] }] });
  stream.end();
  await ended;
  expect(received.flat()).toMatchObject([{ id: 1, replies: [{ status: "OK" }] }]);
});

test("a client that doesn't read holds up its own commands only (safety 73)", async () => {
  open();
  await new Promise<void>((resolve) => {
    stream.write({ batches: [{ id: 0, commands: [command("SET", "big", "x".repeat(500_000))] }] });
    arrived = resolve;
  });
  stream.pause();
  const before = node.seen.length;
  for (let id = 1; id <= 200; id++) stream.write({ batches: [{ id, commands: [command("GET", "big")] }] });
  // What another stream is answered in the meantime shows that the node goes on.
  const other = client.makeBidiStreamRequest(
    "/quorate.v1.PipelineService/Pipeline",
    Pipeline.requestSerialize,
    Pipeline.responseDeserialize,
  );
  for (let id = 1; id <= 20; id++) {
    other.write({ batches: [{ id, commands: [command("SET", "small", "1")] }] });
    await new Promise((resolve) => other.once("data", resolve));
  }
  const ran = node.seen.slice(before).filter(({ name }) => name === "GET").length;
  expect(ran).toBeLessThan(100);
  stream.resume();
  expect((await replies(201)).length).toBe(201);
  other.on("error", () => {});
  other.cancel();
});

test("health follows the node's readiness, and reflection lists the services", async () => {
  const health = loadPackageDefinition(loadSync(healthProtoPath, { enums: String })) as never as {
    grpc: { health: { v1: { Health: new (a: string, c: unknown) => never } } };
  };
  const checker = new health.grpc.health.v1.Health(
    server.address(),
    credentials.createInsecure(),
  ) as Client & {
    check(request: object, done: (error: Error | null, response: { status: string }) => void): void;
  };
  const check = (): Promise<string> =>
    new Promise((resolve, reject) =>
      checker.check({ service: "quorate.v1.CacheService" }, (error, response) =>
        error === null ? resolve(response.status) : reject(error),
      ),
    );
  expect(await check()).toBe("SERVING");
  node.isReady = false;
  node.tellTopology();
  expect(await check()).toBe("NOT_SERVING");
  node.isReady = true;
  node.tellTopology();
  checker.close();

  // ServerReflectionRequest { list_services = 7: "" }; names are readable in the answer.
  const reflection = client.makeBidiStreamRequest<Buffer, Buffer>(
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    (message) => message,
    (message) => message,
  );
  reflection.write(Buffer.from([0x3a, 0]));
  const listed = await new Promise<Buffer>((resolve) => reflection.once("data", resolve));
  reflection.end();
  for (const name of ["CacheService", "PipelineService", "ClusterService", "grpc.health.v1.Health"])
    expect(listed.toString("latin1")).toContain(name);
});

test("a server closes though a connection never ends at its other side", async () => {
  const own = await startServer(node);
  const [host, port] = own.address().split(":");
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  // An HTTP/2 session (preface, empty settings), which hears its end and keeps its own side open.
  socket.write(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1"));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.resume();
  await stopServer(own);
  socket.destroy();
});
