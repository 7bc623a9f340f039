import { ByteWriter, utf8Bytes } from "../../src/base/bytes.js";
import type { ErrorKind } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { below, type Random } from "../../src/base/random.js";
import type { Lane } from "../../src/client/lane.js";
import type { Call, CallResult, Part } from "../../src/client/part.js";
import { RoutingCore } from "../../src/client/routing-core.js";
import { SeenPositions } from "../../src/client/seen.js";
import { SessionCore } from "../../src/client/session-core.js";
import { consistencyLevels, writeCommand } from "../../src/commands/command-codec.js";
import { decodeReply, RecordingSink, type ReplyValue } from "../../src/commands/reply-codec.js";
import { commandByName } from "../../src/commands/table.js";
import type { ReadFreshness, ReplyTarget, ServiceConnection, Topology } from "../../src/node/service.js";
import type { SimEvent, SimScheduler } from "./sim-clock.js";
import type { SimCluster, SimNode } from "./sim-cluster.js";
import type { Operation } from "./workloads/workload.js";

const checkMs = 100;
/** With commands outstanding and nothing heard for so long, the connection is given up. */
const silenceMs = 1500;
const sessionPatienceMs = 2000;

/** How a call ended; `freshness` is of the last reply. */
export interface Settled {
  readonly result: CallResult;
  readonly freshness: ReadFreshness | null;
  /** Attempts of its parts. */
  readonly attempts: number;
}

/** What somebody may want to know of an application's SDK. */
export interface SdkWatcher {
  /** A command of a session was answered at a later attempt than its first. */
  retried(session: number, sequence: number): void;
  /** An attempt was answered by an error. */
  refused(kind: ErrorKind): void;
  fail(what: string): never;
}

/**
 * The SDK of one application over the simulated network: sessions, retries and routing are the SDK's own pure core, what
 * the SDK does by gRPC goes through a node's service here.
 */
export class SimSdk {
  private readonly scheduler: SimScheduler;
  private readonly routing = new RoutingCore();
  private readonly core: SessionCore;
  private readonly seen = new SeenPositions();
  private readonly links: SimLink[];
  private readonly waiters = new Map<Call, { freshness: ReadFreshness | null; done: (s: Settled) => void }>();
  private wake: SimEvent | null = null;

  constructor(
    cluster: SimCluster,
    readonly random: Random,
    private readonly watcher: SdkWatcher,
  ) {
    this.scheduler = cluster.scheduler;
    this.core = new SessionCore({
      routing: this.routing,
      random,
      host: {
        send: (node, part) => this.sent(node, part),
        settle: (call, result) => this.settled(call, result),
        openSession: (lane, node) => this.openSession(lane, node),
        refreshTopology: () => {
          for (const link of this.links) link.askTopology();
        },
      },
    });
    this.links = cluster.nodes.map((machine) => new SimLink(this, machine, this.scheduler));
    this.check();
  }

  submit(operation: Operation, done: (settled: Settled) => void): void {
    const nowMs = this.scheduler.nowMs;
    const shape = commandByName(operation.name)!;
    const call = this.core.submit(nowMs, {
      shape,
      args: operation.args.map(utf8Bytes),
      deadlineAtMs: nowMs + operation.deadlineMs,
      inSession: operation.inSession,
      level: shape.access === "read" ? operation.level : 0,
      maxAgeMs: operation.maxAgeMs,
    });
    this.waiters.set(call, { freshness: null, done });
    this.arm();
  }

  private sent(node: string, part: Part): void {
    const { session, sequence, lane } = part;
    if (session > 0 && sequence - lane!.acked > limits.sessionWindowCommands)
      this.watcher.fail(
        `session ${session} sends ${sequence}, up to ${lane!.acked} are answered (safety 65)`,
      );
    this.linkTo(node)!.send(part);
  }

  /** The network between this application and a node fails, or works again. */
  cut(at: number, cut: boolean): void {
    this.links[at]!.setCut(cut);
  }

  private settled(call: Call, result: CallResult): void {
    const waiter = this.waiters.get(call);
    if (waiter === undefined) return;
    this.waiters.delete(call);
    let attempts = 0;
    for (const part of call.parts) attempts += part.attempt;
    waiter.done({ result, freshness: waiter.freshness, attempts });
  }

  private openSession(lane: Lane, node: string): void {
    const { scheduler } = this;
    let finished = false;
    const done = (session: number): void => {
      if (finished) return;
      finished = true;
      if (session > 0) this.core.sessionOpened(scheduler.nowMs, lane, session);
      else this.core.sessionFailed(scheduler.nowMs, lane, "no-leader");
      this.arm();
    };
    const link = this.linkTo(node);
    if (link === undefined) scheduler.after(0, () => done(0));
    else {
      link.openSession(done);
      scheduler.after(sessionPatienceMs, () => done(0));
    }
  }

  private linkTo(node: string): SimLink | undefined {
    return this.links.find((link) => link.id === node);
  }

  private check(): void {
    for (const link of this.links) link.check();
    this.arm();
    this.scheduler.after(checkMs, () => this.check());
  }

  private arm(): void {
    const atMs = Math.max(this.core.wakeAtMs, this.scheduler.nowMs);
    if (atMs === Number.POSITIVE_INFINITY) return;
    if (this.wake !== null && !this.wake.cancelled && this.wake.timeMs <= atMs) return;
    if (this.wake !== null) this.wake.cancelled = true;
    this.wake = this.scheduler.at(atMs, () => {
      this.wake = null;
      this.core.tick(this.scheduler.nowMs);
      this.arm();
    });
  }

  // What links tell ------------------------------------------------------------------------------------------------

  up(link: SimLink): void {
    this.routing.setConnected(link.id, true);
    this.core.routesChanged(this.scheduler.nowMs);
    this.arm();
  }

  down(link: SimLink): void {
    this.routing.setConnected(link.id, false);
  }

  lost(part: Part, attempt: number): void {
    this.core.lost(this.scheduler.nowMs, part, attempt);
    this.arm();
  }

  replied(part: Part, attempt: number, value: ReplyValue, freshness: ReadFreshness | null): void {
    const shape = part.slot < 0 ? undefined : this.routing.rangeOf(part.slot)?.shape;
    if (shape !== undefined && value.type !== "error") this.seen.note(shape, freshness);
    const waiter = this.waiters.get(part.call);
    if (waiter !== undefined && part.attempt === attempt) waiter.freshness = freshness;
    const isCurrent = part.attempt === attempt && part.inFlight && !part.settled;
    if (isCurrent && attempt > 1 && part.session > 0 && value.type !== "error")
      this.watcher.retried(part.session, part.sequence);
    if (isCurrent && value.type === "error") this.watcher.refused(value.kind);
    this.core.replied(this.scheduler.nowMs, part, attempt, value);
    this.arm();
  }

  learn(topology: Topology): void {
    if (topology.ranges.length === 0) return;
    const hex = (id: number): string => (id === 0 ? "" : id.toString(16));
    const changed = this.routing.update({
      members: topology.members.map(({ id, ports }) => ({ id: hex(id), address: ports.grpc })),
      ranges: topology.ranges.map(({ id, slots, leader, term, replicas }) => ({
        id,
        firstSlot: slots[0],
        lastSlot: slots[1],
        leader: hex(leader),
        term,
        replicas: replicas.map(({ node }) => hex(node)),
      })),
    });
    this.seen.start(topology.ranges.map(({ id, slots }) => `${id}:${slots[0]}-${slots[1]}`));
    if (changed) this.core.routesChanged(this.scheduler.nowMs);
    this.arm();
  }

  position(part: Part) {
    const shape = part.slot < 0 ? undefined : this.routing.rangeOf(part.slot)?.shape;
    return shape === undefined ? null : this.seen.position(shape);
  }
}

interface Attempt {
  readonly part: Part;
  readonly attempt: number;
}

/** The way between an application and one node. Each direction keeps its order. */
class SimLink {
  id = "";
  private connection: ServiceConnection | null = null;
  private incarnation = 0;
  private generation = 0;
  private isCut = false;
  /** Something on its way was dropped: a stream that loses anything is broken. */
  private dropped = false;
  private heardAtMs = 0;
  private nextToken = 1;
  private lastArrivalMs = 0;
  private lastReplyMs = 0;
  private unwatch: (() => void) | null = null;
  private readonly attempts = new Map<number, Attempt>();
  private readonly out = new ByteWriter(256);
  private readonly recorded = new ByteWriter(256);

  constructor(
    private readonly sdk: SimSdk,
    private readonly machine: SimNode,
    private readonly scheduler: SimScheduler,
  ) {}

  get isUp(): boolean {
    return this.connection !== null;
  }

  private get delayMs(): number {
    return 0.1 + below(this.sdk.random, 900) / 1000;
  }

  setCut(cut: boolean): void {
    this.isCut = cut;
  }

  check(): void {
    const { machine, scheduler } = this;
    if (this.connection === null) {
      if (this.isCut || !machine.started || machine.host.paused) return;
      this.connect();
    } else if (this.incarnation !== machine.host.incarnation) this.breakOff();
    else if (this.dropped && !this.isCut) this.breakOff();
    else if (this.attempts.size > 0 && scheduler.nowMs - this.heardAtMs > silenceMs) this.breakOff();
  }

  private connect(): void {
    const { machine } = this;
    this.generation++;
    this.dropped = false;
    this.id = machine.node!.self.toString(16);
    this.incarnation = machine.host.incarnation;
    this.connection = machine.service!.connect("grpc", this.target(this.generation), false);
    this.heardAtMs = this.scheduler.nowMs;
    this.unwatch = machine.service!.watchTopology(() => this.askTopology());
    this.sdk.up(this);
    this.askTopology();
  }

  private breakOff(): void {
    const { connection, machine, incarnation, unwatch } = this;
    if (connection === null) return;
    this.generation++;
    this.connection = null;
    this.unwatch = null;
    // The node hears of it later than this end.
    this.scheduler.after(this.delayMs, () => {
      if (machine.host.incarnation !== incarnation) return;
      machine.host.run(() => {
        unwatch?.();
        connection.close();
      });
    });
    const lost = [...this.attempts.values()];
    this.attempts.clear();
    this.sdk.down(this);
    for (const { part, attempt } of lost) this.sdk.lost(part, attempt);
  }

  /** To the node's process, in order; what is under way when the link breaks may have arrived. */
  private toNode(callback: () => void): void {
    const { scheduler, machine, incarnation } = this;
    this.lastArrivalMs = Math.max(this.lastArrivalMs, scheduler.nowMs + this.delayMs);
    scheduler.at(this.lastArrivalMs, () => {
      if (machine.host.incarnation !== incarnation) return;
      if (this.isCut || this.dropped) this.dropped = true;
      else machine.host.run(callback);
    });
  }

  private toClient(generation: number, callback: () => void): void {
    const { scheduler } = this;
    this.lastReplyMs = Math.max(this.lastReplyMs, scheduler.nowMs + this.delayMs);
    scheduler.at(this.lastReplyMs, () => {
      if (this.generation !== generation) return;
      if (this.isCut || this.dropped) {
        this.dropped = true;
        return;
      }
      this.heardAtMs = scheduler.nowMs;
      callback();
    });
  }

  send(part: Part): void {
    const { scheduler, connection } = this;
    if (this.attempts.size === 0) this.heardAtMs = scheduler.nowMs;
    const token = this.nextToken++;
    const { request } = part.call;
    const inSession = request.level === consistencyLevels.session;
    const position = inSession ? this.sdk.position(part) : null;
    this.out.clear();
    writeCommand(
      this.out,
      {
        opcode: request.shape.opcode,
        principal: 0,
        session: part.session,
        sequence: part.sequence,
        acked: part.lane?.acked ?? 0,
        level: inSession && position === null ? 0 : request.level,
        levelA: inSession ? (position?.revision ?? 0) : request.maxAgeMs,
        levelB: position?.logTimeMs ?? 0,
      },
      part.args,
    );
    const frame = this.out.take();
    const deadlineMs = Math.max(1, Math.floor(request.deadlineAtMs - scheduler.nowMs));
    this.attempts.set(token, { part, attempt: part.attempt });
    this.toNode(() => connection!.execute(frame, 0, frame.length, token, deadlineMs));
  }

  openSession(done: (session: number) => void): void {
    const { service } = this.machine;
    const { generation } = this;
    this.toNode(() =>
      service!.openSession((error, session) =>
        this.toClient(generation, () => done(error === null ? session : 0)),
      ),
    );
  }

  askTopology(): void {
    const { service } = this.machine;
    const { generation } = this;
    if (this.connection === null || service === null) return;
    this.toNode(() => {
      const topology = service.topology();
      this.toClient(generation, () => this.sdk.learn(topology));
    });
  }

  /** What a connection's replies go to; those of one that was given up go nowhere. */
  private target(generation: number): ReplyTarget {
    let answering = 0;
    return {
      reply: (token) => {
        answering = token;
        this.recorded.clear();
        return new RecordingSink(this.recorded);
      },
      done: (token, freshness) => {
        if (answering !== token) throw new Error(`done of ${token} without its reply`);
        const value = decodeReply(this.recorded.take());
        this.toClient(generation, () => {
          const sent = this.attempts.get(token);
          if (sent === undefined) throw new Error(`a second reply to ${token}`);
          this.attempts.delete(token);
          this.sdk.replied(sent.part, sent.attempt, value, freshness);
        });
      },
      flush() {},
    };
  }
}
