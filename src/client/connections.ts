import type { Random } from "../base/random.js";
import { callUnary, openChannel } from "./channel.js";
import type { Lane } from "./lane.js";
import { NodeLink } from "./node-link.js";
import type { Call, CallRequest, CallResult, Part } from "./part.js";
import { clusterMethods, type TopologyMessage } from "./proto.js";
import { type RouteTopology, RoutingCore } from "./routing-core.js";
import { SeenPositions } from "./seen.js";
import { SessionCore } from "./session-core.js";
import type { Freshness } from "./wire.js";

const seedDeadlineMs = 1000;
const seedPauseMs = 200;
const openSessionDeadlineMs = 2000;
const checkMs = 100;

export interface ConnectionsOptions {
  readonly seeds: readonly string[];
  readonly windowCommands?: number;
  /** Where to dial in place of an announced address. */
  readonly natMap?: ReadonlyMap<string, string>;
}

/** The I/O around the SDK's cores: links to all nodes, timers, seeds. */
export class Connections {
  private readonly routing = new RoutingCore();
  private readonly core: SessionCore;
  private readonly links = new Map<string, NodeLink>();
  private readonly seen = new SeenPositions();
  private readonly waiters = new Map<Call, (result: CallResult) => void>();
  private readonly readyWaiters: (() => void)[] = [];
  private readonly checker: NodeJS.Timeout;
  private wake: NodeJS.Timeout | null = null;
  private wakeAtMs = Number.POSITIVE_INFINITY;
  private flushing = false;
  private asking = false;
  private refreshing = false;
  private nextSeed = 0;
  private closed = false;
  /** Newest topology that any node told. */
  topology: TopologyMessage | null = null;

  constructor(private readonly options: ConnectionsOptions) {
    const random: Random = { u32: () => Math.floor(Math.random() * 0x1_0000_0000) };
    this.core = new SessionCore({
      routing: this.routing,
      random,
      host: {
        send: (node, part) => this.send(node, part),
        settle: (call, result) => this.settle(call, result),
        openSession: (lane, node) => this.openSession(lane, node),
        refreshTopology: () => this.refresh(),
      },
      ...(options.windowCommands === undefined ? {} : { windowCommands: options.windowCommands }),
    });
    // One loop for the liveness of links and for finding seeds again; it doesn't keep the process alive.
    this.checker = setInterval(() => this.check(), checkMs);
    this.checker.unref();
    this.askSeeds();
  }

  /** Calls back once the topology is known and a node is connected. */
  whenReady(done: () => void): void {
    if (this.ready) done();
    else this.readyWaiters.push(done);
  }

  get ready(): boolean {
    return this.topology !== null && this.routing.anyConnected;
  }

  submit(request: CallRequest, done: (result: CallResult) => void): Call {
    const call = this.core.submit(this.nowMs(), request);
    // A result comes by a later event, never from within `submit`.
    this.waiters.set(call, done);
    this.arm();
    return call;
  }

  cancel(call: Call, kind: "aborted" | "closed", message: string): void {
    if (!call.settled) this.core.cancel(this.nowMs(), call, kind, message);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.checker);
    for (const call of [...this.waiters.keys()]) this.cancel(call, "closed", "the client was closed");
    for (const link of this.links.values()) link.close();
    this.links.clear();
    if (this.wake !== null) clearTimeout(this.wake);
  }

  nowMs(): number {
    return performance.now();
  }

  private send(node: string, part: Part): void {
    this.links.get(node)!.send(part);
    if (this.flushing) return;
    this.flushing = true;
    // After all callbacks of this turn: its calls share one batch per node.
    setImmediate(() => {
      this.flushing = false;
      for (const link of this.links.values()) link.flush();
      this.arm();
    });
  }

  private settle(call: Call, result: CallResult): void {
    const done = this.waiters.get(call);
    if (done === undefined) return;
    this.waiters.delete(call);
    done(result);
  }

  private openSession(lane: Lane, node: string): void {
    const done = (error: Error | null, session: number): void => {
      if (error === null && session > 0) this.core.sessionOpened(this.nowMs(), lane, session);
      else this.core.sessionFailed(this.nowMs(), lane, "no-leader");
      this.arm();
    };
    const link = this.links.get(node);
    if (link === undefined) setImmediate(() => done(new Error("the node isn't connected"), 0));
    else link.openSession(openSessionDeadlineMs, done);
  }

  /** Asks every connected node, at most once per turn. */
  private refresh(): void {
    if (this.refreshing) return;
    this.refreshing = true;
    setImmediate(() => {
      this.refreshing = false;
      for (const link of this.links.values()) if (link.isUp) link.askTopology();
    });
  }

  private learn(topology: TopologyMessage): void {
    if (this.closed) return;
    this.topology = topology;
    const route = routeTopology(topology);
    const changed = this.routing.update(route);
    this.seen.start(route.ranges.map(({ id, firstSlot, lastSlot }) => `${id}:${firstSlot}-${lastSlot}`));
    for (const { id, address: announced } of route.members) {
      const address = this.options.natMap?.get(announced) ?? announced;
      const link = this.links.get(id);
      if (link?.address === address || address === "") continue;
      // A node may come back under another address.
      link?.close();
      this.links.set(id, this.link(id, address));
    }
    for (const [id, link] of this.links) {
      if (route.members.some((member) => member.id === id)) continue;
      this.links.delete(id);
      link.close();
    }
    if (changed) this.core.routesChanged(this.nowMs());
    this.arm();
  }

  private link(id: string, address: string): NodeLink {
    const events = {
      up: (link: NodeLink) => {
        this.routing.setConnected(link.id, true);
        this.core.routesChanged(this.nowMs());
        this.arm();
        if (this.ready) for (const done of this.readyWaiters.splice(0)) done();
      },
      down: (link: NodeLink) => this.routing.setConnected(link.id, false),
      replied: (
        part: Part,
        attempt: number,
        value: Parameters<SessionCore["replied"]>[3],
        fresh: Freshness | null,
      ) => {
        const shape = part.slot < 0 ? undefined : this.routing.rangeOf(part.slot)?.shape;
        if (shape !== undefined && value.type !== "error") this.seen.note(shape, fresh);
        this.core.replied(this.nowMs(), part, attempt, value);
      },
      lost: (part: Part, attempt: number) => {
        this.core.lost(this.nowMs(), part, attempt);
        this.arm();
      },
      unsent: (part: Part, attempt: number) => {
        this.core.unsent(this.nowMs(), part, attempt);
        this.arm();
      },
      topology: (topology: TopologyMessage) => this.learn(topology),
      position: (part: Part) => {
        const shape = part.slot < 0 ? undefined : this.routing.rangeOf(part.slot)?.shape;
        return shape === undefined ? null : this.seen.position(shape);
      },
    };
    return new NodeLink(id, address, events, () => this.nowMs());
  }

  private check(): void {
    for (const link of this.links.values()) link.check();
    if (!this.routing.anyConnected) this.askSeeds();
    this.arm();
  }

  /** Asks the seeds in turn, one at a time, for the topology. */
  private askSeeds(): void {
    if (this.asking || this.closed) return;
    this.asking = true;
    const seed = this.options.seeds[this.nextSeed++ % this.options.seeds.length]!;
    const channel = openChannel(seed);
    callUnary(channel, clusterMethods().GetTopology, {}, seedDeadlineMs, (error, response) => {
      channel.close();
      if (error === null && response !== undefined) {
        this.asking = false;
        this.learn(response.topology);
      } else {
        setTimeout(() => {
          this.asking = false;
          if (!this.routing.anyConnected) this.askSeeds();
        }, seedPauseMs * Math.random());
      }
    });
  }

  /** Sets the timer to the core's next need. */
  private arm(): void {
    const atMs = this.core.wakeAtMs;
    if (this.closed || atMs >= this.wakeAtMs) return;
    if (this.wake !== null) clearTimeout(this.wake);
    this.wakeAtMs = atMs;
    this.wake = setTimeout(
      () => {
        this.wake = null;
        this.wakeAtMs = Number.POSITIVE_INFINITY;
        this.core.tick(this.nowMs());
        this.arm();
      },
      Math.max(0, Math.ceil(atMs - this.nowMs())),
    );
  }
}

function routeTopology(topology: TopologyMessage): RouteTopology {
  return {
    members: topology.members.map(({ id, ports }) => ({ id, address: ports?.grpc ?? "" })),
    ranges: topology.ranges.map(({ id, firstSlot, lastSlot, leader, term, replicas }) => ({
      id,
      firstSlot,
      lastSlot,
      leader,
      term,
      replicas: replicas.map(({ node }) => node),
    })),
  };
}
