import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Quorate } from "../../src/client/client.js";
import { clusterPids, freeBasePort, isAlive, Run, runCommand } from "./processes.js";

describe("a local cluster", () => {
  const runs: Run[] = [];
  let data = "";
  let basePort = 0;

  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), "quorate-dev-"));
    basePort = await freeBasePort(3);
  });
  afterEach(async () => {
    for (const run of runs.splice(0)) await run.stop();
    rmSync(data, { recursive: true, force: true });
  });

  function start(...args: string[]): Run {
    const run = new Run(args);
    runs.push(run);
    return run;
  }
  const dev = (...more: string[]): Run =>
    start("dev", "--data", data, "--base-port", String(basePort), "--ranges", "4", ...more);
  const seeds = (...nodes: number[]): string[] => nodes.map((i) => `127.0.0.1:${basePort + 100 + i}`);

  it("serves, outlives a kill, takes the node back, stops all of it, and has its data afterwards", async () => {
    const first = dev();
    await first.printed("ready: 3 nodes, 4 ranges");
    const started = clusterPids(data);
    let client = await Quorate.connect({ seeds: seeds(1, 3) });
    expect(await client.set("colour", "blue")).toBe(true);

    process.kill(started[1]!, "SIGKILL");
    await first.printed("node-2 ended (SIGKILL)");
    await first.printed(`npx quorate serve --config ${join(data, "node-2", "quorate.yaml")}`);
    expect(await client.incrBy("visits", 5)).toBe(5);

    const back = start("serve", "--config", join(data, "node-2", "quorate.yaml"));
    await back.printed("node-2 serves");
    expect(clusterPids(data)[1]).toBe(back.pid);
    const compared = await runCommand(["status", "--addr", seeds(2)[0]!, "--digest"]);
    expect(compared.errors).toContain("all replicas of 4 ranges are equal");
    expect(compared.code).toBe(0);
    client.close();

    const again = await runCommand(["dev", "--data", data]);
    expect(again.code).toBe(2);
    expect(again.errors).toContain("runs on");

    expect(await first.stop()).toBe(0);
    expect(await back.ended).toBe(0);
    expect([...started, back.pid].filter(isAlive)).toEqual([]);

    // Without flags: the folder knows its cluster's shape.
    const second = start("dev", "--data", data);
    await second.printed("ready: 3 nodes, 4 ranges");
    client = await Quorate.connect({ seeds: seeds(2) });
    expect(await client.get("colour")).toBe("blue");
    expect(await client.get("visits")).toBe("5");
    client.close();
    expect(await second.stop()).toBe(0);
  }, 60_000);

  it("refuses another shape for a folder that holds a cluster", async () => {
    const run = dev("--nodes", "1");
    await run.printed("ready: 1 nodes");
    expect(await run.stop()).toBe(0);
    const other = await runCommand(["dev", "--data", data, "--nodes", "3", "--ranges", "8"]);
    expect(other.code).toBe(2);
    expect(other.errors).toContain("--nodes 1, not 3; --ranges 4, not 8");
  }, 30_000);

  it("names a busy port instead of waiting", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(basePort + 201, "127.0.0.1", resolve));
    const run = dev();
    expect(await run.ended).toBe(1);
    expect(run.errors).toContain(`port ${basePort + 201} is in use`);
    await new Promise((resolve) => server.close(resolve));
  });

  it("says why a node could not start, and stops", async () => {
    const run = dev("--nodes", "1", "--durability", "sometimes");
    expect(await run.ended).toBe(1);
    expect(run.errors).toContain("node-1 ended before the cluster was ready (exit code 2)");
    expect(run.errors).toContain("durability (--durability): must be fsync or buffered");
    expect(clusterPids(data).filter((pid) => pid > 0 && isAlive(pid))).toEqual([]);
  });
});
