import type { ClusterDocument, ClusterSettings, Member } from "../placement/document.js";

interface StartedWith {
  readonly initial: readonly string[];
  readonly settings: ClusterSettings;
}

/** Why two nodes can't become one cluster as they were started, or null. */
export function mismatch(here: StartedWith, there: StartedWith): string | null {
  if (here.initial.join(",") !== there.initial.join(",")) {
    return `the initial lists differ: ${here.initial.join(",")} here, ${there.initial.join(",")} there`;
  }
  for (const setting of ["ranges", "replicationFactor", "durability", "reads"] as const) {
    const own = here.settings[setting];
    const other = there.settings[setting];
    if (own !== other) return `the settings differ: ${setting} is ${own} here, ${other} there`;
  }
  return null;
}

/** Whether a persisted proposal is still right for these nodes: the same ids at the same addresses. */
export function documentFits(
  document: ClusterDocument,
  members: readonly Member[],
  settings: ClusterSettings,
): boolean {
  return (
    document.durability === settings.durability &&
    document.reads === settings.reads &&
    document.replicationFactor === settings.replicationFactor &&
    document.ranges.length === settings.ranges &&
    document.members.length === members.length &&
    members.every((member) =>
      document.members.some(
        (each) => each.id === member.id && each.address === member.address && each.name === member.name,
      ),
    )
  );
}

/**
 * Why a held proposal can't be replaced by one of `proposer`, or null. Another proposer may have started the held one
 * without this node knowing; the same proposer, at the lowest address, would know.
 */
export function proposalProblem(held: ClusterDocument, proposer: string): string | null {
  const lowest = held.members.map((member) => member.address).sort()[0]!;
  if (lowest === proposer) return null;
  return (
    `this node holds the proposal of cluster ${held.clusterId} by ${lowest}: ` +
    "start it with that cluster's initial list, or empty its data folder"
  );
}
