import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mutant } from "./mutants.js";
import { copyOfProject, project, removeCopy } from "./tree.js";

export interface Verdict {
  readonly mutant: Mutant;
  /** The first test that failed, or the seed that a simulated cluster failed with; null: nobody noticed. */
  readonly caughtBy: string | null;
  readonly seconds: number;
}

/** Text of `source` with the mutant's line. Throws unless that line stands there exactly once. */
export function mutated(source: string, { name, file, find, replace }: Mutant): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${name}: its line stands ${parts.length - 1} times in ${file}`);
  return parts.join(replace);
}

/**
 * Runs what should notice the mutant, one after the other, until something does or the budget is spent: its tests, then
 * simulated clusters; with `simulationAlone` these only.
 */
export async function judge(mutant: Mutant, budgetMs: number, simulationAlone: boolean): Promise<Verdict> {
  const startMs = performance.now();
  const seconds = (): number => (performance.now() - startMs) / 1000;
  const folder = copyOfProject();
  try {
    const path = join(folder, mutant.file);
    writeFileSync(path, mutated(readFileSync(path, "utf8"), mutant));
    const tests = simulationAlone ? [] : mutant.tests.map(testsIn);
    for (const look of [...tests, simulation]) {
      const leftMs = budgetMs - seconds() * 1000;
      if (leftMs <= 0) break;
      const caughtBy = await look(folder, leftMs);
      if (caughtBy !== null) return { mutant, caughtBy, seconds: seconds() };
    }
    return { mutant, caughtBy: null, seconds: seconds() };
  } finally {
    removeCopy(folder);
  }
}

/** What the tests say of the sources as they are; null: all is well. */
export async function judgeUnchanged(tests: ReadonlySet<string>, budgetMs: number): Promise<string | null> {
  const folder = copyOfProject();
  try {
    for (const each of tests) {
      const failed = await testsIn(each)(folder, budgetMs);
      if (failed !== null) return failed;
    }
    return null;
  } finally {
    removeCopy(folder);
  }
}

type Look = (folder: string, leftMs: number) => Promise<string | null>;

function testsIn(tests: string): Look {
  return async (folder, leftMs) => {
    const vitest = join(folder, "node_modules/vitest/vitest.mjs");
    const args = ["run", "--config", "test/vitest.config.ts", "--bail=1", "--no-file-parallelism", tests];
    const { code, output } = await run(folder, [vitest, ...args], leftMs);
    if (code === 0) return null;
    if (code === null) return `${tests}: it does not end`;
    const failed = /^.*FAIL.*?(test\/.*)$/m.exec(output)?.[1];
    // Without a failed test the run itself broke, which says nothing about the mutant.
    if (failed === undefined) throw new Error(`${tests} did not run:\n${output.slice(-2000)}`);
    return failed.trim();
  };
}

/** The same seeds as in every run of the tests, and on from there. A seed counts that is well without the mutant. */
const simulation: Look = async (folder, leftMs) => {
  const seconds = Math.floor(leftMs / 1000) - endingSeconds;
  if (seconds <= 0) return null;
  const env = { FIRST: "50000", SEEDS: "100000", BUDGET: `${seconds}`, JOBS: "1", SHRINK: "0" };
  const { output } = await simulate(folder, env, leftMs);
  const counted = /^sim: \d+ seeds, .* (\d+) violations/m.exec(output);
  // A worker that died took its seed with it, and a run without end never tells.
  if (counted === null) return `simulation: it ends early: ${output.trim().split("\n").at(-1)}`;
  if (counted[1] === "0") return null;
  const [, seed, what] = /^seed (\d+): (.*)$/m.exec(output)!;
  const unchanged = await simulate(project, { SEED: seed! }, leftMs);
  if (!/^sim: 1 seeds, .* 0 violations/m.test(unchanged.output))
    throw new Error(`seed ${seed} fails without any mutant`);
  return `simulation, seed ${seed}: ${what}`;
};

const endingSeconds = 5;

function simulate(
  folder: string,
  env: NodeJS.ProcessEnv,
  leftMs: number,
): Promise<{ readonly output: string }> {
  const main = ["--import", "./test/bench/typescript-loader.mjs", "test/simulation/main.ts"];
  return run(folder, main, leftMs, env);
}

function run(
  folder: string,
  args: readonly string[],
  leftMs: number,
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child: ChildProcess = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    for (const stream of [child.stdout!, child.stderr!])
      stream.on("data", (bytes: Buffer) => {
        output += bytes.toString();
      });
    const timer = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), leftMs);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
