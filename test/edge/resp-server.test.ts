import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { closeDoor, encode, exchange, openDoor, RawClient, type RespDoor } from "./resp-client.js";

let door: RespDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(async () => {
  await closeDoor(door);
});

describe("order", () => {
  test("replies that finish out of order leave in the order of the commands, the door's own among them", async () => {
    let sent = "";
    let expected = "";
    for (let i = 0; i < 400; i++) {
      sent += encode("SET", `k${i}`, `v${i}`) + encode("PING", String(i)) + encode("GET", `k${i}`);
      const value = `v${i}`;
      expected += `+OK\r\n$${String(i).length}\r\n${i}\r\n$${value.length}\r\n${value}\r\n`;
    }
    expect(await exchange(door.port, sent)).toBe(expected);
  });

  test("a half-closed connection gets all its replies, then the end", async () => {
    door.service.holding = true;
    const client = await RawClient.open(door.port);
    client.send(`${encode("SET", "k", "v") + encode("GET", "k")}GET half`);
    client.socket.end();
    await expect.poll(() => door.service.seen.length).toBe(2);
    expect(client.received).toBe("");
    door.service.release();
    expect(await client.rest()).toBe("+OK\r\n$1\r\nv\r\n");
  });

  test("an error of the protocol is written after earlier replies, and closes", async () => {
    const client = await RawClient.open(door.port);
    client.send(`${encode("SET", "k", "v")}PING\r\n*1\r\nfoo\r\n${encode("SET", "k", "never")}`);
    expect(await client.rest()).toBe("+OK\r\n+PONG\r\n-ERR Protocol error: expected '$', got 'f'\r\n");
    client.close();
    expect(await exchange(door.port, "GET k\r\n")).toBe("$1\r\nv\r\n");
  });

  test("QUIT answers, closes, and drops what follows", async () => {
    const client = await RawClient.open(door.port);
    client.send(`GET k\r\nQUIT\r\n${encode("SET", "k", "never")}`);
    expect(await client.rest()).toBe("$-1\r\n+OK\r\n");
    client.close();
    expect(await exchange(door.port, "GET k\r\n")).toBe("$-1\r\n");
  });

  test("a client that goes away gets nothing more, and its connection to the service ends", async () => {
    door.service.holding = true;
    const client = await RawClient.open(door.port);
    client.send(encode("SET", "k", "v"));
    await expect.poll(() => door.service.seen.length).toBe(1);
    client.socket.resetAndDestroy();
    await expect.poll(() => door.service.connections.size).toBe(0);
    door.service.release();
    expect(await exchange(door.port, "PING\r\n")).toBe("+PONG\r\n");
  });
});

describe("bounds", () => {
  test("safety 65: a value above the limit is refused by its declared length", async () => {
    const client = await RawClient.open(door.port);
    client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2147483647\r\n");
    expect(await client.rest()).toBe("-ERR Protocol error: invalid bulk length\r\n");
    client.close();
  });

  test("safety 73: a client that does not read is not read from, and its replies stay bounded", async () => {
    const slow = await openDoor({
      bounds: { unsentBytes: 256 * 1024, expectedReplyBytes: 4 * 1024 * 1024 },
    });
    try {
      const value = "x".repeat(100_000);
      await exchange(slow.port, encode("SET", "k", value));
      const client = await RawClient.open(slow.port);
      client.socket.pause();
      const count = 2000;
      client.send(encode("GET", "k").repeat(count));
      // The kernel's buffers fill, then the door stops: nothing more is asked of the service.
      let before = -1;
      await expect
        .poll(
          () => {
            const settled = slow.service.seen.length === before;
            before = slow.service.seen.length;
            return settled;
          },
          { interval: 150 },
        )
        .toBe(true);
      expect(slow.service.seen.length).toBeLessThan(count / 2);
      client.socket.resume();
      const one = `$100000\r\n${value}\r\n`.length;
      const all = await client.take(one * count);
      expect(all.length).toBe(one * count);
      client.close();
    } finally {
      await closeDoor(slow);
    }
  });

  test("safety 73: a client that takes nothing for long is closed, a slow one isn't", async () => {
    const impatient = await openDoor({ bounds: { unsentBytes: 256 * 1024, stallMs: 500 } });
    try {
      await exchange(impatient.port, encode("SET", "k", "x".repeat(8_000_000)));
      const idle = await RawClient.open(impatient.port);
      idle.send("GET k\r\n");
      await idle.take(8_000_012);
      // The idle client had bytes waiting before the stuck one had: its time would run out first.
      const stuck = await RawClient.open(impatient.port);
      stuck.socket.pause();
      stuck.send(encode("GET", "k").repeat(10));
      // Its first command came: the connection stood, even if it is gone before anybody counts again.
      await expect.poll(() => impatient.service.seen.length).toBeGreaterThan(2);
      await expect.poll(() => impatient.service.connections.size).toBe(1);
      idle.send("PING\r\n");
      expect(await idle.take(7)).toBe("+PONG\r\n");
      stuck.close();
      idle.close();
    } finally {
      await closeDoor(impatient);
    }
  });

  test("safety 65: commands at the service are bounded, and go on when they are answered", async () => {
    const narrow = await openDoor({ bounds: { outstandingCommands: 8 } });
    try {
      narrow.service.holding = true;
      const client = await RawClient.open(narrow.port);
      client.send(encode("INCR", "n").repeat(100));
      await expect.poll(() => narrow.service.seen.length).toBe(8);
      narrow.service.release();
      client.socket.end();
      expect((await client.rest()).split("\r\n").at(-2)).toBe(":100");
    } finally {
      await closeDoor(narrow);
    }
  });

  test("more clients than allowed are refused", async () => {
    const small = await openDoor({ maxClients: 1 });
    try {
      const first = await RawClient.open(small.port);
      first.send("PING\r\n");
      await first.take(7);
      expect(await exchange(small.port, "PING\r\n")).toBe("-ERR max number of clients reached\r\n");
      first.close();
    } finally {
      await closeDoor(small);
    }
  });

  test("a value of 16 MiB goes in and comes out", async () => {
    const value = "v".repeat(16 * 1024 * 1024);
    const reply = await exchange(door.port, encode("SET", "k", value) + encode("GET", "k"));
    expect(reply.length).toBe(5 + 11 + value.length + 2);
    expect(reply.startsWith("+OK\r\n$16777216\r\nvvv")).toBe(true);
  });
});

describe("reads that ask for less", () => {
  const stale = { appliedIndex: 9, ageMs: 12.3, revision: 5, logTimeMs: 77, stale: true };
  const attribute = "|3\r\n+applied-index\r\n:9\r\n+age-ms\r\n:13\r\n+stale\r\n#t\r\n";

  test("need RESP3, and their replies carry an attribute", async () => {
    door.service.freshness = stale;
    expect(await exchange(door.port, "QUORATE.READ any\r\n")).toMatch(/^-ERR QUORATE.READ needs RESP3/);
    const client = await RawClient.open(door.port);
    const reply = await client.exchange(
      "HELLO 3\r\nQUORATE.READ bounded 250\r\nGET k\r\nQUORATE.READ linearizable\r\nGET k\r\n",
    );
    expect(reply.endsWith(`+OK\r\n${attribute}_\r\n+OK\r\n_\r\n`)).toBe(true);
    expect(door.service.seen.map(({ level, levelA }) => [level, levelA])).toEqual([
      [2, 250],
      [0, 0],
    ]);
  });

  test("a session asks for what it has seen, and for linearizable where it wrote", async () => {
    door.service.freshness = stale;
    const client = await RawClient.open(door.port);
    const mark = (): Promise<void> => client.until(() => client.received.endsWith("MARK\r\n"));
    client.send("HELLO 3\r\nQUORATE.READ session\r\nGET k\r\nECHO MARK\r\n");
    await mark();
    client.received = "";
    client.send("GET j\r\nSET k 1\r\nGET k\r\nECHO MARK\r\n");
    await mark();
    client.close();
    expect(door.service.seen.map(({ name, level, levelA, levelB }) => [name, level, levelA, levelB])).toEqual(
      [
        ["GET", 1, 0, 0],
        ["GET", 1, 5, 77],
        ["SET", 0, 0, 0],
        ["GET", 0, 0, 0],
      ],
    );
  });

  test("going back to RESP2 ends them", async () => {
    door.service.freshness = stale;
    const reply = await exchange(door.port, "HELLO 3\r\nQUORATE.READ any\r\nHELLO 2\r\nGET k\r\n");
    expect(reply.endsWith("$-1\r\n")).toBe(true);
    expect(door.service.seen[0]?.level).toBe(0);
  });
});

test("safety 65: random bytes end in an error and a closed connection, and harm nobody", async () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 30; round++) {
    let bytes = round % 2 === 0 ? "*" : "";
    for (let i = 0; i < 3000; i++) bytes += String.fromCharCode(random.u32() & 0xff);
    const reply = await exchange(door.port, bytes);
    if (round % 2 === 0) expect(reply).toMatch(/^-ERR Protocol error: [^\r\n]*\r\n$/);
  }
  expect(await exchange(door.port, "PING\r\n")).toBe("+PONG\r\n");
  expect(door.service.connections.size).toBeLessThanOrEqual(1);
});

test("a browser's request is cut off before its body is taken for commands", async () => {
  expect(await exchange(door.port, "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n")).toBe("");
  expect(await exchange(door.port, "GET k\r\n")).toBe("$-1\r\n");
});

test("errors of the catalogue have their RESP code, and are counted", async () => {
  door.service.failure = { kind: "outcome-unknown", message: null };
  expect(await exchange(door.port, "SET k v\r\n")).toBe(
    "-OUTCOMEUNKNOWN the command may or may not take effect\r\n",
  );
  expect(door.telemetry.failed).toEqual(["outcome-unknown"]);
  expect(door.telemetry.in).toBe(9);
  expect(door.telemetry.out).toBe(56);
});

test("INFO and TIME tell of the node", async () => {
  const reply = await exchange(door.port, "SET k v EX 100\r\nINFO\r\nTIME\r\n");
  for (const line of ["redis_version:7.0.15", "quorate_version:0.1.0", "loading:0", "maxmemory:1000000000"])
    expect(reply).toContain(`\r\n${line}\r\n`);
  expect(reply.endsWith("*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n")).toBe(true);
});

test("an unmodified client gets ready and works, in RESP2 and RESP3", async () => {
  for (const protocol of [2, 3] as const) {
    const redis = new Redis({ port: door.port, host: "127.0.0.1", protocol, connectionName: "app" } as never);
    try {
      expect(await redis.set("a", "1", "PX", 60_000)).toBe("OK");
      expect(await redis.incrby("a", 41)).toBe(42);
      expect(await redis.mget("a", "nothing")).toEqual(["42", null]);
      const results = await redis.pipeline().get("a").ping().del("a").exec();
      expect(results?.map(([, value]) => value)).toEqual(["42", "PONG", 1]);
      expect(await redis.client("GETNAME")).toBe("app");
    } finally {
      redis.disconnect();
    }
  }
});

test("closing answers what was received", async () => {
  door.service.holding = true;
  const client = await RawClient.open(door.port);
  client.send(encode("SET", "k", "v"));
  await expect.poll(() => door.service.seen.length).toBe(1);
  const closed = closeDoor(door);
  door.service.release();
  expect(await client.rest()).toBe("+OK\r\n");
  client.close();
  await closed;
  door = await openDoor();
});
