/**
 * `make sim`: seeds derived from the commit, on all cores, until SEEDS= are done or BUDGET= seconds are over. SEED= runs
 * one with its trace, SCRIPT= a kept script, SPEED= tells how fast so many runs of one fixed shape are. FIRST= begins at a seed, JOBS= says how many processes, SHRINK=0 leaves a
 * failing seed as it is. Ends with 1 when something that was promised did not hold, or a mark was never met.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { markNames } from "./marks.js";
import type { Script } from "./script.js";
import { shrink } from "./shrink.js";
import { type Outcome, simulate } from "./simulate.js";
import { measureSpeed } from "./speed.js";
import { drawScript } from "./swarm.js";

const { env } = process;
/** Fewer seeds than this can't be expected to meet every mark. */
const seedsForMarks = 200;

function seedOfCommit(): number {
  try {
    const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: "pipe" });
    return Number.parseInt(commit.slice(0, 7), 16);
  } catch {
    return 1;
  }
}

function lastLine(outcomes: readonly Outcome[], violations: number): string {
  const hours = outcomes.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 3_600_000;
  let hash = 0;
  for (const outcome of [...outcomes].sort((a, b) => a.seed - b.seed))
    hash = (Math.imul(hash, 31) + outcome.hash) >>> 0;
  return (
    `sim: ${outcomes.length} seeds, ${hours.toFixed(2)} simulated hours, ${violations} violations, ` +
    `trace ${hash.toString(16).padStart(8, "0")}`
  );
}

function runOne(script: Script): void {
  const outcome = simulate(script, (line) => process.stdout.write(`${line}\n`));
  const { shape } = script;
  console.log(`shape: ${JSON.stringify(shape)}`);
  console.log(`faults: ${outcome.faults.map(([kind, n]) => `${kind} ${n}`).join(", ")}`);
  console.log(`marks: ${outcome.marks.map(([name, n]) => `${name} ${n}`).join(", ")}`);
  console.log(lastLine([outcome], outcome.violation === null ? 0 : 1));
  process.exitCode = outcome.violation === null ? 0 : 1;
}

class Suite {
  private readonly outcomes: Outcome[] = [];
  private readonly startedMs = performance.now();
  private readonly workers: ChildProcess[] = [];
  private readonly met = new Map<string, number>();
  private violations = 0;
  private next: number;
  private readonly end: number;

  constructor(
    first: number,
    private readonly seeds: number,
    private readonly budgetMs: number,
  ) {
    this.next = first;
    this.end = first + seeds;
  }

  run(jobs: number): void {
    const path = fileURLToPath(new URL("./worker.ts", import.meta.url));
    for (let i = 0; i < Math.min(jobs, this.seeds); i++) {
      const worker = fork(path, { execArgv: process.execArgv });
      this.workers.push(worker);
      worker.on("message", (outcome: Outcome) => {
        this.took(outcome);
        this.give(worker);
      });
      worker.on("exit", (code) => {
        if (code !== 0) {
          console.log(`a worker ended with ${code}`);
          process.exit(1);
        }
        this.workers.splice(this.workers.indexOf(worker), 1);
        if (this.workers.length === 0) this.finish();
      });
      this.give(worker);
    }
  }

  private give(worker: ChildProcess): void {
    const over = performance.now() - this.startedMs >= this.budgetMs;
    if (this.next >= this.end || over || (this.violations > 0 && env.KEEP_GOING === undefined))
      worker.disconnect();
    else worker.send(this.next++);
  }

  private took(outcome: Outcome): void {
    this.outcomes.push(outcome);
    for (const [name, count] of [...outcome.marks, ...outcome.faults])
      this.met.set(name, (this.met.get(name) ?? 0) + count);
    if (outcome.violation !== null) {
      this.violations++;
      console.log(`seed ${outcome.seed}: ${outcome.violation}`);
    }
    if (this.outcomes.length % (env.VERBOSE ? 1 : 50) === 0) this.progress();
  }

  private progress(): void {
    const seconds = (performance.now() - this.startedMs) / 1000;
    const simulatedMs = this.outcomes.reduce((sum, each) => sum + each.simulatedMs, 0);
    const marks = markNames.filter((name) => this.met.has(name)).length;
    const faults = this.outcomes.reduce(
      (sum, each) => sum + each.faults.reduce((n, [, count]) => n + count, 0),
      0,
    );
    const operations = this.outcomes.reduce((sum, each) => sum + each.operations, 0);
    console.log(
      `${this.outcomes.length}/${this.seeds} seeds, ${(this.outcomes.length / seconds).toFixed(1)}/s, ` +
        `${(simulatedMs / 3_600_000).toFixed(2)} simulated hours (${(simulatedMs / 1000 / seconds).toFixed(0)} times real time), ` +
        `${faults} faults, ${operations} operations, ${marks} of ${markNames.length} marks`,
    );
  }

  private finish(): void {
    this.progress();
    const missing = markNames.filter((name) => !this.met.has(name));
    const tooFew = this.outcomes.length < seedsForMarks;
    for (const name of missing) console.log(`never met: ${name}`);
    const failing = this.outcomes.find(({ violation }) => violation !== null);
    if (failing !== undefined && env.SHRINK !== "0") keepShrunk(failing.seed);
    console.log(lastLine(this.outcomes, this.violations));
    const bad = this.violations > 0 || this.outcomes.length === 0 || (!tooFew && missing.length > 0);
    process.exitCode = bad ? 1 : 0;
  }
}

/** The smallest script found that still fails, for ever replayed by `regressions.test.ts`. */
function keepShrunk(seed: number): void {
  const script = shrink(drawScript(seed), (line) => console.log(line));
  const path = fileURLToPath(new URL(`./regressions/seed-${seed}.json`, import.meta.url));
  writeFileSync(path, `${JSON.stringify(script, null, 1)}\n`);
  console.log(
    `kept as test/simulation/regressions/seed-${seed}.json: ${script.faults.length} faults, ` +
      `${script.operations.length} operations`,
  );
}

if (env.SCRIPT) runOne(JSON.parse(readFileSync(env.SCRIPT, "utf8")) as Script);
else if (env.SPEED) console.log(measureSpeed(Number(env.SPEED)));
else if (env.SEED) runOne(drawScript(Number(env.SEED)));
else {
  const seeds = Number(env.SEEDS || 2000);
  const budgetMs = Number(env.BUDGET || (env.SEEDS ? Number.POSITIVE_INFINITY : 170)) * 1000;
  new Suite(Number(env.FIRST || seedOfCommit()), seeds, budgetMs).run(Number(env.JOBS || cpus().length));
}
