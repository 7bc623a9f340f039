/**
 * `make chaos-mutants`: builds a copy of the sources with each wrong line in turn, and runs the harness on it until it
 * is found out. ONLY= takes part of a name, BUDGET= seconds for each (default 600).
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../cluster/project-root.js";
import { chooseFaults } from "../nemesis/mixes.js";
import { type ChaosOptions, runChaos } from "../run/run-chaos.js";
import { workloadOf } from "../workloads/all.js";
import type { Finding } from "../workloads/workload.js";
import { type ChaosMutant, mutants } from "./mutants.js";

const only = (process.env.ONLY ?? "").toLowerCase();
const budgetSeconds = Number(process.env.BUDGET ?? 600);
const runSeconds = 40;

function build({ edits }: ChaosMutant, folder: string): string {
  for (const name of ["src", "proto", "package.json"])
    cpSync(join(projectRoot, name), join(folder, name), { recursive: true });
  symlinkSync(join(projectRoot, "node_modules"), join(folder, "node_modules"));
  for (const { file, find, replace } of edits) {
    const path = join(folder, file);
    const source = readFileSync(path, "utf8");
    if (source.split(find).length !== 2) throw new Error(`${file} doesn't hold ${JSON.stringify(find)} once`);
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
  }
  execFileSync("npx", ["--no-install", "tsc", "-b", "src"], { cwd: folder, stdio: "inherit" });
  return join(folder, "dist", "main.js");
}

/** A cluster that doesn't even start proves nothing about the harness. */
async function run(options: ChaosOptions): Promise<Finding> {
  try {
    return (await runChaos(options)).finding;
  } catch (error) {
    console.log(`not run: ${String(error)}`);
    return { verdict: "unknown", problems: [String(error)] };
  }
}

/** @returns what found it out and after how many seconds of runs, or null. */
async function judge(mutant: ChaosMutant): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-chaos-mutant-"));
  try {
    const main = build(mutant, folder);
    const faults = chooseFaults(mutant.nemesis);
    if ("unknown" in faults) throw new Error(`no such fault: ${faults.unknown}`);
    const startedMs = performance.now();
    for (let seed = 1; performance.now() - startedMs < budgetSeconds * 1000; seed++) {
      const finding = await run({
        workload: workloadOf(mutant.workload)!,
        nemesis: mutant.nemesis,
        faults,
        mix: 1,
        durationMs: runSeconds * 1000,
        seed,
        nodes: 3,
        // Some faults show only in the moments around an election, when most clients wait for a node that doesn't answer.
        workers: 72,
        thinkMs: 120,
        out: join(folder, "run"),
        main,
      });
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
      if (finding.verdict === "invalid") return `after ${seconds} s: ${finding.problems[0]}`;
    }
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

// Ends through the exit handlers, which end what was started.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(2));
const chosen = mutants.filter(({ name }) => name.includes(only));
let caught = 0;
for (const mutant of chosen) {
  const how = await judge(mutant);
  if (how !== null) caught++;
  const rows = mutant.safety.length === 0 ? "" : ` (safety ${mutant.safety.join(", ")})`;
  console.log(`${how === null ? "SURVIVED" : "caught"}  ${mutant.name}${rows}`);
  if (how !== null) console.log(`    ${how.slice(0, 400)}`);
}
console.log(`mutants: ${caught} of ${chosen.length} caught`);
process.exit(caught === chosen.length && caught > 0 ? 0 : 1);
