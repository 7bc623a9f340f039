import { type ByteReader, ByteWriter } from "../base/bytes.js";
import type { MonotonicMs, NodeId, RangeId, Term } from "../base/units.js";
import { RecordingSink } from "../commands/reply-codec.js";
import type { ReplySink } from "../commands/reply-sink.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { Transport } from "../ports/transport.js";
import { CommandStream, type FlushList } from "./command-stream.js";
import { commandBits, forwardTypes, positionsPerBatch, replyStatus } from "./forward-codec.js";
import type { ReadFreshness, ReplyTarget } from "./service.js";

/**
 * Replies to one gateway, recorded straight into the frame that carries them: one frame per turn. A reply is said once, so
 * frames that find the lane full are kept until there is room.
 */
class ReplyBox implements ReplyTarget {
  readonly peer: NodeId;
  readonly streams = new Map<number, CommandStream>();
  private readonly out = new ByteWriter(8192);
  private readonly sink = new RecordingSink(this.out);
  private count = 0;
  /** Where the last finished reply ends. */
  private finished = 0;
  private readonly kept: Uint8Array[] = [];
  private readonly transport: Transport;

  constructor(peer: NodeId, transport: Transport) {
    this.peer = peer;
    this.transport = transport;
    this.begin();
  }

  private begin(): void {
    this.out.clear();
    this.out.u8(forwardTypes.replies);
    this.out.u32(0);
    this.count = 0;
    this.finished = this.out.length;
  }

  private head(token: number, status: number): void {
    this.out.length = this.finished;
    this.out.u53(token);
    this.out.u8(status);
    this.out.u32(0);
  }

  reply(token: number): ReplySink {
    this.head(token, replyStatus.answered);
    return this.sink;
  }

  done(_token: number, _freshness: ReadFreshness | null): void {
    this.out.patchU32(this.finished + 9, this.out.length - this.finished - 13);
    this.finished = this.out.length;
    this.count++;
  }

  refuse(token: number): void {
    this.head(token, replyStatus.refused);
    this.finished = this.out.length;
    this.count++;
  }

  flush(): void {
    if (this.count === 0) return;
    this.out.length = this.finished;
    this.out.patchU32(1, this.count);
    this.kept.push(this.out.take());
    this.begin();
    this.sendKept();
  }

  /** The gateway doesn't take its replies as fast as they come. */
  get isBehind(): boolean {
    return this.kept.length > 0;
  }

  sendKept(): void {
    let sent = 0;
    while (sent < this.kept.length && this.transport.send(this.peer, "forward", this.kept[sent]!)) sent++;
    if (sent > 0) this.kept.splice(0, sent);
  }
}

export interface ForwardReceiverHost extends FlushList {
  readonly telemetry: Telemetry;
  /** Runs a command here when this node leads the range in that term; false: it doesn't. */
  submitForwarded(
    range: RangeId,
    term: Term,
    read: boolean,
    stream: CommandStream,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    remainingMs: MonotonicMs,
  ): boolean;
}

/** The leader's side of a forward: each connection of another gateway is a stream of its own here. */
export class ForwardReceiver {
  private readonly boxes = new Map<NodeId, ReplyBox>();
  private readonly transport: Transport;
  private readonly host: ForwardReceiverHost;

  constructor(transport: Transport, host: ForwardReceiverHost) {
    this.transport = transport;
    this.host = host;
  }

  onCommands(peer: NodeId, reader: ByteReader): void {
    const box = this.box(peer);
    const batch = reader.u53();
    const count = reader.u32();
    for (let i = 0; i < count; i++) {
      const connection = reader.u32();
      const flags = reader.u8();
      const range = reader.varint();
      const term = reader.varint();
      const remainingMs = reader.varint();
      const length = reader.varint();
      const start = reader.offset;
      reader.skip(length);
      const token = batch * positionsPerBatch + i;
      const stream = this.stream(box, connection, (flags & commandBits.ordered) !== 0);
      const read = (flags & commandBits.read) !== 0;
      // What is answered in this turn is bounded by its commands; more than a turn's must not gather.
      if (box.isBehind) stream.fail(token, "busy", null, this.host.telemetry);
      else if (
        !this.host.submitForwarded(
          range,
          term,
          read,
          stream,
          reader.bytes,
          start,
          start + length,
          token,
          remainingMs,
        )
      )
        this.refuse(stream, token);
    }
  }

  /** The command was not proposed and never will be: its gateway resends it. */
  refuse(stream: CommandStream, token: number): void {
    if (stream.closed) return;
    (stream.target as ReplyBox).refuse(token);
    if (!stream.queued) this.host.add(stream);
  }

  owns(stream: CommandStream): boolean {
    return stream.target instanceof ReplyBox;
  }

  onClosed(peer: NodeId, reader: ByteReader): void {
    const box = this.box(peer);
    const count = reader.u32();
    for (let i = 0; i < count; i++) box.streams.delete(reader.u32());
  }

  /** The gateway is gone: nobody reads the replies any more. */
  peerDown(peer: NodeId): void {
    const box = this.boxes.get(peer);
    if (box === undefined) return;
    for (const stream of box.streams.values()) stream.closed = true;
    this.boxes.delete(peer);
  }

  /** Once a turn: the lanes may have room again. */
  sendKept(): void {
    for (const box of this.boxes.values()) box.sendKept();
  }

  private box(peer: NodeId): ReplyBox {
    let box = this.boxes.get(peer);
    if (box === undefined) {
      box = new ReplyBox(peer, this.transport);
      this.boxes.set(peer, box);
    }
    return box;
  }

  private stream(box: ReplyBox, connection: number, ordered: boolean): CommandStream {
    let stream = box.streams.get(connection);
    if (stream === undefined) {
      stream = new CommandStream("peer", box, ordered, this.host);
      box.streams.set(connection, stream);
    }
    return stream;
  }
}
