import { markdownTable } from "../report/markdown-table.js";
import { percentile } from "../run/evidence.js";
import type { Scenario } from "./scenarios.js";

export interface Measured {
  readonly scenario: Pick<Scenario, "name" | "what">;
  readonly systems: readonly { readonly name: string; readonly times: readonly number[] }[];
}

/** Where and when it was measured. */
export interface Circumstances {
  readonly command: string;
  readonly day: string;
  readonly machine: string;
  /** Load averages over a minute. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly lanes: number;
}

/** jepsen-like/RESULTS.md; each scenario's plot is the image of `imageOf`. */
export function page(all: readonly Measured[], circumstances: Circumstances): string {
  const { command, day, machine, loadBefore, loadAfter, lanes } = circumstances;
  return `# Failover

How long writes stop, in ms. Made by \`${command}\` on ${day}, on ${machine}; its load was
${loadBefore.toFixed(1)} before and ${loadAfter.toFixed(1)} after (what else runs there counts too). Three nodes of each system on this one machine, whose
turns alternate; default settings, writes synced to disk, ${lanes} writers of one key. The SDK holds on to a write until
there is a leader; a write to etcd is asked for again after 250 ms without an answer.

${all.map(section).join("\n\n")}
`;
}

function section({ scenario, systems }: Measured): string {
  const rows = systems.map(({ name, times }) => {
    const figures = [percentile(times, 0.5), percentile(times, 0.99), Math.max(...times)];
    return [name, ...[times.length, ...figures].map((each) => String(Math.round(each)))];
  });
  return `## ${scenario.name}

${scenario.what}

${markdownTable([["system", "times", "p50", "p99", "max"], ...rows])}

![${scenario.name}](${imageOf(scenario)})`;
}

/** Relative to the page. */
export function imageOf({ name }: Pick<Scenario, "name">): string {
  return `results/${name.toLowerCase().replaceAll(" ", "-")}.svg`;
}
