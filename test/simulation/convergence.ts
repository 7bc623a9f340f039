import { below, type Random } from "../../src/base/random.js";
import { metaRangeId, type RangeId } from "../../src/base/units.js";
import type { Replica } from "../../src/node/replica.js";
import type { Invariants } from "./invariants.js";
import type { Shape } from "./script.js";
import type { SimCluster, SimNode } from "./sim-cluster.js";
import { workloadsUnder } from "./workloads/all.js";
import type { Draw, Observation, Operation, Workload } from "./workloads/workload.js";

/** Once the faults of some nodes have stopped, all of them must have come together within this. */
export const convergenceMs = 30_000;
/** Between two looks at whether all have come together. */
const lookMs = 50;
/** Of one of the last operations: clients need a while to see that the others don't answer. */
const deadlineMs = 15_000;
/** Operations drawn from the workloads have numbers below this. */
const firstNumber = 1_000_000;
/** Answers about what is stored: a node that gives them serves. */
const answers: ReadonlySet<string | null> = new Set([
  "out-of-memory",
  "no-such-key",
  "wrong-type",
  "not-integer",
  "revision-mismatch",
]);
/** A reply may be more than a small window keeps: an answer where such bounds were drawn. */
const answersOfBounds: ReadonlySet<string | null> = new Set(["reply-too-large"]);
/** With less memory there is no room to keep many sessions. */
const ampleBytes = 1024 * 1024;
/** A log may be above its limit by what came while its snapshot was taken. */
const logSlackBytes = 64 * 1024;

export interface ConvergenceHost {
  readonly cluster: SimCluster;
  readonly shape: Shape;
  readonly invariants: Invariants;
  readonly random: Random;
  /** Operations that nobody has answered yet. */
  readonly unsettled: number;
  /** All that was asked of a class so far. */
  asked(workload: Workload): readonly Observation[];
  invoke(operation: Operation): Observation;
  runUntil(condition: () => boolean, limitMs: number, what: () => string): void;
}

/** Sees to it that nodes without faults come together in time, and serve. */
export class Convergence {
  private number = firstNumber;

  constructor(private readonly host: ConvergenceHost) {}

  /** `members` have no faults any more, nor has the network between them; all others are as they may be. */
  await(members: ReadonlySet<number>): void {
    const { host } = this;
    const { scheduler } = host.cluster;
    const endMs = scheduler.nowMs + convergenceMs;
    const left = (): number => Math.max(0, endMs - scheduler.nowMs);
    const isTogether = this.nowAndThen(() => host.unsettled === 0 && this.apart(members) === null);
    host.runUntil(isTogether, left(), () => `${host.unsettled} unsettled, ${this.apart(members)}`);
    this.serve(left());
    host.runUntil(
      this.nowAndThen(() => this.apart(members) === null),
      left(),
      () => `after the last operations, ${this.apart(members)}`,
    );
    if (members.size === host.cluster.nodes.length) this.compareContents();
  }

  private compareContents(): void {
    const { cluster, invariants } = this.host;
    for (const { id } of cluster.nodes[0]!.node!.membership.tables!.ranges) {
      const machines = replicasOf(cluster.nodes, id).map(({ machine }) => machine);
      invariants.compareContents(`range ${id}`, machines);
    }
  }

  private nowAndThen(look: () => boolean): () => boolean {
    const { scheduler } = this.host.cluster;
    let nextMs = 0;
    return () => {
      if (scheduler.nowMs < nextMs) return false;
      nextMs = scheduler.nowMs + lookMs;
      return look();
    };
  }

  /** Writes and reads of every workload, each of which must succeed. */
  private serve(limitMs: number): void {
    const { host } = this;
    const { keys } = host.shape;
    const settle = (): void =>
      host.runUntil(
        () => host.unsettled === 0,
        limitMs,
        () => "the last operations",
      );
    const workloads = workloadsUnder(host.shape.evictionPolicy);
    const asked: Observation[] = [];
    for (const workload of workloads)
      for (let i = 0; i < keys; i++) {
        asked.push(this.ask(workload.name, workload.draw(host.random, keys, this.number++)));
        // All at once may be more than small bounds take.
        if (host.shape.limits !== undefined) settle();
      }
    settle();
    for (const workload of workloads)
      for (const draw of workload.finalReads(keys, host.asked(workload)))
        asked.push(this.ask(workload.name, draw));
    settle();
    // Without a session nobody retries what a silent node may have done.
    for (const { outcome, error, operation } of asked)
      if (outcome === "refused" ? !this.isAnswer(error) : outcome === "unknown" && isTold(operation))
        host.invariants.fail(`the last ${operation.name} ${operation.args[0]} ended as ${error}`);
  }

  private isAnswer(error: string | null): boolean {
    return answers.has(error) || (this.host.shape.limits !== undefined && answersOfBounds.has(error));
  }

  private ask(workload: string, { name, args }: Draw): Observation {
    return this.host.invoke({
      atMs: this.host.cluster.scheduler.nowMs,
      client: below(this.host.random, this.host.shape.clients),
      workload,
      name,
      args,
      level: 0,
      maxAgeMs: 0,
      deadlineMs,
      inSession: this.host.shape.maxmemoryBytes >= ampleBytes,
    });
  }

  /** What still differs from nodes that are one cluster; null when nothing does. */
  private apart(members: ReadonlySet<number>): string | null {
    const { cluster, shape } = this.host;
    const nodes = cluster.nodes.filter(({ at }) => members.has(at));
    const areAll = nodes.length === cluster.nodes.length;
    for (const { started, service, at } of nodes)
      if (!started || service === null) return `node ${at} hasn't started`;
    for (const { node, service, at } of nodes)
      if (!service!.ready()) {
        const routes = [node!.metaRoute, ...node!.routing.routes.values()];
        return `node ${at} isn't ready: leaders ${routes.map(({ leader }) => `${leader}${node!.isUp(leader) ? "" : " (down)"}`).join(", ")}`;
      }
    const { tables } = nodes[0]!.node!.membership;
    const live = tables!.members.filter(({ state }) => state === "active").length;
    if (areAll && live !== nodes.length) return `${live} active members`;
    for (const { id } of [tables!.meta, ...tables!.ranges]) {
      const replicas = replicasOf(nodes, id);
      const name = id === metaRangeId ? "meta" : `range ${id}`;
      const due = Math.min(shape.replicationFactor, nodes.length);
      if (areAll && id !== metaRangeId && replicas.length !== due)
        return `${name}: ${replicas.length} of ${due} replicas`;
      const why = this.groupApart(replicas, areAll);
      if (why !== null) return `${name}: ${why}`;
    }
    return null;
  }

  private groupApart(replicas: readonly Replica[], areAll: boolean): string | null {
    const { invariants, shape } = this.host;
    if (replicas.length === 0) return null;
    if (replicas.some(({ fenced }) => fenced)) return "fenced replicas";
    if (new Set(replicas.map(({ applied }) => applied)).size !== 1) return "different applied indexes";
    const { configuration } = replicas[0]!.group.status();
    if (configuration.outgoing.length > 0 || (areAll && configuration.learners.length > 0))
      return "a change is under way";
    if (new Set(replicas.map(({ machine }) => machine.digest())).size !== 1)
      invariants.fail(`replicas of range ${replicas[0]!.range} differ at index ${replicas[0]!.applied}`);
    for (const { group, machine } of replicas) {
      const { logBytes } = group.status();
      const most = Math.max(shape.logLimitBytes, machine.status().chargedBytes);
      if (logBytes > most * 2 + logSlackBytes) return `a log of ${logBytes} bytes, ${most} are its limit`;
    }
    return null;
  }
}

/** Commands that may be answered by an error: where an attempt of one was unknown, a retry's error stays unknown. */
const refusable: ReadonlySet<string> = new Set([
  "RENAME",
  "RENAMENX",
  "INCRBY",
  "ZADD",
  "QUORATE.CAS",
  "QUORATE.CAD",
]);

/** Whether retries must have settled it. */
function isTold({ inSession, name }: Operation): boolean {
  return inSession && !refusable.has(name);
}

function replicasOf(nodes: readonly SimNode[], range: RangeId): Replica[] {
  return nodes.flatMap(({ node }) => {
    const replica = node!.engine.replicas.get(range);
    return replica === undefined || replica.restoring ? [] : [replica];
  });
}
