/**
 * `make mutants`: applies each mutant to a copy of the sources and runs the tests that should notice, then, unless they did,
 * simulated clusters for what is left of the budget. ONLY= takes part of a name, BUDGET= seconds for each, JOBS= how many at once,
 * BY=simulation leaves the tests out.
 */
import { cpus } from "node:os";
import { judge, judgeUnchanged, type Verdict } from "./judge.js";
import { mutants } from "./mutants.js";

const only = (process.env.ONLY ?? "").toLowerCase();
const budgetMs = Number(process.env.BUDGET ?? 240) * 1000;
const simulationAlone = process.env.BY === "simulation";
const jobs = Number(process.env.JOBS ?? Math.max(1, cpus().length));

const chosen = mutants.filter(({ name }) => name.toLowerCase().includes(only));
const verdicts: Verdict[] = [];
let next = 0;

async function work(): Promise<void> {
  for (;;) {
    const mutant = chosen[next++];
    if (mutant === undefined) return;
    const verdict = await judge(mutant, budgetMs, simulationAlone);
    verdicts.push(verdict);
    const { caughtBy, seconds } = verdict;
    const numbers = mutant.safety.join(", ");
    console.log(
      `${verdicts.length}/${chosen.length} ${caughtBy === null ? "SURVIVED" : "caught"} ${seconds.toFixed(1)} s  ` +
        `${mutant.name} (safety ${numbers})${caughtBy === null ? "" : `\n    by ${caughtBy}`}`,
    );
  }
}

const broken = simulationAlone
  ? null
  : await judgeUnchanged(new Set(chosen.flatMap(({ tests }) => tests)), budgetMs);
if (broken !== null) {
  console.log(`without any mutant: ${broken}`);
  process.exit(1);
}
await Promise.all(Array.from({ length: jobs }, work));
const caught = verdicts.filter(({ caughtBy }) => caughtBy !== null);
const slowest = Math.max(0, ...caught.map(({ seconds }) => seconds));
console.log(`the slowest took ${slowest.toFixed(1)} s of ${budgetMs / 1000} s`);
for (const { mutant } of verdicts.filter(({ caughtBy }) => caughtBy === null))
  console.log(`survived: ${mutant.name}`);
console.log(`mutants: ${caught.length} of ${chosen.length} caught`);
process.exit(caught.length === chosen.length && chosen.length > 0 ? 0 : 1);
