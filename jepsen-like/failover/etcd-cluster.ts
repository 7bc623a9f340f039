import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../cluster/fabric.js";
import { until } from "../cluster/wait.js";

const size = 3;
/** A write that a node without a leader holds on to is asked for again, so that the first moment isn't missed. */
const putPatienceMs = 250;
const host = "127.0.0.1";

/** Three etcd processes with etcd's defaults, spoken to by its JSON gateway. */
export class EtcdCluster {
  private readonly children: (ChildProcess | null)[] = Array.from({ length: size }, () => null);

  readonly nodes: readonly number[] = Array.from({ length: size }, (_, n) => n);

  private constructor(
    private readonly folder: string,
    private readonly base: number,
    /** Of etcd: "3.4". */
    readonly version: string,
  ) {
    process.once("exit", () => this.stop());
  }

  static async start(folder: string): Promise<EtcdCluster> {
    mkdirSync(folder, { recursive: true });
    const told = execFileSync("etcd", ["--version"], { encoding: "utf8" });
    const version = /\d+\.\d+/.exec(told)?.[0] ?? "of unknown version";
    const cluster = new EtcdCluster(folder, await freePorts(2 * size), version);
    for (const n of cluster.nodes) cluster.spawn(n, "new");
    await cluster.healed();
    return cluster;
  }

  private client(n: number): string {
    return `http://${host}:${this.base + 2 * n}`;
  }
  private peer(n: number): string {
    return `http://${host}:${this.base + 2 * n + 1}`;
  }

  private spawn(n: number, state: "new" | "existing"): void {
    const initial = Array.from({ length: size }, (_, i) => `e${i}=${this.peer(i)}`).join(",");
    const settings = {
      name: `e${n}`,
      "data-dir": join(this.folder, `e${n}`),
      "listen-client-urls": this.client(n),
      "advertise-client-urls": this.client(n),
      "listen-peer-urls": this.peer(n),
      "initial-advertise-peer-urls": this.peer(n),
      "initial-cluster": initial,
      "initial-cluster-state": state,
    };
    const words = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    this.children[n] = spawn("etcd", words, { stdio: "ignore" });
  }

  private async ask(n: number, path: string, body: object, patienceMs: number): Promise<unknown> {
    const response = await fetch(`${this.client(n)}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }

  /** The node that leads, by its own word. */
  async leader(): Promise<number> {
    const { at } = await until("a leader of etcd", async () => {
      for (const n of this.nodes) {
        const status = (await this.ask(n, "/v3/maintenance/status", {}, 1000).catch(() => null)) as {
          header: { member_id: string };
          leader?: string;
        } | null;
        if (status !== null && status.leader === status.header.member_id) return { at: n };
      }
      return null;
    });
    return at;
  }

  async put(key: string, value: string, lane: number): Promise<void> {
    const body = {
      key: Buffer.from(key).toString("base64"),
      value: Buffer.from(value).toString("base64"),
    };
    await this.ask(lane % size, "/v3/kv/put", body, putPatienceMs);
  }

  /** Sends a signal that ends them, and waits until it has. */
  async end(which: readonly number[], signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const ended = which.map((n) => {
      const child = this.children[n]!;
      return new Promise<void>((done) => {
        child.once("exit", () => done());
        child.kill(signal);
      });
    });
    await Promise.all(ended);
  }

  signal(n: number, signal: "SIGSTOP" | "SIGCONT"): void {
    this.children[n]!.kill(signal);
  }

  restart(n: number): void {
    this.spawn(n, "existing");
  }

  /** Every node answers a write. */
  async healed(): Promise<void> {
    for (const n of this.nodes)
      await until(
        `etcd ${n} takes writes`,
        async () => {
          await this.put("healed", "1", n);
          return true;
        },
        60_000,
      );
  }

  stop(): void {
    for (const child of this.children) child?.kill("SIGKILL");
  }
}
