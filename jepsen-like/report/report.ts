import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe as describeForChecker } from "../checker/operation.js";
import { projectRoot } from "../cluster/project-root.js";
import { percentile } from "../run/evidence.js";
import { operationOf } from "../run/judge.js";
import type { RunResult } from "../run/run-on.js";
import { describe } from "../workloads/findings.js";
import type { Observed } from "../workloads/workload.js";

const binSeconds = 0.5;
const seconds = (ns: number): number => Number((ns / 1e9).toFixed(4));

/** Writes the page that shows a run: one file that needs nothing else but the logs that it links to. */
export function writeReport(result: RunResult, file: string): void {
  const asset = (...path: string[]): string => readFileSync(join(projectRoot, ...path), "utf8");
  const data = dataOf(result);
  // `<` in what clients saw must not end the script.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(title(result))}</title>
<style>${asset("node_modules", "uplot", "dist", "uPlot.min.css")}${asset("jepsen-like", "report", "page.css")}</style>
${body(result)}
<script>${asset("node_modules", "uplot", "dist", "uPlot.iife.min.js")}</script>
<script>const data = ${json};</script>
<script>${asset("jepsen-like", "report", "page.browser.js")}</script>
</html>
`;
  writeFileSync(file, html);
}

function title({ options, finding }: RunResult): string {
  return `${options.workload.name} under ${options.nemesis}: ${finding.verdict}`;
}

function body(result: RunResult): string {
  const { options, finding, evidence, operations, unknown, strikes } = result;
  const facts: readonly (readonly [string, string])[] = [
    ["operations", `${operations}, of which ${unknown} of unknown outcome`],
    ["acknowledged", `${evidence.acknowledged}, ${Math.round(evidence.acknowledgedPerMinute)} a minute`],
    ["under a fault", `${Math.round(evidence.shareUnderFault * 100)} % of the acknowledged`],
    ["faults", String(strikes.length)],
    ["nodes", String(result.nodes.length)],
    ["seed", String(options.seed)],
    ["again", result.again],
  ];
  const rows = facts.map(([name, value]) => `<tr><th>${escapeHtml(name)}<td>${escapeHtml(value)}`).join("");
  const problems = finding.problems.map((problem) => `<li>${escapeHtml(problem)}`).join("");
  const links = result.logs
    .map((log) => relative(options.out, log))
    .map((log) => `<li><a href="${escapeHtml(log)}">${escapeHtml(log)}</a>`)
    .join("");
  return `<h1>${escapeHtml(options.workload.name)} under ${escapeHtml(options.nemesis)}
<span class="verdict ${finding.verdict}">${finding.verdict}</span></h1>
<table>${rows}</table>
${problems === "" ? "" : `<h2>What is wrong</h2><ul class="problems">${problems}</ul>`}
<h2>Faults</h2><div id="faults"></div>
<h2>Leaders and terms</h2><div id="leaders"></div>
<h2>Nodes that answered</h2><div id="nodes"></div>
<h2>Load</h2><div id="throughput"></div><div id="latency"></div>
<h2>Operations by key</h2>
<p class="legend"><select id="key"></select>
<span><i class="swatch" style="background:var(--ok)"></i>ok</span>
<span><i class="swatch" style="background:var(--fail)"></i>fail</span>
<span><i class="swatch" style="background:var(--info)"></i>info</span>
<span><i class="swatch" style="background:var(--bad)"></i>contradicted</span></p>
<div class="scroll"><div id="timeline"></div></div>
<h2>Files</h2><ul>${links}</ul>`;
}

function dataOf({ finding, history, sights, evidence, nodes }: RunResult): object {
  const last = Math.max(0, ...history.map(({ invokedNs }) => invokedNs), ...sights.map(({ atNs }) => atNs));
  // A problem tells of its operations by their description.
  const isBad = (operation: Observed): boolean => {
    if (finding.problems.length === 0) return false;
    const texts = [describe(operation), describeForChecker(operationOf(operation))];
    return finding.problems.some((problem) => texts.some((text) => problem.includes(text)));
  };
  const drawn = history.map((operation) => ({
    key: operation.key,
    process: operation.process,
    type: operation.type,
    from: seconds(operation.invokedNs),
    to: Number.isFinite(operation.completedNs) ? seconds(operation.completedNs) : null,
    bad: isBad(operation),
    text: `${describe(operation)}${operation.error === null ? "" : `: ${operation.error}`}`,
  }));
  const keys = [...new Set(drawn.map(({ key }) => key))].map((key) => {
    const own = drawn.filter((each) => each.key === key);
    return { key, count: own.length, bad: own.some(({ bad }) => bad) };
  });
  return {
    seconds: seconds(last),
    nodes,
    strikes: evidence.strikes.map(({ strike, seen }) => ({
      name: strike.name,
      what: strike.what,
      from: seconds(strike.fromNs),
      to: seconds(strike.toNs),
      seen,
    })),
    sights: sights.map(({ atNs, leaders, answering }) => ({ at: seconds(atNs), leaders, answering })),
    // Those in trouble first.
    keys: keys.sort((a, b) => Number(b.bad) - Number(a.bad)),
    operations: drawn,
    plots: plotsOf(history, seconds(last)),
  };
}

function plotsOf(history: readonly Observed[], until: number): object {
  const bins = Math.max(1, Math.ceil(until / binSeconds));
  const binOf = (ns: number): number => Math.min(bins - 1, Math.floor(ns / 1e9 / binSeconds));
  const counts = { ok: zeros(bins), fail: zeros(bins), info: zeros(bins) };
  const latencies: number[][] = Array.from({ length: bins }, () => []);
  for (const { type, invokedNs, completedNs } of history) {
    counts[type][binOf(invokedNs)]! += 1 / binSeconds;
    if (type === "ok") latencies[binOf(invokedNs)]!.push((completedNs - invokedNs) / 1e6);
  }
  const share = (part: number) => (values: readonly number[]) =>
    values.length === 0 ? null : percentile(values, part);
  return {
    times: Array.from({ length: bins }, (_, i) => i * binSeconds),
    ...counts,
    p50: latencies.map(share(0.5)),
    p99: latencies.map(share(0.99)),
  };
}

function zeros(length: number): number[] {
  return Array<number>(length).fill(0);
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
