import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Endpoint } from "../conformance/transport.js";
import { RealWorld, until } from "./real-world.js";

let world: RealWorld;
const servers: Server[] = [];
const sockets = new Set<Socket>();

beforeEach(() => {
  world = new RealWorld({ dialTimeoutMs: 300, livenessMs: 600 });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of servers.splice(0)) server.close();
  await world.end();
});

async function endpoint(id: number, address?: string): Promise<Endpoint> {
  const made = new Endpoint(id, world.transport(address === undefined ? {} : { address }));
  let started = false;
  made.transport.start(id, made, (error) => {
    expect(error).toBeNull();
    started = true;
  });
  await until(() => started, "the start");
  return made;
}

/** A TCP server; what it does with a connection is the caller's choice. */
async function listen(
  onConnection: (socket: Socket) => void,
  port = 0,
): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    onConnection(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { server, port: address.port };
}

/** Forwards to a port until told to stall, as a network that swallows packets does. */
async function stallableProxy(
  target: () => string,
): Promise<{ address: string; stall(stalled: boolean): void }> {
  let stalled = false;
  const { port } = await listen((socket) => {
    const out = connect(Number(target().split(":")[1]), "127.0.0.1");
    sockets.add(out);
    out.on("error", () => socket.destroy());
    const pipe = (from: Socket, to: Socket): void => {
      from.on("data", (bytes) => {
        if (!stalled) to.write(bytes);
      });
      from.on("close", () => to.destroy());
    };
    pipe(socket, out);
    pipe(out, socket);
  });
  return {
    address: `127.0.0.1:${port}`,
    stall(on) {
      stalled = on;
    },
  };
}

/** Forwards to a port; what comes back on the connections that there are it keeps from `hold` until `release`. */
async function holdingProxy(
  target: () => string,
): Promise<{ address: string; hold(): void; release(): void }> {
  const connections: { isHeld: boolean; readonly kept: Buffer[]; readonly socket: Socket }[] = [];
  const { port } = await listen((socket) => {
    const connection = { isHeld: false, kept: [] as Buffer[], socket };
    connections.push(connection);
    const out = connect(Number(target().split(":")[1]), "127.0.0.1");
    sockets.add(out);
    out.on("error", () => {});
    socket.on("data", (bytes) => out.write(bytes));
    socket.on("close", () => out.destroy());
    out.on("data", (bytes) => {
      if (connection.isHeld) connection.kept.push(bytes);
      else socket.write(bytes);
    });
    out.on("close", () => {
      if (!connection.isHeld) socket.destroy();
    });
  });
  return {
    address: `127.0.0.1:${port}`,
    hold() {
      for (const connection of connections) connection.isHeld = true;
    },
    release() {
      for (const { kept, socket } of connections) for (const bytes of kept.splice(0)) socket.write(bytes);
    },
  };
}

test("safety 71: a peer that accepts connections and never answers is dialled again until it answers", async () => {
  let connections = 0;
  const { server, port } = await listen((socket) => {
    connections++;
    socket.resume();
  });
  const a = await endpoint(1);
  a.transport.setPeers([{ id: 2, address: `127.0.0.1:${port}` }]);
  // Per attempt one probe and one channel, for each of the two streams.
  await until(() => connections >= 8, "a second attempt");
  expect(a.events).toEqual([]);

  let error: string | null = null;
  a.transport.call(`127.0.0.1:${port}`, new Uint8Array(1), 200, (failure) => {
    error = failure;
  });
  await until(() => error !== null, "the deadline");
  expect(error).toContain("deadline");

  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  const b = await endpoint(2, `127.0.0.1:${port}`);
  b.transport.setPeers([{ id: 1, address: a.transport.address() }]);
  await until(() => a.transport.isUp(2) && b.transport.isUp(1), "both up");
});

test("safety 71: an address that swallows packets doesn't hold anything up", async () => {
  const a = await endpoint(1);
  // TEST-NET-1 (RFC 5737) has no hosts: depending on the network it is refused or never answers.
  a.transport.setPeers([{ id: 2, address: "192.0.2.1:9" }]);
  let error: string | null = null;
  a.transport.call("192.0.2.1:9", new Uint8Array(1), 100, (failure) => {
    error = failure;
  });
  await until(() => error !== null, "the end of the call");
  expect(a.transport.send(2, "raft", new Uint8Array(1))).toBe(false);
});

test("safety 71: a stream on which nothing comes any more is given up, once on each side", async () => {
  const a = await endpoint(1);
  const b = await endpoint(2);
  const proxy = await stallableProxy(() => b.transport.address());
  a.transport.setPeers([{ id: 2, address: proxy.address }]);
  b.transport.setPeers([{ id: 1, address: a.transport.address() }]);
  await until(() => a.transport.isUp(2) && b.transport.isUp(1), "both up");
  proxy.stall(true);
  await until(() => a.events.includes("down 2") && b.events.includes("down 1"), "down on both sides");
  proxy.stall(false);
  await until(() => a.transport.isUp(2) && b.transport.isUp(1), "both up again");
  expect(a.events).toEqual(["up 2", "down 2", "up 2"]);
  expect(b.events).toEqual(["up 1", "down 1", "up 1"]);
});

test("what a process sent that has ended is not taken for what the next one sends, however late it comes", async () => {
  const patient = (id: number, address?: string) =>
    new Endpoint(id, world.transport({ livenessMs: 60_000, ...(address === undefined ? {} : { address }) }));
  const start = async (made: Endpoint): Promise<Endpoint> => {
    let started = false;
    made.transport.start(made.id, made, () => {
      started = true;
    });
    await until(() => started, "the start");
    return made;
  };
  const a = await start(patient(1));
  const former = await start(patient(2));
  const address = former.transport.address();
  const proxy = await holdingProxy(() => address);
  a.transport.setPeers([{ id: 2, address: proxy.address }]);
  former.transport.setPeers([{ id: 1, address: a.transport.address() }]);
  await until(() => a.transport.isUp(2) && former.transport.isUp(1), "both up");
  proxy.hold();
  former.transport.send(1, "raft", new Uint8Array([1]));
  former.transport.send(1, "forward", new Uint8Array([1]));
  await new Promise<void>((resolve) => former.transport.close(resolve));
  await until(() => a.events.includes("down 2"), "down");

  const next = await start(patient(2, address));
  next.transport.setPeers([{ id: 1, address: a.transport.address() }]);
  await until(() => a.transport.isUp(2) && next.transport.isUp(1), "both up again");
  proxy.release();
  next.transport.send(1, "raft", new Uint8Array([2]));
  next.transport.send(1, "forward", new Uint8Array([2]));
  await until(() => a.frames.length === 2, "the frames");
  expect(a.frames.map(({ frame }) => [...frame])).toEqual([[2], [2]]);
  expect(a.events).toEqual(["up 2", "down 2", "up 2"]);
});

test("a transport closes though a connection never ends at its other side", async () => {
  const a = await endpoint(1);
  const [host, port] = a.transport.address().split(":");
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  sockets.add(socket);
  // An HTTP/2 session (preface, empty settings), which hears its end and keeps its own side open.
  socket.write(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1"));
  let isGreeted = false;
  socket.on("data", () => {
    isGreeted = true;
  });
  await until(() => isGreeted, "the server's settings");
  let isClosed = false;
  a.transport.close(() => {
    isClosed = true;
  });
  await until(() => isClosed, "the end of close", 10_000);
});

test("an idle pair stays up by pings alone", async () => {
  const a = await endpoint(1);
  const b = await endpoint(2);
  a.transport.setPeers([{ id: 2, address: b.transport.address() }]);
  b.transport.setPeers([{ id: 1, address: a.transport.address() }]);
  await until(() => a.transport.isUp(2) && b.transport.isUp(1), "both up");
  const endMs = performance.now() + 1500;
  await until(() => performance.now() > endMs, "more than twice the liveness bound");
  expect(a.events).toEqual(["up 2"]);
  expect(b.events).toEqual(["up 1"]);
});

test("safety 65: what a peer doesn't read is bounded, and the stream to it given up", async () => {
  const a = await endpoint(1);
  const b = await endpoint(2);
  const proxy = await stallableProxy(() => a.transport.address());
  a.transport.setPeers([{ id: 2, address: b.transport.address() }]);
  b.transport.setPeers([{ id: 1, address: proxy.address }]);
  await until(() => a.transport.isUp(2) && b.transport.isUp(1), "both up");
  proxy.stall(true);
  const frame = new Uint8Array(4 * 1024 * 1024);
  let accepted = 0;
  while (accepted < 100 && a.transport.send(2, "bulk", frame.slice())) accepted++;
  expect(accepted).toBe(16);
  expect(a.transport.queuedBytes(2)).toBeLessThanOrEqual(64 * 1024 * 1024);
  await until(() => a.events.includes("down 2"), "down");
  expect(a.transport.queuedBytes(2)).toBe(0);
});

test("a port that is taken is an error of start", async () => {
  const a = await endpoint(1);
  const other = new Endpoint(2, world.transport({ address: a.transport.address() }));
  let error: string | null = null;
  other.transport.start(2, other, (failure) => {
    error = failure;
  });
  await until(() => error !== null, "the error");
  expect(error).toMatch(/EADDRINUSE|bind/i);
});

test("safety 74: what the handler of a call throws ends the process instead of being answered", async () => {
  const a = await endpoint(1);
  const b = await endpoint(2);
  b.answer = () => {
    throw new Error("a broken invariant");
  };
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const caught: string[] = [];
  process.on("uncaughtException", (error) => caught.push(error.message));
  try {
    a.transport.call(b.transport.address(), new Uint8Array(1), 300, () => {});
    await until(() => caught.length > 0, "the exception");
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of others) process.on("uncaughtException", listener);
  }
  expect(caught).toEqual(["a broken invariant"]);
});

test("a peer behind NAT is dialled, called and pulled from where the map says", async () => {
  const one = await endpoint(1);
  const announced = "node-1.invalid:7201";
  const two = new Endpoint(2, world.transport({ natMap: new Map([[announced, one.transport.address()]]) }));
  let started = false;
  two.transport.start(2, two, () => {
    started = true;
  });
  await until(() => started, "the start");
  two.transport.setPeers([{ id: 1, address: announced }]);
  one.transport.setPeers([{ id: 2, address: two.transport.address() }]);
  await until(() => two.events.includes("up 1") && one.events.includes("up 2"), "both up");

  let answer: Uint8Array | null = null;
  two.transport.call(announced, new Uint8Array([7]), 2000, (_error, body) => {
    answer = body;
  });
  await until(() => answer !== null, "the answer");
  expect([...answer!]).toEqual([7]);

  let ended: string | null | undefined;
  two.transport.pullSnapshot(1, new Uint8Array([1]), {
    onChunk: (_chunk, next) => next(),
    onEnd: (error) => {
      ended = error;
    },
  });
  await until(() => ended !== undefined, "the end of the snapshot");
  // The holder was reached: it is the one that refuses.
  expect(ended).not.toMatch(/address|ENOTFOUND|connect/);
});
