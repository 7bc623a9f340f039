import { assert } from "../../src/base/assert.js";
import { below } from "../../src/base/random.js";
import type { NodeId } from "../../src/base/units.js";
import type {
  Lane,
  PeerAddress,
  SnapshotReceiver,
  SnapshotSource,
  Transport,
  TransportHandler,
} from "../../src/ports/transport.js";
import type { SimHost } from "./sim-clock.js";
import type { Session, SimNetwork } from "./sim-network.js";

export interface SimTransportOptions {
  readonly network: SimNetwork;
  readonly host: SimHost;
  /** host:port, unique in the network. */
  readonly address: string;
  readonly queueLimitBytes?: number | undefined;
  readonly raftQueueLimitBytes?: number | undefined;
  readonly forwardQueueLimitBytes?: number | undefined;
}

interface LaneState {
  queuedBytes: number;
  queuedFrames: number;
  /** Frames of one lane arrive in order. */
  lastArrivalMs: number;
}

/** One end of a session. */
interface Link {
  readonly session: Session;
  readonly peer: SimTransport;
  readonly lanes: Readonly<Record<Lane, LaneState>>;
  up: boolean;
}

/** The frames that wait in a lane. */
export interface LaneQueue {
  readonly lane: Lane;
  readonly queuedBytes: number;
  readonly queuedFrames: number;
  readonly limitBytes: number;
}

const laneNames = ["raft", "bulk", "forward"] as const;
const snapshotStallMs = 10_000;

/** The network twin of the gRPC transport: the same promises, in simulated time. Frames are copied on arrival. */
export class SimTransport implements Transport {
  readonly host: SimHost;
  readonly ownAddress: string;
  self: NodeId = 0;
  private readonly network: SimNetwork;
  private readonly incarnation: number;
  private readonly limits: Readonly<Record<Lane, number>>;
  private handler: TransportHandler | null = null;
  private peers: readonly PeerAddress[] = [];
  private readonly links = new Map<NodeId, Link>();
  /** Addresses with an attempt under way. */
  private readonly dialling = new Set<string>();
  private closed = false;
  private readonly sources = new Set<SnapshotSource>();

  constructor(options: SimTransportOptions) {
    this.network = options.network;
    this.host = options.host;
    this.ownAddress = options.address;
    this.incarnation = options.host.incarnation;
    this.limits = {
      raft: options.raftQueueLimitBytes ?? 4 * 1024 * 1024,
      bulk: options.queueLimitBytes ?? 64 * 1024 * 1024,
      forward: options.forwardQueueLimitBytes ?? options.queueLimitBytes ?? 64 * 1024 * 1024,
    };
    this.host.onCrash(() => this.end());
    this.host.onPause(() => this.network.watchPaused(this));
  }

  get alive(): boolean {
    return !this.closed && this.host.incarnation === this.incarnation;
  }

  start(self: NodeId, handler: TransportHandler, done: (error: string | null) => void): void {
    assert(this.handler === null, "a transport starts once");
    this.self = self;
    this.handler = handler;
    this.inProcess(0, () => {
      if (this.network.listener(this.ownAddress) !== null) {
        done("address in use");
        return;
      }
      this.network.register(this);
      done(null);
      this.redial();
    });
  }

  address(): string {
    return this.ownAddress;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.peers = peers;
    for (const link of [...this.links.values()])
      if (!this.wants(link.peer)) this.network.breakSession(link.session);
    if (this.network.listener(this.ownAddress) === this) this.redial();
  }

  send(to: NodeId, lane: Lane, frame: Uint8Array): boolean {
    const link = this.links.get(to);
    if (link === undefined || !link.up) return false;
    const state = link.lanes[lane];
    if (state.queuedBytes > 0 && state.queuedBytes + frame.length > this.limits[lane]) {
      this.network.refusedFrames++;
      return false;
    }
    state.queuedBytes += frame.length;
    state.queuedFrames++;
    const { scheduler, bytesPerMs } = this.network;
    const earliestMs = scheduler.nowMs + this.network.delayMs(this.ownAddress, link.peer.ownAddress);
    state.lastArrivalMs = Math.max(state.lastArrivalMs, earliestMs) + frame.length / bytesPerMs;
    scheduler.at(state.lastArrivalMs, () => this.arrive(link, lane, frame));
    return true;
  }

  call(
    address: string,
    body: Uint8Array,
    deadlineMs: number,
    done: (error: string | null, body: Uint8Array | null) => void,
  ): void {
    let finished = false;
    const finish = (error: string | null, reply: Uint8Array | null): void => {
      if (finished) return;
      finished = true;
      done(error, reply);
    };
    this.inProcess(deadlineMs, () => finish("deadline exceeded", null));
    const request = body.slice();
    this.travel(this.ownAddress, address, () => {
      const target = this.network.listener(address);
      if (target === null || target.handler === null) {
        this.travel(address, this.ownAddress, () =>
          this.inProcess(0, () => finish("connection refused", null)),
        );
        return;
      }
      target.inProcess(0, () =>
        target.handler!.onCall(request, (reply) => {
          const answer = reply.slice();
          this.travel(address, this.ownAddress, () => this.inProcess(0, () => finish(null, answer)));
        }),
      );
    });
  }

  pullSnapshot(from: NodeId, request: Uint8Array, receiver: SnapshotReceiver): () => void {
    const address = this.addressOf(from);
    const target = address === null ? null : this.network.listener(address);
    let finished = false;
    let source: SnapshotSource | null = null;
    let progress = 0;
    const hangUp = (): void => {
      finished = true;
      if (source !== null && target?.sources.delete(source)) source.close();
    };
    const finish = (error: string | null): void => {
      if (finished) return;
      hangUp();
      receiver.onEnd(error);
    };
    const watch = (): void => {
      const seen = ++progress;
      this.inProcess(snapshotStallMs, () => {
        if (progress === seen) finish(`no chunk within ${snapshotStallMs} ms`);
      });
    };
    const answer = (sizeBytes: number, callback: () => void): void =>
      this.travel(target!.ownAddress, this.ownAddress, () => this.inProcess(0, callback), sizeBytes);
    const next = (): void => {
      source?.next((error, chunk) => {
        const copy = chunk === null ? null : chunk.slice();
        answer(copy?.length ?? 0, () => {
          if (finished) return;
          if (copy === null) {
            finish(error);
            return;
          }
          progress++;
          receiver.onChunk(copy, () => {
            if (finished) return;
            watch();
            this.travel(this.ownAddress, target!.ownAddress, () =>
              target!.inProcess(0, () => {
                if (!finished) next();
              }),
            );
          });
        });
      });
    };
    watch();
    if (target === null) this.inProcess(0, () => finish("the peer isn't there"));
    else {
      this.travel(this.ownAddress, target.ownAddress, () =>
        target.inProcess(0, () => {
          if (finished) return;
          source = target.handler!.openSnapshot(this.self, request.slice());
          if (source === null) answer(0, () => finish("there is no such snapshot"));
          else {
            target.sources.add(source);
            next();
          }
        }),
      );
    }
    return () => {
      if (!finished) hangUp();
    };
  }

  isUp(peer: NodeId): boolean {
    return this.links.get(peer)?.up ?? false;
  }

  queuedBytes(peer: NodeId): number {
    const lanes = this.links.get(peer)?.lanes;
    return lanes === undefined
      ? 0
      : lanes.raft.queuedBytes + lanes.bulk.queuedBytes + lanes.forward.queuedBytes;
  }

  /** What waits in each lane to each peer. */
  *queues(): Iterable<LaneQueue> {
    for (const { lanes } of this.links.values())
      for (const lane of laneNames) {
        const { queuedBytes, queuedFrames } = lanes[lane];
        yield { lane, queuedBytes, queuedFrames, limitBytes: this.limits[lane] };
      }
  }

  /** Whether something that was sent to the peer arrives later than `withinMs` from now. */
  isBehind(peer: SimTransport, withinMs: number): boolean {
    const lanes = this.links.get(peer.self)?.lanes;
    if (lanes === undefined) return false;
    const latestMs = this.network.scheduler.nowMs + withinMs;
    return Object.values(lanes).some(
      ({ queuedBytes, lastArrivalMs }) => queuedBytes > 0 && lastArrivalMs > latestMs,
    );
  }

  close(done: () => void): void {
    this.end();
    this.host.timers.endOfTurn(done);
  }

  /** The network tells an end that its session broke; the process hears of it a little later. */
  sessionBroken(session: Session): void {
    const peer = session.a === this ? session.b : session.a;
    this.inProcess(this.network.delayMs(), () => {
      const link = this.links.get(peer.self);
      if (link?.session !== session) return;
      this.links.delete(peer.self);
      if (link.up) this.handler?.onDown(peer.self);
      this.redial();
    });
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    for (const source of this.sources) source.close();
    this.sources.clear();
    this.links.clear();
    this.network.unregister(this);
  }

  /** Runs in this process after a while, unless it ended meanwhile. */
  private inProcess(delayMs: number, callback: () => void): void {
    this.network.scheduler.after(delayMs, () => {
      if (!this.alive) return;
      this.host.run(() => {
        if (this.alive) callback();
      });
    });
  }

  /** Over the network, behind any block. */
  private travel(from: string, to: string, callback: () => void, sizeBytes = 0): void {
    const delayMs = this.network.delayMs(from, to) + sizeBytes / this.network.bytesPerMs;
    this.network.scheduler.after(delayMs, () => this.network.whenReaches(from, to, callback));
  }

  private arrive(link: Link, lane: Lane, frame: Uint8Array): void {
    if (link.session.broken) return;
    const { peer } = link;
    this.network.whenReaches(this.ownAddress, peer.ownAddress, () => {
      if (link.session.broken) return;
      const copy = frame.slice();
      // A process that is stopped doesn't read: the frame goes on taking room at its sender.
      peer.inProcess(0, () => {
        link.lanes[lane].queuedBytes -= frame.length;
        link.lanes[lane].queuedFrames--;
        if (peer.links.get(this.self)?.session === link.session) peer.handler?.onFrame(this.self, lane, copy);
      });
    });
  }

  private wants(peer: SimTransport): boolean {
    for (const { id, address } of this.peers)
      if (id === peer.self || (id === 0 && address === peer.ownAddress)) return true;
    return false;
  }

  private addressOf(id: NodeId): string | null {
    for (const peer of this.peers) if (peer.id === id) return peer.address;
    return this.links.get(id)?.peer.ownAddress ?? null;
  }

  private redial(): void {
    for (const { id, address } of this.peers)
      if (id !== this.self && address !== this.ownAddress) this.dial(address);
  }

  private dial(address: string): void {
    if (this.dialling.has(address)) return;
    this.dialling.add(address);
    this.inProcess(50 + below(this.network.random, 100), () => {
      this.dialling.delete(address);
      if (!this.peers.some((peer) => peer.address === address)) return;
      const target = this.network.listener(address);
      if (target !== null && this.links.get(target.self)?.session.broken === false) return;
      if (target === null || !this.greet(target)) this.dial(address);
    });
  }

  /** @returns false when it has to be tried again. */
  private greet(target: SimTransport): boolean {
    const { network } = this;
    if (
      !network.reaches(this.ownAddress, target.ownAddress) ||
      !network.reaches(target.ownAddress, this.ownAddress)
    )
      return false;
    if (!target.alive || target.host.paused) return false;
    // An end that hasn't heard of the last break yet isn't ready for the next session.
    if (this.links.has(target.self) || target.links.has(this.self)) return false;
    const mine = this.handler!;
    const theirs = target.handler!;
    if (!mine.onHello(target.self, target.ownAddress, theirs.hello().slice())) return false;
    if (!theirs.onHello(this.self, this.ownAddress, mine.hello().slice())) return false;
    if (!target.wants(this) || !this.wants(target)) return false;
    const session = network.connect(this, target);
    this.join(session, target);
    target.join(session, this);
    return true;
  }

  private join(session: Session, peer: SimTransport): void {
    const lane = (): LaneState => ({ queuedBytes: 0, queuedFrames: 0, lastArrivalMs: 0 });
    const link: Link = { session, peer, lanes: { raft: lane(), bulk: lane(), forward: lane() }, up: false };
    this.links.set(peer.self, link);
    this.inProcess(this.network.delayMs(), () => {
      if (this.links.get(peer.self) !== link || session.broken) return;
      link.up = true;
      this.handler?.onUp(peer.self);
    });
  }
}
