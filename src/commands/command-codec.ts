import { type ByteReader, type ByteWriter, DecodeError } from "../base/bytes.js";
import { limits } from "../base/limits.js";

/**
 * A command as bytes, from its edge to apply:
 *
 *   u16 opcode | u8 flags | varint principal
 *   | flags & session:     u53 session, u53 sequence, u53 acked
 *   | flags & consistency: u8 level, u53 a, u53 b
 *   | varint argument count | per argument: varint length, bytes
 *
 * Arguments exclude the command's name. `acked`: every sequence at or below it was answered, its record may go.
 * Consistency: level 0 linearizable, 1 session (a = revision, b = log time to have reached), 2 bounded
 * (a = largest age in ms), 3 any. Absent means linearizable.
 */
const commandFlags = { session: 1, consistency: 2 } as const;

export type ConsistencyLevel = 0 | 1 | 2 | 3;
export const consistencyLevels = {
  linearizable: 0,
  session: 1,
  bounded: 2,
  any: 3,
} as const;

/** Writes the header; the caller then writes `argumentCount` blocks (`ByteWriter.block` or varint + copy). */
export interface CommandHeader {
  readonly opcode: number;
  readonly principal: number;
  /** 0 without a session. */
  readonly session: number;
  readonly sequence: number;
  readonly acked: number;
  readonly level: ConsistencyLevel;
  readonly levelA: number;
  readonly levelB: number;
}

/** A header without a session, linearizable, on behalf of the default principal. */
export function plainHeader(opcode: number): CommandHeader {
  return {
    opcode,
    principal: 0,
    session: 0,
    sequence: 0,
    acked: 0,
    level: 0,
    levelA: 0,
    levelB: 0,
  };
}

export function writeCommandHeader(out: ByteWriter, header: CommandHeader, argumentCount: number): void {
  const flags =
    (header.session > 0 ? commandFlags.session : 0) | (header.level > 0 ? commandFlags.consistency : 0);
  out.u16(header.opcode);
  out.u8(flags);
  out.varint(header.principal);
  if (header.session > 0) {
    out.u53(header.session);
    out.u53(header.sequence);
    out.u53(header.acked);
  }
  if (header.level > 0) {
    out.u8(header.level);
    out.u53(header.levelA);
    out.u53(header.levelB);
  }
  out.varint(argumentCount);
}

/** A whole command of the simple kind, for tests and cold paths. */
export function writeCommand(out: ByteWriter, header: CommandHeader, args: readonly Uint8Array[]): void {
  writeCommandHeader(out, header, args.length);
  for (const arg of args) out.block(arg);
}

/**
 * One command being read: a cursor that is reused, so reading allocates nothing once it is warm.
 * Argument i lies in `bytes` at `start(i)` .. `end(i)`.
 */
export class CommandView {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the whole command lies in `bytes`. */
  commandStart = 0;
  commandEnd = 0;
  opcode = 0;
  principal = 0;
  session = 0;
  sequence = 0;
  acked = 0;
  level: ConsistencyLevel = 0;
  levelA = 0;
  levelB = 0;
  /** Number of arguments, without the command's name. */
  count = 0;
  private offsets = new Uint32Array(32);

  /** Reads one command from the reader's offset to its end. Throws DecodeError when it is malformed. */
  decode(reader: ByteReader): void {
    this.bytes = reader.bytes;
    this.commandStart = reader.offset;
    this.commandEnd = reader.end;
    this.opcode = reader.u16();
    const flags = reader.u8();
    this.principal = reader.varint();
    if (flags & commandFlags.session) {
      this.session = reader.u53();
      this.sequence = reader.u53();
      this.acked = reader.u53();
    } else {
      this.session = 0;
      this.sequence = 0;
      this.acked = 0;
    }
    if (flags & commandFlags.consistency) {
      const level = reader.u8();
      if (level > 3) throw new DecodeError(`consistency level ${level}`);
      this.level = level as ConsistencyLevel;
      this.levelA = reader.u53();
      this.levelB = reader.u53();
    } else {
      this.level = 0;
      this.levelA = 0;
      this.levelB = 0;
    }
    const count = reader.varint();
    if (count > limits.commandArguments || count > reader.remaining)
      throw new DecodeError(`${count} arguments`);
    if (count * 2 > this.offsets.length) this.offsets = new Uint32Array(count * 2);
    for (let i = 0; i < count; i++) {
      const length = reader.varint();
      const start = reader.offset;
      reader.skip(length);
      this.offsets[2 * i] = start;
      this.offsets[2 * i + 1] = start + length;
    }
    if (reader.remaining !== 0) throw new DecodeError(`${reader.remaining} bytes after the last argument`);
    this.count = count;
  }

  start(i: number): number {
    return this.offsets[2 * i]!;
  }
  end(i: number): number {
    return this.offsets[2 * i + 1]!;
  }
  length(i: number): number {
    return this.offsets[2 * i + 1]! - this.offsets[2 * i]!;
  }
  /** A view of argument i, for cold paths. */
  argument(i: number): Uint8Array {
    return this.bytes.subarray(this.start(i), this.end(i));
  }
}
