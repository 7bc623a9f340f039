import { emptyBytes } from "../base/bytes.js";
import { type MonotonicMs, metaRangeId, type NodeId } from "../base/units.js";
import type { ClusterDocument } from "../placement/document.js";
import { encodeDocument } from "../placement/document-codec.js";
import type { LogStorage, RecoveredLog } from "../ports/log-storage.js";
import { runBootstrap } from "./bootstrap.js";
import type { BootstrapHandle, BootstrapOutcome } from "./bootstrap-types.js";
import { TurnClock } from "./clocks.js";
import type { CommandStream } from "./command-stream.js";
import { ControlCalls, controlKinds } from "./control-calls.js";
import { Controller } from "./controller.js";
import { Engine } from "./engine.js";
import { writeClosed } from "./forward-codec.js";
import { ForwardReceiver } from "./forward-receiver.js";
import { Gateway, type GatewayHost } from "./gateway.js";
import { handOverLeaderships } from "./hand-over.js";
import { Leaders } from "./leaders.js";
import { Membership } from "./membership.js";
import type { NodeOptions } from "./node-options.js";
import { encodeStatistics, PeerStatistics } from "./peer-statistics.js";
import { Peers } from "./peers.js";
import type { Replica, ReplicaHost } from "./replica.js";
import { ReplicaSet } from "./replica-set.js";
import { RangeRoute, RoutingTable } from "./routing-table.js";
import { Snapshotter } from "./snapshotter.js";

const tickMs = 15;
const housekeepingMs = 90;
const controllerMs = 300;
const statisticsMs = 1000;
/** Well below `limits.leaderWaitMs`: who missed an announcement hears another before it refuses commands. */
const leadersMs = 300;
/** A starting node votes at the latest after this, though some peers did not greet it. */
const helloPatienceMs = 1000;
/** A log that a full disk kept from being opened is tried again after this. */
const diskFullRetryMs = 1000;

/** One `quorate serve` process, without its doors: replicas, peers, routing. */
export class QuorateNode {
  readonly options: NodeOptions;
  readonly clock: TurnClock;
  readonly routing = new RoutingTable();
  readonly metaRoute: RangeRoute;
  readonly membership: Membership;
  readonly peers = new Peers(this);
  readonly leaders = new Leaders(this);
  readonly startedAtMs: MonotonicMs;
  readonly statistics = new PeerStatistics();
  self: NodeId = 0;
  document: ClusterDocument | null = null;
  /** Rises when something of the topology changes. */
  topologyVersion = 1;
  readonly topologyWatchers = new Set<() => void>();
  engine!: Engine;
  gateway!: Gateway;
  replicaSet!: ReplicaSet;
  snapshotter!: Snapshotter;
  private storage!: LogStorage;
  receiver!: ForwardReceiver;
  calls!: ControlCalls;
  private controller!: Controller;
  bootstrap: BootstrapHandle | null = null;
  private votingFromMs: MonotonicMs = Number.POSITIVE_INFINITY;
  private voting = false;
  private stopping = false;
  closed = false;
  private endedConnections: number[] = [];
  private lastHousekeepingMs = 0;
  private lastControllerMs = 0;
  private lastStatisticsMs = 0;
  private lastLeadersMs = 0;

  constructor(options: NodeOptions) {
    this.options = options;
    this.clock = new TurnClock(options.clock);
    this.startedAtMs = this.clock.nowMs;
    this.metaRoute = new RangeRoute(metaRangeId, 0, 0, this.clock.nowMs);
    const node = this;
    this.membership = new Membership({
      get self() {
        return node.self;
      },
      nowMs: () => this.clock.nowMs,
      metaReplica: () => this.engine.replicas.get(metaRangeId) ?? null,
      metaLeader: () => this.metaRoute.leader,
      peers: () => this.peers.all(),
      calls: () => this.calls,
      isUp: (peer) => this.peers.isUp(peer),
      tablesChanged: () => this.tablesChanged(),
      add: (stream) => this.engine.add(stream),
    });
  }

  // Start --------------------------------------------------------------------------------------------------------

  /** Calls back once the node takes part in its cluster (its ranges may not have leaders yet), or with an error. */
  start(done: (error: string | null) => void): void {
    const { options } = this;
    options.identity.load((error, identity) => {
      if (error !== null) return done(`identity: ${error.message}`);
      this.self = identity?.nodeId ?? options.freshNodeId;
      this.openLog(identity?.started ?? false, done, (recovered) => {
        this.assemble(recovered);
        options.transport.start(this.self, this.peers.handler(), (problem) => {
          if (problem !== null) return done(`peers: ${problem}`);
          this.join(recovered, done);
        });
      });
    });
  }

  /** A full disk is no reason to end: the log is opened anew until there is room. */
  private openLog(
    expectExisting: boolean,
    done: (error: string) => void,
    opened: (recovered: RecoveredLog) => void,
  ): void {
    const { openLog, durability, telemetry, timers } = this.options;
    this.storage = openLog(expectExisting, durability);
    this.storage.open((failure, recovered) => {
      if (failure?.kind === "disk-full") {
        telemetry.log.warn({ error: failure.message }, "the disk is full: the log waits for space");
        timers.after(diskFullRetryMs, () => this.openLog(expectExisting, done, opened));
      } else if (failure !== null || recovered === null)
        done(`log: ${failure?.message ?? "nothing recovered"}`);
      else opened(recovered);
    });
  }

  private assemble(recovered: RecoveredLog): void {
    const { options, clock } = this;
    const { transport, telemetry, timers } = options;
    this.engine = new Engine(
      {
        clock,
        timers,
        telemetry,
        transport,
        storage: this.storage,
        random: options.random,
        turnStarts: () => this.gateway.release(),
        sendForwards: () => {
          this.gateway.forwarder.flush();
          this.receiver.sendKept();
        },
        observed: (replica) => this.leaders.observed(replica),
        snapshotOffered: (replica, from) => {
          const node = replica.nodeOf.get(from) ?? 0;
          if (node !== 0) this.snapshotter.pull(replica, node, from);
        },
        lostState: (replica) =>
          this.replicaSet.fence(replica, "the leader knows entries that this log had and lost"),
        failed: (message) => this.fail(message),
      },
      recovered.lastSequence,
    );
    const node = this;
    const gatewayHost: GatewayHost = {
      get self() {
        return node.self;
      },
      clock,
      telemetry,
      transport,
      routing: this.routing,
      valueLimitBytes: options.valueLimitBytes,
      refuseForwarded: (stream, token) => {
        if (!this.receiver.owns(stream)) return false;
        this.receiver.refuse(stream, token);
        return true;
      },
      wakeAll: () => this.engine.schedule(),
    };
    this.gatewayHost = gatewayHost;
    this.gateway = new Gateway(gatewayHost);
    this.receiver = new ForwardReceiver(transport, {
      telemetry,
      add: (stream) => this.engine.add(stream),
      submitForwarded: (...args) => this.gateway.submitForwarded(...args),
    });
    this.calls = new ControlCalls(transport, (from, kind, body, reply) =>
      this.peers.answer(from, kind, body, reply),
    );
    this.snapshotter = new Snapshotter({
      log: telemetry.log,
      transport,
      snapshots: options.snapshots,
      storage: this.storage,
      wake: (replica) => this.engine.wake(replica),
      failed: (message) => this.fail(message),
    });
    this.controller = new Controller({
      log: telemetry.log,
      tables: () => this.membership.tables,
      replicas: () => this.engine.replicas.values(),
      fenced: () => this.replicaSet.fenced,
      leaderOf: (range) => this.leaders.routeOf(range)?.leader ?? 0,
      upSinceMs: (id) => (id === this.self ? this.startedAtMs : this.peers.upSince(id)),
      propose: (command) =>
        this.membership.propose(command, (reply) => {
          if (reply?.kind === "refused")
            telemetry.log.debug({ command: command.kind, reason: reply.message }, "meta refused");
        }),
      wake: (replica) => this.engine.wake(replica),
    });
    this.replicaSet = new ReplicaSet(this, recovered, this.replicaHost());
    this.tick();
  }

  gatewayHost!: GatewayHost;

  private replicaHost(): ReplicaHost {
    const node = this;
    return {
      clock: this.clock,
      telemetry: this.options.telemetry,
      wake: (replica) => this.engine.wake(replica),
      refused: (replica, stream: CommandStream, token, bytes, start, end, deadlineMs) => {
        const route = this.leaders.routeOf(replica.range);
        if (route !== null)
          this.gateway.resubmit(this.self, route, stream, token, bytes, start, end, deadlineMs);
      },
      get uncommittedBytes() {
        return node.engine.uncommittedBytes;
      },
      configurationApplied: (replica) => this.replicaSet.configurationApplied(replica),
      entryApplied: () => {},
    };
  }

  private join(recovered: RecoveredLog, done: (error: string | null) => void): void {
    const { options } = this;
    const { name, address, ports, capacity, domain, maxmemoryBytes } = options;
    this.bootstrap = runBootstrap(
      {
        self: { nodeId: this.self, name, address, ports, capacity, maxmemoryBytes, domain },
        initial: options.initial,
        settings: {
          ranges: options.ranges,
          replicationFactor: options.replicationFactor,
          durability: options.durability,
          reads: options.reads,
        },
        identity: options.identity,
        transport: options.transport,
        timers: options.timers,
        random: options.random,
        log: options.telemetry.log,
        prepare: (document, nodeId, ready) => this.replicaSet.prepare(document, nodeId, ready),
      },
      (outcome) => this.joined(outcome, recovered, done),
    );
  }

  private joined(
    outcome: BootstrapOutcome,
    recovered: RecoveredLog,
    done: (error: string | null) => void,
  ): void {
    if (outcome.kind === "refused" || outcome.kind === "failed") {
      done(outcome.message);
      return;
    }
    this.document = outcome.document;
    this.self = outcome.nodeId;
    this.replicaSet.begin(outcome, recovered, () => {
      this.votingFromMs = this.clock.nowMs + helloPatienceMs;
      done(null);
    });
  }

  // Time ---------------------------------------------------------------------------------------------------------

  private tick(): void {
    if (this.closed) return;
    this.options.timers.after(tickMs, () => this.tick());
    this.engine.tick();
    const { nowMs } = this.clock;
    this.letVote(nowMs);
    if (nowMs - this.lastHousekeepingMs >= housekeepingMs) {
      this.lastHousekeepingMs = nowMs;
      this.housekeeping(nowMs);
    }
    if (nowMs - this.lastControllerMs >= controllerMs && !this.stopping) {
      this.lastControllerMs = nowMs;
      this.controller.run(nowMs);
      this.replicaSet.maintain();
    }
    if (nowMs - this.lastLeadersMs >= leadersMs) {
      this.lastLeadersMs = nowMs;
      this.leaders.repeat();
    }
    if (nowMs - this.lastStatisticsMs >= statisticsMs && this.document !== null) {
      this.lastStatisticsMs = nowMs;
      const body = encodeStatistics(this.engine.replicas.values(), this.replicaSet.fenced);
      this.peers.tellAll(controlKinds.statistics, body);
    }
  }

  private housekeeping(nowMs: MonotonicMs): void {
    this.gateway.housekeeping();
    this.calls.expire(nowMs);
    if (this.endedConnections.length > 0) {
      this.peers.broadcast(writeClosed(this.endedConnections.splice(0)));
    }
    for (const replica of this.engine.replicas.values()) {
      replica.housekeeping();
      if (replica.leads)
        replica.logTime.steer(nowMs, this.clock.wallMs, replica.group.status().configuration.voters.length);
    }
  }

  /** A starting node votes once all its peers told it what they remember of it, or did not answer for a while. */
  private letVote(nowMs: MonotonicMs): void {
    if (this.voting || this.document === null || this.votingFromMs === Number.POSITIVE_INFINITY) return;
    const peers = this.membership.tables?.members ?? this.document.members;
    const all = peers.every((each) => each.id === this.self || this.peers.hasGreeted(each.id));
    if (!all && nowMs < this.votingFromMs) return;
    this.voting = true;
    for (const replica of this.engine.replicas.values()) this.admit(replica);
  }

  /** Lets a replica vote, if the node may and the replica lost nothing. */
  admit(replica: Replica): void {
    if (this.voting && !replica.fenced) replica.group.setMayVote(true);
    this.engine.wake(replica);
  }

  // Leaders ------------------------------------------------------------------------------------------------------

  topologyChanged(): void {
    this.topologyVersion++;
    for (const watcher of this.topologyWatchers) watcher();
  }

  private tablesChanged(): void {
    const { tables } = this.membership;
    if (tables === null) return;
    for (const range of tables.ranges)
      this.routing.set(range.id, range.slots[0], range.slots[1], this.clock.nowMs);
    this.options.transport.setPeers(this.peers.addresses(tables));
    this.replicaSet.tablesChanged(tables);
    this.topologyChanged();
  }

  // Parts' needs --------------------------------------------------------------------------------------------------

  /** A client connection ended: leaders elsewhere may forget its order. */
  connectionClosed(stream: CommandStream): void {
    const id = this.gateway.forwarder.forget(stream);
    if (id > 0) this.endedConnections.push(id);
  }

  logBytes(): number {
    return this.storage.sizeBytes();
  }
  oldestHolder() {
    return this.storage.oldestHolder();
  }

  /** Meta knows this node by its new id, and its log has a record: from now on an empty log is a lost one. */
  confirmStarted(): void {
    const { document, self } = this;
    if (document === null) return;
    this.options.identity.save(
      { nodeId: self, clusterId: document.clusterId, document: encodeDocument(document), started: true },
      (error) => {
        if (error !== null) this.fail(`identity: ${error.message}`);
      },
    );
  }

  isUp(node: NodeId): boolean {
    return node === this.self || this.peers.isUp(node);
  }

  // Stop ---------------------------------------------------------------------------------------------------------

  /** Hands every leadership over, then stops; nothing that was acknowledged depends on this being graceful. */
  stop(done: () => void): void {
    if (this.stopping) return;
    this.stopping = true;
    this.peers.tellAll(controlKinds.draining, emptyBytes);
    handOverLeaderships(this, () => this.close(done));
  }

  private close(done: () => void): void {
    this.gateway.stop();
    this.bootstrap?.stop();
    // What this turn took goes out first: then all that has no answer is known, and nobody waits for one in vain.
    this.engine.endTurn();
    for (const replica of this.engine.replicas.values()) replica.abandon();
    for (const peer of this.peers.all()) this.gateway.forwarder.peerDown(peer);
    this.calls.stop();
    this.engine.endTurn();
    this.engine.stop();
    this.closed = true;
    this.storage.close(() => this.options.transport.close(done));
  }

  private fail(message: string): void {
    if (this.closed) return;
    this.closed = true;
    this.engine.stop();
    this.options.failed(message);
  }
}
