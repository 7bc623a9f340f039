import { ByteReader, type ByteWriter, DecodeError } from "../base/bytes.js";
import type { LogTimeMs, Slot } from "../base/units.js";

/**
 * What an entry of a key range holds:
 *
 *   u8 version | u8 kind | u53 log time | body
 *
 * commands: u32 count | per command: varint length, command bytes | in version 2: touches, u16 number of touches
 * clock:    nothing; the stamp alone moves time and sweeps
 * limit:    u53 limit in bytes; a cut lowers the target, the limit follows
 * policy:   u8 code of the eviction policy
 *
 * A touch: u16 slot, u32 and u32 hash of the key, u8 uses. Touches take effect before the commands. An entry without any
 * is written as version 1.
 */
const entryVersion = 1;
const touchedVersion = 2;
export const entryKinds = { commands: 1, clock: 2, limit: 3, policy: 4 } as const;
/** Bytes of a touch, and how many an entry may have. */
const touchBytes = 11;
export const touchesPerEntry = 2048;
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

  private touches = 0;

  get lengthBytes(): number {
    return this.out.length;
  }

  begin(): void {
    this.count = 0;
    this.touches = 0;
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

  /** Behind the last command; at most `touchesPerEntry`. */
  addTouch(slot: Slot, hashLow: number, hashHigh: number, uses: number): void {
    this.out.u16(slot);
    this.out.u32(hashLow);
    this.out.u32(hashHigh);
    this.out.u8(uses);
    this.touches++;
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
    if (this.touches > 0) {
      this.out.bytes[0] = touchedVersion;
      this.out.u16(this.touches);
    }
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

export function writePolicyEntry(out: ByteWriter, logTimeMs: LogTimeMs, code: number): void {
  out.u8(entryVersion);
  out.u8(entryKinds.policy);
  out.u53(logTimeMs);
  out.u8(code);
}

/** Reads the fixed part; the reader then stands at the body. */
export function readEntryHead(reader: ByteReader): {
  readonly kind: EntryKindOfMachine;
  readonly logTimeMs: LogTimeMs;
  readonly hasTouches: boolean;
} {
  const version = reader.u8();
  if (version !== entryVersion && version !== touchedVersion)
    throw new DecodeError(`entry version ${version}`);
  const kind = reader.u8();
  if (kind < entryKinds.commands || kind > entryKinds.policy) throw new DecodeError(`entry kind ${kind}`);
  const hasTouches = version === touchedVersion;
  if (hasTouches && kind !== entryKinds.commands)
    throw new DecodeError("touches in an entry without commands");
  return { kind: kind as EntryKindOfMachine, logTimeMs: reader.u53(), hasTouches };
}

/** Takes the touches off the reader's end. Calls `visit` for each and leaves the reader at the body. */
export function readTouches(
  reader: ByteReader,
  visit: (slot: Slot, hashLow: number, hashHigh: number, uses: number) => void,
): void {
  const body = reader.offset;
  const end = reader.end;
  reader.offset = end - 2;
  const count = reader.u16();
  const first = end - 2 - count * touchBytes;
  if (count === 0 || count > touchesPerEntry || first < body)
    throw new DecodeError(`${count} touches in an entry`);
  reader.offset = first;
  for (let i = 0; i < count; i++) visit(reader.u16(), reader.u32(), reader.u32(), reader.u8());
  reader.offset = body;
  reader.end = first;
}
