import type { ByteWriter } from "../../base/bytes.js";
import type { ErrorKind } from "../../base/errors.js";
import type { ReplySink } from "../../commands/reply-sink.js";
import type { ReadFreshness } from "../../node/service.js";
import {
  bytesTag,
  closeLength,
  fixed64Tag,
  openLength,
  varintTag,
  writeErrorDetail,
  writeFreshness,
  writeInt64,
} from "./wire.js";

/** Writes one quorate.v1.Reply, without a length before it, to the end of `out`. */
export class ProtobufSink implements ReplySink {
  /** What the reply refused, where it is an error as a whole. */
  failure: ErrorKind | null = null;
  private out: ByteWriter | null = null;
  private depth = 0;
  // One entry per open array or map: how many values are still to come, whether it is a map, and where the
  // lengths stand that are filled in at its end: its own, that of the value being written, that of the map's entry.
  private readonly remaining: number[] = [];
  private readonly isMap: boolean[] = [];
  private readonly containerAt: number[] = [];
  private readonly valueAt: number[] = [];
  private readonly entryAt: number[] = [];

  /** The next reply goes to `out`. */
  begin(out: ByteWriter): void {
    this.out = out;
    this.depth = 0;
    this.failure = null;
  }

  status(text: string): void {
    const out = this.open();
    out.u8(bytesTag(2));
    out.text(text);
    this.close();
  }
  integer(value: number): void {
    const out = this.open();
    out.u8(varintTag(3));
    writeInt64(out, value);
    this.close();
  }
  bigInteger(value: bigint): void {
    const out = this.open();
    out.u8(varintTag(3));
    writeInt64(out, value);
    this.close();
  }
  double(value: number): void {
    const out = this.open();
    out.u8(fixed64Tag(4));
    out.f64(value);
    this.close();
  }
  bulk(bytes: Uint8Array, offset: number, length: number): void {
    const out = this.open();
    out.u8(bytesTag(5));
    out.varint(length);
    out.copy(bytes, offset, length);
    this.close();
  }
  nil(): void {
    const out = this.open();
    out.u8(varintTag(1));
    out.u8(1);
    this.close();
  }
  nilArray(): void {
    this.nil();
  }
  array(count: number): void {
    this.container(6, count, false);
  }
  map(count: number): void {
    this.container(7, count * 2, true);
  }
  /** Sets and pairs are arrays here; a pair is an array of two. */
  set(count: number): void {
    this.array(count);
  }
  pairs(count: number): void {
    this.array(count);
  }
  pair(): void {
    this.array(2);
  }
  error(kind: ErrorKind, message: string | null): void {
    if (this.depth === 0) this.failure = kind;
    const out = this.open();
    out.u8(bytesTag(8));
    const at = openLength(out);
    writeErrorDetail(out, kind, message, "");
    closeLength(out, at);
    this.close();
  }

  /** How the reply just written was read. */
  context(freshness: ReadFreshness): void {
    writeFreshness(this.out!, 15, freshness);
  }

  private container(field: number, count: number, isMap: boolean): void {
    const out = this.open();
    out.u8(bytesTag(field));
    if (count === 0) {
      out.u8(0);
      this.close();
      return;
    }
    const depth = this.depth++;
    this.remaining[depth] = count;
    this.isMap[depth] = isMap;
    this.containerAt[depth] = openLength(out);
  }

  /** Before each value: the field of the array or map that it belongs to. */
  private open(): ByteWriter {
    const out = this.out!;
    if (this.depth === 0) return out;
    const top = this.depth - 1;
    if (!this.isMap[top]) out.u8(bytesTag(1));
    else if (this.remaining[top]! % 2 === 0) {
      out.u8(bytesTag(1));
      this.entryAt[top] = openLength(out);
      out.u8(bytesTag(1));
    } else out.u8(bytesTag(2));
    this.valueAt[top] = openLength(out);
    return out;
  }

  /** After each value: fills in the lengths that end with it. */
  private close(): void {
    const out = this.out!;
    while (this.depth > 0) {
      const top = this.depth - 1;
      closeLength(out, this.valueAt[top]!);
      const left = this.remaining[top]! - 1;
      this.remaining[top] = left;
      if (this.isMap[top] && left % 2 === 0) closeLength(out, this.entryAt[top]!);
      if (left > 0) return;
      closeLength(out, this.containerAt[top]!);
      this.depth = top;
    }
  }
}
