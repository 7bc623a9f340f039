import { Agent, request } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FaultCluster, rounds, until } from "./cluster.js";
import { figures } from "./figures.js";
import { redisClient } from "./load.js";
import { command, flatReplies, RawClient } from "./raw-client.js";

let cluster: FaultCluster;

beforeEach(async () => {
  cluster = await FaultCluster.start();
}, 90_000);

afterEach(async () => {
  await cluster.stop();
}, 60_000);

const key = "{paused}register";
const pauseMs = 3000;
const lanes = 4;

interface QueuedRead {
  /** The newest value that was acknowledged before the read was sent. */
  readonly floor: number;
  readonly lane: number;
}

/** GET over a connection that is open already; the value, or null for an error. */
function httpRead(agent: Agent, port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const call = request(
      { agent, port, host: "127.0.0.1", path: `/cache/${encodeURIComponent(key)}` },
      (response) => {
        let body = "";
        response.on("data", (bytes: Buffer) => {
          body += bytes.toString();
        });
        response.on("end", () =>
          resolve(response.statusCode === 200 ? Number((JSON.parse(body) as { value: string }).value) : null),
        );
      },
    );
    call.on("error", () => resolve(null));
    call.end();
  });
}

test("safety 16: a leader that was stopped doesn't answer the reads in its buffers from the past", {
  timeout: rounds(2) * 30_000 + 60_000,
}, async () => {
  const times = rounds(2);
  let values = 0;
  let errors = 0;
  let writtenMeanwhile = 0;
  let floorsMoved = 0;
  const gapsMs: number[] = [];
  let next = 1;
  for (let round = 0; round < times; round++) {
    await cluster.healed();
    const leader = await cluster.leaderOf(key);
    const elsewhere = redisClient(cluster.node(cluster.others(leader)[round % 2]!).ports.resp);
    await until("a client elsewhere", () => elsewhere.status === "ready");
    const sockets = await Promise.all(
      Array.from({ length: lanes }, () => RawClient.open(cluster.node(leader).ports.resp)),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    const { http } = cluster.node(leader).ports;
    // The value is there, and read through every connection, before the fault.
    await elsewhere.set(key, String(next));
    let acknowledged = next++;
    for (const socket of sockets) {
      socket.send(command("GET", key));
      expect(await socket.until(() => flatReplies(socket.received).length === 1)).toBe(true);
    }
    expect(await httpRead(agent, http)).toBe(acknowledged);

    const queued: QueuedRead[] = [];
    const web: Promise<void>[] = [];
    const queue = (): void => {
      sockets.forEach((socket, lane) => {
        queued.push({ floor: acknowledged, lane });
        socket.send(command("GET", key));
      });
      const floor = acknowledged;
      web.push(
        httpRead(agent, http).then((value) => {
          if (value === null) errors++;
          else {
            values++;
            expect(value).toBeGreaterThanOrEqual(floor);
          }
        }),
      );
    };
    cluster.pause(leader);
    const stoppedAtMs = performance.now();
    let lastMs = stoppedAtMs;
    let gapMs = 0;
    let resumed = false;
    const before = acknowledged;
    // Writes and queued reads take turns, until some time after the leader goes on.
    while (performance.now() < stoppedAtMs + pauseMs + 1000) {
      if (queued.length < 400) queue();
      const value = next++;
      try {
        await elsewhere.set(key, String(value));
        acknowledged = value;
        gapMs = Math.max(gapMs, performance.now() - lastMs);
        lastMs = performance.now();
        if (!resumed) writtenMeanwhile++;
      } catch {
        // It may count or not: only acknowledged values are a floor.
      }
      if (!resumed && performance.now() > stoppedAtMs + pauseMs) {
        for (let i = 0; i < 5; i++) queue();
        cluster.resume(leader);
        resumed = true;
      }
    }
    expect(resumed).toBe(true);
    expect(acknowledged).toBeGreaterThan(before);
    gapsMs.push(gapMs);
    await Promise.all(web);
    const perLane = queued.length / lanes;
    for (const [lane, socket] of sockets.entries()) {
      await socket.until(() => flatReplies(socket.received).length === perLane + 1, 15_000);
      const replies = flatReplies(socket.received).slice(1);
      const reads = queued.filter((read) => read.lane === lane);
      expect(replies.length, "every queued read is answered").toBe(reads.length);
      replies.forEach((reply, i) => {
        if (/^[A-Z]|^-/.test(reply)) {
          errors++;
          return;
        }
        values++;
        if (reads[i]!.floor > before) floorsMoved++;
        expect(Number(reply), `read ${i} on connection ${lane}`).toBeGreaterThanOrEqual(reads[i]!.floor);
      });
      socket.close();
    }
    agent.destroy();
    elsewhere.disconnect();
  }
  figures("SIGSTOP of the leader", { times, values, errors, writtenMeanwhile, floorsMoved, gapsMs });
  expect(writtenMeanwhile).toBeGreaterThan(times);
  // Reads that could have gone wrong: the value had moved on before they were sent.
  expect(floorsMoved).toBeGreaterThan(times);
});
