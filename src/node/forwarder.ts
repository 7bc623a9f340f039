import { type ByteReader, ByteWriter } from "../base/bytes.js";
import type { MonotonicMs, NodeId } from "../base/units.js";
import { replayReply } from "../commands/reply-codec.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { Transport } from "../ports/transport.js";
import type { TurnClock } from "./clocks.js";
import type { CommandStream } from "./command-stream.js";
import { commandBits, forwardTypes, positionsPerBatch, replyStatus } from "./forward-codec.js";
import type { RangeRoute } from "./routing-table.js";

/** Commands of one frame to one leader, and who waits for them. */
class ForwardBatch {
  readonly peer: NodeId;
  readonly number: number;
  frame: Uint8Array = new Uint8Array(0);
  left = 0;
  startedMs: MonotonicMs = 0;
  earliestDeadlineMs: MonotonicMs = Number.POSITIVE_INFINITY;
  readonly streams: (CommandStream | null)[] = [];
  readonly routes: RangeRoute[] = [];
  readonly tokens: number[] = [];
  readonly opcodes: number[] = [];
  readonly deadlines: MonotonicMs[] = [];
  readonly reads: boolean[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  constructor(peer: NodeId, number: number) {
    this.peer = peer;
    this.number = number;
  }
}

interface Outbox {
  readonly peer: NodeId;
  readonly out: ByteWriter;
  building: ForwardBatch;
  nextBatch: number;
  readonly sent: Map<number, ForwardBatch>;
}

export interface ForwarderHost {
  readonly clock: TurnClock;
  readonly telemetry: Telemetry;
  /** Was not proposed by node `by`: goes to whoever leads now. */
  refused(
    by: NodeId,
    route: RangeRoute,
    stream: CommandStream,
    token: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: MonotonicMs,
  ): void;
  /** A forwarded command of the range was answered, refused or given up. */
  settled(route: RangeRoute): void;
}

const countOffset = 9;

/** The gateway's side of a forward: one frame per turn and leader, one hop, never a chain. */
export class Forwarder {
  private readonly outboxes = new Map<NodeId, Outbox>();
  private readonly connections = new Map<CommandStream, number>();
  private nextConnection = 1;
  private readonly transport: Transport;
  private readonly host: ForwarderHost;

  constructor(transport: Transport, host: ForwarderHost) {
    this.transport = transport;
    this.host = host;
  }

  add(
    route: RangeRoute,
    stream: CommandStream,
    opcode: number,
    read: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    deadlineMs: MonotonicMs,
  ): void {
    const box = this.outbox(route.leader);
    if (box.building.streams.length === positionsPerBatch || box.out.length > 1024 * 1024) this.send(box);
    const batch = box.building;
    const { out } = box;
    if (batch.streams.length === 0) {
      out.clear();
      out.u8(forwardTypes.commands);
      out.u53(batch.number);
      out.u32(0);
      batch.startedMs = this.host.clock.nowMs;
    }
    out.u32(stream.ordered ? this.connection(stream) : 0);
    out.u8((read ? commandBits.read : 0) | (stream.ordered ? commandBits.ordered : 0));
    out.varint(route.id);
    out.varint(route.term);
    out.varint(Math.max(0, Math.floor(deadlineMs - this.host.clock.nowMs)));
    out.varint(end - start);
    batch.starts.push(out.length);
    out.copy(bytes, start, end - start);
    batch.ends.push(out.length);
    batch.streams.push(stream);
    batch.routes.push(route);
    batch.tokens.push(token);
    batch.opcodes.push(opcode);
    batch.deadlines.push(deadlineMs);
    batch.reads.push(read);
    if (deadlineMs < batch.earliestDeadlineMs) batch.earliestDeadlineMs = deadlineMs;
    batch.left++;
    route.inFlight++;
  }

  private connection(stream: CommandStream): number {
    let id = this.connections.get(stream);
    if (id === undefined) {
      id = this.nextConnection++;
      this.connections.set(stream, id);
    }
    return id;
  }

  /** The connection ended. @returns its number at the leaders, 0 when it never forwarded. */
  forget(stream: CommandStream): number {
    const id = this.connections.get(stream) ?? 0;
    this.connections.delete(stream);
    return id;
  }

  flush(): void {
    for (const box of this.outboxes.values()) if (box.building.streams.length > 0) this.send(box);
  }

  private send(box: Outbox): void {
    const batch = box.building;
    box.out.patchU32(countOffset, batch.streams.length);
    batch.frame = box.out.take();
    box.building = new ForwardBatch(box.peer, box.nextBatch++);
    if (this.transport.send(box.peer, "forward", batch.frame)) {
      box.sent.set(batch.number, batch);
      return;
    }
    // Not sent. Without a stream the commands wait for the next leader; behind a full queue they would only spin.
    const full = this.transport.isUp(box.peer);
    for (let i = 0; i < batch.streams.length; i++) {
      if (!full) {
        this.refuse(batch, i);
        continue;
      }
      batch.streams[i]!.fail(batch.tokens[i]!, "busy", null, this.host.telemetry);
      this.settle(batch, i);
    }
  }

  /** Replies of a leader. */
  onReplies(peer: NodeId, reader: ByteReader): void {
    const box = this.outbox(peer);
    const count = reader.u32();
    for (let n = 0; n < count; n++) {
      const token = reader.u53();
      const status = reader.u8();
      const length = reader.u32();
      const start = reader.offset;
      reader.skip(length);
      const batch = box.sent.get(Math.floor(token / positionsPerBatch));
      const i = token % positionsPerBatch;
      if (batch === undefined || i >= batch.streams.length || !batch.streams[i]) continue;
      if (status === replyStatus.refused) this.refuse(batch, i);
      else {
        const stream = batch.streams[i]!;
        if (!stream.closed) {
          replayReply(reader.bytes, start, start + length, stream.target.reply(batch.tokens[i]!));
          this.host.telemetry.commandDone(
            stream.protocol,
            batch.opcodes[i]!,
            this.host.clock.nowMs - batch.startedMs,
          );
          stream.finish(batch.tokens[i]!, null);
        }
        this.settle(batch, i);
      }
      if (batch.left === 0) box.sent.delete(batch.number);
    }
  }

  private refuse(batch: ForwardBatch, i: number): void {
    const stream = batch.streams[i]!;
    this.host.refused(
      batch.peer,
      batch.routes[i]!,
      stream,
      batch.tokens[i]!,
      batch.frame,
      batch.starts[i]!,
      batch.ends[i]!,
      batch.deadlines[i]!,
    );
    this.settle(batch, i);
  }

  private settle(batch: ForwardBatch, i: number): void {
    const route = batch.routes[i]!;
    batch.streams[i] = null;
    batch.left--;
    route.inFlight--;
    this.host.settled(route);
  }

  /** The stream to the peer broke: a write that was sent may have been proposed, a read may be asked again. */
  peerDown(peer: NodeId): void {
    const box = this.outboxes.get(peer);
    if (box === undefined) return;
    for (const batch of box.sent.values())
      for (let i = 0; i < batch.streams.length; i++) if (batch.streams[i]) this.lost(batch, i);
    box.sent.clear();
  }

  private lost(batch: ForwardBatch, i: number): void {
    if (batch.reads[i]) {
      this.refuse(batch, i);
      return;
    }
    batch.streams[i]!.fail(
      batch.tokens[i]!,
      "outcome-unknown",
      "the connection to the range's leader was lost after the command was sent",
      this.host.telemetry,
    );
    this.settle(batch, i);
  }

  /** The range has a newer leader and the old one is silent: what it still holds is given up. */
  giveUp(route: RangeRoute, current: NodeId): void {
    for (const box of this.outboxes.values()) {
      if (box.peer === current) continue;
      for (const batch of box.sent.values()) {
        for (let i = 0; i < batch.streams.length; i++)
          if (batch.streams[i] && batch.routes[i] === route) this.lost(batch, i);
        if (batch.left === 0) box.sent.delete(batch.number);
      }
    }
  }

  expire(nowMs: MonotonicMs): void {
    for (const box of this.outboxes.values()) {
      for (const batch of box.sent.values()) {
        if (batch.earliestDeadlineMs > nowMs) continue;
        batch.earliestDeadlineMs = Number.POSITIVE_INFINITY;
        for (let i = 0; i < batch.streams.length; i++) {
          const stream = batch.streams[i];
          if (!stream) continue;
          const deadlineMs = batch.deadlines[i]!;
          if (deadlineMs > nowMs) {
            batch.earliestDeadlineMs = Math.min(batch.earliestDeadlineMs, deadlineMs);
            continue;
          }
          const kind = batch.reads[i] ? "deadline" : "outcome-unknown";
          stream.fail(
            batch.tokens[i]!,
            kind,
            "the deadline passed while the leader was asked",
            this.host.telemetry,
          );
          this.settle(batch, i);
        }
        if (batch.left === 0) box.sent.delete(batch.number);
      }
    }
  }

  private outbox(peer: NodeId): Outbox {
    let box = this.outboxes.get(peer);
    if (box === undefined) {
      box = {
        peer,
        out: new ByteWriter(8192),
        building: new ForwardBatch(peer, 1),
        nextBatch: 2,
        sent: new Map(),
      };
      this.outboxes.set(peer, box);
    }
    return box;
  }
}
