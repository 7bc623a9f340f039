import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { assert } from "../base/assert.js";
import { limits } from "../base/limits.js";
import { formatNodeId, type NodeId } from "../base/units.js";
import type { Logger, Telemetry } from "../ports/telemetry.js";
import type { Lane, PeerAddress, SnapshotReceiver, Transport, TransportHandler } from "../ports/transport.js";
import { acceptStream } from "./acceptor.js";
import type { LaneLimits } from "./frame-writer.js";
import { PeerDial } from "./peer-dial.js";
import { PeerLink } from "./peer-link.js";
import { splitAddress } from "./probe.js";
import { pullSnapshot, serveSnapshot } from "./snapshot-stream.js";
import { callOnce } from "./unary-call.js";
import {
  asBuffer,
  asBytes,
  encodeGreeting,
  type Greeting,
  peerService,
  type StreamKind,
  serverOptions,
} from "./wire.js";

export interface GrpcTransportOptions {
  /** host:port; port 0 takes a free one. */
  readonly listen: string;
  /** host:port that peers dial; port 0 stands for the port that is listened on. */
  readonly advertise: string;
  readonly log: Logger;
  readonly telemetry?: Telemetry;
  /** Bound of the lanes bulk and forward, each, per peer. Default 64 MiB. */
  readonly queueLimitBytes?: number;
  /** Bound of the lane raft per peer. Default 4 MiB. */
  readonly raftQueueLimitBytes?: number;
  /** A larger incoming frame breaks the stream. Default: the largest value and 16 MiB. */
  readonly maxFrameBytes?: number;
  /** For connecting and greeting, each. Default 2000. */
  readonly dialTimeoutMs?: number;
  /** A stream without a byte for this long is given up. Default 3000. */
  readonly livenessMs?: number;
  /** Where to dial in place of an announced address; those without an entry are dialled as announced. */
  readonly natMap?: ReadonlyMap<string, string>;
}

export interface GrpcTransport extends Transport {
  /** host:port as bound: after `start` called back without an error. */
  address(): string;
}

const livenessTicks = 6;
const closeGraceMs = 300;

export function createGrpcTransport(options: GrpcTransportOptions): GrpcTransport {
  return new PeerTransport(options);
}

class PeerTransport implements GrpcTransport {
  private readonly log: Logger;
  private readonly server = new Server(serverOptions);
  private readonly links = new Map<NodeId, PeerLink>();
  private readonly dials = new Map<string, PeerDial>();
  /** Ends of what is under way besides the streams. */
  private readonly cancels = new Set<() => void>();
  private readonly laneLimits: LaneLimits;
  private readonly dialTimeoutMs: number;
  /** No two processes of a node that start one after the other have the same. */
  private readonly process = Date.now() * 1024 + Math.floor(Math.random() * 1024);
  private peers: readonly PeerAddress[] = [];
  private self: NodeId = 0;
  private handler: TransportHandler | null = null;
  private ticker: NodeJS.Timeout | null = null;
  private boundPort = 0;
  private closed = false;

  constructor(private readonly options: GrpcTransportOptions) {
    this.log = options.log;
    const queueLimitBytes = options.queueLimitBytes ?? 64 * 1024 * 1024;
    this.laneLimits = {
      raftBytes: options.raftQueueLimitBytes ?? 4 * 1024 * 1024,
      bulkBytes: queueLimitBytes,
      forwardBytes: queueLimitBytes,
    };
    this.dialTimeoutMs = options.dialTimeoutMs ?? 2000;
  }

  start(self: NodeId, handler: TransportHandler, done: (error: string | null) => void): void {
    assert(this.handler === null, "a transport starts once");
    assert(self > 0, "a transport needs a node id");
    this.self = self;
    this.handler = handler;
    this.server.addService(peerService, {
      frames: (call: ServerDuplexStream<Buffer, Buffer>) => loudly(() => this.accept("raft", call)),
      forward: (call: ServerDuplexStream<Buffer, Buffer>) => loudly(() => this.accept("forward", call)),
      call: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) =>
        loudly(() => handler.onCall(asBytes(call.request), (body) => reply(null, asBuffer(body)))),
      snapshot: (call: ServerWritableStream<Buffer, Buffer>) =>
        loudly(() =>
          serveSnapshot(call, (from, request) => handler.openSnapshot(from, request), this.countOut),
        ),
    });
    this.server.bindAsync(this.options.listen, ServerCredentials.createInsecure(), (error, port) => {
      if (error !== null) {
        done(error.message);
        return;
      }
      if (this.closed) {
        done("closed");
        return;
      }
      this.boundPort = port;
      this.ticker = setInterval(this.tick, (this.options.livenessMs ?? 3000) / livenessTicks);
      done(null);
      this.redial();
    });
  }

  address(): string {
    return withPort(this.options.listen, this.boundPort);
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.peers = peers;
    if (this.boundPort > 0 && !this.closed) this.redial();
  }

  send(to: NodeId, lane: Lane, frame: Uint8Array): boolean {
    return this.links.get(to)?.send(lane, frame) ?? false;
  }

  call(
    address: string,
    body: Uint8Array,
    deadlineMs: number,
    done: (error: string | null, body: Uint8Array | null) => void,
  ): void {
    const cancel = callOnce(this.reached(address), body, deadlineMs, (error, reply) => {
      this.cancels.delete(cancel);
      done(error, reply);
    });
    this.cancels.add(cancel);
  }

  pullSnapshot(from: NodeId, request: Uint8Array, receiver: SnapshotReceiver): () => void {
    const address = this.addressOf(from);
    if (address === null) {
      const refused = setImmediate(() => receiver.onEnd("the peer's address isn't known"));
      return () => clearImmediate(refused);
    }
    const cancel = pullSnapshot(
      this.self,
      this.reached(address),
      request,
      {
        onChunk: receiver.onChunk.bind(receiver),
        onEnd: (error) => {
          this.cancels.delete(cancel);
          receiver.onEnd(error);
        },
      },
      this.countIn,
    );
    this.cancels.add(cancel);
    return () => {
      this.cancels.delete(cancel);
      cancel();
    };
  }

  isUp(peer: NodeId): boolean {
    return this.links.get(peer)?.up ?? false;
  }

  queuedBytes(peer: NodeId): number {
    return this.links.get(peer)?.queuedBytes ?? 0;
  }

  close(done: () => void): void {
    this.closed = true;
    if (this.ticker !== null) clearInterval(this.ticker);
    for (const dial of this.dials.values()) dial.close();
    this.dials.clear();
    for (const link of this.links.values()) link.closeOutgoing("the node is stopping");
    this.links.clear();
    for (const cancel of [...this.cancels]) cancel();
    let isDone = false;
    const finish = (): void => {
      if (isDone) return;
      isDone = true;
      clearTimeout(force);
      done();
    };
    // A connection whose other side never ends it is not waited for: Node.js's HTTP/2 would.
    const force = setTimeout(() => {
      this.server.forceShutdown();
      finish();
    }, closeGraceMs);
    this.server.tryShutdown(finish);
  }

  private readonly countIn = (count: number): void => this.options.telemetry?.bytesIn("peer", count);
  private readonly countOut = (count: number): void => this.options.telemetry?.bytesOut("peer", count);

  private readonly tick = (): void => {
    for (const link of this.links.values()) link.tick(livenessTicks);
    for (const dial of this.dials.values()) dial.tick(livenessTicks);
  };

  private get started(): TransportHandler {
    assert(this.handler !== null, "the transport hasn't started");
    return this.handler;
  }

  private greeting(): Buffer {
    return encodeGreeting({
      id: this.self,
      process: this.process,
      address: withPort(this.options.advertise, this.boundPort),
      hello: this.started.hello(),
    });
  }

  /** @returns why the peer is refused, or null. */
  private judge(greeting: Greeting): string | null {
    if (this.closed) return "the node is stopping";
    if (greeting.id === this.self) return "this is the node itself";
    const { id, address, hello } = greeting;
    if (id === 0 || !this.started.onHello(id, address, hello)) return "the hello was refused";
    return null;
  }

  private accept(kind: StreamKind, call: ServerDuplexStream<Buffer, Buffer>): void {
    acceptStream(call, this.dialTimeoutMs, {
      greeting: () => this.greeting(),
      accept: (greeting) => {
        const refusal = this.judge(greeting);
        if (refusal !== null)
          this.log.debug({ from: greeting.address, kind, refusal }, "peer stream refused");
        return refusal;
      },
      established: (from, stream) => {
        if (this.closed) {
          stream.close("the node is stopping");
          return;
        }
        const link = this.link(from.id);
        link.address = from.address;
        link.meet(from.process);
        link.addOutgoing(kind, stream);
      },
      broken: (from, stream, reason) => {
        this.log.debug({ peer: formatNodeId(from.id), kind, reason }, "outgoing peer stream broke");
        this.links.get(from.id)?.dropOutgoing(kind, stream);
      },
    });
  }

  private link(id: NodeId): PeerLink {
    const known = this.links.get(id);
    if (known !== undefined) return known;
    const link = new PeerLink(id, this.laneLimits, this.countOut, (changed) => this.changed(changed));
    link.named = this.isNamed(id);
    this.links.set(id, link);
    return link;
  }

  private changed(link: PeerLink): void {
    if (this.closed) return;
    this.log.info({ peer: formatNodeId(link.id), address: link.address }, link.up ? "peer up" : "peer down");
    if (link.up) this.started.onUp(link.id);
    else this.started.onDown(link.id);
  }

  private isNamed(id: NodeId): boolean {
    for (const peer of this.peers) if (peer.id === id) return true;
    for (const dial of this.dials.values()) if (dial.boundId === id) return true;
    return false;
  }

  /** Makes the dials what `peers` says. */
  private redial(): void {
    const wanted = new Map<string, NodeId>();
    for (const { id, address } of this.peers)
      if (id !== this.self && address !== "") wanted.set(address, id === 0 ? (wanted.get(address) ?? 0) : id);
    for (const [address, dial] of this.dials) {
      if (wanted.has(address)) continue;
      this.dials.delete(address);
      dial.close();
    }
    for (const [address, id] of wanted) {
      let dial = this.dials.get(address);
      if (dial === undefined) {
        dial = this.newDial(address);
        this.dials.set(address, dial);
      }
      dial.expect(id);
    }
    this.dropUnnamed();
  }

  private newDial(address: string): PeerDial {
    return new PeerDial(this.reached(address), {
      log: this.log,
      timeoutMs: this.dialTimeoutMs,
      maxFrameBytes: this.options.maxFrameBytes ?? limits.maxValueBytes + 16 * 1024 * 1024,
      greeting: () => this.greeting(),
      judge: (greeting) => this.judge(greeting),
      link: (id) => this.link(id),
      onFrame: (from, lane, frame) => {
        if (!this.closed) this.started.onFrame(from, lane, frame);
      },
      onBytes: this.countIn,
    });
  }

  private dropUnnamed(): void {
    for (const link of this.links.values()) {
      const named = this.isNamed(link.id);
      if (link.named && !named) link.closeOutgoing("not a peer any more");
      link.named = named;
    }
  }

  private reached(announced: string): string {
    return this.options.natMap?.get(announced) ?? announced;
  }

  private addressOf(id: NodeId): string | null {
    for (const [address, dial] of this.dials) if (dial.boundId === id) return address;
    for (const peer of this.peers) if (peer.id === id) return peer.address;
    const announced = this.links.get(id)?.address ?? "";
    return announced === "" ? null : announced;
  }
}

/** grpc-js answers what a server's handler throws with a status: here it must end the process (safety 74). */
function loudly(run: () => void): void {
  try {
    run();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

function withPort(address: string, boundPort: number): string {
  return splitAddress(address)?.port === 0 ? address.replace(/:0+$/, `:${boundPort}`) : address;
}
