import { below, type Random } from "../base/random.js";
import type { MonotonicMs, NodeId } from "../base/units.js";
import type { Transport } from "../ports/transport.js";
import { FrameBuilder } from "../raft/frame-codec.js";
import { type Message, messageTypes } from "../raft/types.js";
import type { TurnClock } from "./clocks.js";

/** Appends above this travel on the bulk lane, where heartbeats overtake them. */
const bulkBytes = 64 * 1024;
/** How many sent frames are remembered until they are echoed. */
const rememberedFrames = 256;
/**
 * Frames are numbered from a multiple of this on that each process draws: a stream may still hand on what a process sent
 * that has ended, after another one has taken its place, and an echo of that must not be taken for one of the latter's.
 */
const numbersOfProcess = 2 ** 32;
const processes = 2 ** 20;

interface Link {
  readonly peer: NodeId;
  readonly control: FrameBuilder;
  readonly bulk: FrameBuilder;
  controlOpen: boolean;
  bulkOpen: boolean;
  /** Newest frame number received from the peer. */
  received: number;
  nextNumber: number;
  /** When frame n was sent, at n mod rememberedFrames. */
  readonly sentAtMs: Float64Array;
  /** Highest durable sequence that the peer told. */
  peerSequence: number;
}

/** Raft frames to the peers: one per turn and peer for all ranges, and one more where entries are large. */
export class PeerLinks {
  private readonly links = new Map<NodeId, Link>();
  private readonly transport: Transport;
  private readonly clock: TurnClock;
  private readonly durableSequence: () => number;
  private readonly firstNumber: number;
  private open: Link[] = [];

  constructor(transport: Transport, clock: TurnClock, durableSequence: () => number, random: Random) {
    this.firstNumber = (1 + below(random, processes)) * numbersOfProcess;
    this.transport = transport;
    this.clock = clock;
    this.durableSequence = durableSequence;
  }

  add(peer: NodeId, message: Message): void {
    const link = this.link(peer);
    if (!link.controlOpen && !link.bulkOpen) this.open.push(link);
    if (message.type === messageTypes.append && entryBytes(message) > bulkBytes) {
      if (!link.bulkOpen) this.begin(link, link.bulk);
      link.bulkOpen = true;
      link.bulk.add(message);
    } else {
      if (!link.controlOpen) this.begin(link, link.control);
      link.controlOpen = true;
      link.control.add(message);
    }
  }

  private begin(link: Link, builder: FrameBuilder): void {
    const number = link.nextNumber++;
    link.sentAtMs[number % rememberedFrames] = this.clock.leaseNowMs;
    builder.begin({
      durableSequence: this.durableSequence(),
      number,
      echo: link.received,
      wallClockMs: Math.floor(this.clock.wallMs),
    });
  }

  flush(): void {
    if (this.open.length === 0) return;
    for (const link of this.open) {
      if (link.controlOpen) this.transport.send(link.peer, "raft", link.control.finish());
      if (link.bulkOpen) this.transport.send(link.peer, "bulk", link.bulk.finish());
      link.controlOpen = false;
      link.bulkOpen = false;
    }
    this.open = [];
  }

  /**
   * Notes what a frame's header tells.
   * @returns when the frame that it echoes was sent, or null without a usable echo.
   */
  received(peer: NodeId, number: number, echo: number, durableSequence: number): MonotonicMs | null {
    const link = this.link(peer);
    if (number > link.received || !isOfProcess(number, link.received)) link.received = number;
    if (durableSequence > link.peerSequence) link.peerSequence = durableSequence;
    if (echo === 0 || echo >= link.nextNumber || echo < link.nextNumber - rememberedFrames) return null;
    return link.sentAtMs[echo % rememberedFrames]!;
  }

  /** The highest durable sequence that this peer ever told us; 0 without any. */
  peerSequence(peer: NodeId): number {
    return this.links.get(peer)?.peerSequence ?? 0;
  }

  /** A stream ended: numbers of the next incarnation start anew, what the peer's log promised is kept. */
  reset(peer: NodeId): void {
    const link = this.links.get(peer);
    if (link) link.received = 0;
  }

  private link(peer: NodeId): Link {
    let link = this.links.get(peer);
    if (link === undefined) {
      link = {
        peer,
        control: new FrameBuilder(),
        bulk: new FrameBuilder(),
        controlOpen: false,
        bulkOpen: false,
        received: 0,
        nextNumber: this.firstNumber,
        sentAtMs: new Float64Array(rememberedFrames),
        peerSequence: 0,
      };
      this.links.set(peer, link);
    }
    return link;
  }
}

/** Whether two frames' numbers were given by one process. */
function isOfProcess(a: number, b: number): boolean {
  return Math.floor(a / numbersOfProcess) === Math.floor(b / numbersOfProcess);
}

function entryBytes(message: Message): number {
  let bytes = 0;
  for (const entry of message.entries) bytes += entry.data.length;
  return bytes;
}
