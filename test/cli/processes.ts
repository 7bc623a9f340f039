import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const patienceMs = 20_000;

/** A run of the command line: what it printed so far, and how it ends. */
export class Run {
  output = "";
  errors = "";
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;
  private readonly watchers = new Set<() => void>();

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...environment } });
    this.child.stdout!.on("data", (bytes: Buffer) => {
      this.output += bytes.toString();
      for (const look of this.watchers) look();
    });
    this.child.stderr!.on("data", (bytes: Buffer) => {
      this.errors += bytes.toString();
    });
    this.ended = new Promise((resolve) => {
      this.child.on("close", (code) => {
        resolve(code);
        for (const look of this.watchers) look();
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Rejects when the process ends, or too much time passes, before `text` is printed. */
  printed(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null): void => {
        clearTimeout(timer);
        this.watchers.delete(look);
        if (error === null) resolve();
        else reject(error);
      };
      const look = (): void => {
        if (this.output.includes(text)) settle(null);
        else if (this.child.exitCode !== null) settle(new Error(`ended: ${this.output}${this.errors}`));
      };
      const timer = setTimeout(
        () => settle(new Error(`no "${text}" in ${this.output}${this.errors}`)),
        patienceMs,
      );
      this.watchers.add(look);
      look();
    });
  }

  stop(): Promise<number | null> {
    this.child.kill("SIGTERM");
    return this.ended;
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}

/** Runs to its end. */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }> {
  const run = new Run(args, environment);
  const code = await run.ended;
  return { code, output: run.output, errors: run.errors };
}

/** A port that nothing listens on, with its block of a local cluster's ports free too. */
export async function freeBasePort(nodes: number): Promise<number> {
  for (let base = 15_000 + (process.pid % 1000) * 10; base < 30_000; base += 400) {
    const ports = [0, 100, 200, 300].flatMap((block) =>
      Array.from({ length: nodes }, (_, i) => base + block + i + 1),
    );
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no free ports");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Of the local cluster on `data`, as cluster.json has them. */
export function clusterPids(data: string): readonly number[] {
  const file = JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")) as { nodes: { pid: number }[] };
  return file.nodes.map(({ pid }) => pid);
}

/** A zombie has ended; when its number is given back is up to whoever inherited it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== "linux") return true;
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.charAt(stat.lastIndexOf(")") + 2) !== "Z";
  } catch {
    return false;
  }
}
