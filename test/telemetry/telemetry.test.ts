import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { NodeStatistics } from "../../src/node/service.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { createTelemetry, type NodeStatisticsLike } from "../../src/telemetry/metrics.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "quorate-log-"));
  folders.push(folder);
  return join(folder, "below", "node.log");
}

const log = { debug() {}, info() {}, warn() {}, error() {} };
const range = {
  id: 4,
  leads: true,
  term: 7,
  commit: 90,
  applied: 88,
  lastIndex: 95,
  logBytes: 1234,
  chargedBytes: 10,
  limitBytes: 20,
  keys: 3,
};
// What a node reports is what is scraped: the type checks that the two shapes stay one.
const statistics: NodeStatistics & NodeStatisticsLike = {
  uptimeMs: 2500,
  keys: 3,
  keysWithDeadline: 1,
  chargedBytes: 10,
  limitBytes: 20,
  hits: 5,
  misses: 6,
  expired: 7,
  evicted: 8,
  commands: 9,
  rangesLed: 1,
  ranges: [range],
};

test("what was counted is what a scrape shows", async () => {
  const telemetry = createTelemetry({ log, commandName: (opcode) => `C${opcode}` });
  telemetry.commandDone("resp", 3, 0.3);
  telemetry.commandDone("resp", 3, 60);
  telemetry.commandDone("grpc", 250, 99_999);
  telemetry.commandFailed("http", "busy");
  telemetry.commandFailed("http", "busy");
  telemetry.bytesIn("peer", 100);
  telemetry.bytesIn("peer", 50);
  telemetry.bytesOut("resp", 7);
  const text = await telemetry.render(() => statistics);
  const lines = text.split("\n");
  const duration = 'quorate_command_duration_seconds_bucket{protocol="resp",command="C3",le=';
  for (const line of [
    'quorate_commands_total{protocol="resp",command="C3"} 2',
    'quorate_commands_total{protocol="grpc",command="C250"} 1',
    `${duration}"0.00025"} 0`,
    `${duration}"0.0005"} 1`,
    `${duration}"0.05"} 1`,
    `${duration}"0.1"} 2`,
    `${duration}"+Inf"} 2`,
    'quorate_command_duration_seconds_sum{protocol="resp",command="C3"} 0.0603',
    'quorate_command_duration_seconds_bucket{protocol="grpc",command="C250",le="5"} 0',
    'quorate_command_duration_seconds_count{protocol="grpc",command="C250"} 1',
    'quorate_errors_total{protocol="http",kind="busy"} 2',
    'quorate_received_bytes_total{protocol="peer"} 150',
    'quorate_sent_bytes_total{protocol="resp"} 7',
    "quorate_uptime_seconds 2.5",
    "quorate_evicted_total 8",
    'quorate_range_term{range="4"} 7',
    'quorate_range_is_leader{range="4"} 1',
    'quorate_range_apply_lag{range="4"} 2',
    'quorate_range_commit_lag{range="4"} 5',
    'quorate_range_log_bytes{range="4"} 1234',
  ])
    expect(lines).toContain(line);
  expect(text).toContain("# TYPE quorate_command_duration_seconds histogram");
  expect(text).toContain("process_resident_memory_bytes");
  expect(telemetry.contentType).toContain("text/plain");
  telemetry.close();
});

test("a second scrape neither doubles a counter nor keeps a range that left", async () => {
  const telemetry = createTelemetry({ log, commandName: String });
  telemetry.commandDone("resp", 1, 1);
  await telemetry.render(() => statistics);
  const text = await telemetry.render(() => ({ ...statistics, ranges: [{ ...range, id: 5 }] }));
  expect(text).toContain('quorate_commands_total{protocol="resp",command="1"} 1\n');
  expect(text).toContain("quorate_hits_total 5\n");
  expect(text).not.toContain('range="4"');
  telemetry.close();
});

test("two telemetries in one process don't share anything", async () => {
  const one = createTelemetry({ log, commandName: String });
  const other = createTelemetry({ log, commandName: String });
  one.bytesIn("resp", 5);
  expect(await other.render(() => statistics)).toContain('quorate_received_bytes_total{protocol="resp"} 0');
  one.close();
  other.close();
});

test("a log line is one JSON object with level, time, name and fields", () => {
  const file = temporaryFile();
  const logger = createLogger({ file, level: "info", name: "n1" });
  logger.debug({}, "not told");
  logger.warn({ peer: "00ab", term: 3 }, "peer down");
  logger.flush();
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines.length).toBe(1);
  const line = JSON.parse(lines[0]!) as { time: unknown };
  expect(line).toMatchObject({ level: "warn", name: "n1", peer: "00ab", term: 3, msg: "peer down" });
  expect(Date.parse(String(line.time))).toBeGreaterThan(0);
});
