import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type ClusterStatus, readClusterStatus } from "#quorate/client/cluster-status.js";
import { announced, type Fabric } from "./fabric.js";
import { projectRoot } from "./project-root.js";
import type { Target } from "./target.js";
import { sleep, until } from "./wait.js";

export interface QuorateClusterOptions {
  /** For data and logs. */
  readonly folder: string;
  readonly fabric: Fabric;
  readonly ranges: number;
  readonly durability: "fsync" | "buffered";
  readonly logLimit: string;
  /** The main.js of the build to run. */
  readonly main: string;
  /** More settings of each node. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Where node n's data lie instead of in `folder`. */
  readonly dataFolder?: (node: number) => string;
}

export const builtMain = join(projectRoot, "dist", "main.js");
const readyPatienceMs = 60_000;
/** Longer than any fault stops a process, which hears a signal only when it goes on. */
const stopPatienceMs = 60_000;
const endPatienceMs = 15_000;

/** Real processes, one per node, that can be killed, paused, emptied and started again. */
export class QuorateCluster implements Target {
  readonly fabric: Fabric;
  private readonly children: (ChildProcess | null)[];
  private readonly paused = new Set<number>();
  private readonly onExit = (): void => this.killAll();
  /** Ends of processes that nobody asked for, such as a failed assertion. */
  readonly crashes: string[] = [];
  private readonly expected = new Set<ChildProcess>();

  private constructor(private readonly options: QuorateClusterOptions) {
    this.fabric = options.fabric;
    this.children = options.fabric.seats.map(() => null);
    process.once("exit", this.onExit);
  }

  static async start(options: QuorateClusterOptions): Promise<QuorateCluster> {
    if (!existsSync(options.main)) throw new Error(`${options.main} is missing: build first`);
    const cluster = new QuorateCluster(options);
    try {
      for (const n of cluster.indexes) cluster.layOut(n);
      for (const n of cluster.indexes) cluster.spawn(n);
      await cluster.healed();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get indexes(): readonly number[] {
    return this.fabric.seats.map(({ index }) => index);
  }
  get size(): number {
    return this.fabric.seats.length;
  }
  get nodeNames(): readonly string[] {
    return this.indexes.map((n) => this.name(n));
  }
  get logs(): readonly string[] {
    return ["quorate.log", "stderr.log"].flatMap((log) =>
      this.indexes.map((n) => join(this.logFolder(n), log)),
    );
  }
  name(n: number): string {
    return this.fabric.seats[n]!.name;
  }
  /** Alive and not paused. */
  get running(): readonly number[] {
    return this.indexes.filter((n) => this.isAlive(n) && !this.paused.has(n));
  }
  isAlive(n: number): boolean {
    const child = this.children[n];
    return child != null && child.exitCode === null && child.signalCode === null;
  }
  isPaused(n: number): boolean {
    return this.paused.has(n);
  }
  /** null: it has ended. */
  pid(n: number): number | null {
    return this.isAlive(n) ? (this.children[n]?.pid ?? null) : null;
  }
  data(n: number): string {
    return this.options.dataFolder?.(n) ?? join(this.options.folder, this.name(n), "data");
  }
  logFolder(n: number): string {
    return join(this.options.folder, this.name(n));
  }
  get seeds(): readonly string[] {
    return this.fabric.seats.map((seat) => announced(seat, "grpc"));
  }

  private config(n: number): string {
    return join(this.logFolder(n), "quorate.yaml");
  }

  private layOut(n: number): void {
    const { fabric, ranges, durability, logLimit, settings } = this.options;
    const seat = fabric.seats[n]!;
    mkdirSync(this.logFolder(n), { recursive: true });
    const config = {
      name: seat.name,
      data: this.data(n),
      host: seat.host,
      respPort: seat.ports.resp,
      grpcPort: seat.ports.grpc,
      peerPort: seat.ports.peer,
      httpPort: seat.ports.http,
      initial: fabric.seats.map((each) => announced(each, "peer")),
      natMap: fabric.natMap(n),
      ranges,
      durability,
      logLimit,
      maxmemory: "256mb",
      logFile: join(this.logFolder(n), "quorate.log"),
      ...settings,
    };
    writeFileSync(this.config(n), stringify(config));
  }

  private spawn(n: number): void {
    const [program, ...words] = [
      ...this.fabric.launcher(n),
      process.execPath,
      this.options.main,
      "serve",
      "--config",
      this.config(n),
    ];
    const errors = openSync(join(this.logFolder(n), "stderr.log"), "a");
    const child = spawn(program!, words, {
      stdio: ["ignore", "ignore", errors],
      env: { ...process.env, UV_THREADPOOL_SIZE: "8" },
    });
    closeSync(errors);
    this.children[n] = child;
    child.on("exit", (code, signal) => {
      this.fabric.ended?.(n);
      if (!this.expected.has(child)) this.crashes.push(`${this.name(n)} ended with ${signal ?? code}`);
    });
  }

  // What the cluster is ----------------------------------------------------------------------------------------------

  async status(): Promise<ClusterStatus> {
    const status = await readClusterStatus(this.seeds, 1000);
    if (status === null) throw new Error("no node tells the cluster's status");
    return status;
  }

  async isReady(n: number): Promise<boolean> {
    try {
      const response = await fetch(`http://${announced(this.fabric.seats[n]!, "http")}/readyz`, {
        signal: AbortSignal.timeout(1000),
      });
      await response.arrayBuffer();
      return response.status === 200;
    } catch {
      return false;
    }
  }

  /** All nodes ready, and every range with one leader and as many followers as replicas are left. */
  async healed(patienceMs = readyPatienceMs): Promise<ClusterStatus> {
    for (const n of this.indexes) await until(`${this.name(n)} is ready`, () => this.isReady(n), patienceMs);
    return until(
      "every range has a leader, and followers everywhere else",
      async () => {
        const status = await this.status();
        const whole = status.ranges.every(
          ({ replicas }) =>
            replicas.filter(({ role }) => role === "leader").length === 1 &&
            replicas.every(({ role }) => role === "leader" || role === "follower"),
        );
        if (!whole) throw new Error(JSON.stringify(status.ranges.map(({ replicas }) => replicas)));
        return status;
      },
      patienceMs,
    );
  }

  heal(): Promise<ClusterStatus> {
    for (const n of this.indexes) this.start(n);
    return this.healed();
  }

  /** The node that leads most ranges; null when none is known to lead. */
  async busiestLeader(): Promise<number | null> {
    const { ranges } = await this.status();
    const counts = this.indexes.map((n) => ranges.filter(({ leader }) => leader === this.name(n)).length);
    const most = Math.max(...counts);
    return most === 0 ? null : counts.indexOf(most);
  }

  // Processes --------------------------------------------------------------------------------------------------------

  private async end(which: readonly number[], signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const ended = which
      .filter((n) => this.isAlive(n))
      .map((n) => {
        const child = this.children[n]!;
        this.expected.add(child);
        this.paused.delete(n);
        return new Promise<void>((done) => {
          const timer = setTimeout(() => {
            this.crashes.push(`${this.name(n)} did not end within ${stopPatienceMs} ms of ${signal}`);
            child.kill("SIGKILL");
          }, stopPatienceMs);
          child.once("exit", () => {
            clearTimeout(timer);
            done();
          });
          child.kill(signal);
        });
      });
    await Promise.all(ended);
  }

  /** From now on the node's end is no crash. @returns takes that back. */
  expectEnd(n: number): () => void {
    const child = this.children[n];
    if (child == null) return () => {};
    this.expected.add(child);
    return () => this.expected.delete(child);
  }

  /** kill -9, all at once. */
  kill(...which: readonly number[]): Promise<void> {
    return this.end(which, "SIGKILL");
  }

  /** SIGTERM: the node hands its leaderships over first. */
  terminate(...which: readonly number[]): Promise<void> {
    return this.end(which, "SIGTERM");
  }

  pause(n: number): void {
    if (!this.isAlive(n)) return;
    this.children[n]!.kill("SIGSTOP");
    this.paused.add(n);
  }

  resume(n: number): void {
    this.children[n]?.kill("SIGCONT");
    this.paused.delete(n);
  }

  /** Starts a node that has ended; `healed` waits for it. */
  start(n: number): void {
    if (!this.isAlive(n)) this.spawn(n);
  }

  /** Removes a stopped node's log and snapshots, and leaves it its identity. */
  loseLog(n: number): void {
    for (const name of ["log-records", "snapshots"])
      rmSync(join(this.data(n), name), { recursive: true, force: true });
  }

  /** Removes everything that a stopped node keeps: it must come back as a new node. */
  wipe(n: number): void {
    for (const name of readdirSync(this.data(n)))
      rmSync(join(this.data(n), name), { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    for (const n of [...this.paused]) this.resume(n);
    await Promise.race([this.terminate(...this.indexes), sleep(endPatienceMs)]);
    this.killAll();
    process.off("exit", this.onExit);
  }

  private killAll(): void {
    for (const child of this.children) {
      if (child === null) continue;
      this.expected.add(child);
      child.kill("SIGKILL");
    }
  }
}
