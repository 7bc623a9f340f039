import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QuorateCluster } from "../quorate-cluster.js";
import { RespClient } from "../resp-client.js";
import { type Outcome, paced, writeWords } from "./redis-side.js";
import { batchRequests, keyName, type Trace } from "./traces.js";

/** The smallest limit that a node takes. */
export const clusterLimitBytes = 1024 * 1024;

/** Runs a trace through the door of a follower of a real cluster of three nodes with one range. */
export async function runOnCluster(policy: string, trace: Trace, lastsSeconds: number): Promise<Outcome> {
  const data = mkdtempSync(join(tmpdir(), "quorate-eviction-"));
  const cluster = await QuorateCluster.start(data, 1, ["--maxmemory", String(clusterLimitBytes)]);
  try {
    const client = await RespClient.connect((await cluster.follower()).ports.resp);
    await client.call("CONFIG", "SET", "maxmemory-policy", policy);
    const { keys } = trace;
    const started = performance.now();
    let hits = 0;
    for (let at = 0; at < keys.length; at += batchRequests) {
      await paced(started, at / keys.length, lastsSeconds);
      const batch = keys.subarray(at, at + batchRequests);
      const replies = await Promise.all(Array.from(batch, (key) => client.call("GET", keyName(key))));
      const writes: string[][] = [];
      replies.forEach((reply, i) => {
        if (reply === "-1") writes.push(writeWords(policy, batch[i]!));
        else hits++;
      });
      if (writes.length > 0) await client.pipeline(writes);
    }
    const seconds = (performance.now() - started) / 1000;
    const resident = Number((await client.call("DBSIZE")).replace(/\D/g, ""));
    client.close();
    return { hits, requests: keys.length, resident, seconds };
  } finally {
    await cluster.stop();
    rmSync(data, { recursive: true, force: true });
  }
}
