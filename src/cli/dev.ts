import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { get } from "node:http";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type ClusterFileNode, readClusterFile, writeClusterFile } from "../server/cluster-file.js";
import {
  type ClusterWish,
  chooseShape,
  clusterFileOf,
  configOf,
  devHost,
  existingNodes,
  layOut,
} from "./dev-layout.js";
import { busyPort } from "./free-ports.js";
import { greeting } from "./greeting.js";
import { isNodeProcess, sleep, stopProcesses } from "./processes.js";

export interface DevOptions extends ClusterWish {
  readonly data: string;
}

const pollMs = 100;
const idleMs = 60_000;

/** A local cluster of separate processes, in the foreground until Ctrl-C or SIGTERM. */
export async function runDev(options: DevOptions): Promise<void> {
  const data = resolve(options.data);
  const existing = existingNodes(data);
  const running = existing.filter(({ pid }) => isNodeProcess(pid));
  if (running.length > 0) {
    const names = running.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
    return refuse(`a cluster runs on ${data} already: ${names}`);
  }
  const shape = chooseShape(options, existing);
  if (!shape.ok) return refuse(shape.error);
  const busy = await busyPort(shape.value);
  if (busy !== null) {
    process.stderr.write(`quorate dev: port ${busy} is in use by another process; try another --base-port\n`);
    process.exitCode = 1;
    return;
  }
  mkdirSync(data, { recursive: true });
  const cluster = new DevCluster(clusterFileOf(data), layOut(shape.value, options, data));
  process.on("SIGINT", () => cluster.stop());
  process.on("SIGTERM", () => cluster.stop());
  cluster.start();
  if (await cluster.untilReady()) process.stdout.write(greeting(cluster.nodes, shape.value.ranges));
  await cluster.ended;
}

function refuse(message: string): void {
  process.stderr.write(`quorate dev: ${message}\n`);
  process.exitCode = 2;
}

class DevCluster {
  readonly ended: Promise<void>;
  private stopping = false;
  private ready = false;
  private end!: () => void;

  constructor(
    private readonly clusterFile: string,
    readonly nodes: readonly ClusterFileNode[],
  ) {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  start(): void {
    // The foreground process lives as long as the cluster does, whatever becomes of its nodes.
    setInterval(() => {}, idleMs);
    writeClusterFile(this.clusterFile, this.nodes);
    const pids = this.nodes.map((node) => this.spawn(node).pid ?? 0);
    writeClusterFile(
      this.clusterFile,
      this.nodes.map((node, i) => ({ ...node, pid: pids[i]! })),
    );
  }

  /** In a process group of its own: Ctrl-C reaches this process alone, which stops the nodes in good order. */
  private spawn(node: ClusterFileNode): ChildProcess {
    const main = fileURLToPath(new URL("../main.js", import.meta.url));
    const errors = join(node.data, "log", "stderr.log");
    const file = openSync(errors, "a");
    const errorsBefore = statSync(errors).size;
    const child = spawn(process.execPath, [main, "serve", "--config", configOf(node)], {
      stdio: ["ignore", "ignore", file],
      detached: true,
      // Only what starts a process can size libuv's pool: it stands before the first line of a module runs.
      env: { ...process.env, UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? "8" },
    });
    closeSync(file);
    child.on("exit", (code, signal) => {
      if (this.stopping) return;
      const how = signal ?? `exit code ${code}`;
      if (this.ready) process.stdout.write(obituary(node, how));
      else this.giveUp(`${node.name} ended before the cluster was ready (${how})`, errors, errorsBefore);
    });
    return child;
  }

  private giveUp(message: string, errors: string, errorsBefore: number): void {
    const said = readFileSync(errors).subarray(errorsBefore).toString().trim();
    process.stderr.write(
      `quorate dev: ${message}${said === "" ? "" : `\n  ${said.replaceAll("\n", "\n  ")}`}\n`,
    );
    process.exitCode = 1;
    this.stop();
  }

  /** False: it was stopped before. */
  async untilReady(): Promise<boolean> {
    for (const node of this.nodes) while (!this.stopping && !(await isReady(node))) await sleep(pollMs);
    this.ready = !this.stopping;
    return this.ready;
  }

  /** Also stops nodes that were started again by hand: cluster.json knows their pids. */
  stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    process.stdout.write("stopping\n");
    const pids = readClusterFile(this.clusterFile).map(({ pid }) => pid);
    void stopProcesses(pids).then((clean) => {
      if (!clean) process.exitCode = 1;
      writeClusterFile(this.clusterFile, this.nodes);
      this.end();
      process.exit();
    });
  }
}

function obituary(node: ClusterFileNode, how: string): string {
  const here = (path: string): string => {
    const short = relative(".", path);
    return short.startsWith("..") ? path : short;
  };
  return (
    `${node.name} ended (${how}); its log is in ${here(join(node.data, "log"))}. Start it again with\n` +
    `  npx quorate serve --config ${here(configOf(node))}\n`
  );
}

function isReady(node: ClusterFileNode): Promise<boolean> {
  return new Promise((done) => {
    const request = get(
      { host: devHost, port: node.ports.http, path: "/readyz", timeout: 1000 },
      (response) => {
        response.resume();
        done(response.statusCode === 200);
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => done(false));
  });
}
