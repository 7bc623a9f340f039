import { append } from "./append.js";
import { bank } from "./bank.js";
import { batch } from "./batch.js";
import { counter } from "./counter.js";
import { eviction } from "./eviction.js";
import { leaderboard } from "./leaderboard.js";
import { list } from "./list.js";
import { lock } from "./lock.js";
import { queue } from "./queue.js";
import { reads } from "./reads.js";
import { register } from "./register.js";
import { set } from "./set.js";
import { ttl } from "./ttl.js";
import { txn } from "./txn.js";
import type { Workload } from "./workload.js";

/** Every workload there is: a new one is a file here, and a line in this list. */
export const workloads: readonly Workload[] = [
  append,
  bank,
  batch,
  counter,
  eviction,
  leaderboard,
  list,
  lock,
  queue,
  reads,
  register,
  set,
  ttl,
  txn,
];

export function workloadOf(name: string): Workload | null {
  return workloads.find((each) => each.name === name) ?? null;
}
