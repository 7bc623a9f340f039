import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chooseFaults } from "../../jepsen-like/nemesis/mixes.js";
import { runChaos } from "../../jepsen-like/run/run-chaos.js";
import { verdictLine } from "../../jepsen-like/run/run-on.js";
import { workloadOf } from "../../jepsen-like/workloads/all.js";

/** Real processes behind a real Toxiproxy; without it the runs fail, they aren't skipped. */
const seconds = Number(process.env.CHAOS_SECONDS ?? 45);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-chaos-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runs = [
  ["append", "kill-one,kill-leader,kill-majority,halves,one-way", 1],
  ["counter", "kill-leader,pause-leader,isolate-leader,reset,clients", 1],
  ["ttl", "kill-leader,pause-leader,flapping,latency", 2],
  ["bank", "kill-all,transfer-storm,bridge,slicer", 1],
] as const;

for (const [name, nemesis, mix] of runs)
  test(`safety 12, 16, 23, 26, 72: ${name} stays valid under ${nemesis}`, {
    timeout: seconds * 1000 + 240_000,
  }, async () => {
    const faults = chooseFaults(nemesis);
    if ("unknown" in faults) throw new Error(`no such fault: ${faults.unknown}`);
    const result = await runChaos({
      workload: workloadOf(name)!,
      nemesis,
      faults,
      mix,
      durationMs: seconds * 1000,
      seed: Number(process.env.SEED ?? 11),
      nodes: 3,
      out: join(folder, name),
    });
    console.log(verdictLine(result));
    expect(result.finding, `${verdictLine(result)}\n${result.finding.problems.join("\n")}`).toEqual({
      verdict: "valid",
      problems: [],
    });
    await expectReport(join(folder, name, "report.html"), result.strikes.length);
  });

/** The page as a person sees it: drawn without an error, with every fault and no operation contradicted. */
async function expectReport(file: string, strikes: number): Promise<void> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith("file:")) errors.push(`asks for ${request.url()}`);
    });
    await page.goto(`file://${file}`);
    await page.waitForSelector("body[data-drawn=true]", { timeout: 20_000 });
    expect(errors).toEqual([]);
    expect(await page.locator(".verdict").textContent()).toBe("valid");
    expect(await page.locator(".strike").count()).toBe(strikes);
    // A bar for each leader that was seen; how often the cluster could be looked at depends on the faults.
    const seen = (await page.evaluate(
      "data.sights.flatMap(({ leaders }) => leaders).filter(({ leader }) => leader !== null).length",
    )) as number;
    expect(seen).toBeGreaterThan(0);
    expect(await page.locator(".leader").count()).toBe(seen);
    expect(await page.locator(".operation").count()).toBeGreaterThan(10);
    expect(await page.locator(".operation.bad").count()).toBe(0);
    expect(await page.locator(".uplot canvas").count()).toBe(2);
  } finally {
    await browser.close();
  }
}
