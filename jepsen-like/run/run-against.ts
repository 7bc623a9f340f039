import { mkdirSync } from "node:fs";
import { SeededRandom } from "#quorate/base/random.js";
import { OutsideCluster } from "../cluster/outside-cluster.js";
import { builtMain } from "../cluster/quorate-cluster.js";
import type { Door, Protocol } from "../doors/door.js";
import { PrefixDoor } from "../doors/prefix-door.js";
import { faultCommand } from "../nemesis/fault-command.js";
import { allProtocols, openDoors } from "./open-doors.js";
import { defaultWorkers, type RunOptions, type RunResult, runOn } from "./run-on.js";

export interface AgainstOptions extends RunOptions {
  /** gRPC addresses of some nodes, host:port. */
  readonly seeds: readonly string[];
  /** Where announced addresses are reached from here. */
  readonly natMap?: ReadonlyMap<string, string>;
  readonly protocols?: readonly Protocol[];
  /** Makes and heals faults; without it there are none. See `faultCommand`. */
  readonly faultCommand?: string;
  /** Of every key that is written. */
  readonly prefix: string;
  /** The command that does the same again. */
  readonly again: string;
}

const deleteDeadlineMs = 10_000;
const deletedAtOnce = 100;

/**
 * Runs on a cluster that is there already: its clients' histories are judged and its replicas compared, nothing else of it
 * is touched, and the keys that were written are deleted in the end.
 */
export async function runAgainst(options: AgainstOptions): Promise<RunResult> {
  const { workload, seeds, natMap = new Map(), protocols = allProtocols, again, say = () => {} } = options;
  if (workload.settings !== undefined)
    throw new TypeError(`${workload.name} needs nodes with settings of its own`);
  if (/[{}]/.test(options.prefix)) throw new TypeError("a prefix with braces would change hash tags");
  mkdirSync(options.out, { recursive: true });
  const cluster = await OutsideCluster.reach(seeds, natMap);
  say(`on ${cluster.nodeNames.join(", ")}, keys ${options.prefix}...`);
  const used = new Set<string>();
  const bare = await openDoors(cluster, options.workers ?? defaultWorkers, protocols);
  const doors = bare.map((door) => new PrefixDoor(door, options.prefix, used));
  const harms = options.faultCommand === undefined ? [] : [faultCommand(options.faultCommand)];
  const random = new SeededRandom(options.seed);
  try {
    return await runOn({ target: cluster, doors, harms, random, main: builtMain, again }, options);
  } finally {
    const left = await deleteKeys(bare.find((door) => door.has("DEL"))!, [...used]);
    if (left > 0) say(`${left} keys ${options.prefix}... could not be deleted`);
    for (const door of bare) door.close();
  }
}

/** @returns how many could not be deleted. */
async function deleteKeys(door: Door, keys: readonly string[]): Promise<number> {
  let left = 0;
  for (let i = 0; i < keys.length; i += deletedAtOnce) {
    const some = keys.slice(i, i + deletedAtOnce);
    const outcome = await door.run(["DEL", ...some], { deadlineMs: deleteDeadlineMs });
    if (outcome.type !== "ok") left += some.length;
  }
  return left;
}
