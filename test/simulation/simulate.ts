import type { ErrorKind } from "../../src/base/errors.js";
import { consistencyLevels } from "../../src/commands/command-codec.js";
import { commandByName } from "../../src/commands/table.js";
import { policyByName } from "../../src/store/eviction/policies.js";
import { agesHold, leasesHold, readsHold } from "./clock-bounds.js";
import { Convergence } from "./convergence.js";
import { withLimits } from "./drawn-limits.js";
import { Faults } from "./faults.js";
import { Invariants } from "./invariants.js";
import { type MarkName, Marks } from "./marks.js";
import { drawQuorum } from "./quorum.js";
import { withoutRealTime } from "./real-time.js";
import type { PolicyChange, Script } from "./script.js";
import { show } from "./shown.js";
import { type ClusterObserver, SimCluster } from "./sim-cluster.js";
import { SimSdk } from "./sim-sdk.js";
import { streamOf } from "./swarm.js";
import { keepsTtls } from "./ttl-bounds.js";
import { workloads } from "./workloads/all.js";
import type { Observation, Operation } from "./workloads/workload.js";

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
  return withoutRealTime(() =>
    withLimits(script.shape.limits ?? {}, () => new Simulation(script, trace).run()),
  );
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
      openedLog: (at, log) => this.invariants.disks.watchLog(at, log),
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
    this.invariants = new Invariants(this.cluster, this.marks, leasesHold(shape));
    this.clients = Array.from(
      { length: shape.clients },
      (_, i) =>
        new SimSdk(this.cluster, streamOf(seed, `client ${i}`), {
          retried: (session, sequence) => this.invariants.retried(session, sequence),
          refused: (kind) => this.refused(kind),
          fail: (what) => this.invariants.fail(what),
        }),
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
      cluster.scheduler.at(operation.atMs, () => this.invokeUnlessBusy(operation));
    cluster.scheduler.at(script.shape.durationMs, () => {});
    this.runUntil(
      () => cluster.scheduler.nowMs >= script.shape.durationMs,
      script.shape.durationMs,
      () => "the end",
    );
    this.converge();
    if (this.cluster.network.refusedFrames > 0) this.marks.hit("lane between nodes was full");
    if (!readsHold(this.script.shape)) this.marks.hit("clocks differed by more than leases stand");
    const judged = this.observations.map((each) => this.asPromised(each));
    for (const workload of workloads) {
      const seen = judged.filter(({ operation }) => operation.workload === workload.name);
      const wrong = workload.check(seen, { keepsTtls: keepsTtls(script) });
      if (wrong.length > 0) this.invariants.fail(wrong.slice(0, 5).join("; "));
    }
  }

  /** What clocks of such rates can't promise isn't asked of a read; writes are judged as ever. */
  private asPromised(observation: Observation): Observation {
    const { operation, invokedMs } = observation;
    const { shape } = this.script;
    const isRead = commandByName(operation.name)!.access === "read";
    const { bounded, any } = consistencyLevels;
    if (!isRead || invokedMs >= shape.durationMs) return observation;
    if (readsHold(shape) && (operation.level !== bounded || agesHold(shape))) return observation;
    return { ...observation, operation: { ...operation, level: any } };
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

  /** An application waits for its answers: what it would have asked meanwhile is never asked. */
  private invokeUnlessBusy(operation: Operation): void {
    const { durationMs, outstanding } = this.script.shape;
    if (this.cluster.scheduler.nowMs >= durationMs) return;
    if (this.outstanding[operation.client]! < outstanding) this.invoke(operation);
  }

  private invoke(drawn: Operation): Observation {
    const { scheduler } = this.cluster;
    const { client } = drawn;
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
    return observation;
  }

  private refused(kind: ErrorKind): void {
    if (kind === "busy") this.marks.hit("refused as busy");
    if (kind === "window-full") this.marks.hit("session window was full");
  }

  private completed(drawn: Operation): Operation {
    const { complete } = workloads.find(({ name }) => name === drawn.workload)!;
    return complete === undefined ? drawn : { ...drawn, args: complete(drawn.args, this.observations) };
  }

  // The end --------------------------------------------------------------------------------------------------------

  /** First a majority of each range is well and has to serve, whatever the others do; then all are. */
  private converge(): void {
    const { cluster, script, invariants, faults } = this;
    const simulation = this;
    const random = streamOf(script.seed, "end");
    const convergence = new Convergence({
      cluster,
      shape: script.shape,
      invariants,
      random,
      get unsettled() {
        return simulation.unsettled;
      },
      asked: ({ name }) => this.observations.filter(({ operation }) => operation.workload === name),
      invoke: (operation) => this.invoke(operation),
      runUntil: (condition, limitMs, what) => this.runUntil(condition, limitMs, what),
    });
    const all = new Set(cluster.nodes.map(({ at }) => at));
    const quorum = drawQuorum(invariants.groups(), (range, id) => invariants.hostOf(range, id), random);
    if (quorum !== null && quorum.size < all.size) {
      this.trace(`nodes ${[...quorum].join(", ")} are well again`);
      faults.heal(quorum);
      for (const at of all) if (!quorum.has(at)) faults.keepAway(at, random);
      convergence.await(quorum);
      this.marks.hit("a majority served alone");
    }
    this.trace("all faults stop");
    faults.heal(all);
    convergence.await(all);
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
