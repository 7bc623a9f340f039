import { join } from "node:path";
import { percentile } from "./figures.js";
import { Redis } from "./peers.js";
import { QuorateCluster } from "./quorate-cluster.js";
import type { Report } from "./report.js";
import { RespClient } from "./resp-client.js";

const warmUpCalls = 1000;
export const latencyRow = "latency of a linearizable read, 1 client";

/** Round trips of one client, one call at a time, at the leader; Redis beside it shows what the machine allows. */
export async function runLatency(folder: string, calls: number, report: Report): Promise<void> {
  report.heading("latency, 1 client, 1 range");
  const quorate = await QuorateCluster.start(join(folder, "latency"), 1);
  const redis = await Redis.start(join(folder, "latency-redis"), false);
  try {
    const sides = [
      {
        name: "quorate",
        client: await RespClient.connect((await quorate.leader()).ports.resp),
        ms: [] as number[],
      },
      { name: "redis", client: await RespClient.connect(redis.port), ms: [] as number[] },
    ];
    for (const { client } of sides) {
      await client.call("SET", "bench:latency", "x".repeat(100));
      for (let i = 0; i < warmUpCalls; i++) await client.call("GET", "bench:latency");
    }
    // Turn about in blocks, so that both see the same machine.
    for (let done = 0; done < calls; done += 100)
      for (const side of sides)
        for (let i = 0; i < 100; i++) {
          const start = performance.now();
          await side.client.call("GET", "bench:latency");
          side.ms.push(performance.now() - start);
        }
    for (const { name, client, ms } of sides) {
      client.close();
      report.milliseconds(name === "quorate" ? latencyRow : `${latencyRow} (${name}, for comparison)`, {
        p50: percentile(ms, 50),
        p99: percentile(ms, 99),
        max: percentile(ms, 100),
      });
    }
  } finally {
    await Promise.all([quorate.stop(), redis.stop()]);
  }
}
