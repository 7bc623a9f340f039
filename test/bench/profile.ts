/**
 * Where the CPU goes: node --import ./test/bench/typescript-loader.mjs test/bench/profile.ts LOAD [SECONDS]
 * LOAD is one of the names in `loads`. Prints the hottest functions of the leader and of a follower.
 */
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { byFunction, byPlace, type CpuProfile, type Grouping, selfTimes } from "./cpu-profile.js";
import { type Generator, pipelinePut, quoratePut, redisBenchmark } from "./generators.js";
import { cpuMs, host, Server, until } from "./processes.js";
import { QuorateCluster, type QuorateNodeAt } from "./quorate-cluster.js";

interface Load {
  readonly ranges: number;
  /** Asks a node that doesn't lead the range. */
  readonly follower?: true;
  generator(node: QuorateNodeAt): Generator;
}

const loads: Readonly<Record<string, Load>> = {
  "set-p16": { ranges: 1, generator: ({ ports }) => redisBenchmark(ports.resp, "set", 16) },
  "set-p16-gateway": { ranges: 16, generator: ({ ports }) => redisBenchmark(ports.resp, "set", 16) },
  "set-p1": { ranges: 16, generator: ({ ports }) => redisBenchmark(ports.resp, "set", 1) },
  "get-p16": { ranges: 1, generator: ({ ports }) => redisBenchmark(ports.resp, "get", 16) },
  "set-p16-follower": {
    ranges: 1,
    follower: true,
    generator: ({ ports }) => redisBenchmark(ports.resp, "set", 16),
  },
  "get-p16-follower": {
    ranges: 1,
    follower: true,
    generator: ({ ports }) => redisBenchmark(ports.resp, "get", 16),
  },
  "grpc-put": { ranges: 1, generator: ({ ports }) => quoratePut(`${host}:${ports.grpc}`, 1024) },
  "pipeline-put": { ranges: 1, generator: ({ ports }) => pipelinePut(`${host}:${ports.grpc}`) },
};
const shownFunctions = 40;
const shownPlaces = 16;

async function main(name: string, seconds: number): Promise<void> {
  const load = loads[name];
  if (load === undefined) throw new Error(`LOAD must be one of ${Object.keys(loads).join(", ")}`);
  const data = mkdtempSync(join(tmpdir(), "quorate-profile-"));
  const cluster = await QuorateCluster.start(data, load.ranges);
  const nodes = cluster.nodes;
  await cluster.stop();

  const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
  const spawnedMs = performance.now();
  const servers = nodes.map((node) =>
    Server.start(process.execPath, [
      ...["--cpu-prof", "--cpu-prof-dir", join(node.data, "profile")],
      ...[program, "serve", "--config", join(node.data, "quorate.yaml")],
    ]),
  );
  for (const [i, node] of nodes.entries())
    await until(node.name, 60_000, async () => {
      servers[i]!.mustLive();
      return (await fetch(`http://${host}:${node.ports.http}/readyz`)).status === 200;
    });
  await cluster.settle();
  const leader = await cluster.leader();
  const generator = load.generator(load.follower ? await cluster.follower() : leader);
  // Reads find values.
  await redisBenchmark(leader.ports.resp, "set", 16)(400_000);
  // Long enough to be compiled by the time that counts.
  let rate = await generator(5000);
  rate = await generator(Math.ceil(rate * 2));
  const pids = servers.map(({ pid }) => pid);
  const before = pids.map((pid) => cpuMs([pid]));
  const startMs = performance.now();
  const operations = Math.ceil(rate * seconds);
  rate = await generator(operations);
  const tookMs = performance.now() - startMs;
  const used = pids.map((pid, i) => cpuMs([pid]) - before[i]!);
  await Promise.all(servers.map((server) => server.stop()));

  console.log(`${name}: ${Math.round(rate)}/s, ${(tookMs / 1000).toFixed(1)} s`);
  for (const [i, node] of nodes.entries()) {
    const role = node.name === leader.name ? "leader" : "follower";
    const perOperation = (used[i]! * 1000) / operations;
    console.log(
      `\n${node.name} (${role}): ${Math.round((used[i]! / tookMs) * 100)} % of a core, ${perOperation.toFixed(1)} µs an operation`,
    );
    const folder = join(node.data, "profile");
    const file = readdirSync(folder).find((each) => each.endsWith(".cpuprofile"));
    if (file === undefined) throw new Error(`${folder}: no profile`);
    const profile = JSON.parse(readFileSync(join(folder, file), "utf8")) as CpuProfile;
    const [fromUs, toUs] = [(startMs - spawnedMs) * 1000, (startMs - spawnedMs + tookMs) * 1000];
    const show = (grouping: Grouping, count: number): void => {
      for (const { name: where, ms, share } of selfTimes(profile, grouping, fromUs, toUs).slice(0, count))
        console.log(`  ${(share * 100).toFixed(1).padStart(5)} %  ${ms.toFixed(0).padStart(6)} ms  ${where}`);
      console.log("");
    };
    show(byPlace, shownPlaces);
    show(byFunction, role === "leader" ? shownFunctions : shownFunctions / 2);
  }
  console.log(`profiles for a browser's developer tools: ${data}/*/profile`);
}

await main(process.argv[2] ?? "", Number(process.argv[3] ?? 8));
