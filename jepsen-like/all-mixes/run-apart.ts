import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { builtMain } from "../cluster/quorate-cluster.js";
import type { RunResult } from "./campaign.js";
import type { PlannedRun } from "./plan.js";
import type { Verdict } from "./summary.js";

type Judged = Omit<RunResult, "seconds" | "load">;

/** Starting, healing and judging may take so long besides the run itself. */
const patienceMs = 600_000;
const verdictPattern = /^chaos: (valid|invalid|unknown), (\d+) operations, (\d+) unknown, (\d+) faults/;

/** Does one run in a process of its own, as `quorate chaos` does: whatever goes wrong with one, the others go on. */
export async function runApart(
  { workload, faults, nodes, seed }: PlannedRun,
  folder: string,
  durationSeconds: number,
  signal: AbortSignal,
): Promise<RunResult | null> {
  mkdirSync(folder, { recursive: true });
  const settings = { workload, nemesis: faults.join(","), mix: faults.length, nodes, seed, out: folder };
  const words = Object.entries({ ...settings, duration: durationSeconds }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ]);
  const startedMs = performance.now();
  const child = spawn(process.execPath, [builtMain, "chaos", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const onExit = (): void => void child.kill("SIGTERM");
  process.once("exit", onExit);
  signal.addEventListener("abort", onExit);
  const timer = setTimeout(onExit, durationSeconds * 1000 + patienceMs);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => {
      output += bytes.toString();
    });
  const ended = await new Promise<string>((done) => {
    child.on("close", (code, endedBy) => done(endedBy ?? `exit code ${code}`));
  });
  clearTimeout(timer);
  process.off("exit", onExit);
  signal.removeEventListener("abort", onExit);
  if (signal.aborted) return null;
  writeFileSync(join(folder, "output.txt"), output);
  const strikes = join(folder, "faults.json");
  return {
    ...resultOf(output, ended, existsSync(strikes) ? readFileSync(strikes, "utf8") : "[]"),
    seconds: Math.round((performance.now() - startedMs) / 1000),
    load: Math.round(loadavg()[0]! * 10) / 10,
  };
}

interface StrikeOnDisk {
  readonly strike: { readonly name: string; readonly effects: readonly string[] };
  readonly seen: readonly string[];
}

/** What `quorate chaos` printed, and its faults.json, as a record. A run that didn't reach a verdict is unknown. */
export function resultOf(output: string, ended: string, strikesJson: string): Judged {
  const lines = output.trimEnd().split("\n");
  const last = verdictPattern.exec(lines.at(-1) ?? "");
  const strikes = (JSON.parse(strikesJson) as readonly StrikeOnDisk[]).map(({ strike, seen }) => ({
    name: strike.name,
    seen: strike.effects.some((effect) => seen.includes(effect)),
  }));
  if (last === null) {
    const problems = [`no verdict (${ended}): ${lines.slice(-3).join(" ")}`];
    return { verdict: "unknown", problems, operations: 0, unknownOperations: 0, strikes };
  }
  const toolFailure = lines.find((line) => line.startsWith("skipped: toxiproxy-server ended"));
  const judged = lines.indexOf("judging");
  const problems = lines.slice(judged + 1, -1).filter((line) => !line.startsWith("report: "));
  return {
    verdict: last[1] as Verdict,
    problems: judged < 0 ? lines.filter((line) => line.startsWith("skipped: ")) : problems,
    operations: Number(last[2]),
    unknownOperations: Number(last[3]),
    strikes,
    ...(toolFailure === undefined ? {} : { toolFailure }),
  };
}
