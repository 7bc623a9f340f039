import type { MonotonicMs, NodeId, RangeId, ReplicaId } from "../base/units.js";
import type { MetaCommand } from "../placement/meta-command.js";
import {
  type FencedReplica,
  type GroupObservation,
  leaderMoves,
  type PlanStep,
  plan,
} from "../placement/plan.js";
import type { MetaTables } from "../placement/tables.js";
import type { Logger } from "../ports/telemetry.js";
import type { Replica } from "./replica.js";

/** A learner this close to the leader's last index is caught up. */
const caughtUpEntries = 16;
/** A leadership isn't moved again before this. */
const moveIntervalMs = 5000;
/** A node must have been up this long before it gets leaderships. */
const settledMs = 2000;

export interface ControllerHost {
  readonly log: Logger;
  tables(): MetaTables | null;
  replicas(): Iterable<Replica>;
  fenced(): readonly FencedReplica[];
  leaderOf(range: RangeId): NodeId;
  /** Since when the node is up, null when it isn't. */
  upSinceMs(node: NodeId): MonotonicMs | null;
  propose(command: MetaCommand): void;
  wake(replica: Replica): void;
}

/**
 * Brings the groups that this node leads toward what meta's tables say, one step at a time per group; asks meta to have
 * this node's fenced replicas replaced; hands leaderships to the nodes that should have them.
 */
export class Controller {
  private readonly host: ControllerHost;
  private readonly movedAtMs = new Map<RangeId, MonotonicMs>();

  constructor(host: ControllerHost) {
    this.host = host;
  }

  run(nowMs: MonotonicMs): void {
    const tables = this.host.tables();
    if (tables === null) return;
    const led = [...this.host.replicas()].filter(
      (replica) => replica.leads && replica.group.status().ownTermCommitted,
    );
    const groups = led.map(observe);
    for (const step of plan(tables, { fenced: this.host.fenced(), groups })) this.carryOut(step, led);
    this.spreadLeaders(tables, led, nowMs);
  }

  private carryOut(step: PlanStep, led: readonly Replica[]): void {
    switch (step.kind) {
      case "replace":
      case "record":
        this.host.propose(step.command);
        break;
      case "add-learner":
      case "joint":
      case "leave-joint": {
        const replica = led.find((each) => each.range === step.range);
        if (replica === undefined) return;
        const proposed = replica.group.proposeConfiguration(step.next);
        if (proposed.ok)
          this.host.log.info({ range: step.range, step: step.kind, ...step.next }, "replicas change");
        this.host.wake(replica);
        break;
      }
    }
  }

  private spreadLeaders(tables: MetaTables, led: readonly Replica[], nowMs: MonotonicMs): void {
    const leaders = new Map<RangeId, NodeId>();
    for (const replica of led) {
      const movedAtMs = this.movedAtMs.get(replica.range) ?? Number.NEGATIVE_INFINITY;
      if (nowMs - movedAtMs > moveIntervalMs) leaders.set(replica.range, this.host.leaderOf(replica.range));
    }
    const upNodes = new Set<NodeId>();
    for (const member of tables.members) {
      const sinceMs = this.host.upSinceMs(member.id);
      if (sinceMs !== null && nowMs - sinceMs > settledMs) upNodes.add(member.id);
    }
    const caughtUp = (range: RangeId, id: ReplicaId): boolean => {
      const replica = led.find((each) => each.range === range);
      return replica !== undefined && observe(replica).caughtUp.includes(id);
    };
    for (const move of leaderMoves(tables, leaders, upNodes, caughtUp)) {
      const replica = led.find((each) => each.range === move.range)!;
      this.movedAtMs.set(move.range, nowMs);
      if (replica.group.transferLeadership(move.replica))
        this.host.log.info({ range: move.range, to: move.to }, "leadership goes to its preferred node");
      this.host.wake(replica);
    }
  }
}

function observe(replica: Replica): GroupObservation {
  const status = replica.group.status();
  const caughtUp = replica.group
    .progress()
    .filter((each) => each.active && each.match + caughtUpEntries >= status.lastIndex)
    .map((each) => each.replica);
  return {
    range: replica.range,
    leader: replica.id,
    configuration: status.configuration,
    atIndex: replica.applied,
    caughtUp,
    changeInFlight: false,
  };
}
