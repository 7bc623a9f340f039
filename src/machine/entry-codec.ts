import { ByteReader, type ByteWriter, DecodeError } from "../base/bytes.js";
import type { LogTimeMs } from "../base/units.js";

/**
 * What an entry of a key range holds:
 *
 *   u8 version (1) | u8 kind | u53 log time | body
 *
 * commands: u32 count | per command: varint length, command bytes
 * clock:    nothing; the stamp alone moves time and sweeps
 * limit:    u53 limit in bytes; a cut lowers the target, the limit follows
 */
const entryVersion = 1;
export const entryKinds = { commands: 1, clock: 2, limit: 3 } as const;
export type EntryKindOfMachine = (typeof entryKinds)[keyof typeof entryKinds];

const countOffset = 10;
const headBytes = 14;

/** Collects the commands of one turn for one range, reusing its buffer. */
export class EntryBuilder {
  private readonly out: ByteWriter;
  count = 0;

  constructor(out: ByteWriter) {
    this.out = out;
  }

  get lengthBytes(): number {
    return this.out.length;
  }

  begin(): void {
    this.count = 0;
    this.out.clear();
    this.out.u8(entryVersion);
    this.out.u8(entryKinds.commands);
    this.out.u53(0);
    this.out.u32(0);
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    this.out.varint(end - start);
    this.out.copy(bytes, start, end - start);
    this.count++;
  }

  /** Where the collected commands lie: an entry that could not be proposed gives them back. */
  forEach(visit: (n: number, bytes: Uint8Array, start: number, end: number) => void): void {
    const reader = new ByteReader(this.out.bytes, headBytes, this.out.length);
    for (let n = 0; n < this.count; n++) {
      const length = reader.varint();
      visit(n, reader.bytes, reader.offset, reader.offset + length);
      reader.skip(length);
    }
  }

  /** Stamps the entry and hands out a copy. */
  finish(logTimeMs: LogTimeMs): Uint8Array {
    this.out.patchU32(2, logTimeMs % 0x1_0000_0000);
    this.out.patchU32(6, Math.floor(logTimeMs / 0x1_0000_0000));
    this.out.patchU32(countOffset, this.count);
    return this.out.take();
  }
}

export function writeClockEntry(out: ByteWriter, logTimeMs: LogTimeMs): void {
  out.u8(entryVersion);
  out.u8(entryKinds.clock);
  out.u53(logTimeMs);
}

export function writeLimitEntry(out: ByteWriter, logTimeMs: LogTimeMs, limitBytes: number): void {
  out.u8(entryVersion);
  out.u8(entryKinds.limit);
  out.u53(logTimeMs);
  out.u53(limitBytes);
}

/** Reads the fixed part; the reader then stands at the body. */
export function readEntryHead(reader: ByteReader): {
  readonly kind: EntryKindOfMachine;
  readonly logTimeMs: LogTimeMs;
} {
  const version = reader.u8();
  if (version !== entryVersion) throw new DecodeError(`entry version ${version}`);
  const kind = reader.u8();
  if (kind < entryKinds.commands || kind > entryKinds.limit) throw new DecodeError(`entry kind ${kind}`);
  return { kind: kind as EntryKindOfMachine, logTimeMs: reader.u53() };
}
