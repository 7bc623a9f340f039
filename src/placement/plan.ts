import type { NodeId, RangeId, ReplicaId } from "../base/units.js";
import type { MetaCommand } from "./meta-command.js";
import { groupsOf, type MetaTables, memberOf, type TableGroup } from "./tables.js";

/** The replicas of a group as its leader has them in force. */
export interface GroupConfiguration {
  readonly voters: readonly ReplicaId[];
  readonly outgoing: readonly ReplicaId[];
  readonly learners: readonly ReplicaId[];
}

/** What a group's leader says of it. Groups without a leader aren't observed, and nothing is planned for them. */
export interface GroupObservation {
  readonly range: RangeId;
  readonly leader: ReplicaId;
  readonly configuration: GroupConfiguration;
  /** Its applied index when it said so. */
  readonly atIndex: number;
  /** Learners whose match is near the leader's last index (safety 34). */
  readonly caughtUp: readonly ReplicaId[];
  /** A configuration entry isn't applied yet (safety 31). */
  readonly changeInFlight: boolean;
}

export interface FencedReplica {
  readonly range: RangeId;
  readonly node: NodeId;
  readonly replica: ReplicaId;
}

export interface Observations {
  readonly fenced: readonly FencedReplica[];
  readonly groups: readonly GroupObservation[];
}

/**
 * One step of one group. "replace" and "record" are commands for meta; the others are the next configuration that
 * the group's leader proposes. All may be repeated without harm.
 */
export type PlanStep =
  | { readonly kind: "replace"; readonly range: RangeId; readonly command: MetaCommand }
  | {
      readonly kind: "add-learner" | "joint" | "leave-joint";
      readonly range: RangeId;
      readonly next: GroupConfiguration;
    }
  | { readonly kind: "record"; readonly range: RangeId; readonly command: MetaCommand };

/** At most one step per range: replaces fenced replicas and those of dead members by the learners in the tables. */
export function plan(tables: MetaTables, observed: Observations): PlanStep[] {
  const steps: PlanStep[] = [];
  for (const group of groupsOf(tables)) {
    const step = replaceStep(tables, group, observed.fenced) ?? groupStep(group, observed.groups);
    if (step !== null) steps.push(step);
  }
  return steps;
}

function replaceStep(
  tables: MetaTables,
  group: TableGroup,
  fenced: readonly FencedReplica[],
): PlanStep | null {
  for (const report of fenced) {
    const { range, node, replica } = report;
    if (range !== group.id || memberOf(tables, node)?.state === "dead") continue;
    const current = group.replicas.find((each) => each.replica === replica && each.node === node);
    const followed = group.replicas.some((each) => each.replaces === replica);
    if (current === undefined || current.role === "outgoing" || followed) continue;
    return { kind: "replace", range, command: { kind: "replace-replica", range, node, replica } };
  }
  return null;
}

function groupStep(group: TableGroup, observations: readonly GroupObservation[]): PlanStep | null {
  const observed = observations.find((each) => each.range === group.id);
  if (observed === undefined || observed.changeInFlight) return null;
  const range = group.id;
  const { voters, outgoing, learners } = observed.configuration;
  // A joint configuration is left before anything else: both halves must agree to everything meanwhile.
  if (outgoing.length > 0) return { kind: "leave-joint", range, next: { voters, outgoing: [], learners } };

  const wanted = group.replicas.filter((each) => each.role === "learner");
  const missing = wanted.filter((each) => !voters.includes(each.replica) && !learners.includes(each.replica));
  // Learners that were replaced themselves go in the same change.
  const stray = learners.filter((id) => !wanted.some((each) => each.replica === id));
  if (missing.length > 0 || stray.length > 0) {
    const next = learners.filter((id) => !stray.includes(id)).concat(missing.map((each) => each.replica));
    return { kind: "add-learner", range, next: { voters, outgoing, learners: rising(next) } };
  }

  const promoted = wanted.find((each) => voters.includes(each.replica));
  if (promoted !== undefined) {
    return { kind: "record", range, command: { kind: "promote-replica", range, replica: promoted.replica } };
  }
  if (differs(group, observed.configuration)) {
    const { atIndex } = observed;
    const command = { kind: "set-configuration", range, atIndex, voters, outgoing, learners } as const;
    return { kind: "record", range, command };
  }

  for (const learner of wanted) {
    const ready = learners.includes(learner.replica) && observed.caughtUp.includes(learner.replica);
    // The leader never removes itself: a fenced replica doesn't lead, and another one is moved away from first.
    if (!ready || learner.replaces === 0 || learner.replaces === observed.leader) continue;
    const next = voters.filter((id) => id !== learner.replaces).concat(learner.replica);
    return {
      kind: "joint",
      range,
      next: {
        voters: rising(next),
        outgoing: voters,
        learners: learners.filter((id) => id !== learner.replica),
      },
    };
  }
  return null;
}

function differs(group: TableGroup, configuration: GroupConfiguration): boolean {
  const voters = group.replicas.filter((each) => each.role !== "learner");
  return (
    voters.length !== configuration.voters.length ||
    voters.some((each) => each.role !== "voter" || !configuration.voters.includes(each.replica))
  );
}

function rising(ids: readonly ReplicaId[]): ReplicaId[] {
  return [...ids].sort((a, b) => a - b);
}

export interface LeaderMove {
  readonly range: RangeId;
  readonly from: NodeId;
  readonly to: NodeId;
  /** The replica that leads next. */
  readonly replica: ReplicaId;
}

/**
 * Leaderships to hand to their preferred nodes, at most one per range: only to a voter on a node that is up and whose
 * replica caught up. Groups without a known leader aren't touched.
 */
export function leaderMoves(
  tables: MetaTables,
  currentLeaders: ReadonlyMap<RangeId, NodeId>,
  upNodes: ReadonlySet<NodeId>,
  caughtUp: (range: RangeId, replica: ReplicaId) => boolean,
): LeaderMove[] {
  const moves: LeaderMove[] = [];
  for (const group of groupsOf(tables)) {
    const from = currentLeaders.get(group.id) ?? 0;
    const to = group.preferredLeader;
    if (from === 0 || from === to || !upNodes.has(to)) continue;
    if (memberOf(tables, to)?.state !== "active") continue;
    const target = group.replicas.find((each) => each.node === to && each.role === "voter");
    // A voter about to be replaced is fenced or lost.
    if (target === undefined || group.replicas.some((each) => each.replaces === target.replica)) continue;
    if (caughtUp(group.id, target.replica))
      moves.push({ range: group.id, from, to, replica: target.replica });
  }
  return moves;
}
