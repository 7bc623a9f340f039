import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { sleep, until } from "../cluster/wait.js";
import { pick } from "../run/draw.js";
import type { Fault, Ground, Injected } from "./fault.js";
import { leader } from "./processes.js";

/** Faults of syncs to disk: slow and failing ones, put into a running node's system calls by strace. */

/** Why system calls can't be meddled with here. */
export class StraceMissing extends Error {}

const calls = "fdatasync,fsync";
const attachMs = 300;
const endPatienceMs = 5000;

/** Looks whether strace is there and may trace. */
export function requireStrace(): void {
  const { error, status, stderr } = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], {
    encoding: "utf8",
  });
  if (error !== undefined) throw new StraceMissing(`strace can't be run: ${error.message}`);
  if (status !== 0) throw new StraceMissing(`strace may not trace here: ${stderr.trim()}`);
}

/** strace in all threads of a process, for as long as the fault lasts. */
class Tracer {
  private readonly child: ChildProcess;
  private readonly onExit = (): void => void this.child.kill("SIGTERM");

  constructor(pid: number, injection: string) {
    const words = ["-q", "-f", "-p", String(pid), "-o", "/dev/null"];
    this.child = spawn("strace", [...words, "-e", `trace=${calls}`, "-e", `inject=${calls}:${injection}`], {
      stdio: "ignore",
    });
    process.once("exit", this.onExit);
  }

  /** The process goes on untraced. */
  async detach(): Promise<void> {
    process.off("exit", this.onExit);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await ended;
  }
}

async function slow(ground: Ground): Promise<Injected | null> {
  const { cluster, random } = ground;
  const at = await leader(ground);
  const pid = at === null ? null : cluster.pid(at);
  if (at === null || pid === null) return null;
  const delayMs = pick(random, [50, 200, 600, 1500]);
  const tracer = new Tracer(pid, `delay_enter=${delayMs}000`);
  await sleep(attachMs);
  return {
    what: `each sync of ${cluster.name(at)} takes ${delayMs} ms more`,
    heal: () => tracer.detach(),
  };
}

/** A failed sync must end the node, loudly: what it had not synced nobody may count on, and to try again proves nothing. */
async function failing(ground: Ground): Promise<Injected | null> {
  const { cluster } = ground;
  const at = await leader(ground);
  const pid = at === null ? null : cluster.pid(at);
  if (at === null || pid === null) return null;
  const forget = cluster.expectEnd(at);
  const tracer = new Tracer(pid, "error=EIO");
  const ended = await until("the node ends", async () => !cluster.isAlive(at), endPatienceMs).catch(
    () => false,
  );
  if (!ended) forget();
  return {
    what: `syncs of ${cluster.name(at)} fail; it ${ended ? "ended" : "went on"}`,
    heal: async () => {
      await tracer.detach();
      cluster.start(at);
    },
  };
}

export const syncFaults: readonly Fault[] = [
  {
    name: "slow-sync",
    fabric: null,
    strace: true,
    minNodes: 1,
    effects: ["latency", "leader", "errors"],
    inject: slow,
  },
  {
    name: "failing-sync",
    fabric: null,
    strace: true,
    minNodes: 1,
    effects: ["down"],
    inject: failing,
  },
];
