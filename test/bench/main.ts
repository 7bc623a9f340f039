/** `make bench`: us, etcd and Redis on this machine in one interleaved run. options.ts lists the settings. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failoverRow, handOverRow, runFailover } from "./failover.js";
import { latencyRow, runLatency } from "./latency.js";
import { memoryRow, runMemory } from "./memory.js";
import { type BenchOptions, readOptions } from "./options.js";
import { Report } from "./report.js";
import { runThroughput } from "./throughput.js";
import { ensureTools } from "./tools.js";

async function main(options: BenchOptions): Promise<void> {
  await ensureTools();
  const folder = mkdtempSync(join(tmpdir(), "quorate-bench-"));
  const report = new Report();
  const wants = (row: string): boolean => row.toLowerCase().includes(options.rows);
  report.note(
    "Three nodes, fsync, defaults; 16-byte keys, 100-byte values; median (min .. max) of the rounds.",
  );
  report.note(
    "Only ratios of one run mean anything: absolute figures move with the machine and its neighbours.",
  );
  try {
    for (const ranges of options.ranges) await runThroughput(options, ranges, folder, report);
    if (wants(latencyRow)) await runLatency(folder, options.calls, report);
    if (wants(memoryRow)) await runMemory(folder, report);
    const changes = [failoverRow, handOverRow].filter(wants);
    if (changes.length > 0) await runFailover(folder, options.kills, changes, report);
  } finally {
    console.log(`\nwritten to ${report.write(options.out)}`);
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await main(readOptions(process.env));
process.exit(0);
