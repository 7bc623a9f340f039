import type { NodeId } from "../base/units.js";
import type { Lane } from "../ports/transport.js";
import type { OutgoingStream } from "./acceptor.js";
import { FrameWriter, type LaneLimits } from "./frame-writer.js";
import { type StreamKind, streamOf } from "./wire.js";

interface Outgoing {
  readonly stream: OutgoingStream;
  readonly writer: FrameWriter;
}

/** Who keeps the streams on which a peer's frames come. */
export interface Receiver {
  /** Gives the stream up and dials again. */
  reset(kind: StreamKind, reason: string): void;
}

const kinds = ["raft", "forward"] as const;

const lanesOf: Readonly<Record<StreamKind, readonly Lane[]>> = {
  raft: ["raft", "bulk"],
  forward: ["forward"],
};

/**
 * All streams with one node. It is up when both directions of both kinds work, and down as soon as one breaks: what
 * was under way on that one is lost, and whoever waits for an answer must hear of it.
 */
export class PeerLink {
  private readonly outgoing: Record<StreamKind, Outgoing | null> = { raft: null, forward: null };
  /** Who receives from this peer; null while nobody does. */
  readonly incoming: Record<StreamKind, Receiver | null> = { raft: null, forward: null };
  /** The peer's process that greeted last; 0: none yet. */
  private process = 0;
  /** As the peer announced it. */
  address = "";
  /** Was among the peers that we keep streams with. */
  named = false;
  up = false;

  constructor(
    readonly id: NodeId,
    private readonly laneLimits: LaneLimits,
    private readonly onBytes: (count: number) => void,
    private readonly onChange: (link: PeerLink) => void,
  ) {}

  /**
   * A process greets. What another one of the same node sent before it ended may still come out of a slow network, and would
   * be taken for this one's: none of its streams may be left.
   */
  meet(process: number): void {
    const { process: former, incoming } = this;
    this.process = process;
    if (former === 0 || former === process) return;
    const reason = "another process of the node took its place";
    this.closeOutgoing(reason);
    for (const kind of kinds) incoming[kind]?.reset(kind, reason);
  }

  /** A newer stream replaces an older one: the peer knows best that it gave the old one up. */
  addOutgoing(kind: StreamKind, stream: OutgoingStream): void {
    const old = this.outgoing[kind];
    if (old !== null) {
      this.dropOutgoing(kind, old.stream);
      old.stream.close("replaced by a newer stream");
    }
    const writer = new FrameWriter(stream, lanesOf[kind], this.laneLimits, this.onBytes);
    this.outgoing[kind] = { stream, writer };
    this.refresh();
  }

  dropOutgoing(kind: StreamKind, stream: OutgoingStream): void {
    const outgoing = this.outgoing[kind];
    if (outgoing === null || outgoing.stream !== stream) return;
    outgoing.writer.close();
    this.outgoing[kind] = null;
    this.refresh();
  }

  /** @returns false when another receiver holds this end already. */
  addIncoming(kind: StreamKind, receiver: Receiver): boolean {
    if (this.incoming[kind] !== null && this.incoming[kind] !== receiver) return false;
    this.incoming[kind] = receiver;
    this.refresh();
    return true;
  }

  dropIncoming(kind: StreamKind, receiver: Receiver): void {
    if (this.incoming[kind] !== receiver) return;
    this.incoming[kind] = null;
    this.refresh();
  }

  send(lane: Lane, frame: Uint8Array): boolean {
    const outgoing = this.outgoing[streamOf(lane)];
    if (!this.up || outgoing === null) return false;
    return outgoing.writer.send(lane, frame);
  }

  get queuedBytes(): number {
    return (this.outgoing.raft?.writer.queuedBytes ?? 0) + (this.outgoing.forward?.writer.queuedBytes ?? 0);
  }

  /** Pings where nothing else was said, and gives up streams that took nothing for `maxTicks`. */
  tick(maxTicks: number): void {
    for (const kind of kinds) {
      const outgoing = this.outgoing[kind];
      if (outgoing === null || outgoing.writer.tick() < maxTicks) continue;
      this.dropOutgoing(kind, outgoing.stream);
      outgoing.stream.close("the peer takes nothing");
    }
  }

  closeOutgoing(reason: string): void {
    for (const kind of kinds) {
      const outgoing = this.outgoing[kind];
      if (outgoing === null) continue;
      this.dropOutgoing(kind, outgoing.stream);
      outgoing.stream.close(reason);
    }
  }

  private refresh(): void {
    const { outgoing, incoming } = this;
    const works =
      outgoing.raft !== null &&
      outgoing.forward !== null &&
      incoming.raft !== null &&
      incoming.forward !== null;
    if (works === this.up) return;
    this.up = works;
    this.onChange(this);
  }
}
