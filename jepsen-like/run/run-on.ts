import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "#quorate/base/random.js";
import type { Target } from "../cluster/target.js";
import type { Door } from "../doors/door.js";
import type { Harm } from "../nemesis/fault.js";
import { writeReport } from "../report/report.js";
import type { Finding, Workload } from "../workloads/workload.js";
import { compareDigests } from "./digests.js";
import { type Evidence, gatherEvidence, lackOf } from "./evidence.js";
import { judge } from "./judge.js";
import { Monitor, type Sight } from "./monitor.js";
import { Recorder } from "./recorder.js";
import { runSchedule, type ScheduleOptions, type Strike } from "./schedule.js";
import { Workers } from "./workers.js";

/** What any run is asked for, whatever cluster it is on. */
export interface RunOptions {
  readonly workload: Workload;
  /** The faults as they were asked for, for people. */
  readonly nemesis: string;
  /** How many faults may be under way together. */
  readonly mix: number;
  /** Of the load with faults; up to twice as long, until there is enough evidence for a verdict. */
  readonly durationMs: number;
  readonly seed: number;
  /** For history, logs and report. */
  readonly out: string;
  /** Default 12. */
  readonly workers?: number;
  /** Mean pause of a worker between two operations, in ms. Default 90. */
  readonly thinkMs?: number;
  readonly say?: (line: string) => void;
}

export interface RunResult {
  readonly options: RunOptions;
  readonly nodes: readonly string[];
  /** The command that does the same again. */
  readonly again: string;
  readonly finding: Finding;
  readonly evidence: Evidence;
  readonly operations: number;
  readonly unknown: number;
  readonly strikes: readonly Strike[];
  readonly sights: readonly Sight[];
  readonly history: Recorder["observed"];
  readonly historyFile: string;
  /** Files of the run that the report links to. */
  readonly logs: readonly string[];
}

/** What a run works with. */
export interface Stage {
  readonly target: Target;
  readonly doors: readonly Door[];
  readonly harms: readonly Harm[];
  /** Of the faults: the same one that they draw from. */
  readonly random: SeededRandom;
  /** main.js with which replicas are compared. */
  readonly main: string;
  readonly again: string;
}

export const defaultWorkers = 12;
const defaultThinkMs = 90;
/** Nodes that were healed need some time until all is as before. */
const recoveryNs = 10e9;

/** The line with which a run ends. */
export function verdictLine({ finding, operations, unknown, strikes, options }: RunResult): string {
  return `chaos: ${finding.verdict}, ${operations} operations, ${unknown} unknown, ${strikes.length} faults, seed ${options.seed}`;
}

/** Loads and harms a cluster, heals it, reads everything once more, and judges what was seen. */
export async function runOn(stage: Stage, options: RunOptions): Promise<RunResult> {
  const { target, doors, harms, random, main, again } = stage;
  const { workload, durationMs, mix, out, seed, say = () => {} } = options;
  const recorder = new Recorder(join(out, "history.jsonl"));
  const nowNs = (): number => recorder.nowNs();
  const monitor = new Monitor(target, nowNs);
  const load = workload.start(new SeededRandom(seed + 1));
  const workers = new Workers(load, doors, recorder, seed, options.thinkMs ?? defaultThinkMs);
  workers.start();
  const strikes: Strike[] = [];
  // The last reads, once all is well again, are no part of the load.
  const evidenceOf = (loadedNs: number): Evidence => {
    const loaded = recorder.observed.filter(({ invokedNs }) => invokedNs <= loadedNs);
    return gatherEvidence(loaded, strikes, monitor.sights, loadedNs / 1e6);
  };
  const schedule: ScheduleOptions = {
    ...{ harms, mix, durationMs, random },
    lack: () => lackOf(evidenceOf(nowNs())),
    recovered: (sinceNs) => monitor.leadersAfter(sinceNs),
  };
  await runSchedule(schedule, nowNs, (strike) => {
    strikes.push(strike);
    say(`${(strike.fromNs / 1e9).toFixed(1)} s: ${strike.name}: ${strike.what}`);
  }).catch(async (error: unknown) => {
    // Nobody may write to the history once it is closed, nor to doors that are.
    await workers.stop();
    await monitor.stop();
    await recorder.close();
    throw error;
  });
  await workers.stop();
  const loadedNs = nowNs();
  say("healing");
  const sick = await target.heal().then(
    () => null,
    (error: unknown) => `the cluster never healed: ${String(error)}`,
  );
  const unanswered = await workers.final();
  await monitor.stop();
  await recorder.close();
  const digests = sick === null ? await compareDigests(main, target.seeds[0]!) : null;
  say("judging");
  const evidence = evidenceOf(loadedNs);
  const isQuiet = (fromNs: number, toNs: number): boolean =>
    strikes.every((strike) => toNs < strike.fromNs || fromNs > strike.toNs + recoveryNs);
  const finding = combine([
    ...judge(workload, recorder.observed, isQuiet),
    problems("invalid", digests === null ? [] : [`replicas differ: ${digests}`]),
    problems("invalid", sick === null ? [] : [sick]),
    problems("invalid", target.crashes),
    problems("unknown", evidence.missing),
    problems(
      "unknown",
      unanswered.map(({ f, key }) => `the last ${f} of ${key} was never answered`),
    ),
  ]);
  const faultsFile = join(out, "faults.json");
  const result: RunResult = {
    options,
    nodes: target.nodeNames,
    again,
    finding,
    evidence,
    operations: recorder.observed.length,
    unknown: recorder.observed.filter(({ type }) => type === "info").length,
    strikes,
    sights: monitor.sights,
    history: recorder.observed,
    historyFile: recorder.file,
    logs: [recorder.file, faultsFile, ...target.logs],
  };
  writeFileSync(faultsFile, `${JSON.stringify(evidence.strikes, null, 2)}\n`);
  writeReport(result, join(out, "report.html"));
  return result;
}

function problems(verdict: "invalid" | "unknown", all: readonly string[]): Finding {
  return { verdict: all.length === 0 ? "valid" : verdict, problems: all };
}

/** The worst verdict, with all problems. */
function combine(findings: readonly Finding[]): Finding {
  const order = ["invalid", "unknown", "valid"] as const;
  return {
    verdict: order.find((verdict) => findings.some((each) => each.verdict === verdict)) ?? "valid",
    problems: findings.flatMap((each) => each.problems),
  };
}
