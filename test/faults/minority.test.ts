import { afterEach, beforeEach, expect, test } from "vitest";
import { FaultCluster, rounds, sleep } from "./cluster.js";
import { Doors } from "./doors.js";
import { figures } from "./figures.js";
import { command, RawClient } from "./raw-client.js";

let cluster: FaultCluster;

beforeEach(async () => {
  cluster = await FaultCluster.start();
}, 90_000);

afterEach(async () => {
  await cluster.stop();
}, 60_000);

const refusedWithinMs = 1000;
/** Keys of several ranges. */
const keys = ["{a}minority", "{b}minority", "{c}minority", "{d}minority"];

test("a node without a majority refuses at every door, serves old data marked as such, and recovers", {
  timeout: rounds(2) * 40_000 + 60_000,
}, async () => {
  const times = rounds(2);
  const refusalsMs: number[] = [];
  const agesMs: number[] = [];
  const errors = new Set<string>();
  for (let round = 0; round < times; round++) {
    const third = round % 3;
    await cluster.healed();
    const doors = await Doors.open(cluster, third);
    await expectServed(doors);

    await cluster.kill(...cluster.others(third));
    await sleep(2000);
    for (const key of keys) {
      for (const { door, what, ms, error } of await doors.tryAll(key)) {
        refusalsMs.push(ms);
        errors.add(`${door} ${what}: ${error ?? "ANSWERED"}`);
        expect(error, `${door} ${what} of ${key}`).toMatch(/leader|CLUSTERDOWN|UNAVAILABLE|no-leader/i);
        expect(ms, `${door} ${what} of ${key} took ${ms} ms`).toBeLessThan(refusedWithinMs);
      }
      await expectStale(doors, third, key, agesMs);
    }
    await Promise.all(cluster.others(third).map((n) => cluster.restart(n)));
    await cluster.healed();
    await expectServed(doors);
    doors.close();
  }
  await cluster.digestsAgree();
  figures("two of three nodes killed", { times, refusalsMs, agesMs, errors: [...errors].join("\n    ") });
  expect(refusalsMs).toHaveLength(times * keys.length * 10);
});

async function expectServed(doors: Doors): Promise<void> {
  for (const key of keys) {
    await doors.write(key);
    for (const { door, what, error } of await doors.tryAll(key)) expect(error, `${door} ${what}`).toBeNull();
  }
}

async function expectStale(doors: Doors, third: number, key: string, agesMs: number[]): Promise<void> {
  const http = await doors.anyHttp(key);
  expect(http.status).toBe(200);
  expect(((await http.json()) as { value: string }).value).toBe("v");
  expect(http.headers.get("Quorate-Stale")).toBe("true");
  expect(Number(http.headers.get("Quorate-Index"))).toBeGreaterThan(0);
  const ageMs = Number(http.headers.get("Quorate-Age-Ms"));
  expect(ageMs).toBeGreaterThan(1000);
  agesMs.push(ageMs);
  const { value, context } = await doors.anyGrpc(key);
  expect(value?.toString()).toBe("v");
  expect(context).toMatchObject({ stale: true });
  expect(await doors.anySdk(key)).toBe("v");

  const raw = await RawClient.open(cluster.node(third).ports.resp);
  raw.send(command("HELLO", "3"));
  expect(await raw.until(() => raw.received.includes("modules"))).toBe(true);
  raw.received = "";
  raw.send(command("QUORATE.READ", "any"));
  expect(await raw.until(() => raw.received === "+OK\r\n")).toBe(true);
  raw.received = "";
  raw.send(command("GET", key));
  expect(await raw.until(() => raw.received.endsWith("$1\r\nv\r\n"))).toBe(true);
  expect(raw.received).toMatch(/^\|/);
  expect(raw.received).toContain("stale");
  raw.close();
}
