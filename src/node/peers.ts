import { ByteReader, DecodeError, emptyBytes } from "../base/bytes.js";
import type { MonotonicMs, NodeId } from "../base/units.js";
import type { MetaTables } from "../placement/tables.js";
import type { Lane, PeerAddress, TransportHandler } from "../ports/transport.js";
import { controlKinds } from "./control-calls.js";
import { forwardTypes, readLeaders, writeLeaders } from "./forward-codec.js";
import { decodeHello, encodeHello } from "./hello.js";
import type { QuorateNode } from "./node.js";
import { decodeRequest } from "./snapshotter.js";

/** In place of the time since when a peer is up: it stops, and gets no leaderships. */
const draining: MonotonicMs = Number.POSITIVE_INFINITY;

/** The other nodes: who is up, what they said when they greeted, and where their frames go. */
export class Peers {
  private readonly node: QuorateNode;
  private readonly upSinceMs = new Map<NodeId, MonotonicMs>();
  private readonly greeted = new Set<NodeId>();

  constructor(node: QuorateNode) {
    this.node = node;
  }

  isUp(peer: NodeId): boolean {
    return this.upSinceMs.has(peer);
  }
  /** null when it isn't up; infinite when it is about to stop. */
  upSince(peer: NodeId): MonotonicMs | null {
    return this.upSinceMs.get(peer) ?? null;
  }
  /** Up, and not about to stop. */
  stays(peer: NodeId): boolean {
    const sinceMs = this.upSinceMs.get(peer);
    return sinceMs !== undefined && sinceMs !== draining;
  }
  hasGreeted(peer: NodeId): boolean {
    return this.greeted.has(peer);
  }
  all(): Iterable<NodeId> {
    return this.upSinceMs.keys();
  }
  get someStay(): boolean {
    return [...this.upSinceMs.keys()].some((peer) => this.stays(peer));
  }

  /** Sends a frame of the forward lane to every peer that is up. */
  broadcast(frame: Uint8Array): void {
    for (const peer of this.upSinceMs.keys())
      this.node.options.transport.send(peer, "forward", frame.slice());
  }
  tellAll(kind: number, body: Uint8Array): void {
    for (const peer of this.upSinceMs.keys()) this.node.calls.tell(peer, kind, body);
  }

  /** What the transport calls. */
  handler(): TransportHandler {
    return {
      hello: () =>
        encodeHello({
          clusterId: this.node.document?.clusterId ?? "",
          durableSequence: this.node.engine.recorder.durableSequence,
          remembered: [...this.greeted].map(
            (peer) => [peer, this.node.engine.links.peerSequence(peer)] as const,
          ),
        }),
      onHello: (from: NodeId, address: string, bytes: Uint8Array) => this.onHello(from, address, bytes),
      onUp: (peer: NodeId) => this.up(peer),
      onDown: (peer: NodeId) => this.down(peer),
      onFrame: (from: NodeId, lane: Lane, frame: Uint8Array) => this.onFrame(from, lane, frame),
      onCall: (body: Uint8Array, reply: (body: Uint8Array) => void) => {
        if (!this.node.bootstrap?.onCall(body, reply)) reply(emptyBytes);
      },
      openSnapshot: (_from: NodeId, bytes: Uint8Array) => {
        const request = decodeRequest(bytes);
        if (request === null) return null;
        const replica = this.node.engine.replicas.get(request.range);
        if (replica === undefined || replica.id !== request.holder) return null;
        return this.node.snapshotter.openSource(replica, request.receiver);
      },
    };
  }

  private onHello(from: NodeId, address: string, bytes: Uint8Array): boolean {
    const hello = decodeHello(bytes);
    if (!hello.ok) return false;
    const { clusterId, remembered } = hello.value;
    const ours = this.node.document?.clusterId ?? "";
    if (ours !== "" && clusterId !== "" && clusterId !== ours) {
      this.node.options.telemetry.log.error(
        { from: address, clusterId },
        "a node of another cluster was refused",
      );
      return false;
    }
    const known = this.node.membership.tables?.members.find((member) => member.id === from);
    if (known?.state === "dead") return false;
    this.node.engine.links.received(from, 0, 0, hello.value.durableSequence);
    this.greeted.add(from);
    for (const [node, sequence] of remembered)
      if (node === this.node.self && sequence > this.node.engine.recorder.durableSequence)
        this.node.replicaSet.lostRecords(sequence);
    return true;
  }

  private up(peer: NodeId): void {
    this.upSinceMs.set(peer, this.node.clock.nowMs);
    this.node.options.telemetry.log.info({ peer }, "peer is up");
    const led = [...this.node.engine.replicas.values()].filter((replica) => replica.leads);
    this.node.options.transport.send(
      peer,
      "forward",
      writeLeaders(led.map((replica) => [replica.range, replica.group.status().term] as const)),
    );
    this.node.membership.tellTables(peer);
    this.node.engine.wakeEverything();
    this.node.topologyChanged();
  }

  private down(peer: NodeId): void {
    this.upSinceMs.delete(peer);
    this.node.options.telemetry.log.warn({ peer }, "peer is down");
    const { nowMs } = this.node.clock;
    for (const replica of this.node.engine.replicas.values()) {
      const { leader } = replica.group.status();
      for (const [id, node] of replica.nodeOf) {
        if (node !== peer) continue;
        if (id === leader && !replica.leads) replica.group.leaderUnreachable(nowMs);
        else if (replica.leads) replica.group.reportUnreachable(id);
      }
      this.node.engine.wake(replica);
    }
    for (const route of [this.node.metaRoute, ...this.node.routing.routes.values()])
      if (route.leader === peer) this.node.routing.lost(route, nowMs);
    this.node.gateway.forwarder.peerDown(peer);
    this.node.receiver.peerDown(peer);
    this.node.calls.peerDown(peer);
    this.node.engine.links.reset(peer);
    this.node.topologyChanged();
  }

  private onFrame(from: NodeId, lane: Lane, frame: Uint8Array): void {
    if (this.node.closed) return;
    try {
      if (lane === "forward") this.onForward(from, frame);
      else this.node.engine.onFrame(from, frame);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.node.options.telemetry.log.error(
        { from, lane, reason: error.message },
        "a malformed frame was dropped",
      );
    }
  }

  private onForward(from: NodeId, frame: Uint8Array): void {
    const reader = new ByteReader(frame);
    const type = reader.u8();
    switch (type) {
      case forwardTypes.commands:
        this.node.receiver.onCommands(from, reader);
        break;
      case forwardTypes.replies:
        this.node.gateway.forwarder.onReplies(from, reader);
        break;
      case forwardTypes.leaders:
        readLeaders(reader, (range, term) => {
          const route = this.node.leaders.routeOf(range);
          if (route !== null) this.node.leaders.take(route, from, term);
        });
        break;
      case forwardTypes.request:
        this.node.calls.onRequest(from, reader);
        break;
      case forwardTypes.response:
        this.node.calls.onResponse(reader);
        break;
      case forwardTypes.closed:
        this.node.receiver.onClosed(from, reader);
        break;
      default:
        throw new DecodeError(`forward frame of type ${type}`);
    }
    this.node.engine.schedule();
  }

  /** A peer's control call. */
  answer(
    from: NodeId,
    kind: number,
    body: Uint8Array,
    reply: (error: string | null, body: Uint8Array) => void,
  ): void {
    if (kind === controlKinds.propose) this.node.membership.onPropose(body, reply);
    else if (kind === controlKinds.confirmTables) this.node.membership.onConfirmTables(body, reply);
    else if (kind === controlKinds.tables) {
      this.node.membership.onTables(body);
      this.node.replicaSet.toldByPeer();
    } else if (kind === controlKinds.statistics) this.node.statistics.take(from, body);
    else if (kind === controlKinds.draining) this.upSinceMs.set(from, draining);
  }

  /**
   * By address alone: an emptied member comes back under a new id, which meta must be asked to take in. `--initial`
   * counts too: members that all moved find one another there, and announce where they are.
   */
  addresses(tables: MetaTables): readonly PeerAddress[] {
    const { address: own, initial } = this.node.options;
    const members = tables.members.filter(
      (member) => member.id !== this.node.self && member.state !== "dead",
    );
    const addresses = new Set([...members.map((member) => member.address), ...initial]);
    addresses.delete(own);
    return [...addresses].map((address) => ({ id: 0, address }));
  }
}
