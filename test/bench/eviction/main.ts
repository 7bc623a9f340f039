/**
 * Hit ratio of each eviction policy on each trace, beside redis-server with the policy of the same name.
 *
 * What is made equal: the same requests in the same batches; the same number of resident keys of one size (Redis gets a
 * `maxmemory`, and ours a limit for as many keys as Redis then held); and the same pace, since Redis's LRU clock ticks
 * once a second: a trace lasts a minute there, and a minute of log time here. All servers run side by side.
 */
import { stringCharge } from "../../../src/store/charge.js";
import { policyNames } from "../../../src/store/eviction/policies.js";
import { clusterLimitBytes, runOnCluster } from "./cluster-side.js";
import { runOnQuorate } from "./quorate-side.js";
import { type Outcome, runOnRedis } from "./redis-side.js";
import { allTraces, keyName, type Trace, valueBytes } from "./traces.js";

const requests = 120_000;
const lastsSeconds = 60;
const clusterSeconds = 10;
/** Policies that Redis lacks stand beside the one that they compete with. */
const rivals: Readonly<Record<string, string>> = {
  "allkeys-fifo": "allkeys-lru",
  "allkeys-s3fifo": "allkeys-lru",
  "volatile-fifo": "volatile-lru",
};

function percent(outcome: Outcome): string {
  return `${((outcome.hits / outcome.requests) * 100).toFixed(2)} %`;
}

const traces = allTraces(requests);
const policies = policyNames.filter((name) => name !== "noeviction");
const redis = new Map<string, Outcome>();
console.log(`redis-server: ${traces.length} traces of ${requests} requests for each policy, a minute each`);
await Promise.all(
  policies
    .filter((policy) => rivals[policy] === undefined)
    .flatMap((policy) =>
      traces.map(async (trace) => {
        redis.set(`${policy} ${trace.name}`, await runOnRedis(policy, trace, lastsSeconds));
      }),
    ),
);
const lines: string[] = [];
for (const policy of policies) {
  for (const trace of traces) {
    const theirs = redis.get(`${rivals[policy] ?? policy} ${trace.name}`)!;
    const ours = runOnQuorate(policy, trace, theirs.resident, lastsSeconds);
    console.log(
      `${policy} ${trace.name}: ${ours.resident} keys resident, redis ${theirs.resident}; ${ours.seconds.toFixed(1)} s`,
    );
    const rival = rivals[policy] === undefined ? "redis" : `redis (${rivals[policy]})`;
    lines.push(`bench: ${policy} ${trace.name}: ${percent(ours)} vs ${rival} ${percent(theirs)}`);
  }
}

/** Touches end to end: through the door of a follower of a real cluster, against one range in this process. */
const first = traces[0]!;
const part: Trace = { name: first.name, keys: first.keys.subarray(0, requests / 6) };
const resident = Math.floor((clusterLimitBytes * 0.95) / stringCharge(keyName(0).length, valueBytes));
const real = await runOnCluster("allkeys-lru", part, clusterSeconds);
const inProcess = runOnQuorate("allkeys-lru", part, resident, clusterSeconds);
lines.push(
  `bench: allkeys-lru ${part.name} on three nodes (${real.resident} keys): ${percent(real)}, in process ${percent(inProcess)}`,
);
for (const line of lines) console.log(line);
