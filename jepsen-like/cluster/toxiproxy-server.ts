import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, renameSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "./fabric.js";
import { projectRoot } from "./project-root.js";
import { sleep, until } from "./wait.js";

const module = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0";
const cache = join(projectRoot, ".cache", "toxiproxy-2.12.0");
const installPatienceMs = 300_000;
const endPatienceMs = 500;

/** Why there is no Toxiproxy here: network faults are skipped then, and the run says so. */
export class ToxiproxyMissing extends Error {}

/** Toxiproxy ended in the middle of a run, which proves nothing then. */
export class ToxiproxyCrashed extends Error {}

function onPath(name: string): string | null {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find(existsSync) ?? null;
}

/** The server on the PATH, or one that Go builds into the project's cache. */
export async function findServer(): Promise<string> {
  const installed = onPath("toxiproxy-server");
  if (installed !== null) return installed;
  const built = join(cache, "server");
  if (existsSync(built)) return built;
  if (onPath("go") === null) throw new ToxiproxyMissing("neither toxiproxy-server nor go is on the PATH");
  // Built aside and renamed: another run may be doing the same.
  const aside = `${cache}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    await promisify(execFile)("go", ["install", module], {
      env: { ...process.env, GOBIN: aside },
      timeout: installPatienceMs,
    });
  } catch (error) {
    throw new ToxiproxyMissing(`go install ${module}: ${String(error)}`);
  }
  mkdirSync(cache, { recursive: true });
  renameSync(join(aside, "server"), built);
  return built;
}

/** A running toxiproxy-server. */
export class ToxiproxyServer {
  private stopping = false;
  private readonly onExit = (): void => {
    this.child.kill("SIGKILL");
  };

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly lastWords: () => string,
  ) {
    process.once("exit", this.onExit);
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** What it said last when it ended by itself, null when it runs. A request fails a little before its process has ended. */
  async crashed(): Promise<string | null> {
    if (!this.hasEnded) await Promise.race([once(this.child, "exit"), sleep(endPatienceMs)]);
    return this.hasEnded && !this.stopping ? this.lastWords() : null;
  }

  static async start(logFile: string): Promise<ToxiproxyServer> {
    const program = await findServer();
    const port = await freePorts(1);
    const child = spawn(program, ["-host", "127.0.0.1", "-port", String(port)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = createWriteStream(logFile);
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    let panic = "nothing";
    child.stderr.on("data", (bytes: Buffer) => {
      panic = /^panic: .*$/m.exec(bytes.toString())?.[0] ?? panic;
    });
    const server = new ToxiproxyServer(`http://127.0.0.1:${port}`, child, () => panic);
    await until("toxiproxy-server answers", async () => {
      const response = await fetch(`${server.url}/version`, { signal: AbortSignal.timeout(1000) });
      return response.ok;
    }).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    return server;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    process.off("exit", this.onExit);
    if (this.hasEnded) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await Promise.race([ended, sleep(3000)]);
    this.child.kill("SIGKILL");
  }
}
