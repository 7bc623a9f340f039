import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

export const host = "127.0.0.1";
const stopPatienceMs = 10_000;
/** Linux's USER_HZ, the unit of /proc/<pid>/stat. */
const tickMs = 10;

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

export async function until(what: string, patienceMs: number, holds: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not within ${patienceMs / 1000} s`);
    await sleep(50);
  }
}

/** Runs to the end and answers what it printed. */
export function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${code}: ${output.trim().slice(-500)}`));
    });
  });
}

/** A server of ours to stop: only what was started here is ever signalled. */
export class Server {
  private ended = false;
  private output = "";

  private constructor(
    private readonly child: ChildProcess,
    private readonly command: string,
  ) {
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-4000);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.on("error", (error) => {
      this.output += error.message;
      this.ended = true;
    });
    child.on("exit", () => {
      this.ended = true;
    });
  }

  static start(
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Server {
    const env = { ...process.env, ...environment };
    const server = new Server(spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env }), command);
    // A bench that is interrupted leaves nothing running.
    process.once("exit", () => {
      if (!server.ended) server.child.kill();
    });
    return server;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get printed(): string {
    return this.output;
  }

  mustLive(): void {
    if (this.ended) throw new Error(`${this.command} ended: ${this.output.trim()}`);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.ended) return;
    this.child.kill(signal);
    await until(this.command, stopPatienceMs, async () => this.ended).catch(() => this.child.kill("SIGKILL"));
  }
}

/** Fields of /proc/<pid>/stat from the third on: the second, a name, may hold spaces. */
function statFields(pid: number | "self"): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** CPU that the processes have used so far. */
export function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = statFields(pid);
    return sum + (Number(fields[11]) + Number(fields[12])) * tickMs;
  }, 0);
}

/** CPU of this process's children that have ended: the generators, as servers live on meanwhile. */
export function endedChildrenCpuMs(): number {
  const fields = statFields("self");
  return (Number(fields[13]) + Number(fields[14])) * tickMs;
}

/** Memory of the process's own; mapped files are the kernel's cache, which it takes back when it needs to. */
export function residentBytes(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(match?.[1] ?? 0) * 1024;
}

/** A port p such that p + each offset is free now; below the range that the kernel gives to clients. */
export async function freePort(offsets: readonly number[] = [0]): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const free = await Promise.all(offsets.map((offset) => isFree(port + offset)));
    if (free.every(Boolean)) return port;
  }
  throw new Error("no free ports on the loopback interface");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(false));
    server.listen(port, host, () => server.close(() => done(true)));
  });
}
