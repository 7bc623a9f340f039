import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "#quorate/base/random.js";
import { DirectFabric, type Fabric } from "../cluster/fabric.js";
import { NetnsFabric } from "../cluster/netns-fabric.js";
import { builtMain, QuorateCluster } from "../cluster/quorate-cluster.js";
import { SmallDisks } from "../cluster/small-disks.js";
import { ToxiproxyFabric } from "../cluster/toxiproxy-fabric.js";
import type { Door, Protocol } from "../doors/door.js";
import type { Fault, Ground } from "../nemesis/fault.js";
import { writeReport } from "../report/report.js";
import type { Finding, Workload } from "../workloads/workload.js";
import { compareDigests } from "./digests.js";
import { between } from "./draw.js";
import { type Evidence, gatherEvidence } from "./evidence.js";
import { judge } from "./judge.js";
import { Monitor, type Sight } from "./monitor.js";
import { allProtocols, openDoors } from "./open-doors.js";
import { Recorder } from "./recorder.js";
import { runSchedule, type Strike } from "./schedule.js";
import { Workers } from "./workers.js";

export interface ChaosOptions {
  readonly workload: Workload;
  /** As they were asked for, and what that means. */
  readonly nemesis: string;
  readonly faults: readonly Fault[];
  /** How many faults may be under way together. */
  readonly mix: number;
  readonly durationMs: number;
  readonly seed: number;
  readonly nodes: number;
  /** For history, logs and report. */
  readonly out: string;
  readonly main?: string;
  /** Default 12. */
  readonly workers?: number;
  /** Mean pause of a worker between two operations, in ms. Default 90. */
  readonly thinkMs?: number;
  readonly protocols?: readonly Protocol[];
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly say?: (line: string) => void;
}

export interface ChaosResult {
  readonly options: ChaosOptions;
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

const ranges = 4;
/** Nodes that were healed need some time until all is as before. */
const recoveryNs = 10e9;
const defaultThinkMs = 90;
const holdMs = [500, 8000] as const;

/** The line with which a run ends. */
export function verdictLine({ finding, operations, unknown, strikes, options }: ChaosResult): string {
  return `chaos: ${finding.verdict}, ${operations} operations, ${unknown} unknown, ${strikes.length} faults, seed ${options.seed}`;
}

/** Starts a cluster, loads and harms it, heals it, reads everything once more, and judges what was seen. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { out, seed, say = () => {} } = options;
  mkdirSync(out, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "quorate-chaos-"));
  let fabric: Fabric | null = null;
  let disks: SmallDisks | null = null;
  let cluster: QuorateCluster | null = null;
  let doors: readonly Door[] = [];
  try {
    fabric = await weave(options);
    if (options.faults.some(({ smallDisks }) => smallDisks === true))
      disks = new SmallDisks(scratch, options.nodes);
    const dataFolder = (n: number): string => disks?.folder(n) ?? join(scratch, `node-${n + 1}`);
    say(`starting ${options.nodes} nodes (${fabric.kind})`);
    cluster = await QuorateCluster.start({
      folder: join(out, "nodes"),
      fabric,
      ranges,
      durability: "fsync",
      logLimit: "128kb",
      main: options.main ?? builtMain,
      dataFolder,
      ...(options.settings === undefined ? {} : { settings: options.settings }),
    });
    doors = await openDoors(fabric, options.workers ?? 12, options.protocols ?? allProtocols);
    return await runOn(cluster, doors, options, new SeededRandom(seed), say);
  } finally {
    for (const door of doors) door.close();
    await cluster?.stop();
    await fabric?.stop();
    disks?.unmount();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

function weave({ faults, nodes, out }: ChaosOptions): Promise<Fabric> {
  const needed = new Set(faults.map(({ fabric }) => fabric));
  if (needed.has("toxiproxy") && needed.has("netns"))
    throw new TypeError("faults of packets and of Toxiproxy can't be mixed in one run");
  if (needed.has("netns")) return NetnsFabric.create(nodes);
  if (needed.has("toxiproxy")) return ToxiproxyFabric.create(nodes, join(out, "toxiproxy.log"));
  return DirectFabric.create(nodes);
}

async function runOn(
  cluster: QuorateCluster,
  doors: readonly Door[],
  options: ChaosOptions,
  random: SeededRandom,
  say: (line: string) => void,
): Promise<ChaosResult> {
  const { workload, durationMs, out, seed } = options;
  const recorder = new Recorder(join(out, "history.jsonl"));
  const nowNs = (): number => recorder.nowNs();
  const monitor = new Monitor(cluster, nowNs);
  const load = workload.start(new SeededRandom(seed + 1));
  const workers = new Workers(load, doors, recorder, seed, options.thinkMs ?? defaultThinkMs);
  workers.start();
  const ground: Ground = { cluster, random, holdMs: () => between(random, ...holdMs) };
  const strikes = await runSchedule({ ...options, random }, ground, nowNs, (strike) =>
    say(`${(strike.fromNs / 1e9).toFixed(1)} s: ${strike.name}: ${strike.what}`),
  );
  await workers.stop();
  say("healing");
  for (const n of cluster.indexes) cluster.start(n);
  const sick = await cluster.healed().then(
    () => null,
    (error: unknown) => `the cluster never healed: ${String(error)}`,
  );
  const unanswered = await workers.final();
  await monitor.stop();
  await recorder.close();
  const digests = sick === null ? await compareDigests(options.main ?? builtMain, cluster.seeds[0]!) : null;
  say("judging");
  const evidence = gatherEvidence(recorder.observed, strikes, monitor.sights, durationMs);
  const isQuiet = (fromNs: number, toNs: number): boolean =>
    strikes.every((strike) => toNs < strike.fromNs || fromNs > strike.toNs + recoveryNs);
  const finding = combine([
    ...judge(workload, recorder.observed, isQuiet),
    problems("invalid", digests === null ? [] : [`replicas differ: ${digests}`]),
    problems("invalid", sick === null ? [] : [sick]),
    problems("invalid", cluster.crashes),
    problems("unknown", evidence.missing),
    problems(
      "unknown",
      unanswered.map(({ f, key }) => `the last ${f} of ${key} was never answered`),
    ),
  ]);
  const result: ChaosResult = {
    options,
    finding,
    evidence,
    operations: recorder.observed.length,
    unknown: recorder.observed.filter(({ type }) => type === "info").length,
    strikes,
    sights: monitor.sights,
    history: recorder.observed,
    historyFile: recorder.file,
    logs: [
      recorder.file,
      join(out, "faults.json"),
      ...cluster.indexes.map((n) => join(cluster.logFolder(n), "quorate.log")),
      ...cluster.indexes.map((n) => join(cluster.logFolder(n), "stderr.log")),
    ],
  };
  writeFileSync(join(out, "faults.json"), `${JSON.stringify(evidence.strikes, null, 2)}\n`);
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
