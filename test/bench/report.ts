import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { rate, type Spread, spread } from "./figures.js";
import type { Sample } from "./measure.js";
import type { Row } from "./rows.js";

type Target = Pick<Row, "name" | "first" | "later">;

/** Prints as results come and keeps them for bench.json and bench.md. */
export class Report {
  private readonly results: unknown[] = [];
  private readonly lines: string[] = [];

  heading(text: string): void {
    this.print(`\n## ${text}\n`);
  }

  note(text: string): void {
    this.print(text);
  }

  measured(ranges: number, name: string, samples: readonly Sample[]): void {
    const perSecond = spread(samples.map((sample) => sample.perSecond));
    const share = spread(samples.map((sample) => sample.generatorShare)).median;
    const serverCpuUs = spread(samples.map((sample) => sample.serverCpuUs)).median;
    this.results.push({ kind: "measurement", ranges, name, perSecond, generatorShare: share, serverCpuUs });
    const figures = `${rate(perSecond.median).padStart(6)}/s (${rate(perSecond.min)} .. ${rate(perSecond.max)})`;
    const cpu = `generator ${(share * 100).toFixed(0)} % of the CPU, servers ${serverCpuUs.toFixed(1)} us an operation`;
    this.print(`  ${name.padEnd(40)} ${figures.padEnd(28)} ${cpu}`);
  }

  row(ranges: number, row: Target, found: Spread, line: string, sides: string): void {
    this.results.push({ kind: "ratio", ranges, row: row.name, ...found, first: row.first, later: row.later });
    this.print(`${line}   [wanted ${row.first}x, then ${row.later}x; ${sides}]`);
  }

  milliseconds(
    row: string,
    found: { readonly p50: number; readonly p99: number; readonly max: number },
  ): void {
    this.results.push({ kind: "milliseconds", row, ...found });
    const text = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
    this.print(
      `bench: ${row}: p50 ${text(found.p50)} ms, p99 ${text(found.p99)} ms, max ${text(found.max)} ms`,
    );
  }

  /** @returns the folder. */
  write(folder: string): string {
    mkdirSync(folder, { recursive: true });
    const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version };
    const at = new Date().toISOString();
    writeFileSync(
      join(folder, "bench.json"),
      `${JSON.stringify({ at, machine, results: this.results }, null, 2)}\n`,
    );
    const title = `# Bench of ${at}\n\n${machine.cores} x ${machine.cpu}, Node ${machine.node}\n`;
    writeFileSync(
      join(folder, "bench.md"),
      `${title}\n${this.lines.map((line) => `    ${line}`).join("\n")}\n`,
    );
    return folder;
  }

  private print(line: string): void {
    this.lines.push(...line.split("\n"));
    console.log(line);
  }
}
