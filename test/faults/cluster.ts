import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { slotOf } from "../../src/base/slot.js";
import { callUnary, openChannel } from "../../src/client/channel.js";
import { type ClusterStatus, readClusterStatus } from "../../src/client/cluster-status.js";
import { clusterMethods, type TopologyMessage } from "../../src/client/proto.js";
import { type ClusterFileNode, readClusterFile } from "../../src/server/cluster-file.js";

/** How often the nemesis strikes: a few times in CI, more when asked for. */
export function rounds(inCi: number): number {
  return Number(process.env.ROUNDS ?? inCi);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Polls until `met` gives something; says what it waited for, and what it saw last, when it doesn't. */
export async function until<T>(
  what: string,
  met: () => T | Promise<T>,
  patienceMs = 30_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + patienceMs;
  let failure = "";
  for (;;) {
    try {
      const value = await met();
      if (value !== null && value !== undefined && value !== false) return value;
    } catch (error) {
      failure = `: ${String(error)}`;
    }
    if (Date.now() > end) throw new Error(`not within ${patienceMs} ms: ${what}${failure}`);
    await sleep(25);
  }
}

const host = "127.0.0.1";
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const portOffsets = [1, 2, 3].flatMap((n) => [n, 100 + n, 200 + n, 300 + n]);

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(false));
    server.listen(port, host, () => server.close(() => done(true)));
  });
}

/** Below the ports that the system hands out to outgoing connections. */
async function freeBasePort(): Promise<number> {
  for (;;) {
    const base = 10_000 + Math.floor(Math.random() * 22_000);
    const free = await Promise.all(portOffsets.map((offset) => isFree(base + offset)));
    if (free.every(Boolean)) return base;
  }
}

export interface ClusterOptions {
  readonly ranges?: number;
  readonly logLimit?: string;
  readonly durability?: "fsync" | "buffered";
}

/** Three real processes on free ports and a temporary folder, that can be killed, paused and damaged. */
export class FaultCluster {
  readonly nodes = ["node-1", "node-2", "node-3"] as const;
  private readonly paused = new Set<number>();
  private readonly started: ChildProcess[] = [];
  private readonly onExit = (): void => this.killAll();

  private constructor(
    readonly folder: string,
    private readonly dev: ChildProcess,
  ) {
    process.once("exit", this.onExit);
  }

  static async start(options: ClusterOptions = {}): Promise<FaultCluster> {
    if (!existsSync(main)) throw new Error(`${main} is missing: build first`);
    const folder = mkdtempSync(join(tmpdir(), "quorate-faults-"));
    const words = [
      main,
      "dev",
      "--data",
      folder,
      "--base-port",
      String(await freeBasePort()),
      "--ranges",
      String(options.ranges ?? 4),
      "--durability",
      options.durability ?? "fsync",
      "--maxmemory",
      "256mb",
    ];
    if (options.logLimit !== undefined) words.push("--log-limit", options.logLimit);
    const dev = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    dev.stdout.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
    const cluster = new FaultCluster(folder, dev);
    try {
      await until("the cluster greets", () => said.includes("ready: 3 nodes"), 60_000);
      await cluster.healed();
    } catch (error) {
      await cluster.stop();
      throw new Error(`${String(error)}\n${said}`);
    }
    return cluster;
  }

  // What the nodes are ---------------------------------------------------------------------------------------------

  private file(): readonly ClusterFileNode[] {
    return readClusterFile(join(this.folder, "cluster.json"));
  }

  /** `n` counts from 0. */
  node(n: number): ClusterFileNode {
    return this.file()[n]!;
  }

  get pids(): readonly number[] {
    return this.file().map(({ pid }) => pid);
  }

  isAlive(n: number): boolean {
    return isAlive(this.node(n).pid);
  }

  address(n: number, door: keyof ClusterFileNode["ports"]): string {
    return `${host}:${this.node(n).ports[door]}`;
  }

  get seeds(): readonly string[] {
    return this.nodes.map((_, n) => this.address(n, "grpc"));
  }

  others(n: number): readonly number[] {
    return [0, 1, 2].filter((each) => each !== n);
  }

  /** What the node wrote to its log, one JSON object per line, and to standard error. */
  log(n: number): string {
    const folder = join(this.node(n).data, "log");
    return ["quorate.log", "stderr.log"]
      .map((name) => join(folder, name))
      .filter(existsSync)
      .map((path) => readFileSync(path, "utf8"))
      .join("");
  }

  async status(of: readonly number[] = [0, 1, 2]): Promise<ClusterStatus> {
    const status = await readClusterStatus(
      of.map((n) => this.address(n, "grpc")),
      2000,
    );
    if (status === null) throw new Error("no node tells the cluster's status");
    return status;
  }

  /** The view of the first node that answers, with the ids of all replicas. */
  topology(): Promise<TopologyMessage> {
    const ask = (address: string): Promise<TopologyMessage> =>
      new Promise((resolve, reject) => {
        const channel = openChannel(address);
        callUnary(channel, clusterMethods().GetTopology, {}, 2000, (error, response) => {
          channel.close();
          if (response === undefined) reject(error ?? new Error("no topology"));
          else resolve(response.topology);
        });
      });
    return Promise.any(this.seeds.map(ask));
  }

  /** The node that leads the key's range. */
  async leaderOf(key: string): Promise<number> {
    const slot = slotOf(Buffer.from(key));
    return until(`a leader for ${key}`, async () => {
      const { ranges } = await this.status();
      const range = ranges.find(({ slots }) => slots[0] <= slot && slot <= slots[1]);
      const at = (this.nodes as readonly (string | null | undefined)[]).indexOf(range?.leader);
      return at >= 0 && this.isAlive(at) && !this.paused.has(at) ? { at } : null;
    }).then(({ at }) => at);
  }

  async isReady(n: number): Promise<boolean> {
    try {
      const response = await fetch(`http://${this.address(n, "http")}/readyz`, {
        signal: AbortSignal.timeout(1000),
      });
      await response.arrayBuffer();
      return response.status === 200;
    } catch {
      return false;
    }
  }

  /** All nodes ready, and every range with one leader and two followers. */
  async healed(patienceMs = 60_000): Promise<ClusterStatus> {
    for (const n of [0, 1, 2]) await until(`${this.nodes[n]} is ready`, () => this.isReady(n), patienceMs);
    return until(
      "every range has a leader and two followers",
      async () => {
        const status = await this.status();
        const whole = status.ranges.every(({ replicas }) => {
          const roles = replicas.map(({ role }) => role).sort();
          return roles.join() === "follower,follower,leader";
        });
        if (!whole) throw new Error(JSON.stringify(status.ranges.map(({ replicas }) => replicas)));
        return status;
      },
      patienceMs,
    );
  }

  /** Compares the replicas of every range at one index, as an operator does. */
  async digestsAgree(patienceMs = 60_000): Promise<void> {
    await until(
      "the replicas of all ranges are equal",
      () =>
        new Promise<boolean>((resolve, reject) => {
          const words = [main, "status", "--addr", this.address(0, "grpc"), "--json", "--digest"];
          execFile(process.execPath, words, (error, stdout, stderr) => {
            if (error === null) resolve(true);
            else reject(new Error(`${stderr}${stdout}`));
          });
        }),
      patienceMs,
    );
  }

  // Faults -----------------------------------------------------------------------------------------------------------

  /** kill -9. */
  async kill(...which: readonly number[]): Promise<void> {
    const pids = which.map((n) => this.node(n).pid);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    for (const pid of pids) await until(`${pid} has ended`, () => !isAlive(pid));
    for (const n of which) this.paused.delete(n);
  }

  async terminate(n: number): Promise<void> {
    const { pid } = this.node(n);
    process.kill(pid, "SIGTERM");
    await until(`${pid} has ended`, () => !isAlive(pid));
  }

  pause(n: number): void {
    process.kill(this.node(n).pid, "SIGSTOP");
    this.paused.add(n);
  }

  resume(n: number): void {
    process.kill(this.node(n).pid, "SIGCONT");
    this.paused.delete(n);
  }

  /** Starts a node that has ended, on its old folder and ports. */
  async restart(n: number, patienceMs = 60_000): Promise<void> {
    const child = this.spawnNode(n);
    await until(
      `${this.nodes[n]} is ready again`,
      async () => {
        if (child.exitCode !== null) throw new Error(`it ended: ${this.log(n).slice(-2000)}`);
        if (this.node(n).pid === child.pid && (await this.isReady(n))) return true;
        throw new Error(this.log(n).slice(-3000));
      },
      patienceMs,
    );
  }

  private spawnNode(n: number): ChildProcess {
    const { data } = this.node(n);
    const child = spawn(process.execPath, [main, "serve", "--config", join(data, "quorate.yaml")], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.started.push(child);
    return child;
  }

  // End --------------------------------------------------------------------------------------------------------------

  async stop(): Promise<void> {
    for (const n of this.paused) if (this.isAlive(n)) this.resume(n);
    const { dev } = this;
    if (dev.exitCode === null && dev.signalCode === null) {
      const ended = once(dev, "exit");
      dev.kill("SIGTERM");
      await Promise.race([ended, sleep(15_000)]);
    }
    this.killAll();
    process.off("exit", this.onExit);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private killAll(): void {
    for (const child of [this.dev, ...this.started]) child.kill("SIGKILL");
    if (!existsSync(join(this.folder, "cluster.json"))) return;
    for (const pid of this.pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  }
}

function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
