import { ByteWriter } from "../../base/bytes.js";
import type { ReadFreshness } from "../../node/service.js";
import { bytesTag, closeLength, openLength, varintTag } from "./wire.js";

/** Flags of one reply in `BatchReply.packed`; see pipeline.proto. */
const packedReplyFlags = { freshness: 1, ageKnown: 2, stale: 4 } as const;

/** A batch whose commands are not all answered yet. Its commands have the tokens from `firstToken` on. */
export class OpenBatch {
  /** Replies that wait to be written. */
  readonly replies = new ByteWriter(512);
  /** Where the reply of command i lies in `replies`, for batches that are answered in order and as a whole. */
  private readonly spans: Float64Array | null;
  /** Wire number of each command, for the counters. */
  readonly opcodes: Uint16Array;
  unanswered: number;
  touched = false;

  constructor(
    readonly id: number,
    readonly firstToken: number,
    readonly count: number,
    readonly packed: boolean,
    readonly startMs: number,
  ) {
    this.opcodes = new Uint16Array(count);
    this.unanswered = count;
    this.spans = packed ? null : new Float64Array(2 * count);
  }

  /** Adds a finished reply in the packed form. */
  addPacked(token: number, reply: ByteWriter, freshness: ReadFreshness | null): void {
    const out = this.replies;
    out.varint(token - this.firstToken);
    if (freshness === null) out.u8(0);
    else {
      out.u8(
        packedReplyFlags.freshness |
          (freshness.ageMs === null ? 0 : packedReplyFlags.ageKnown) |
          (freshness.stale ? packedReplyFlags.stale : 0),
      );
      out.u53(freshness.appliedIndex);
      out.u53(freshness.revision);
      out.u53(Math.floor(freshness.logTimeMs));
      if (freshness.ageMs !== null) out.u53(Math.ceil(freshness.ageMs));
    }
    out.varint(reply.length);
    out.copy(reply.bytes, 0, reply.length);
    this.unanswered--;
  }

  /** Notes that the reply of `token` was written to `replies` from `start` on. */
  addReply(token: number, start: number): void {
    const at = 2 * (token - this.firstToken);
    this.spans![at] = start;
    this.spans![at + 1] = this.replies.length;
    this.unanswered--;
  }

  /** True when `write` has something to say. */
  get writable(): boolean {
    return this.packed ? this.replies.length > 0 : this.unanswered === 0;
  }

  /** Writes a BatchReply, as a field of the PipelineResponse being written. */
  write(out: ByteWriter): void {
    out.u8(bytesTag(1));
    const at = openLength(out);
    out.u8(varintTag(1));
    out.varint(this.id);
    if (this.spans === null) {
      out.u8(bytesTag(3));
      out.varint(this.replies.length);
      out.copy(this.replies.bytes, 0, this.replies.length);
    } else {
      for (let i = 0; i < this.count; i++) {
        const start = this.spans[2 * i]!;
        const length = this.spans[2 * i + 1]! - start;
        out.u8(bytesTag(2));
        out.varint(length);
        out.copy(this.replies.bytes, start, length);
      }
    }
    this.replies.clear();
    closeLength(out, at);
  }
}

/** The open batches of a stream, found by token. */
export class BatchQueue {
  private batches: OpenBatch[] = [];
  private head = 0;
  private last: OpenBatch | null = null;

  push(batch: OpenBatch): void {
    this.batches.push(batch);
  }

  /** The batch of a token; tokens rise from batch to batch. */
  find(token: number): OpenBatch {
    const cached = this.last;
    if (cached !== null && cached.firstToken <= token && token < cached.firstToken + cached.count)
      return cached;
    let low = this.head;
    let high = this.batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.batches[middle]!.firstToken <= token) low = middle;
      else high = middle - 1;
    }
    const found = this.batches[low]!;
    this.last = found;
    return found;
  }

  /** Forgets the answered batches at the front. */
  trim(): void {
    while (this.head < this.batches.length && this.batches[this.head]!.unanswered === 0) this.head++;
    if (this.head === this.batches.length) {
      this.batches.length = 0;
      this.head = 0;
    } else if (this.head > 64 && this.head * 2 > this.batches.length) {
      this.batches = this.batches.slice(this.head);
      this.head = 0;
    }
  }

  get empty(): boolean {
    return this.head === this.batches.length;
  }
}
