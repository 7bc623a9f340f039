import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Skipped } from "../nemesis/means.js";
import { nextRun, type PlannedRun, type PlanOptions } from "./plan.js";
import { folderOf, type RunRecord, runLine, summaryPage } from "./summary.js";

/** One run's result; `toolFailure`: what it was tested with failed. */
export type RunResult = Omit<RunRecord, keyof PlannedRun> & { readonly toolFailure?: string };

const mostTries = 3;

export interface CampaignOptions extends PlanOptions {
  /** Keeps `runs.jsonl`, `summary.md`, and a folder for each run that was not valid. */
  readonly out: string;
  /** Of one run, as the summary tells it. */
  readonly durationSeconds: number;
  /** Faults that are left out, and why. */
  readonly skipped: readonly Skipped[];
  /** Keeps the folders of valid runs too. */
  readonly keepAll: boolean;
  /** Does one run with its files in `folder`; null: it was broken off for good, and doesn't count. */
  readonly run: (planned: PlannedRun, folder: string) => Promise<RunResult | null>;
  readonly goOn: (runs: readonly RunRecord[]) => boolean;
  readonly say: (line: string) => void;
}

/** What a folder holds of earlier runs: of each number what was noted last. */
export function readRuns(out: string): readonly RunRecord[] {
  const file = join(out, "runs.jsonl");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  const records = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as RunRecord);
  return [...new Map(records.map((record) => [record.number, record])).values()];
}

/**
 * Runs one mix after the other, and goes on where an earlier call on the same folder ended: first with what proved
 * nothing. @returns all runs.
 */
export async function campaign(options: CampaignOptions): Promise<readonly RunRecord[]> {
  const { out, goOn, say } = options;
  mkdirSync(out, { recursive: true });
  const runs = [...readRuns(out)];
  if (runs.length > 0) say(`going on after ${runs.length} runs in ${out}`);
  const unproven = runs.filter(({ verdict }) => verdict === "unknown");
  while (goOn(runs)) {
    const planned = unproven.shift() ?? nextRun(runs, options);
    const folder = join(out, folderOf(planned));
    const result = await toTheEnd(planned, folder, options);
    if (result === null) break;
    const { number, nodes, seed, workload, faults } = planned;
    const record = { number, nodes, seed, workload, faults, ...result };
    runs[number - 1] = record;
    appendFileSync(join(out, "runs.jsonl"), `${JSON.stringify(record)}\n`);
    writeFileSync(join(out, "summary.md"), summaryPage(runs, options));
    if (record.verdict === "valid" && !options.keepAll) rmSync(folder, { recursive: true, force: true });
    say(runLine(record));
  }
  return runs;
}

/** A run that a tool's failure ended is begun anew a few times: it tells nothing of what was to be tested. */
async function toTheEnd(
  planned: PlannedRun,
  folder: string,
  { run, say }: CampaignOptions,
): Promise<RunResult | null> {
  for (let brokenOff = 0; ; brokenOff++) {
    // Of a run that was broken off.
    rmSync(folder, { recursive: true, force: true });
    const result = await run(planned, folder);
    if (result?.toolFailure === undefined || brokenOff === mostTries - 1)
      return result === null || brokenOff === 0 ? result : { ...result, brokenOff };
    say(`run ${planned.number}: begun anew: ${result.toolFailure}`);
  }
}
