import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { writeReport } from "../../jepsen-like/report/report.js";
import type { RunResult } from "../../jepsen-like/run/run-on.js";
import { workloadOf } from "../../jepsen-like/workloads/all.js";

const counter = workloadOf("counter")!;

function operation(process: number, f: string, key: string, result: number, fromMs: number) {
  return {
    process,
    f,
    key,
    value: f === "incr" ? 1 : null,
    result,
    type: "ok" as const,
    invokedNs: fromMs * 1e6,
    completedNs: (fromMs + 5) * 1e6,
    node: "node-1",
    error: null,
    protocol: "sdk",
  };
}

/** A run in which one acknowledged increment of one key was lost, and a value that looks like markup was seen. */
function lostIncrement(out: string): RunResult {
  const history = [
    operation(0, "incr", "counter:<script>alert(1)</script>", 1, 0),
    operation(0, "incr", "counter:1", 1, 20),
    operation(1, "read", "counter:1", 0, 40),
  ];
  const strike = { name: "kill-one", what: "kill -9 of node-1", effects: ["down"] as const };
  return {
    options: {
      workload: counter,
      nemesis: "kill-one",
      mix: 1,
      durationMs: 1000,
      seed: 1,
      out,
    },
    nodes: ["node-1", "node-2", "node-3"],
    again: "make chaos",
    finding: counter.check!(history, () => true),
    evidence: {
      acknowledged: 3,
      acknowledgedPerMinute: 180,
      shareUnderFault: 1,
      strikes: [{ strike: { ...strike, fromNs: 0, struckNs: 1e6, toNs: 3e7, shown: [] }, seen: ["down"] }],
      missing: [],
    },
    operations: 3,
    unknown: 0,
    strikes: [],
    sights: [{ atNs: 0, leaders: [{ range: 1, leader: "node-1", term: 2 }], answering: ["node-1"] }],
    history,
    historyFile: join(out, "history.jsonl"),
    logs: [join(out, "history.jsonl")],
  };
}

test("the page of an invalid run shows the key in trouble first, and marks what is contradicted", async () => {
  const out = mkdtempSync(join(tmpdir(), "quorate-report-"));
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const file = join(out, "report.html");
    writeReport(lostIncrement(out), file);
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("dialog", (dialog) => errors.push(dialog.message()));
    await page.goto(`file://${file}`);
    await page.waitForSelector("body[data-drawn=true]", { timeout: 20_000 });
    expect(await page.locator(".verdict").textContent()).toBe("invalid");
    expect(await page.locator(".problems li").first().textContent()).toContain(
      "fewer than the 1 acknowledged",
    );
    expect(await page.locator("#key").inputValue()).toBe("counter:1");
    expect(await page.locator(".operation").count()).toBe(2);
    expect(await page.locator(".operation.bad").count()).toBeGreaterThan(0);
    // The other key is drawn when it is asked for.
    await page.locator("#key").selectOption({ index: 1 });
    expect(await page.locator(".operation").count()).toBe(1);
    expect(await page.locator(".operation.bad").count()).toBe(0);
    expect(errors).toEqual([]);
  } finally {
    await browser.close();
    rmSync(out, { recursive: true, force: true });
  }
}, 60_000);
