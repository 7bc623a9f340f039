import { appends } from "./appends.js";
import { batches } from "./batches.js";
import { bits } from "./bits.js";
import { counters } from "./counters.js";
import { deadlines } from "./deadlines.js";
import { evictions } from "./evictions.js";
import { hashes } from "./hashes.js";
import { keyCommands } from "./key-commands.js";
import { large } from "./large.js";
import { mortals } from "./mortals.js";
import { queues } from "./queues.js";
import { registers } from "./registers.js";
import { sets } from "./sets.js";
import { sortedSets } from "./sorted-sets.js";
import { texts } from "./texts.js";
import type { Workload } from "./workload.js";

/** These share one stream of draws, so that another one here would change what old seeds do. */
export const mixedWorkloads: readonly Workload[] = [appends, batches, counters, deadlines, registers];

/** A class of commands that is added gets its file in this folder, and its line here: each has a stream of its own. */
export const separateWorkloads: readonly Workload[] = [
  bits,
  evictions,
  hashes,
  keyCommands,
  large,
  mortals,
  queues,
  sets,
  sortedSets,
  texts,
];

export const workloads: readonly Workload[] = [...mixedWorkloads, ...separateWorkloads];

/** Those for which a key may be evicted at any time, with a TTL or without. */
const evictable: ReadonlySet<Workload> = new Set([deadlines, evictions]);
/** Those for which a key with a TTL mayn't be. */
const keepingTtls: ReadonlySet<Workload> = new Set([keyCommands]);

/** What may be asked of a cluster with an eviction policy, or (undefined) without. */
export function workloadsUnder(evictionPolicy: string | undefined): readonly Workload[] {
  if (evictionPolicy === undefined) return workloads;
  if (evictionPolicy.startsWith("allkeys")) return workloads.filter((each) => evictable.has(each));
  return workloads.filter((each) => !keepingTtls.has(each));
}
