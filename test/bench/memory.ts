import { join } from "node:path";
import { ratioLine, spread } from "./figures.js";
import { Redis } from "./peers.js";
import { residentBytes } from "./processes.js";
import { QuorateCluster } from "./quorate-cluster.js";
import type { Report } from "./report.js";
import { RespClient } from "./resp-client.js";

export const memoryRow = "bytes per entry vs Redis";
const entries = 1_000_000;
const pipelined = 500;
const settleMs = 2000;

/** Growth of resident memory by so many entries of a 16-byte key and a 100-byte value: the mean of all nodes. */
export async function runMemory(folder: string, report: Report): Promise<void> {
  report.heading(`memory, ${entries} entries of 16 + 100 bytes`);
  const quorate = await QuorateCluster.start(join(folder, "memory"), 16);
  const redis = await Redis.start(join(folder, "memory-redis"), false);
  try {
    const ours = await growth((await quorate.leader()).ports.resp, quorate.pids);
    const theirs = await growth(redis.port, redis.pids);
    const found = spread([ours / theirs]);
    const sides = `quorate ${ours.toFixed(0)} bytes an entry, redis ${theirs.toFixed(0)}`;
    report.row(16, { name: memoryRow, first: 1, later: 0.8 }, found, ratioLine(memoryRow, found), sides);
  } finally {
    await Promise.all([quorate.stop(), redis.stop()]);
  }
}

async function growth(port: number, pids: readonly number[]): Promise<number> {
  const client = await RespClient.connect(port);
  // The same commands on a few keys first: code, buffers and the log's cache are no entries.
  await fill(client, 100);
  await fill(client, 100);
  const before = await resident(pids);
  await fill(client, entries);
  const after = await resident(pids);
  client.close();
  return (after - before) / pids.length / entries;
}

async function fill(client: RespClient, keys: number): Promise<void> {
  const value = "x".repeat(100);
  for (let next = 0; next < entries; next += pipelined)
    await client.pipeline(
      Array.from({ length: pipelined }, (_, i) => [
        "SET",
        `key:${String((next + i) % keys).padStart(12, "0")}`,
        value,
      ]),
    );
}

async function resident(pids: readonly number[]): Promise<number> {
  await new Promise((done) => setTimeout(done, settleMs));
  return pids.reduce((sum, pid) => sum + residentBytes(pid), 0);
}
