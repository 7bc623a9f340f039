import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type CampaignOptions, campaign, type RunResult } from "../../jepsen-like/all-mixes/campaign.js";
import { canMix, type Meeting, nextRun, type PlannedRun } from "../../jepsen-like/all-mixes/plan.js";
import { resultOf } from "../../jepsen-like/all-mixes/run-apart.js";
import { totalLine } from "../../jepsen-like/all-mixes/summary.js";
import { allFaults } from "../../jepsen-like/nemesis/mixes.js";
import { workloads } from "../../jepsen-like/workloads/all.js";

const plan = { workloads: workloads.map(({ name }) => name), faults: allFaults, seed: 3 };

function plannedRuns(count: number, before: readonly Meeting[] = []): readonly PlannedRun[] {
  const runs: (Meeting | PlannedRun)[] = [...before];
  while (runs.length < count) runs.push(nextRun(runs, plan));
  return runs.slice(before.length) as readonly PlannedRun[];
}

test("mixes have two to four faults that can be had together, on as many nodes as they need", () => {
  const runs = plannedRuns(60);
  expect(new Set(runs.map(({ faults }) => faults.length))).toEqual(new Set([2, 3, 4]));
  for (const { faults: names, nodes } of runs) {
    const faults = names.map((name) => allFaults.find((fault) => fault.name === name)!);
    expect(new Set(names).size).toBe(names.length);
    for (const [i, a] of faults.entries())
      for (const b of faults.slice(i + 1)) expect(canMix(a, b), names.join()).toBe(true);
    expect(nodes).toBeGreaterThanOrEqual(Math.max(...faults.map(({ minNodes }) => minNodes)));
  }
});

test("in the end every fault has met every other one that it can be mixed with, and every workload has had its turns", () => {
  const pairs = allFaults.flatMap((a, i) =>
    allFaults
      .slice(i + 1)
      .filter((b) => canMix(a, b))
      .map((b) => [a.name, b.name] as const),
  );
  // Three pairs at the most that are new come with each run on average: (1 + 3 + 6) / 3.
  const runs = plannedRuns(Math.ceil(pairs.length / 2));
  const apart = pairs.filter(
    ([a, b]) => !runs.some(({ faults }) => faults.includes(a) && faults.includes(b)),
  );
  expect(apart).toEqual([]);
  const turns = plan.workloads.map((name) => runs.filter(({ workload }) => workload === name).length);
  expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(1);
});

test("a plan goes on where it was left", () => {
  const whole = plannedRuns(20);
  expect(plannedRuns(20, whole.slice(0, 8))).toEqual(whole.slice(8));
  expect(whole.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(new Set(whole.map(({ seed }) => seed)).size).toBe(20);
});

const valid: RunResult = {
  verdict: "valid",
  problems: [],
  operations: 1000,
  unknownOperations: 5,
  strikes: [
    { name: "halves", seen: true },
    { name: "halves", seen: false },
  ],
  seconds: 61,
  load: 1.5,
};

test("a summary grows over several calls, and what was not valid keeps its report", async () => {
  const out = mkdtempSync(join(tmpdir(), "quorate-all-mixes-"));
  try {
    const said: string[] = [];
    const results: Record<number, RunResult | null> = {
      1: valid,
      2: { ...valid, verdict: "invalid", problems: ["register:1: went back"] },
      4: { ...valid, verdict: "unknown", problems: ["kill-one had no effect (down)"] },
    };
    const options = (runs: number): CampaignOptions => ({
      ...plan,
      out,
      durationSeconds: 60,
      skipped: [{ faults: ["loss"], reason: "network namespaces need root" }],
      keepAll: false,
      run: async ({ number }, folder) => {
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, "report.html"), "");
        await Promise.resolve();
        return number in results ? results[number]! : valid;
      },
      goOn: ({ length }) => length < runs,
      say: (line) => said.push(line),
    });
    await campaign(options(2));
    // Broken off: it leaves no trace in the summary, and comes again.
    results[3] = null;
    expect(await campaign(options(4))).toHaveLength(2);
    results[3] = valid;
    const runs = await campaign(options(4));
    expect(totalLine(runs)).toBe(
      "chaos-all: 4 runs, 2 valid, 1 invalid, 1 unknown, 4000 operations, 8 faults",
    );
    expect(runs.map(({ faults }) => faults)).toEqual(plannedRuns(4).map(({ faults }) => faults));
    const kept = [1, 2, 3, 4].filter((n) => existsSync(join(out, `run-000${n}`, "report.html")));
    expect(kept).toEqual([2, 4]);
    expect(said.filter((line) => /^run \d+: /.test(line))).toHaveLength(4);
    expect(said).toContainEqual(expect.stringMatching(/^run 2: invalid, .*: register:1: went back$/));
    const summary = readFileSync(join(out, "summary.md"), "utf8");
    expect(summary).toMatch(/^\| all +\| 4 +\| 2 +\| 1 +\| 1 +\| 4000 +\| 20 +\| 8 +\|$/m);
    expect(summary).toContain("Skipped: loss (network namespaces need root).");
    expect(summary).toContain("- kill-one had no effect (down)");
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test("a campaign that goes on begins with what proved nothing", async () => {
  const out = mkdtempSync(join(tmpdir(), "quorate-all-mixes-"));
  try {
    const asked: PlannedRun[] = [];
    let verdict: RunResult["verdict"] = "unknown";
    const goOnTo = (count: number) =>
      campaign({
        ...{ ...plan, out, durationSeconds: 60, skipped: [], keepAll: false, say: () => {} },
        run: ({ number, nodes, seed, workload, faults }) => {
          asked.push({ number, nodes, seed, workload, faults });
          return Promise.resolve({ ...valid, verdict: number === 2 ? verdict : "valid" });
        },
        goOn: ({ length }) => length < count,
      });
    await goOnTo(3);
    // Within one call it isn't tried again.
    expect(asked.map(({ number }) => number)).toEqual([1, 2, 3]);
    verdict = "valid";
    const runs = await goOnTo(4);
    expect(asked.map(({ number }) => number)).toEqual([1, 2, 3, 2, 4]);
    expect(asked[3]).toEqual(asked[1]);
    expect(runs.map((run) => [run.number, run.verdict])).toEqual([1, 2, 3, 4].map((n) => [n, "valid"]));
    // What was noted last counts.
    expect((await goOnTo(4)).map((run) => run.verdict)).toEqual(["valid", "valid", "valid", "valid"]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test("what a run printed is read as its result", () => {
  const strikes = JSON.stringify([
    { strike: { name: "halves", effects: ["leader", "errors"] }, seen: ["errors"] },
    { strike: { name: "halves", effects: ["leader", "errors"] }, seen: ["latency"] },
  ]);
  const output =
    "judging\nkey 1: went back\nreport: /r.html\nchaos: invalid, 12 operations, 3 unknown, 2 faults, seed 9\n";
  expect(resultOf(output, "exit code 1", strikes)).toEqual({
    verdict: "invalid",
    problems: ["key 1: went back"],
    operations: 12,
    unknownOperations: 3,
    strikes: [
      { name: "halves", seen: true },
      { name: "halves", seen: false },
    ],
  });
});

test("a run without a verdict is never valid", () => {
  const fell = resultOf("starting 3 nodes\nError: no node tells\n", "exit code 1", "[]");
  expect(fell.verdict).toBe("unknown");
  expect(fell.problems[0]).toContain("Error: no node tells");
  const skipped = "skipped: no go\nchaos: unknown, 0 operations, 0 unknown, 0 faults, seed 9\n";
  expect(resultOf(skipped, "exit code 2", "[]")).toMatchObject({
    verdict: "unknown",
    problems: ["skipped: no go"],
  });
});

test("a run in which Toxiproxy ended is begun anew, three times at most, and says so", async () => {
  const out = mkdtempSync(join(tmpdir(), "quorate-all-mixes-"));
  try {
    const broken = resultOf(
      "skipped: toxiproxy-server ended by itself and said panic: index\nchaos: unknown, 0 operations, 0 unknown, 0 faults, seed 9\n",
      "exit code 2",
      "[]",
    );
    const results = [broken, valid, broken, broken, broken].map((each) => ({ ...valid, ...each }));
    const runs = await campaign({
      ...{ ...plan, out, durationSeconds: 60, skipped: [], keepAll: false, say: () => {} },
      run: () => Promise.resolve(results.shift() ?? null),
      goOn: ({ length }) => length < 3,
    });
    expect(runs.map(({ verdict, brokenOff }) => [verdict, brokenOff])).toEqual([
      ["valid", 1],
      ["unknown", 2],
    ]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});
