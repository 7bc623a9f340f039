import { type ByteReader, type ByteWriter, DecodeError } from "../base/bytes.js";
import { writeCommandHeader } from "../commands/command-codec.js";
import type { Part } from "./part.js";

/**
 * The two messages of the Pipeline stream in their packed form (proto/quorate/v1/pipeline.proto), by hand.
 */
const tags = { batches: 0x0a, id: 0x08, packedRequest: 0x22, packedReply: 0x1a } as const;
const replyFlags = { freshness: 1, ageKnown: 2, stale: 4 } as const;

/** A PipelineRequest of one packed batch. */
export function writeBatch(out: ByteWriter, id: number, packed: ByteWriter): void {
  const length = 1 + varintLength(id) + 1 + varintLength(packed.length) + packed.length;
  out.u8(tags.batches);
  out.varint(length);
  out.u8(tags.id);
  out.varint(id);
  out.u8(tags.packedRequest);
  out.varint(packed.length);
  out.copy(packed.bytes, 0, packed.length);
}

/** Adds one attempt to a packed batch; `scratch` holds it meanwhile. */
export function packCommand(
  packed: ByteWriter,
  scratch: ByteWriter,
  part: Part,
  deadlineMs: number,
  levelA: number,
  levelB: number,
  linearizable: boolean,
): void {
  const { request } = part.call;
  scratch.clear();
  writeCommandHeader(
    scratch,
    {
      opcode: request.shape.opcode,
      principal: 0,
      session: part.session,
      sequence: part.sequence,
      acked: part.lane?.acked ?? 0,
      level: linearizable ? 0 : request.level,
      levelA,
      levelB,
    },
    part.args.length,
  );
  for (const arg of part.args) scratch.block(arg);
  packed.varint(deadlineMs);
  packed.varint(scratch.length);
  packed.copy(scratch.bytes, 0, scratch.length);
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** How a reply that isn't linearizable was read. */
export interface Freshness {
  readonly appliedIndex: number;
  readonly revision: number;
  readonly logTimeMs: number;
  /** null: unknown. */
  readonly ageMs: number | null;
  readonly stale: boolean;
}

/** Gives each reply of a PipelineResponse to `each`, as the bytes [start, end) of the reply codec. */
export function readResponse(
  reader: ByteReader,
  batchDone: (id: number) => void,
  each: (id: number, position: number, freshness: Freshness | null, start: number, end: number) => void,
): void {
  const end = reader.end;
  while (reader.offset < end) {
    const batchEnd = expectBlock(reader, tags.batches);
    let id = 0;
    while (reader.offset < batchEnd) {
      const tag = reader.varint();
      if (tag === tags.id) id = reader.varint();
      else if (tag === tags.packedReply) {
        const packedEnd = reader.varint() + reader.offset;
        while (reader.offset < packedEnd) {
          const position = reader.varint();
          const freshness = readFreshness(reader, reader.u8());
          const length = reader.varint();
          const start = reader.offset;
          reader.skip(length);
          each(id, position, freshness, start, start + length);
        }
      } else if ((tag & 7) === 2) reader.skip(reader.varint());
      else if ((tag & 7) === 0) reader.varint();
      else throw new DecodeError(`tag ${tag}`);
    }
    batchDone(id);
  }
}

function expectBlock(reader: ByteReader, tag: number): number {
  const found = reader.varint();
  if (found !== tag) throw new DecodeError(`tag ${found}`);
  const length = reader.varint();
  return reader.offset + length;
}

function readFreshness(reader: ByteReader, flags: number): Freshness | null {
  if ((flags & replyFlags.freshness) === 0) return null;
  return {
    appliedIndex: reader.u53(),
    revision: reader.u53(),
    logTimeMs: reader.u53(),
    ageMs: (flags & replyFlags.ageKnown) === 0 ? null : reader.u53(),
    stale: (flags & replyFlags.stale) !== 0,
  };
}
