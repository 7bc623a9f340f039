import { below, type Random } from "../../src/base/random.js";
import type { RangeId, ReplicaId } from "../../src/base/units.js";
import type { Configuration } from "../../src/raft/types.js";

/** A configuration that some replica of a range was seen in, and where its replicas live. */
export interface SeenGroup {
  readonly range: RangeId;
  readonly configuration: Configuration;
}

/**
 * Draws nodes that hold a majority of the voters of every configuration, the old half of a joint one too, out of voters
 * that still have what they promised.
 * @param hostOf Where a replica lives with its state whole; undefined when nowhere.
 * @returns null when some range has lost its majority.
 */
export function drawQuorum(
  groups: readonly SeenGroup[],
  hostOf: (range: RangeId, replica: ReplicaId) => number | undefined,
  random: Random,
): ReadonlySet<number> | null {
  const chosen = new Set<number>();
  for (const { range, configuration } of groups)
    for (const voters of [configuration.voters, configuration.outgoing]) {
      if (voters.length === 0) continue;
      const hosts = shuffled(voters, random).flatMap((voter) => hostOf(range, voter) ?? []);
      let missing = Math.floor(voters.length / 2) + 1 - hosts.filter((at) => chosen.has(at)).length;
      for (const at of hosts) {
        if (missing <= 0) break;
        if (chosen.has(at)) continue;
        chosen.add(at);
        missing--;
      }
      if (missing > 0) return null;
    }
  return chosen;
}

/** Whether a majority of the voters of each configuration is left without one node. */
export function keepsMajority(
  groups: readonly SeenGroup[],
  hostOf: (range: RangeId, replica: ReplicaId) => number | undefined,
  without: number,
): boolean {
  return groups.every(({ range, configuration }) =>
    [configuration.voters, configuration.outgoing].every((voters) => {
      const hosts = voters.map((voter) => hostOf(range, voter));
      const left = hosts.filter((at) => at !== undefined && at !== without).length;
      return left * 2 > voters.length || !hosts.includes(without);
    }),
  );
}

function shuffled<Value>(values: readonly Value[], random: Random): Value[] {
  const left = [...values];
  return values.map(() => left.splice(below(random, left.length), 1)[0]!);
}
