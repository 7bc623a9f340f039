import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ClusterStatus, readClusterStatus } from "../../src/client/cluster-status.js";
import { freePort, host, Server, sleep, until } from "./processes.js";

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const startPatienceMs = 60_000;
/** Leaderships go to their preferred nodes some seconds after the last node came up. */
const stableMs = 4000;

export interface QuorateNodeAt {
  readonly name: string;
  readonly pid: number;
  readonly ports: { readonly resp: number; readonly grpc: number; readonly http: number };
  readonly data: string;
}

/** Three nodes, as `quorate dev` starts them: `fsync`, defaults. */
export class QuorateCluster {
  readonly name = "quorate";

  private constructor(
    private readonly dev: Server,
    private readonly data: string,
    readonly ranges: number,
  ) {}

  static async start(data: string, ranges: number, more: readonly string[] = []): Promise<QuorateCluster> {
    const offsets = [1, 2, 3].flatMap((i) => [i, 100 + i, 200 + i, 300 + i]);
    const port = await freePort(offsets);
    const args = [main, "dev", "--data", data, "--base-port", `${port}`, "--ranges", `${ranges}`, ...more];
    const dev = Server.start(process.execPath, args);
    await until("quorate", startPatienceMs, async () => {
      dev.mustLive();
      return dev.printed.includes("ready:");
    });
    const cluster = new QuorateCluster(dev, data, ranges);
    await cluster.settle();
    return cluster;
  }

  get nodes(): readonly QuorateNodeAt[] {
    const file = JSON.parse(readFileSync(join(this.data, "cluster.json"), "utf8")) as {
      nodes: readonly QuorateNodeAt[];
    };
    return file.nodes;
  }

  get pids(): readonly number[] {
    return this.nodes.map(({ pid }) => pid);
  }

  async status(): Promise<ClusterStatus> {
    const status = await readClusterStatus(this.nodes.map(({ ports }) => `${host}:${ports.grpc}`));
    if (status === null) throw new Error("quorate: no node answers");
    return status;
  }

  /** The node that leads most ranges: with one range its leader. */
  async leader(): Promise<QuorateNodeAt> {
    const { ranges } = await this.status();
    const led = (name: string): number => ranges.filter(({ leader }) => leader === name).length;
    return this.nodes.toSorted((a, b) => led(b.name) - led(a.name))[0]!;
  }

  async follower(): Promise<QuorateNodeAt> {
    const leader = await this.leader();
    return this.nodes.find(({ name }) => name !== leader.name)!;
  }

  /** Until all replicas vote, every range has a leader, and leaders stay where they are. */
  async settle(): Promise<void> {
    let seen = "";
    let since = performance.now();
    await until("quorate: leaders", startPatienceMs, async () => {
      const { ranges } = await this.status();
      const complete = ranges.every(
        ({ leader, replicas }) =>
          leader !== null &&
          replicas.length === 3 &&
          replicas.every(({ role }) => role === "leader" || role === "follower"),
      );
      const now = JSON.stringify(ranges.map(({ leader, term }) => [leader, term]));
      if (!complete || now !== seen) since = performance.now();
      seen = now;
      return complete && performance.now() - since >= stableMs;
    });
  }

  /** Starts a node again that was stopped or killed; `dev` finds its pid in cluster.json and stops it in the end. */
  async restart(node: QuorateNodeAt): Promise<void> {
    const errors = openSync(join(node.data, "log", "stderr.log"), "a");
    const child = spawn(process.execPath, [main, "serve", "--config", join(node.data, "quorate.yaml")], {
      stdio: ["ignore", errors, errors],
      env: { ...process.env, UV_THREADPOOL_SIZE: "8" },
    });
    child.unref();
    await until(`quorate ${node.name}`, startPatienceMs, async () => {
      const response = await fetch(`http://${host}:${node.ports.http}/readyz`);
      return response.status === 200;
    });
    await this.settle();
  }

  async stop(): Promise<void> {
    await this.dev.stop();
    await sleep(100);
  }
}
