import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { Toxiproxy } from "toxiproxy-node-client";
import { SeededRandom } from "#quorate/base/random.js";
import { freePorts } from "../cluster/fabric.js";
import { ToxiproxyServer } from "../cluster/toxiproxy-server.js";
import { sleep, until } from "../cluster/wait.js";
import type { Door, Outcome, RunOptions, Words } from "../doors/door.js";
import { RespDoor } from "../doors/resp-door.js";
import { judge } from "../run/judge.js";
import { Recorder } from "../run/recorder.js";
import { Workers } from "../run/workers.js";
import type { Finding, Workload } from "../workloads/workload.js";

/**
 * The positive control: the same workers, history and checks on a Redis primary with a replica that is promoted by hand.
 * Redis acknowledges before its replica has anything, so acknowledged writes are lost, and the harness has to say so.
 */
export interface ControlOptions {
  readonly workload: Workload;
  readonly out: string;
  readonly seed: number;
}

const workers = 8;
const thinkMs = 20;
const calmMs = 2000;
/** The replica is cut off so long before the primary dies. */
const behindMs = 700;

export async function runRedisControl({ workload, out, seed }: ControlOptions): Promise<Finding> {
  mkdirSync(out, { recursive: true });
  const base = await freePorts(3);
  const ports = [base, base + 1] as const;
  const link = base + 2;
  const toxiproxy = await ToxiproxyServer.start(join(out, "toxiproxy.log"));
  const proxy = await new Toxiproxy(toxiproxy.url).createProxy({
    name: "replication",
    listen: `127.0.0.1:${link}`,
    upstream: `127.0.0.1:${ports[0]}`,
    enabled: true,
  });
  const children = ports.map((port, i) => redis(port, join(out, `redis-${i + 1}`), i === 0 ? null : link));
  const recorder = new Recorder(join(out, "history.jsonl"));
  let primary = 0;
  const doors = Array.from({ length: workers }, (_, i) => new PromotedDoor(i, ports, () => primary));
  try {
    await until("the replica follows", () => follows(ports[1]));
    const load = workload.start(new SeededRandom(seed));
    const running = new Workers(load, doors, recorder, seed, thinkMs);
    running.start();
    await sleep(calmMs);
    // What the primary sends from here on is thrown away.
    await proxy.addToxic({
      name: "cut",
      type: "timeout",
      stream: "downstream",
      toxicity: 1,
      attributes: { timeout: 0 },
    });
    await sleep(behindMs);
    children[0]!.kill("SIGKILL");
    await promote(ports[1]);
    primary = 1;
    await sleep(calmMs);
    await running.stop();
    await running.final();
    await recorder.close();
    const findings = judge(workload, recorder.observed, () => true);
    return {
      verdict: findings.some(({ verdict }) => verdict === "invalid") ? "invalid" : "valid",
      problems: findings.flatMap(({ problems }) => problems),
    };
  } finally {
    for (const door of doors) door.close();
    for (const child of children) child.kill("SIGKILL");
    await toxiproxy.stop();
  }
}

function redis(port: number, folder: string, primary: number | null): ChildProcess {
  mkdirSync(folder, { recursive: true });
  const replica = primary === null ? [] : ["--replicaof", "127.0.0.1", String(primary)];
  const words = ["--port", String(port), "--dir", folder, "--save", "", "--appendonly", "no", ...replica];
  return spawn("redis-server", words, { stdio: "ignore" });
}

async function ask<T>(port: number, work: (redis: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ port, host: "127.0.0.1", lazyConnect: true, retryStrategy: () => null });
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}

async function follows(port: number): Promise<boolean> {
  const replication = await ask(port, (client) => client.info("replication"));
  return replication.includes("master_link_status:up");
}

async function promote(port: number): Promise<void> {
  await until("the replica is promoted", () => ask(port, (client) => client.replicaof("NO", "ONE")));
}

/** A client that whoever promotes the replica points to it. */
class PromotedDoor implements Door {
  readonly protocol = "resp";
  readonly node: string;
  private readonly doors: readonly RespDoor[];

  constructor(
    worker: number,
    ports: readonly number[],
    private readonly primary: () => number,
  ) {
    this.node = `client-${worker}`;
    this.doors = ports.map((port, i) => new RespDoor(`redis-${i + 1}`, `127.0.0.1:${port}`, true));
  }

  has(command: string): boolean {
    return this.doors[0]!.has(command);
  }
  run(words: Words, options: RunOptions): Promise<Outcome> {
    return this.doors[this.primary()]!.run(words, options);
  }
  close(): void {
    for (const door of this.doors) door.close();
  }
}
