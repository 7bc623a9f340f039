import { assert } from "../../src/base/assert.js";
import { utf8Bytes } from "../../src/base/bytes.js";
import { below, SeededRandom } from "../../src/base/random.js";
import { slotOf } from "../../src/base/slot.js";
import { metaRangeId, type NodeId, type RangeId } from "../../src/base/units.js";
import { LocalService } from "../../src/node/local-service.js";
import { QuorateNode } from "../../src/node/node.js";
import type { Replica } from "../../src/node/replica.js";
import type { LogStorage } from "../../src/ports/log-storage.js";
import type { Logger } from "../../src/ports/telemetry.js";
import type { EvictionPolicy } from "../../src/store/eviction/policies.js";
import { SimClient } from "./sim-client.js";
import { SimHost, type SimHostOptions, SimScheduler } from "./sim-clock.js";
import { type Crash, SimDisk } from "./sim-disk.js";
import { SimLog } from "./sim-log.js";
import { SimNetwork } from "./sim-network.js";
import { createSimStorage } from "./sim-storage.js";
import { SimTransport } from "./sim-transport.js";

export interface SimClusterOptions {
  readonly seed: number;
  readonly nodes?: number;
  readonly ranges?: number;
  readonly reads?: "lease" | "quorum";
  readonly durability?: "fsync" | "buffered";
  readonly maxmemoryBytes?: number;
  /** The same for each process of a node on its own. */
  readonly maxmemoryOf?: (at: number, incarnation: number) => number;
  readonly evictionPolicy?: EvictionPolicy;
  readonly logLimitBytes?: number;
  readonly valueLimitBytes?: number;
  readonly hosts?: readonly SimHostOptions[];
  /** How long a silent stream counts as alive. */
  readonly livenessMs?: number;
  readonly replicationFactor?: number;
  /** Of each lane of a stream; the transport's own by default. */
  readonly queueLimitBytes?: number;
  readonly raftQueueLimitBytes?: number;
  readonly forwardQueueLimitBytes?: number;
  /** A write takes between these, at random. Default 0 and 1. */
  readonly leastWriteMs?: number;
  readonly mostWriteMs?: number;
  /** A stream of draws of its own for each purpose. Default: all from one. */
  readonly randomFor?: (purpose: string) => SeededRandom;
  readonly observer?: ClusterObserver;
}

/** What a watcher of the whole cluster hears of. */
export interface ClusterObserver {
  logged(at: number, level: string, message: string, fields: object): void;
  /** A log is about to be handed to a starting node. */
  openedLog(at: number, log: SimLog): LogStorage;
}

/** One machine of the cluster: its disk and clocks outlive its process. */
export interface SimNode {
  readonly at: number;
  readonly address: string;
  readonly host: SimHost;
  disk: SimDisk;
  /** null while the process isn't running. */
  node: QuorateNode | null;
  service: LocalService | null;
  /** `start` called back without an error. */
  started: boolean;
  readonly failures: string[];
  readonly log: string[];
  readonly clients: Set<SimClient>;
}

const bootPatienceMs = 20_000;

/** A whole cluster of the real nodes over simulated clocks, disks and network, from one seed. */
export class SimCluster {
  readonly scheduler = new SimScheduler();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly nodes: SimNode[];
  /** Which replica led which term of which range; a second one is a split brain. */
  private readonly leadersOfTerms = new Map<string, number>();
  private readonly options: SimClusterOptions;

  constructor(options: SimClusterOptions) {
    this.options = options;
    this.random = new SeededRandom(options.seed);
    this.network = new SimNetwork({
      scheduler: this.scheduler,
      random: this.randomFor("network"),
      livenessMs: options.livenessMs ?? 3000,
    });
    this.nodes = Array.from({ length: options.nodes ?? 3 }, (_, at) => this.machine(at));
  }

  private randomFor(purpose: string): SeededRandom {
    return this.options.randomFor?.(purpose) ?? new SeededRandom(this.random.u32());
  }

  private machine(at: number): SimNode {
    const host = new SimHost(this.scheduler, this.options.hosts?.[at]);
    return {
      at,
      address: `10.0.0.${at + 1}:7201`,
      host,
      disk: this.emptyDisk(host, at),
      node: null,
      service: null,
      started: false,
      failures: [],
      log: [],
      clients: new Set(),
    };
  }

  private emptyDisk(host: SimHost, at: number): SimDisk {
    return new SimDisk({
      scheduler: (delayMs, callback) => {
        this.scheduler.after(delayMs, () => host.run(callback));
      },
      random: this.randomFor(`disk ${at}/${host.incarnation}`),
      durability: this.options.durability ?? "fsync",
      leastWriteMs: this.options.leastWriteMs ?? 0,
      mostWriteMs: this.options.mostWriteMs ?? 1,
    });
  }

  // Life ---------------------------------------------------------------------------------------------------------

  /** Starts every node and waits until all ranges are served everywhere. */
  boot(): this {
    for (const { at } of this.nodes) this.start(at);
    this.settle(bootPatienceMs);
    return this;
  }

  start(at: number): void {
    const machine = this.nodes[at]!;
    assert(machine.node === null, "it runs already");
    const { options, network } = this;
    const { host, disk, address } = machine;
    const storage = createSimStorage(disk, false);
    const note = (level: string) => (fields: object, message: string) => {
      if (options.observer !== undefined) options.observer.logged(at, level, message, fields);
      else
        machine.log.push(`${this.scheduler.nowMs.toFixed(0)} ${level} ${message} ${JSON.stringify(fields)}`);
    };
    const log: Logger = {
      debug: () => {},
      info: note("info"),
      warn: note("warn"),
      error: note("error"),
    };
    const ownStream = options.randomFor?.(`node ${at}/${host.incarnation}`);
    const freshNodeId = 1 + below(ownStream ?? this.random, 0xffff_fff0);
    const random = ownStream ?? new SeededRandom(this.random.u32());
    const port = (offset: number): string => address.replace("7201", String(7201 + offset));
    const node = new QuorateNode({
      name: `n${at + 1}`,
      freshNodeId,
      address,
      ports: { resp: port(-200), grpc: port(-100), peer: address, http: port(100) },
      domain: `d${at + 1}`,
      capacity: 1,
      maxmemoryBytes:
        options.maxmemoryOf?.(at, host.incarnation) ?? options.maxmemoryBytes ?? 64 * 1024 * 1024,
      ...(options.evictionPolicy === undefined ? {} : { evictionPolicy: options.evictionPolicy }),
      valueLimitBytes: options.valueLimitBytes ?? 16 * 1024 * 1024,
      logLimitBytes: options.logLimitBytes ?? 16 * 1024 * 1024,
      initial: this.nodes.map((each) => each.address),
      ranges: options.ranges ?? 4,
      replicationFactor: options.replicationFactor ?? 3,
      durability: options.durability ?? "fsync",
      reads: options.reads ?? "lease",
      clock: host.clock,
      timers: host.timers,
      random,
      telemetry: { log, commandDone() {}, commandFailed() {}, bytesIn() {}, bytesOut() {} },
      identity: storage.identity,
      openLog: (expectExisting) => {
        const log = new SimLog(disk, expectExisting);
        return options.observer?.openedLog(at, log) ?? log;
      },
      snapshots: storage.snapshots,
      transport: new SimTransport({
        network,
        host,
        address,
        queueLimitBytes: options.queueLimitBytes,
        raftQueueLimitBytes: options.raftQueueLimitBytes,
        forwardQueueLimitBytes: options.forwardQueueLimitBytes,
      }),
      failed: (message) => machine.failures.push(message),
    });
    machine.node = node;
    machine.service = new LocalService(node);
    node.start((error) => {
      if (error !== null) machine.failures.push(error);
      else machine.started = true;
    });
  }

  /** The process dies; what it had not synced may be gone when the machine does. */
  crash(at: number, kind: Crash = "power"): void {
    const machine = this.nodes[at]!;
    if (machine.node === null) return;
    machine.host.crash();
    machine.disk.crash(kind);
    this.ended(machine);
  }

  private ended(machine: SimNode): void {
    machine.node = null;
    machine.service = null;
    machine.started = false;
    for (const client of machine.clients) client.connectionLost();
    machine.clients.clear();
  }

  /** As SIGTERM does: leaderships are handed over first. */
  stop(at: number): void {
    let stopped = false;
    this.beginStop(at, () => {
      stopped = true;
    });
    this.until(() => stopped, 5000);
  }

  /** The same without waiting; never calls back when the process dies meanwhile. */
  beginStop(at: number, done: () => void): void {
    const machine = this.nodes[at]!;
    machine.node!.stop(() => {
      machine.host.crash();
      this.ended(machine);
      done();
    });
  }

  /** The machine comes back with an empty disk. */
  wipe(at: number): void {
    const machine = this.nodes[at]!;
    this.crash(at);
    machine.disk = this.emptyDisk(machine.host, at);
  }

  pause(at: number): void {
    this.nodes[at]!.host.pause();
  }
  resume(at: number): void {
    this.nodes[at]!.host.resume();
  }

  /** Cuts the network between groups of nodes. */
  partition(...groups: readonly (readonly number[])[]): void {
    this.network.partition(groups.map((group) => group.map((at) => this.nodes[at]!.address)));
  }
  heal(): void {
    this.network.heal();
  }

  // Time ---------------------------------------------------------------------------------------------------------

  run(durationMs: number): void {
    const endMs = this.scheduler.nowMs + durationMs;
    while (this.scheduler.nowMs < endMs) {
      this.scheduler.runUntil(Math.min(endMs, this.scheduler.nowMs + 2));
      this.watch();
    }
  }

  /** Runs until the condition holds; fails when it doesn't in time. */
  until(condition: () => boolean, limitMs = 10_000): void {
    const endMs = this.scheduler.nowMs + limitMs;
    while (!condition()) {
      assert(this.scheduler.nowMs < endMs, `what was waited for did not come in ${limitMs} ms`);
      this.scheduler.runUntil(this.scheduler.nowMs + 1);
      this.watch();
    }
  }

  /** Until every running node knows a leader of each range. */
  settle(limitMs = 10_000): void {
    this.until(
      () => this.running().every((each) => each.started && (each.service?.ready() ?? false)),
      limitMs,
    );
  }

  /** As `settle`, without one node. */
  settleOthers(without: number, limitMs = 10_000): void {
    this.until(
      () => this.running().every((each) => each.at === without || (each.service?.ready() ?? false)),
      limitMs,
    );
  }

  private watch(): void {
    for (const { node, failures, at } of this.nodes) {
      assert(failures.length === 0, `node ${at} failed: ${failures[0]}`);
      for (const replica of node?.engine?.replicas.values() ?? []) {
        const status = replica.group.status();
        if (status.role !== "leader") continue;
        const key = `${replica.range}/${status.term}`;
        const known = this.leadersOfTerms.get(key);
        assert(known === undefined || known === replica.id, `two leaders of range/term ${key}`);
        this.leadersOfTerms.set(key, replica.id);
      }
    }
  }

  // Looks --------------------------------------------------------------------------------------------------------

  running(): SimNode[] {
    return this.nodes.filter((each) => each.node !== null);
  }

  client(at: number, ordered = true): SimClient {
    const machine = this.nodes[at]!;
    const client = new SimClient(machine.service!, machine.host, this.scheduler, ordered);
    machine.clients.add(client);
    return client;
  }

  rangeOf(key: string): RangeId {
    const bytes = utf8Bytes(key);
    const { routing } = this.running()[0]!.node!;
    return routing.ofSlot(slotOf(bytes))!.id;
  }

  replica(at: number, range: RangeId): Replica {
    return this.nodes[at]!.node!.engine.replicas.get(range)!;
  }

  /** Who leads the range in the highest term, -1 when nobody does. */
  leaderOf(range: RangeId): number {
    let leader = -1;
    let highest = 0;
    for (const { at, node } of this.nodes) {
      const status = node?.engine?.replicas.get(range)?.group.status();
      if (status?.role !== "leader" || status.term <= highest) continue;
      highest = status.term;
      leader = at;
    }
    return leader;
  }

  /** Another node than those given. */
  other(...than: readonly number[]): number {
    return this.running().find(({ at }) => !than.includes(at))!.at;
  }

  /** Makes a node lead a range. */
  lead(range: RangeId, at: number): void {
    for (let round = 0; round < 20 && this.leaderOf(range) !== at; round++) {
      const from = this.leaderOf(range);
      if (from >= 0) {
        const replica = this.replica(from, range);
        replica.group.transferLeadership(this.replica(at, range).id);
        this.nodes[from]!.node!.engine.wake(replica);
      }
      this.run(200);
    }
    assert(this.leaderOf(range) === at, "leadership did not go over");
    this.settle();
  }

  ranges(): RangeId[] {
    return [...this.running()[0]!.node!.routing.routes.keys()];
  }

  /** Waits until all replicas of every range have applied the same index, then compares their digests. */
  checkDigests(limitMs = 10_000): void {
    const groups = [metaRangeId, ...this.ranges()];
    const views = (range: RangeId) =>
      this.running().flatMap(({ node }) => {
        const replica = node!.engine.replicas.get(range);
        return replica === undefined || replica.restoring ? [] : [replica];
      });
    const level = (range: RangeId): boolean => {
      const replicas = views(range);
      return replicas.length === this.running().length && new Set(replicas.map((r) => r.applied)).size === 1;
    };
    this.until(() => groups.every(level), limitMs);
    for (const range of groups) {
      const digests = new Set(views(range).map((replica) => replica.machine.digest()));
      assert(digests.size === 1, `replicas of range ${range} differ at index ${views(range)[0]!.applied}`);
    }
  }

  nodeId(at: number): NodeId {
    return this.nodes[at]!.node!.self;
  }

  /** A key of the range, different for each number. */
  keyIn(range: RangeId, number = 0): string {
    for (let i = 0, found = 0; ; i++) {
      const key = `k${range}-${i}`;
      if (this.rangeOf(key) === range && found++ === number) return key;
    }
  }
}
