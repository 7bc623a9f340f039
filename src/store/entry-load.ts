import { type ByteReader, DecodeError } from "../base/bytes.js";
import { limits } from "../base/limits.js";
import type { Handle } from "./keyspace.js";

/** What loading a snapshot does to a store. */
export interface LoadTarget {
  /** Creates an entry; `revision` and policy words as they were. A collection is empty. */
  loadEntry(record: LoadedRecord): Handle;
  /** Adds an element; false when it is there already. */
  loadElement(handle: Handle, kindCode: number, element: LoadedElement): boolean;
}

export interface LoadedRecord {
  kindCode: number;
  bytes: Uint8Array;
  keyStart: number;
  keyEnd: number;
  deadlineMs: number;
  revision: number;
  recency: number;
  frequency: number;
  /** Of a string. */
  valueStart: number;
  valueEnd: number;
}

export interface LoadedElement {
  bytes: Uint8Array;
  score: number;
  start: number;
  end: number;
  valueStart: number;
  valueEnd: number;
}

const kindCodes = { string: 0, list: 1, hash: 2, set: 3, zset: 4 } as const;

/** Reads what walks write, chunk after chunk; see EntryWalk for the format. */
export class EntryLoader {
  private readonly target: LoadTarget;
  private readonly maxRevision: number;
  private handle: Handle = 0;
  private kindCode = 0;
  private elementsLeft = 0;

  constructor(target: LoadTarget, maxRevision: number) {
    this.target = target;
    this.maxRevision = maxRevision;
  }

  /** Whether the last collection is whole. */
  get isWhole(): boolean {
    return this.elementsLeft === 0;
  }

  load(reader: ByteReader): void {
    while (reader.remaining > 0) {
      if (this.elementsLeft > 0) this.readElement(reader);
      else this.readEntry(reader);
    }
  }

  private readEntry(reader: ByteReader): void {
    const kindCode = reader.u8();
    if (kindCode > kindCodes.zset) throw new DecodeError(`value kind ${kindCode}`);
    const keyEnd = readBlock(reader, limits.keyBytes);
    const record: LoadedRecord = {
      kindCode,
      bytes: reader.bytes,
      keyStart: keyEnd - blockLength,
      keyEnd,
      deadlineMs: reader.u53(),
      revision: reader.u53(),
      recency: reader.u32(),
      frequency: reader.u32(),
      valueStart: 0,
      valueEnd: 0,
    };
    if (record.revision === 0 || record.revision > this.maxRevision)
      throw new DecodeError(`key revision ${record.revision}`);
    if (kindCode === kindCodes.string) {
      record.valueEnd = readBlock(reader, limits.maxValueBytes);
      record.valueStart = record.valueEnd - blockLength;
    } else {
      this.elementsLeft = reader.varint();
      if (this.elementsLeft === 0) throw new DecodeError("an empty collection");
    }
    this.kindCode = kindCode;
    this.handle = this.target.loadEntry(record);
  }

  private readElement(reader: ByteReader): void {
    const score = this.kindCode === kindCodes.zset ? reader.f64() : 0;
    if (Number.isNaN(score)) throw new DecodeError("a score that isn't a number");
    const end = readBlock(reader, limits.maxValueBytes);
    const element: LoadedElement = {
      bytes: reader.bytes,
      score,
      start: end - blockLength,
      end,
      valueStart: 0,
      valueEnd: 0,
    };
    if (this.kindCode === kindCodes.hash) {
      element.valueEnd = readBlock(reader, limits.maxValueBytes);
      element.valueStart = element.valueEnd - blockLength;
    }
    if (!this.target.loadElement(this.handle, this.kindCode, element))
      throw new DecodeError("an element twice in a snapshot");
    this.elementsLeft--;
  }
}

let blockLength = 0;

/** Skips a block, notes its length, and returns where it ends. */
function readBlock(reader: ByteReader, limitBytes: number): number {
  const length = reader.varint();
  if (length > limitBytes) throw new DecodeError(`${length} bytes where ${limitBytes} are allowed`);
  reader.skip(length);
  blockLength = length;
  return reader.offset;
}
