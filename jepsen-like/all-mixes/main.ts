/**
 * `make chaos-all`: workload after workload under mixes of two to four faults, until MINUTES= (default 90) are over. Each
 * run takes DURATION= seconds (default 60) besides its start and judgement. OUT= (default .chaos/all) keeps a summary, a
 * line per run, and the reports of what was not valid; called again on the same folder it goes on where it was. SEED=
 * (default 1) chooses the mixes and each run's seed, RUNS= ends after so many new runs, KEEP=all keeps valid runs' reports,
 * WORKLOADS= and NEMESIS= narrow down what is mixed.
 */
import { resolve } from "node:path";
import { withoutMeans } from "../nemesis/means.js";
import { allFaults, chooseFaults } from "../nemesis/mixes.js";
import { workloads } from "../workloads/all.js";
import { campaign, readRuns } from "./campaign.js";
import { runApart } from "./run-apart.js";
import { totalLine } from "./summary.js";

const { env } = process;
const durationSeconds = Number(env.DURATION || 60);
const minutes = Number(env.MINUTES || 90);
const mostRuns = Number(env.RUNS || Number.POSITIVE_INFINITY);
const out = resolve(env.OUT || ".chaos/all");
const names = workloads.map(({ name }) => name);
const chosenWorkloads = env.WORKLOADS ? env.WORKLOADS.split(",") : names;
const wanted = env.NEMESIS ? chooseFaults(env.NEMESIS) : allFaults;
if ("unknown" in wanted) throw new TypeError(`there is no fault ${wanted.unknown}`);
if (chosenWorkloads.some((name) => !names.includes(name)))
  throw new TypeError(`workloads are ${names.join(", ")}`);

const skipped = await withoutMeans(wanted);
for (const { faults, reason } of skipped) console.log(`skipped: ${faults.join(", ")}: ${reason}`);
const faults = wanted.filter(({ name }) => !skipped.some((each) => each.faults.includes(name)));

const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());
const endMs = performance.now() + minutes * 60_000;
const before = readRuns(out).length;

const runs = await campaign({
  workloads: chosenWorkloads,
  faults,
  skipped,
  seed: Number(env.SEED || 1),
  out,
  durationSeconds,
  keepAll: env.KEEP === "all",
  run: (planned, folder) => runApart(planned, folder, durationSeconds, abort.signal),
  goOn: ({ length }) => !abort.signal.aborted && performance.now() < endMs && length - before < mostRuns,
  say: (line) => console.log(line),
});
console.log(`summary: ${resolve(out, "summary.md")}`);
console.log(totalLine(runs));
const isAny = (verdict: string): boolean => runs.some((run) => run.verdict === verdict);
process.exit(isAny("invalid") ? 1 : isAny("unknown") || runs.length === 0 ? 2 : 0);
