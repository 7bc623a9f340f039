import { formatNodeId, type NodeId } from "../base/units.js";
import type { Logger } from "../ports/telemetry.js";
import type { Lane } from "../ports/transport.js";
import { Dialer } from "./dialer.js";
import { FrameReader } from "./frame-reader.js";
import type { PeerLink, Receiver } from "./peer-link.js";
import type { Greeting, StreamKind } from "./wire.js";

export interface PeerDialOptions {
  readonly log: Logger;
  readonly timeoutMs: number;
  readonly maxFrameBytes: number;
  greeting(): Buffer;
  /** @returns why the peer is refused, or null. */
  judge(greeting: Greeting): string | null;
  link(id: NodeId): PeerLink;
  onFrame(from: NodeId, lane: Lane, frame: Uint8Array): void;
  onBytes(count: number): void;
}

const kinds = ["raft", "forward"] as const;

/** Keeps both kinds of incoming streams from the node at one address, whoever that turns out to be. */
export class PeerDial implements Receiver {
  /** Whom the last greeting named; 0: nobody yet. */
  boundId: NodeId = 0;
  private expectedId: NodeId = 0;
  private readonly dialers: readonly Dialer[];
  /** The link that a dialer's established stream belongs to. */
  private readonly joined = new Map<StreamKind, PeerLink>();
  private lastFailure = "";

  constructor(
    readonly address: string,
    private readonly options: PeerDialOptions,
  ) {
    this.dialers = kinds.map((kind) => this.newDialer(kind));
    for (const dialer of this.dialers) dialer.dial();
  }

  /** Who must answer here; 0 takes anybody. */
  expect(id: NodeId): void {
    this.expectedId = id;
    if (id === 0 || this.boundId === 0 || this.boundId === id) return;
    this.boundId = 0;
    for (const dialer of this.dialers) if (dialer.established) dialer.reset("another node lives here");
  }

  reset(kind: StreamKind, reason: string): void {
    this.dialers[kinds.indexOf(kind)]!.reset(reason);
  }

  tick(maxTicks: number): void {
    for (const dialer of this.dialers)
      if (dialer.tick() >= maxTicks) dialer.reset("nothing came from the peer");
  }

  close(): void {
    for (const dialer of this.dialers) dialer.close();
    for (const kind of kinds) this.leave(kind);
  }

  private newDialer(kind: StreamKind): Dialer {
    let reader: FrameReader | null = null;
    return new Dialer(this.address, kind, this.options.timeoutMs, {
      greeting: () => this.options.greeting(),
      accept: (greeting) => {
        const refusal = this.judge(kind, greeting);
        if (refusal !== null) return refusal;
        const from = greeting.id;
        this.boundId = from;
        const link = this.options.link(from);
        link.address = greeting.address;
        this.joined.set(kind, link);
        reader = new FrameReader(kind, this.options.maxFrameBytes, (lane, frame) =>
          this.options.onFrame(from, lane, frame),
        );
        return null;
      },
      established: () => {
        this.lastFailure = "";
        this.joined.get(kind)?.addIncoming(kind, this);
      },
      broken: (reason) => {
        this.report(kind, reason);
        this.leave(kind);
      },
      message: (message) => {
        this.options.onBytes(message.length);
        return reader === null ? "no reader" : reader.read(message);
      },
      failed: (reason) => this.report(kind, reason),
    });
  }

  private judge(kind: StreamKind, greeting: Greeting): string | null {
    if (this.expectedId !== 0 && greeting.id !== this.expectedId)
      return `expected node ${formatNodeId(this.expectedId)}, met ${formatNodeId(greeting.id)}`;
    const refusal = this.options.judge(greeting);
    if (refusal !== null) return refusal;
    const link = this.options.link(greeting.id);
    link.meet(greeting.process);
    const holder = link.incoming[kind];
    // Two addresses of one node: the first one that answered keeps the stream.
    return holder === null || holder === this ? null : "already joined by another address";
  }

  private leave(kind: StreamKind): void {
    const link = this.joined.get(kind);
    this.joined.delete(kind);
    link?.dropIncoming(kind, this);
  }

  /** Dialling goes on for ever: each reason is told once. */
  private report(kind: StreamKind, reason: string): void {
    if (reason === this.lastFailure) return;
    this.lastFailure = reason;
    this.options.log.info({ address: this.address, kind, reason }, "peer stream not established");
  }
}
