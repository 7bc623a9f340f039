import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { withoutRealTime } from "./real-time.js";
import type { Script } from "./script.js";
import { simulate } from "./simulate.js";
import { drawScript } from "./swarm.js";
import { batches } from "./workloads/batches.js";
import type { Observation, Shown } from "./workloads/workload.js";

const folder = fileURLToPath(new URL(".", import.meta.url));
const run = promisify(execFile);

/** A short run with a crash, a partition and a frozen leader in it. */
function shortScript(seed: number): Script {
  const script = drawScript(seed);
  const durationMs = 5000;
  const fault = { lastsMs: 900, draw: 77 };
  return {
    ...script,
    shape: { ...script.shape, nodes: 3, replicationFactor: 3, durationMs },
    faults: [
      { ...fault, kind: "power", atMs: 1800, node: 0 },
      { ...fault, kind: "isolate", atMs: 2500, node: 1 },
      { ...fault, kind: "pause", atMs: 3600, node: 2 },
    ],
    operations: script.operations.filter(({ atMs }) => atMs < durationMs),
  };
}

async function traceIn(env: NodeJS.ProcessEnv, ...flags: string[]): Promise<string> {
  const kept = `${folder}regressions/crash-isolate-pause.json`;
  const { stdout } = await run(
    process.execPath,
    [...flags, "--import", "./test/bench/typescript-loader.mjs", "test/simulation/main.ts"],
    {
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
      env: { ...process.env, SCRIPT: kept, ...env },
      maxBuffer: 1 << 28,
    },
  );
  return stdout;
}

describe("a simulated cluster", () => {
  test("does the same twice, to the last event", () => {
    const script = shortScript(7);
    const first = simulate(script);
    expect(first.violation).toBe(null);
    expect(first.acknowledged).toBeGreaterThan(10);
    expect(simulate(script)).toEqual(first);
  });

  test("does the same in another time zone, locale, and with another hash seed", async () => {
    const plain = await traceIn({});
    expect(plain).toContain("0 violations");
    expect(await traceIn({ TZ: "Pacific/Chatham", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" })).toBe(plain);
    expect(await traceIn({}, "--hash-seed=4711", "--no-rehash-snapshot")).toBe(plain);
  }, 120_000);

  test("turning one kind of fault off leaves the draws of all others", () => {
    const { faults, operations } = drawScript(5);
    expect(faults.length).toBeGreaterThan(0);
    expect(drawScript(5)).toEqual(drawScript(5));
    expect(drawScript(6).operations).not.toEqual(operations);
  });

  test("lets nobody ask for the real time or for real randomness", () => {
    for (const ask of [
      () => Date.now(),
      () => Math.random(),
      () => performance.now(),
      () => setTimeout(() => {}, 1),
    ])
      expect(() => withoutRealTime<unknown>(ask)).toThrow("inside the simulator");
    expect(Date.now()).toBeGreaterThan(0);
  });
});

describe("the check of batches", () => {
  const at = (invokedMs: number, value: string | null, reply: Shown): Observation => {
    const key = "{batch:0}a";
    const args = value === null ? [key, "{batch:0}b"] : [key, value, "{batch:0}b", value];
    const name = value === null ? "MGET" : "MSET";
    const operation = {
      atMs: invokedMs,
      client: 0,
      workload: "batches",
      name,
      args,
      level: 0 as const,
      maxAgeMs: 0,
      deadlineMs: 1000,
      inSession: false,
    };
    const outcome = reply === null ? "unknown" : "ok";
    return { operation, invokedMs, returnedMs: invokedMs + 1, outcome, reply, error: null, ageMs: null };
  };
  const write = (value: string): Observation => at(0, value, null);
  const read = (invokedMs: number, value: string): Observation => at(invokedMs, null, [value, value]);
  const unknown = Array.from({ length: 300 }, (_, i) => write(`m${i}`));
  const reads = Array.from({ length: 30 }, (_, i) => read(10 + 2 * i, `m${i}`));

  test("comes to a verdict with hundreds of unknown writes", () => {
    expect(batches.check([...unknown, ...reads])).toEqual([]);
  });

  test("finds a value that comes back, and one that was never written", () => {
    expect(batches.check([...unknown, ...reads, read(100, "m3")])[0]).toContain("is not linearizable");
    expect(batches.check([...unknown, ...reads, read(100, "other")])[0]).toContain("is not linearizable");
  });
});

describe("what once went wrong stays right", () => {
  for (const name of readdirSync(`${folder}regressions`).filter((each) => each.endsWith(".json")))
    test(name, () => {
      const script = JSON.parse(readFileSync(`${folder}regressions/${name}`, "utf8")) as Script;
      expect(simulate(script).violation).toBe(null);
    });
});
