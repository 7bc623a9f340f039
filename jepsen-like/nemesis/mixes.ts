import { diskFaults } from "./disks.js";
import type { Fault } from "./fault.js";
import { packetFaults } from "./packets.js";
import { processFaults } from "./processes.js";
import { syncFaults } from "./syncs.js";
import { toxiproxyFaults } from "./toxiproxy.js";

export const allFaults: readonly Fault[] = [
  ...processFaults,
  ...toxiproxyFaults,
  ...packetFaults,
  ...diskFaults,
  ...syncFaults,
];

/** Names for several faults at once. */
const groups: Readonly<Record<string, readonly string[]>> = {
  none: [],
  kill: ["kill-one", "kill-leader", "kill-majority", "kill-all"],
  pause: ["pause-leader", "blink-leader", "pause-one", "pause-long"],
  restart: ["rolling-restart", "transfer-storm"],
  wipe: ["wipe-one", "lose-log"],
  slow: ["latency", "bandwidth", "slicer"],
  partition: [
    "one-way",
    "halves",
    "bridge",
    "majorities-ring",
    "isolate-leader",
    "late-replies",
    "pause-isolated-leader",
    "flapping",
  ],
  disk: ["disk-full", "flipped-byte", "slow-sync", "failing-sync"],
  packets: [
    "loss",
    "duplication",
    "reordering",
    "packets-isolate-leader",
    "packets-one-way",
    "packets-bridge",
  ],
  network: [
    "latency",
    "bandwidth",
    "slicer",
    "reset",
    "one-way",
    "halves",
    "bridge",
    "majorities-ring",
    "isolate-leader",
    "late-replies",
    "pause-isolated-leader",
    "clients",
    "flapping",
  ],
};

export const nemesisNames: readonly string[] = [...Object.keys(groups), ...allFaults.map(({ name }) => name)];

/** The faults that a comma-separated list of faults and groups names, each once. @returns what isn't one of them. */
export function chooseFaults(list: string): readonly Fault[] | { readonly unknown: string } {
  const chosen = new Set<Fault>();
  for (const word of list.split(",").map((each) => each.trim())) {
    const names = groups[word] ?? [word];
    for (const name of names) {
      const fault = allFaults.find((each) => each.name === name);
      if (fault === undefined) return { unknown: word };
      chosen.add(fault);
    }
  }
  return [...chosen];
}
