import { join, resolve } from "node:path";
import { NetnsMissing } from "./cluster/netns-fabric.js";
import { SmallDisksMissing } from "./cluster/small-disks.js";
import { ToxiproxyMissing } from "./cluster/toxiproxy-server.js";
import { chooseFaults, nemesisNames } from "./nemesis/mixes.js";
import { runChaos, verdictLine } from "./run/run-chaos.js";
import { workloadOf, workloads } from "./workloads/all.js";

/** What `quorate chaos` was asked for, as the command line has it. */
export interface ChaosWish {
  readonly workload: string;
  readonly nemesis: string;
  readonly mix: number;
  /** Seconds. */
  readonly duration: number;
  readonly seed: number | undefined;
  readonly nodes: number;
  readonly out: string | undefined;
  readonly main: string | undefined;
}

const exitCodes = { valid: 0, invalid: 1, unknown: 2 } as const;

/** Runs once and says so. @returns the exit code: 0 valid, 1 invalid, 2 unknown. */
export async function chaosCommand(wish: ChaosWish): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const workload = workloadOf(wish.workload);
  if (workload === null)
    return refuse(`--workload is one of ${workloads.map(({ name }) => name).join(", ")}`);
  const chosen = chooseFaults(wish.nemesis);
  if ("unknown" in chosen) return refuse(`--nemesis is a list of ${nemesisNames.join(", ")}`);
  const faults = chosen.filter(({ minNodes }) => minNodes <= wish.nodes);
  const seed = wish.seed ?? Math.floor(Math.random() * 1_000_000);
  const out = resolve(wish.out ?? join(".chaos", `${workload.name}-${seed}`));
  // Ends through the exit handlers, which end the nodes.
  process.once("SIGINT", () => process.exit(exitCodes.unknown));
  process.once("SIGTERM", () => process.exit(exitCodes.unknown));
  try {
    const result = await runChaos({
      workload,
      nemesis: wish.nemesis,
      faults,
      mix: wish.mix,
      durationMs: wish.duration * 1000,
      seed,
      nodes: wish.nodes,
      out,
      ...(wish.main === undefined ? {} : { main: resolve(wish.main) }),
      say,
    });
    for (const problem of result.finding.problems) say(problem);
    say(`report: ${join(out, "report.html")}`);
    say(verdictLine(result));
    return exitCodes[result.finding.verdict];
  } catch (error) {
    const missing = [ToxiproxyMissing, NetnsMissing, SmallDisksMissing];
    if (!(error instanceof Error) || !missing.some((type) => error instanceof type)) throw error;
    say(`skipped: ${error.message}`);
    say(`chaos: unknown, 0 operations, 0 unknown, 0 faults, seed ${seed}`);
    return exitCodes.unknown;
  }
}

function refuse(message: string): number {
  process.stderr.write(`quorate chaos: ${message}\n`);
  return exitCodes.unknown;
}
