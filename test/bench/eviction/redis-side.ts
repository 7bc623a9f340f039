import { RedisServer, type RespValue } from "../../interop/redis-server.js";
import { batchRequests, keyName, residentKeys, type Trace, valueBytes } from "./traces.js";

export interface Outcome {
  readonly hits: number;
  readonly requests: number;
  /** Keys held at the end. */
  readonly resident: number;
  readonly seconds: number;
}

const value = "v".repeat(valueBytes);

/** What a miss writes: volatile policies see keys with a deadline, an hour or two away. */
export function writeWords(policy: string, key: number): string[] {
  const words = ["SET", keyName(key), value];
  if (policy.startsWith("volatile")) words.push("PX", String(3_600_000 + ((key * 7919) % 3_600_000)));
  return words;
}

/** Sets `maxmemory` so that the server holds `residentKeys` keys of this size when it is full. */
async function calibrate(server: RedisServer, policy: string): Promise<void> {
  const commands: string[][] = [];
  for (let key = 0; key < residentKeys; key++) commands.push(writeWords(policy, key));
  await server.pipeline(commands);
  const [info] = await server.pipeline([["INFO", "memory"]]);
  const used = Number(/used_memory:(\d+)/.exec(String(info))![1]);
  await server.pipeline([
    ["CONFIG", "SET", "maxmemory", String(used)],
    ["CONFIG", "SET", "maxmemory-policy", policy],
    ["FLUSHALL"],
  ]);
}

/** Runs a trace against a redis-server of its own, spread over a time: GET, and SET of what was missed. */
export async function runOnRedis(policy: string, trace: Trace, lastsSeconds: number): Promise<Outcome> {
  const server = await RedisServer.start();
  try {
    await calibrate(server, policy);
    const { keys } = trace;
    const started = performance.now();
    let hits = 0;
    for (let at = 0; at < keys.length; at += batchRequests) {
      await paced(started, at / keys.length, lastsSeconds);
      const batch = keys.subarray(at, at + batchRequests);
      const replies = await server.pipeline(Array.from(batch, (key) => ["GET", keyName(key)]));
      const writes: string[][] = [];
      replies.forEach((reply, i) => {
        if (reply === null) writes.push(writeWords(policy, batch[i]!));
        else hits++;
      });
      if (writes.length > 0) failOnError(await server.pipeline(writes));
    }
    const seconds = (performance.now() - started) / 1000;
    const [size] = await server.pipeline([["DBSIZE"]]);
    return { hits, requests: keys.length, resident: Number(size), seconds };
  } finally {
    await server.stop();
  }
}

/** Waits until `share` of a run of `lastsSeconds` should be done. */
export async function paced(started: number, share: number, lastsSeconds: number): Promise<void> {
  const aheadMs = started + share * lastsSeconds * 1000 - performance.now();
  if (aheadMs > 0) await new Promise((resolve) => setTimeout(resolve, aheadMs));
}

function failOnError(replies: readonly RespValue[]): void {
  const error = replies.find((reply) => typeof reply === "string" && reply.startsWith("-"));
  if (error !== undefined) throw new Error(`redis-server answered ${String(error)}`);
}
