import type { Lane } from "../ports/transport.js";
import { fragmentBytes } from "./wire.js";

/**
 * A message is a run of records:
 *
 *   u8  flags: lane in bits 0-1 (3 is a ping), bit 2 first, bit 3 last record of its frame
 *   u32 bytes of this record, little-endian
 *   u32 bytes of the whole frame, only in the first of several records
 */
export const record = { ping: 3, laneMask: 3, first: 4, last: 8, headerBytes: 5, totalBytes: 4 } as const;

const laneNumbers: Readonly<Record<Lane, number>> = { raft: 0, bulk: 1, forward: 2 };
export const laneByNumber: readonly Lane[] = ["raft", "bulk", "forward"];

export interface LaneLimits {
  readonly raftBytes: number;
  readonly bulkBytes: number;
  readonly forwardBytes: number;
}

export interface MessageSink {
  /** Calls back when the bytes were handed to the network; false: the stream is broken, no call comes. */
  write(message: Buffer, written: () => void): boolean;
}

class LaneQueue {
  private frames: (Uint8Array | null)[] = [];
  private head = 0;
  /** Bytes of the first frame that went out already. */
  offset = 0;
  /** Not yet handed to the network, the message under way included. */
  bytes = 0;
  inFlightBytes = 0;

  constructor(
    readonly number: number,
    readonly limitBytes: number,
  ) {}

  push(frame: Uint8Array): void {
    this.frames.push(frame);
    this.bytes += frame.length;
  }

  peek(): Uint8Array | null {
    return this.head < this.frames.length ? this.frames[this.head]! : null;
  }

  shift(): void {
    this.frames[this.head++] = null;
    this.offset = 0;
    if (this.head === this.frames.length) {
      this.frames.length = 0;
      this.head = 0;
    } else if (this.head >= 1024 && this.head * 2 >= this.frames.length) {
      this.frames.splice(0, this.head);
      this.head = 0;
    }
  }
}

/**
 * The sending end of one stream. One message is in flight at a time, so what is urgent waits for at most one message
 * of our own: grpc-js would take any number of bytes, it counts messages (safety 73).
 */
export class FrameWriter {
  private readonly lanes: readonly LaneQueue[];
  private inFlight = false;
  private broken = false;
  /** Messages finished since the last tick: nothing written for a tick asks for a ping. */
  private activity = 0;
  private stuckTicks = 0;
  // What goes into the next message; reused, so that a message costs its buffer alone.
  private readonly partLanes: LaneQueue[] = [];
  private readonly partFrames: Uint8Array[] = [];
  private readonly partStarts: number[] = [];
  private readonly partEnds: number[] = [];

  /** `lanes`, the most urgent first. */
  constructor(
    private readonly sink: MessageSink,
    lanes: readonly Lane[],
    limitsOf: LaneLimits,
    private readonly onBytes: (count: number) => void,
  ) {
    const bytes = [limitsOf.raftBytes, limitsOf.bulkBytes, limitsOf.forwardBytes];
    this.lanes = lanes.map((lane) => new LaneQueue(laneNumbers[lane], bytes[laneNumbers[lane]]!));
  }

  get queuedBytes(): number {
    let sum = 0;
    for (const lane of this.lanes) sum += lane.bytes;
    return sum;
  }

  /** @returns false when the frame was dropped: above the lane's bound, where an empty lane takes one of any size. */
  send(lane: Lane, frame: Uint8Array): boolean {
    const queue = this.lane(laneNumbers[lane]);
    if (this.broken || (queue.bytes > 0 && queue.bytes + frame.length > queue.limitBytes)) return false;
    queue.push(frame);
    if (!this.inFlight) this.pump();
    return true;
  }

  /**
   * Called at a steady pace. Says that this end lives when there was nothing else to say.
   * @returns for how many ticks the message in flight made no progress.
   */
  tick(): number {
    if (this.inFlight) this.stuckTicks = this.activity > 0 ? 0 : this.stuckTicks + 1;
    else {
      this.stuckTicks = 0;
      if (this.activity === 0) this.write(pingMessage());
    }
    this.activity = 0;
    return this.stuckTicks;
  }

  /** Drops what is queued. */
  close(): void {
    this.broken = true;
  }

  private lane(number: number): LaneQueue {
    for (const queue of this.lanes) if (queue.number === number) return queue;
    throw new Error(`no lane ${number} on this stream`);
  }

  private pump(): void {
    const sizeBytes = this.collect();
    if (this.partFrames.length > 0) this.write(this.encode(sizeBytes));
  }

  /** Takes records from the lanes, the most urgent lane first, until the message is full. */
  private collect(): number {
    let sizeBytes = 0;
    for (const queue of this.lanes) {
      for (let frame = queue.peek(); frame !== null; frame = queue.peek()) {
        const room = fragmentBytes - sizeBytes;
        const left = frame.length - queue.offset;
        const cut = frame.length > fragmentBytes;
        // A small frame stays whole; a large one doesn't begin or go on with a crumb.
        if (sizeBytes > 0 && left > room && (!cut || room < fragmentBytes / 8)) return sizeBytes;
        const end = queue.offset + Math.min(left, Math.max(room, cut ? 1 : left));
        sizeBytes += this.addPart(queue, frame, queue.offset, end);
        if (end < frame.length) {
          queue.offset = end;
          return sizeBytes;
        }
        queue.shift();
      }
    }
    return sizeBytes;
  }

  private addPart(queue: LaneQueue, frame: Uint8Array, start: number, end: number): number {
    this.partLanes.push(queue);
    this.partFrames.push(frame);
    this.partStarts.push(start);
    this.partEnds.push(end);
    queue.inFlightBytes += end - start;
    return record.headerBytes + record.totalBytes + end - start;
  }

  private encode(boundBytes: number): Buffer {
    const message = Buffer.allocUnsafe(boundBytes);
    let at = 0;
    for (let i = 0; i < this.partFrames.length; i++) {
      const frame = this.partFrames[i]!;
      const start = this.partStarts[i]!;
      const end = this.partEnds[i]!;
      const first = start === 0;
      const last = end === frame.length;
      message[at] = this.partLanes[i]!.number | (first ? record.first : 0) | (last ? record.last : 0);
      message.writeUInt32LE(end - start, at + 1);
      at += record.headerBytes;
      if (first && !last) {
        message.writeUInt32LE(frame.length, at);
        at += record.totalBytes;
      }
      message.set(start === 0 && last ? frame : frame.subarray(start, end), at);
      at += end - start;
    }
    this.partLanes.length = 0;
    this.partFrames.length = 0;
    this.partStarts.length = 0;
    this.partEnds.length = 0;
    return message.subarray(0, at);
  }

  private write(message: Buffer): void {
    if (this.broken) return;
    this.inFlight = true;
    this.onBytes(message.length);
    if (!this.sink.write(message, this.written)) this.broken = true;
  }

  private readonly written = (): void => {
    this.inFlight = false;
    this.activity++;
    for (const queue of this.lanes) {
      queue.bytes -= queue.inFlightBytes;
      queue.inFlightBytes = 0;
    }
    if (!this.broken) this.pump();
  };
}

function pingMessage(): Buffer {
  const message = Buffer.alloc(record.headerBytes);
  message[0] = record.ping | record.first | record.last;
  return message;
}
