import { join, resolve } from "node:path";
import { NetnsMissing } from "./cluster/netns-fabric.js";
import { ClusterUnreachable } from "./cluster/outside-cluster.js";
import { SmallDisksMissing } from "./cluster/small-disks.js";
import { ToxiproxyCrashed, ToxiproxyMissing } from "./cluster/toxiproxy-server.js";
import type { Protocol } from "./doors/door.js";
import { FaultCommandFailed } from "./nemesis/fault-command.js";
import { chooseFaults, nemesisNames } from "./nemesis/mixes.js";
import { StraceMissing } from "./nemesis/syncs.js";
import { allProtocols } from "./run/open-doors.js";
import { runAgainst } from "./run/run-against.js";
import { runChaos } from "./run/run-chaos.js";
import { type RunOptions, type RunResult, verdictLine } from "./run/run-on.js";
import { workloadOf, workloads } from "./workloads/all.js";

/** What `quorate chaos` was asked for, as the command line has it. */
export interface ChaosWish {
  readonly workload: string;
  readonly nemesis: string | undefined;
  readonly mix: number;
  /** Seconds. */
  readonly duration: number;
  readonly seed: number | undefined;
  readonly nodes: number;
  readonly out: string | undefined;
  readonly main: string | undefined;
  readonly against: string | undefined;
  readonly natMap: string | undefined;
  readonly protocols: string | undefined;
  readonly faultCommand: string | undefined;
}

const exitCodes = { valid: 0, invalid: 1, unknown: 2 } as const;
/** Of a run on a cluster of its own. */
const defaultNemesis = "kill";
const addressPattern = /^[^\s:=,]+:\d{1,5}$/;

/** Why a run was never begun, or broken off; it proves nothing. */
const reasons = [
  ToxiproxyMissing,
  ToxiproxyCrashed,
  NetnsMissing,
  SmallDisksMissing,
  StraceMissing,
  ClusterUnreachable,
  FaultCommandFailed,
];

type Prepared = { readonly run: () => Promise<RunResult> } | { readonly refusal: string };

/** Runs once and says so. @returns the exit code: 0 valid, 1 invalid, 2 unknown. */
export async function chaosCommand(wish: ChaosWish): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const workload = workloadOf(wish.workload);
  if (workload === null)
    return refuse(`--workload is one of ${workloads.map(({ name }) => name).join(", ")}`);
  const seed = wish.seed ?? Math.floor(Math.random() * 1_000_000);
  const out = resolve(wish.out ?? join(".chaos", `${workload.name}-${seed}`));
  const options = { workload, mix: wish.mix, durationMs: wish.duration * 1000, seed, out, say };
  const prepared = wish.against === undefined ? onOwnCluster(wish, options) : onOther(wish, options);
  if ("refusal" in prepared) return refuse(prepared.refusal);
  // Ends through the exit handlers, which end the nodes.
  process.once("SIGINT", () => process.exit(exitCodes.unknown));
  process.once("SIGTERM", () => process.exit(exitCodes.unknown));
  try {
    const result = await prepared.run();
    for (const problem of result.finding.problems) say(problem);
    say(`report: ${join(out, "report.html")}`);
    say(verdictLine(result));
    return exitCodes[result.finding.verdict];
  } catch (error) {
    if (error instanceof Error && reasons.some((type) => error instanceof type))
      say(`skipped: ${error.message}`);
    else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    say(`chaos: unknown, 0 operations, 0 unknown, 0 faults, seed ${seed}`);
    return exitCodes.unknown;
  }
}

type CommonOptions = Omit<RunOptions, "nemesis">;

function onOwnCluster(wish: ChaosWish, options: CommonOptions): Prepared {
  if ([wish.natMap, wish.protocols, wish.faultCommand].some((each) => each !== undefined))
    return { refusal: "--nat-map, --protocols and --fault-command belong to --against" };
  const nemesis = wish.nemesis ?? defaultNemesis;
  const chosen = chooseFaults(nemesis);
  if ("unknown" in chosen) return { refusal: `--nemesis is a list of ${nemesisNames.join(", ")}` };
  const faults = chosen.filter(({ minNodes }) => minNodes <= wish.nodes);
  const main = wish.main === undefined ? {} : { main: resolve(wish.main) };
  return { run: () => runChaos({ ...options, nemesis, faults, nodes: wish.nodes, ...main }) };
}

function onOther(wish: ChaosWish, options: CommonOptions): Prepared {
  const { against = "", natMap = "", faultCommand } = wish;
  const { workload } = options;
  if (wish.nemesis !== undefined || wish.main !== undefined)
    return {
      refusal: "--nemesis and --main belong to a cluster of its own: with --against use --fault-command",
    };
  if (workload.settings !== undefined)
    return {
      refusal: `${workload.name} needs nodes with settings of its own, so it can't be run --against others`,
    };
  const seeds = against.split(",");
  if (!seeds.every((seed) => addressPattern.test(seed)))
    return { refusal: "--against is a list of host:port" };
  const routes = natMap === "" ? [] : natMap.split(",").map((pair) => pair.split("="));
  if (!routes.every((pair) => pair.length === 2 && pair.every((each) => addressPattern.test(each))))
    return { refusal: "--nat-map is a list of announced=reached, each host:port" };
  const protocols = (wish.protocols?.split(",") ?? allProtocols) as readonly Protocol[];
  if (!protocols.every((each) => allProtocols.includes(each)))
    return { refusal: `--protocols is a list of ${allProtocols.join(", ")}` };
  const again = [
    `quorate chaos --against ${against} --workload ${workload.name} --duration ${wish.duration} --seed ${options.seed}`,
    natMap === "" ? "" : ` --nat-map ${natMap}`,
    wish.protocols === undefined ? "" : ` --protocols ${wish.protocols}`,
    faultCommand === undefined ? "" : ` --fault-command '${faultCommand}'`,
  ].join("");
  return {
    run: () =>
      runAgainst({
        ...options,
        nemesis: faultCommand ?? "no faults",
        seeds,
        natMap: new Map(routes as [string, string][]),
        protocols,
        // No two runs share keys.
        prefix: `chaos-${options.seed}-${Date.now().toString(36)}:`,
        again,
        ...(faultCommand === undefined ? {} : { faultCommand }),
      }),
  };
}

function refuse(message: string): number {
  process.stderr.write(`quorate chaos: ${message}\n`);
  return exitCodes.unknown;
}
