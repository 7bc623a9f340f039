import { type ByteReader, type ByteWriter, DecodeError } from "../../base/bytes.js";
import { type ErrorKind, errorForm } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { ConsistencyLevel } from "../../commands/command-codec.js";
import type { ReadFreshness } from "../../node/service.js";

/**
 * The few protobuf messages that are written and read by hand, because they carry the hot path:
 * PipelineRequest, PipelineResponse and the errors (proto/quorate/v1). Field numbers are those of the .proto files.
 */

const varintField = 0;
const fixed64Field = 1;
const bytesField = 2;
const fixed32Field = 5;

/** The tag of a length-delimited field. */
export function bytesTag(field: number): number {
  return (field << 3) | bytesField;
}

export function varintTag(field: number): number {
  return field << 3;
}

export function fixed64Tag(field: number): number {
  return (field << 3) | fixed64Field;
}

/** Skips an unknown field, as protobuf asks. */
function skipField(reader: ByteReader, tag: number): void {
  switch (tag & 7) {
    case varintField:
      for (let i = 0; i < 10; i++) if (reader.u8() < 0x80) return;
      throw new DecodeError("varint too long");
    case fixed64Field:
      reader.skip(8);
      return;
    case bytesField:
      reader.skip(reader.varint());
      return;
    case fixed32Field:
      reader.skip(4);
      return;
    default:
      throw new DecodeError(`wire type ${tag & 7}`);
  }
}

/** Where a length-delimited field ends; the reader then stands at its start. */
function fieldEnd(reader: ByteReader): number {
  const length = reader.varint();
  if (length > reader.remaining)
    throw new DecodeError(`${length} bytes announced, ${reader.remaining} there`);
  return reader.offset + length;
}

/** One Batch being read: reused, so that a batch of packed commands allocates nothing. */
export class BatchView {
  id = 0;
  deadlineMs = 0;
  level: ConsistencyLevel = 0;
  maxAgeMs = 0;
  seenRevision = 0;
  seenLogTimeMs = 0;
  session = 0;
  sequence = 0;
  acked = 0;
  packedStart = 0;
  packedEnd = 0;
  commandCount = 0;
  private offsets = new Uint32Array(64);

  commandStart(i: number): number {
    return this.offsets[2 * i]!;
  }
  commandEnd(i: number): number {
    return this.offsets[2 * i + 1]!;
  }

  /** Reads a Batch from the reader's offset to `end`. */
  read(reader: ByteReader, end: number): void {
    this.id = 0;
    this.deadlineMs = 0;
    this.packedStart = 0;
    this.packedEnd = 0;
    this.commandCount = 0;
    this.clearContext();
    while (reader.offset < end) {
      const tag = reader.varint();
      if (tag === varintTag(1)) this.id = reader.varint();
      else if (tag === bytesTag(2)) this.readContext(reader, fieldEnd(reader));
      else if (tag === bytesTag(3)) {
        const commandEnd = fieldEnd(reader);
        this.addCommand(reader.offset, commandEnd);
        reader.offset = commandEnd;
      } else if (tag === bytesTag(4)) {
        this.packedEnd = fieldEnd(reader);
        this.packedStart = reader.offset;
        reader.offset = this.packedEnd;
      } else if (tag === varintTag(5)) this.deadlineMs = reader.varint();
      else skipField(reader, tag);
    }
    if (reader.offset !== end) throw new DecodeError("a field crosses the end of its message");
  }

  /** Reads a RequestContext from the reader's offset to `end`. */
  readContext(reader: ByteReader, end: number): void {
    while (reader.offset < end) {
      const tag = reader.varint();
      if (tag === varintTag(1)) this.level = levelOfEnum(reader.varint());
      else if (tag === varintTag(2)) this.maxAgeMs = reader.varint();
      else if (tag === bytesTag(3)) {
        const seenEnd = fieldEnd(reader);
        while (reader.offset < seenEnd) {
          const inner = reader.varint();
          if (inner === varintTag(1)) this.seenRevision = reader.varint();
          else if (inner === varintTag(2)) this.seenLogTimeMs = reader.varint();
          else skipField(reader, inner);
        }
      } else if (tag === bytesTag(4)) {
        const sessionEnd = fieldEnd(reader);
        while (reader.offset < sessionEnd) {
          const inner = reader.varint();
          if (inner === varintTag(1)) this.session = reader.varint();
          else if (inner === varintTag(2)) this.sequence = reader.varint();
          else if (inner === varintTag(3)) this.acked = reader.varint();
          else skipField(reader, inner);
        }
      } else skipField(reader, tag);
    }
  }

  clearContext(): void {
    this.level = 0;
    this.maxAgeMs = 0;
    this.seenRevision = 0;
    this.seenLogTimeMs = 0;
    this.session = 0;
    this.sequence = 0;
    this.acked = 0;
  }

  private addCommand(start: number, end: number): void {
    if (this.commandCount * 2 === this.offsets.length) {
      const grown = new Uint32Array(this.offsets.length * 2);
      grown.set(this.offsets);
      this.offsets = grown;
    }
    this.offsets[this.commandCount * 2] = start;
    this.offsets[this.commandCount * 2 + 1] = end;
    this.commandCount++;
  }
}

/** One Command of a batch being read; reused. */
export class CommandFields {
  nameStart = 0;
  nameEnd = 0;
  sequence = 0;
  argumentCount = 0;
  private offsets = new Uint32Array(64);

  argumentStart(i: number): number {
    return this.offsets[2 * i]!;
  }
  argumentEnd(i: number): number {
    return this.offsets[2 * i + 1]!;
  }

  read(reader: ByteReader, end: number): void {
    this.nameStart = 0;
    this.nameEnd = 0;
    this.sequence = 0;
    this.argumentCount = 0;
    while (reader.offset < end) {
      const tag = reader.varint();
      if (tag === bytesTag(1)) {
        this.nameEnd = fieldEnd(reader);
        this.nameStart = reader.offset;
        reader.offset = this.nameEnd;
      } else if (tag === bytesTag(2)) {
        const argumentEnd = fieldEnd(reader);
        this.add(reader.offset, argumentEnd);
        reader.offset = argumentEnd;
      } else if (tag === varintTag(3)) this.sequence = reader.varint();
      else skipField(reader, tag);
    }
    if (reader.offset !== end) throw new DecodeError("a field crosses the end of its message");
  }

  private add(start: number, end: number): void {
    if (this.argumentCount === limits.commandArguments) throw new DecodeError("too many arguments");
    if (this.argumentCount * 2 === this.offsets.length) {
      const grown = new Uint32Array(this.offsets.length * 2);
      grown.set(this.offsets);
      this.offsets = grown;
    }
    this.offsets[this.argumentCount * 2] = start;
    this.offsets[this.argumentCount * 2 + 1] = end;
    this.argumentCount++;
  }
}

/** Reads a PipelineRequest; `each` is called per batch, with `batch` filled. */
export function readPipelineRequest(reader: ByteReader, batch: BatchView, each: () => void): void {
  const end = reader.end;
  while (reader.offset < end) {
    const tag = reader.varint();
    if (tag !== bytesTag(1)) {
      skipField(reader, tag);
      continue;
    }
    const batchEnd = fieldEnd(reader);
    batch.read(reader, batchEnd);
    each();
    // `each` may have moved the cursor over the commands.
    reader.reset(reader.bytes, batchEnd, end);
  }
}

/** ConsistencyLevel of the .proto, where 0 and 1 are linearizable. */
function levelOfEnum(value: number): ConsistencyLevel {
  if (value > 4) throw new DecodeError(`consistency level ${value}`);
  return (value === 0 ? 0 : value - 1) as ConsistencyLevel;
}

/** An int64, negative ones as ten bytes. */
export function writeInt64(out: ByteWriter, value: number | bigint): void {
  if (typeof value === "number" && value >= 0) {
    out.varint(value);
    return;
  }
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    out.u8(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.u8(Number(rest));
}

/** Room for a length that is known later: five bytes, a longer varint than needed, which protobuf allows. */
export function openLength(out: ByteWriter): number {
  const at = out.length;
  out.u32(0);
  out.u8(0);
  return at;
}

export function closeLength(out: ByteWriter, at: number): void {
  let rest = out.length - at - 5;
  for (let i = 0; i < 4; i++) {
    out.bytes[at + i] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out.bytes[at + 4] = rest;
}

/** A ResponseContext as a field of the message being written. */
export function writeFreshness(out: ByteWriter, field: number, freshness: ReadFreshness): void {
  out.varint(bytesTag(field));
  const at = openLength(out);
  out.u8(varintTag(1));
  out.varint(freshness.appliedIndex);
  if (freshness.ageMs !== null) {
    out.u8(varintTag(2));
    out.varint(Math.ceil(freshness.ageMs));
  }
  if (freshness.stale) {
    out.u8(varintTag(3));
    out.u8(1);
  }
  out.u8(varintTag(4));
  out.varint(freshness.revision);
  out.u8(varintTag(5));
  out.varint(Math.floor(freshness.logTimeMs));
  closeLength(out, at);
}

const outcomeNumbers = { definite: 1, unknown: 2 } as const;
const retryNumbers = { safe: 1, session: 2, no: 3 } as const;

/** The fields of an ErrorDetail, without a length before them. */
export function writeErrorDetail(
  out: ByteWriter,
  kind: ErrorKind,
  message: string | null,
  leaderHint: string,
): void {
  const form = errorForm(kind);
  out.u8(bytesTag(1));
  out.text(kind);
  out.u8(bytesTag(2));
  out.text(message ?? form.message);
  out.u8(varintTag(3));
  out.u8(outcomeNumbers[form.outcome]);
  out.u8(varintTag(4));
  out.u8(retryNumbers[form.retry]);
  if (leaderHint !== "") {
    out.u8(bytesTag(5));
    out.text(leaderHint);
  }
}
