import { metaRangeId, type RangeId } from "../../src/base/units.js";
import { consistencyLevels } from "../../src/commands/command-codec.js";
import { commandByName } from "../../src/commands/table.js";
import type { Replica } from "../../src/node/replica.js";
import { policyByName } from "../../src/store/eviction/policies.js";
import { type ClusterObserver, SimCluster } from "../node/sim-cluster.js";
import { Faults } from "./faults.js";
import { Invariants } from "./invariants.js";
import { type MarkName, Marks } from "./marks.js";
import { withoutRealTime } from "./real-time.js";
import type { FaultKind, PolicyChange, Script } from "./script.js";
import { show } from "./shown.js";
import { SimSdk } from "./sim-sdk.js";
import { streamOf } from "./swarm.js";
import { workloads } from "./workloads/all.js";
import type { Observation, Operation } from "./workloads/workload.js";

/** Once all faults have stopped, everything must have come together within this. */
const convergenceMs = 30_000;

/** Faults after which each process still has its sense of time. */
const calmKinds: ReadonlySet<FaultKind> = new Set([
  "pause",
  "sleep",
  "isolate",
  "one-way",
  "partition",
  "bridge",
  "ring",
  "flap",
  "slow-link",
  "reset-streams",
  "slow-disk",
  "client-cut",
  "transfer",
]);

export interface Outcome {
  readonly seed: number;
  /** null: all that was promised held. */
  readonly violation: string | null;
  readonly simulatedMs: number;
  readonly events: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly elections: number;
  readonly faults: readonly (readonly [string, number])[];
  readonly marks: readonly (readonly [MarkName, number])[];
  /** Of all that happened. */
  readonly hash: number;
}

/** Runs a script; `trace` gets a line for whatever happens. The same script gives the same run, to the last event. */
export function simulate(script: Script, trace: ((line: string) => void) | null = null): Outcome {
  return withoutRealTime(() => new Simulation(script, trace).run());
}

class Simulation {
  private readonly cluster: SimCluster;
  private readonly marks = new Marks();
  private readonly invariants: Invariants;
  private readonly clients: SimSdk[];
  private readonly faults: Faults;
  private readonly observations: Observation[] = [];
  private hash = 0;
  private unsettled = 0;
  /** Of each client. */
  private readonly outstanding: number[];

  constructor(
    private readonly script: Script,
    private readonly traced: ((line: string) => void) | null,
  ) {
    const { evictionPolicy, ...shape } = script.shape;
    const { seed } = script;
    const policy = policyByName(evictionPolicy ?? "");
    const observer: ClusterObserver = {
      logged: (at, level, message, fields) => this.logged(at, level, message, fields),
      openedLog: (at, log) => this.invariants.watchLog(at, log),
    };
    this.cluster = new SimCluster({
      ...shape,
      ...(policy === null ? {} : { evictionPolicy: policy }),
      maxmemoryOf: (_at, incarnation) =>
        incarnation === 1 ? shape.maxmemoryBytes : (shape.laterMaxmemoryBytes ?? shape.maxmemoryBytes),
      seed,
      observer,
      randomFor: (purpose) => streamOf(seed, purpose),
    });
    this.cluster.network.setDelay(0.1, shape.maxDelayMs);
    this.invariants = new Invariants(this.cluster, this.marks);
    this.clients = Array.from(
      { length: shape.clients },
      (_, i) =>
        new SimSdk(this.cluster, streamOf(seed, `client ${i}`), (session, sequence) =>
          this.invariants.retried(session, sequence),
        ),
    );
    this.outstanding = new Array<number>(shape.clients).fill(0);
    this.faults = new Faults(this.cluster, script, this.clients, this.invariants, this.marks, (text) =>
      this.trace(text),
    );
  }

  run(): Outcome {
    let violation: string | null = null;
    try {
      this.live();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      violation = error.name === "Violation" ? error.message : String(error.stack);
      this.trace(`VIOLATION ${violation}`);
    }
    return {
      seed: this.script.seed,
      violation,
      simulatedMs: this.cluster.scheduler.nowMs,
      events: this.cluster.scheduler.ran,
      operations: this.observations.length,
      acknowledged: this.observations.filter(({ outcome }) => outcome === "ok").length,
      elections: this.invariants.elections,
      faults: [...this.faults.done],
      marks: [...this.marks.counts],
      hash: (this.hash ^ this.invariants.hash) >>> 0,
    };
  }

  private live(): void {
    const { cluster, script } = this;
    for (const { at } of cluster.nodes) cluster.start(at);
    this.faults.schedule();
    for (const change of script.policyChanges ?? [])
      cluster.scheduler.at(change.atMs, () => this.changePolicy(change));
    for (const operation of script.operations)
      cluster.scheduler.at(operation.atMs, () => this.invoke(operation));
    cluster.scheduler.at(script.shape.durationMs, () => {});
    this.runUntil(
      () => cluster.scheduler.nowMs >= script.shape.durationMs,
      script.shape.durationMs,
      () => "the end",
    );
    this.trace("all faults stop");
    this.faults.heal();
    this.converge();
    for (const workload of workloads) {
      const seen = this.observations.filter(({ operation }) => operation.workload === workload.name);
      const wrong = workload.check(seen, { keepsTtls: keepsTtls(script) });
      if (wrong.length > 0) this.invariants.fail(wrong.slice(0, 5).join("; "));
    }
  }

  /** One event after the other, each looked at. Time passes in steps when nothing is due. */
  private runUntil(condition: () => boolean, limitMs: number, what: () => string): void {
    const { scheduler, nodes } = this.cluster;
    const endMs = scheduler.nowMs + limitMs;
    while (!condition()) {
      if (scheduler.nextMs > endMs) this.invariants.fail(`not within ${limitMs} ms: ${what()}`);
      scheduler.step();
      this.hash = (Math.imul(this.hash ^ (scheduler.nowMs * 1000), 0x0100_0193) + 1) >>> 0;
      this.invariants.look();
      for (const machine of nodes) if (machine.failures.length > 0) this.failed(machine.at);
    }
  }

  /** A process ended itself: right when its disk failed, and never else. */
  private failed(at: number): void {
    const machine = this.cluster.nodes[at]!;
    const message = machine.failures.splice(0).join("; ");
    this.trace(`node ${at} ends: ${message}`);
    if (!message.includes("input/output error") && !message.includes("no space left"))
      this.invariants.fail(`node ${at} ended: ${message}`);
    this.marks.hit("disk failed");
    this.cluster.crash(at, "process");
    this.cluster.scheduler.after(500, () => {
      if (machine.node === null) this.cluster.start(at);
    });
  }

  private changePolicy({ node: at, policy }: PolicyChange): void {
    const { host, service, started } = this.cluster.nodes[at]!;
    const { durationMs } = this.script.shape;
    if (!started || host.paused || this.cluster.scheduler.nowMs >= durationMs) return;
    host.run(() =>
      service!.changeEvictionPolicy(policyByName(policy)!, (error) => {
        this.trace(`policy ${policy} by node ${at}: ${error ?? "changed"}`);
        if (error === null) this.marks.hit("eviction policy changed");
      }),
    );
  }

  // Operations -----------------------------------------------------------------------------------------------------

  private invoke(drawn: Operation, isLast = false): void {
    const { scheduler } = this.cluster;
    const { client } = drawn;
    // An application waits for its answers: what it would have asked meanwhile is never asked.
    if (!isLast && scheduler.nowMs >= this.script.shape.durationMs) return;
    if (!isLast && this.outstanding[client]! >= this.script.shape.outstanding) return;
    const operation = this.completed(drawn);
    const observation: Observation = {
      operation,
      invokedMs: scheduler.nowMs,
      returnedMs: Number.POSITIVE_INFINITY,
      outcome: "unknown",
      reply: null,
      error: null,
      ageMs: null,
    };
    this.observations.push(observation);
    this.unsettled++;
    this.outstanding[client]!++;
    this.clients[operation.client]!.submit(operation, ({ result, freshness, attempts }) => {
      this.unsettled--;
      this.outstanding[client]!--;
      observation.returnedMs = scheduler.nowMs;
      observation.ageMs = freshness?.ageMs ?? null;
      if (result.ok) {
        observation.outcome = "ok";
        observation.reply = show(result.value);
        if (operation.level === consistencyLevels.any && (freshness?.ageMs ?? 0) > 1000)
          this.marks.hit("weak read was stale");
      } else {
        const reads = commandByName(operation.name)!.access === "read";
        observation.outcome = result.error.outcome === "unknown" && !reads ? "unknown" : "refused";
        observation.error = result.error.kind;
        if (observation.outcome === "unknown") this.marks.hit("write unknown");
        if (result.error.kind === "out-of-memory") this.marks.hit("refused for lack of memory");
        if (result.error.kind === "too-stale") this.marks.hit("too stale a read refused");
        if (result.error.kind === "no-leader" && this.faults.partitioned) this.marks.hit("minority refused");
      }
      const { name, args, level } = operation;
      this.trace(
        () =>
          `client ${client}${level > 0 ? ` (level ${level})` : ""}: ${name} ${args.join(" ")} -> ` +
          `${observation.error ?? JSON.stringify(observation.reply)}, asked at ${observation.invokedMs.toFixed(3)}, ${attempts} attempts`,
      );
    });
  }

  private completed(drawn: Operation): Operation {
    const { complete } = workloads.find(({ name }) => name === drawn.workload)!;
    return complete === undefined ? drawn : { ...drawn, args: complete(drawn.args, this.observations) };
  }

  // The end --------------------------------------------------------------------------------------------------------

  private converge(): void {
    const { shape } = this.script;
    const { scheduler } = this.cluster;
    const endMs = scheduler.nowMs + convergenceMs;
    const left = (): number => Math.max(0, endMs - scheduler.nowMs);
    let nextMs = 0;
    this.runUntil(
      () => {
        if (scheduler.nowMs < nextMs) return false;
        nextMs = scheduler.nowMs + 50;
        return this.unsettled === 0 && this.apart() === null;
      },
      left(),
      () => `${this.unsettled} unsettled, ${this.apart()}`,
    );
    const before = this.observations.length;
    for (const workload of workloads) {
      const asked = this.observations.filter(({ operation }) => operation.workload === workload.name);
      for (const { name, args } of workload.finalReads(shape.keys, asked))
        this.invoke(
          {
            atMs: scheduler.nowMs,
            client: 0,
            workload: workload.name,
            name,
            args,
            level: 0,
            maxAgeMs: 0,
            deadlineMs: 5000,
            inSession: false,
          },
          true,
        );
    }
    this.runUntil(
      () => this.unsettled === 0,
      left(),
      () => "the last reads",
    );
    for (const { outcome, error, operation } of this.observations.slice(before))
      if (outcome !== "ok")
        this.invariants.fail(`the last ${operation.name} ${operation.args[0]} ended as ${error}`);
    this.runUntil(
      () => this.apart() === null,
      left(),
      () => `after the last reads, ${this.apart()}`,
    );
    const { tables } = this.cluster.nodes[0]!.node!.membership;
    for (const { id } of tables!.ranges)
      this.invariants.compareContents(
        `range ${id}`,
        this.replicasOf(id).map(({ machine }) => machine),
      );
  }

  private replicasOf(range: RangeId): Replica[] {
    return this.cluster.nodes.flatMap(({ node }) => {
      const replica = node!.engine.replicas.get(range);
      return replica === undefined || replica.restoring ? [] : [replica];
    });
  }

  /** What still differs from a whole cluster; null when nothing does. */
  private apart(): string | null {
    const { nodes } = this.cluster;
    for (const { started, service, at } of nodes)
      if (!started || service === null) return `node ${at} hasn't started`;
    for (const { node, service, at } of nodes)
      if (!service!.ready()) {
        const routes = [node!.metaRoute, ...node!.routing.routes.values()];
        return `node ${at} isn't ready: leaders ${routes.map(({ leader }) => `${leader}${node!.isUp(leader) ? "" : " (down)"}`).join(", ")}`;
      }
    const { tables } = nodes[0]!.node!.membership;
    const live = tables!.members.filter(({ state }) => state === "active").length;
    if (live !== nodes.length) return `${live} active members`;
    for (const group of [tables!.meta, ...tables!.ranges]) {
      const replicas = this.replicasOf(group.id);
      const due = Math.min(this.script.shape.replicationFactor, nodes.length);
      const name = group.id === metaRangeId ? "meta" : `range ${group.id}`;
      if (group.id !== metaRangeId && replicas.length !== due)
        return `${name}: ${replicas.length} of ${due} replicas`;
      if (replicas.some(({ fenced }) => fenced)) return `${name}: fenced replicas`;
      if (new Set(replicas.map(({ applied }) => applied)).size !== 1)
        return `${name}: different applied indexes`;
      const { configuration } = replicas[0]!.group.status();
      if (configuration.outgoing.length > 0 || configuration.learners.length > 0)
        return `${name}: a change is under way`;
      if (new Set(replicas.map(({ machine }) => machine.digest())).size !== 1)
        this.invariants.fail(`${name}: replicas differ at index ${replicas[0]!.applied}`);
    }
    return null;
  }

  // Trace ----------------------------------------------------------------------------------------------------------

  private logged(at: number, level: string, message: string, fields: object): void {
    if (message === "snapshot installed") {
      this.marks.hit("snapshot installed");
      if (this.faults.partitioned) this.marks.hit("snapshot installed under partition");
    } else if (message === "replica fenced" || message.startsWith("the log lost state"))
      this.marks.hit("lost tail fenced");
    this.trace(() => `node ${at} ${level}: ${message} ${JSON.stringify(fields)}`);
  }

  private trace(text: string | (() => string)): void {
    if (this.traced === null) return;
    this.traced(`${this.cluster.scheduler.nowMs.toFixed(3)} ${typeof text === "string" ? text : text()}`);
  }
}

/** Host clocks that are told apart by more than that may end TTLs when all restart. */
const steadyWallMs = 1000;

function keepsTtls({ shape, faults }: Script): boolean {
  const walls = shape.hosts.map(({ wallMs }) => wallMs);
  return (
    shape.evictionPolicy === undefined &&
    Math.max(...walls) - Math.min(...walls) < steadyWallMs &&
    faults.every(({ kind }) => calmKinds.has(kind))
  );
}
