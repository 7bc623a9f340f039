import type { Skipped } from "../nemesis/means.js";
import { markdownTable } from "../report/markdown-table.js";
import type { PlannedRun } from "./plan.js";

export type Verdict = "valid" | "invalid" | "unknown";

/** One run as `runs.jsonl` keeps it. */
export interface RunRecord extends PlannedRun {
  readonly verdict: Verdict;
  /** Why it isn't valid; empty when it is. */
  readonly problems: readonly string[];
  readonly operations: number;
  /** Operations of which nobody knows whether they happened. */
  readonly unknownOperations: number;
  /** Each time a fault was done, and whether its effect was seen. */
  readonly strikes: readonly { readonly name: string; readonly seen: boolean }[];
  readonly seconds: number;
  /** The machine's load average over a minute, when the run had ended. */
  readonly load: number;
  /** How often a tool failed before, so that the run was begun anew; left out for never. */
  readonly brokenOff?: number;
}

/** What one run had to say: one line. */
export function runLine(run: RunRecord): string {
  const { number, verdict, workload, faults, nodes, seed, operations, unknownOperations, strikes } = run;
  const what = `${workload} under ${faults.join("+")}, ${nodes} nodes, seed ${seed}`;
  const figures = `${operations} operations, ${unknownOperations} unknown, ${strikes.length} faults`;
  const why = run.problems.length === 0 ? "" : `: ${run.problems[0]}`;
  const again = run.brokenOff === undefined ? "" : `, broken off ${run.brokenOff} times before`;
  return `run ${number}: ${verdict}, ${what}: ${figures}, ${run.seconds} s, load ${run.load}${again}${why}`;
}

/** The line with which all ends. */
export function totalLine(runs: readonly RunRecord[]): string {
  const { valid, invalid, unknown, operations, strikes } = tally(runs);
  return `chaos-all: ${runs.length} runs, ${valid} valid, ${invalid} invalid, ${unknown} unknown, ${operations} operations, ${strikes} faults`;
}

function tally(runs: readonly RunRecord[]) {
  const count = (verdict: Verdict): number => runs.filter((run) => run.verdict === verdict).length;
  const sum = (of: (run: RunRecord) => number): number => runs.reduce((total, run) => total + of(run), 0);
  return {
    histories: runs.length,
    valid: count("valid"),
    invalid: count("invalid"),
    unknown: count("unknown"),
    operations: sum(({ operations }) => operations),
    unknownOperations: sum(({ unknownOperations }) => unknownOperations),
    strikes: sum(({ strikes }) => strikes.length),
  };
}

/** All runs as a page of Markdown: by workload, by fault, by size of the mix, and what was not valid. */
export function summaryPage(
  runs: readonly RunRecord[],
  { durationSeconds, skipped }: { readonly durationSeconds: number; readonly skipped: readonly Skipped[] },
): string {
  const by = (title: string, names: readonly string[], of: (run: RunRecord, name: string) => boolean) => {
    const head = [title, "histories", "valid", "invalid", "unknown", "operations", "unknown op.", "faults"];
    const rows = names.map((name) => [name, ...cells(runs.filter((run) => of(run, name)))]);
    return markdownTable([head, ...rows, ["all", ...cells(runs)]]);
  };
  const workloads = distinct(runs.map(({ workload }) => workload));
  const sizes = distinct(runs.map(({ faults }) => `${faults.length} faults`));
  return `# All mixes

${totalLine(runs)}

Runs of ${durationSeconds} s, ${Math.round(runs.reduce((sum, { seconds }) => sum + seconds, 0) / 60)} minutes in all.

${by("workload", workloads, (run, name) => run.workload === name)}

${by("mix", sizes, (run, name) => `${run.faults.length} faults` === name)}

${faultTable(runs)}

${skipped.map(({ faults, reason }) => `Skipped: ${faults.join(", ")} (${reason}).\n\n`).join("")}${troubles(runs)}
`;
}

function cells(runs: readonly RunRecord[]): readonly string[] {
  return Object.values(tally(runs)).map(String);
}

function faultTable(runs: readonly RunRecord[]): string {
  const names = distinct(runs.flatMap(({ faults }) => faults));
  const rows = names.map((name) => {
    const with_ = runs.filter(({ faults }) => faults.includes(name));
    const strikes = with_.flatMap((run) => run.strikes.filter((strike) => strike.name === name));
    const figures = [
      with_.length,
      strikes.length,
      strikes.filter(({ seen }) => seen).length,
      with_.filter(({ verdict }) => verdict !== "valid").length,
    ];
    return [name, ...figures.map(String)];
  });
  return markdownTable([["fault", "histories", "strikes", "effect seen", "not valid"], ...rows]);
}

function troubles(runs: readonly RunRecord[]): string {
  const bad = runs.filter(({ verdict }) => verdict !== "valid");
  if (bad.length === 0) return "All were valid.";
  return bad
    .map((run) => {
      const problems = run.problems.map((problem) => `- ${problem.replaceAll("\n", " ").slice(0, 500)}`);
      return `## ${folderOf(run)}\n\n${runLine({ ...run, problems: [] })}\n\n${problems.join("\n")}`;
    })
    .join("\n\n");
}

/** Where a run that was not valid leaves its report. */
export function folderOf({ number }: PlannedRun): string {
  return `run-${String(number).padStart(4, "0")}`;
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
