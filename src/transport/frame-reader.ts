import type { Lane } from "../ports/transport.js";
import { laneByNumber, record } from "./frame-writer.js";
import { type StreamKind, streamOf } from "./wire.js";

interface Assembly {
  bytes: Uint8Array | null;
  filled: number;
}

/** The receiving end of one stream: takes messages apart and puts cut frames together, within a bound per lane. */
export class FrameReader {
  private readonly assemblies: readonly Assembly[] = laneByNumber.map(() => ({ bytes: null, filled: 0 }));

  constructor(
    private readonly kind: StreamKind,
    private readonly maxFrameBytes: number,
    private readonly onFrame: (lane: Lane, frame: Uint8Array) => void,
  ) {}

  /** @returns what is wrong with the message, after which the stream is of no use; null when it is well-formed. */
  read(message: Buffer): string | null {
    let at = 0;
    while (at < message.length) {
      if (message.length - at < record.headerBytes) return "a record's header is cut off";
      const flags = message[at]!;
      const count = message.readUInt32LE(at + 1);
      at += record.headerBytes;
      const first = (flags & record.first) !== 0;
      const last = (flags & record.last) !== 0;
      const number = flags & record.laneMask;
      let total = count;
      if (first && !last) {
        if (message.length - at < record.totalBytes) return "a record's header is cut off";
        total = message.readUInt32LE(at);
        at += record.totalBytes;
      }
      if (count > message.length - at) return "a record reaches beyond its message";
      if (number !== record.ping) {
        const lane = laneByNumber[number]!;
        if (streamOf(lane) !== this.kind) return `lane ${lane} on the stream ${this.kind}`;
        const wrong =
          first && last
            ? this.whole(number, message, at, count)
            : this.fragment(number, message, at, count, first ? total : null, last);
        if (wrong !== null) return wrong;
      }
      at += count;
    }
    return null;
  }

  private whole(number: number, message: Buffer, at: number, count: number): string | null {
    if (this.assemblies[number]!.bytes !== null) return "a frame inside another of its lane";
    // A view where the frame is most of the message; else a copy, so that a frame that is kept pins no more than itself.
    const view = new Uint8Array(message.buffer, message.byteOffset + at, count);
    this.onFrame(laneByNumber[number]!, count * 2 >= message.length ? view : view.slice());
    return null;
  }

  private fragment(
    number: number,
    message: Buffer,
    at: number,
    count: number,
    total: number | null,
    last: boolean,
  ): string | null {
    const assembly = this.assemblies[number]!;
    if (total !== null) {
      if (assembly.bytes !== null) return "a frame inside another of its lane";
      if (total > this.maxFrameBytes) return `a frame of ${total} bytes, above ${this.maxFrameBytes}`;
      assembly.bytes = new Uint8Array(total);
      assembly.filled = 0;
    }
    const bytes = assembly.bytes;
    if (bytes === null) return "the rest of a frame that never began";
    if (count > bytes.length - assembly.filled) return "fragments above the frame's length";
    bytes.set(message.subarray(at, at + count), assembly.filled);
    assembly.filled += count;
    if (!last) return null;
    assembly.bytes = null;
    if (assembly.filled !== bytes.length) return "fragments below the frame's length";
    this.onFrame(laneByNumber[number]!, bytes);
    return null;
  }
}
