import type { ByteWriter } from "../base/bytes.js";

/**
 * How an element lies in packed bytes: [u32 hash] [f64 score] varint length, bytes [varint length, value]; the
 * layout says which parts are there. Little-endian.
 */
export type Layout = number;
export const hashPart = 1;
export const scorePart = 2;
export const valuePart = 4;

export const layouts = {
  /** By index. */
  list: 0,
  /** By hash, then bytes. */
  set: hashPart,
  hash: hashPart | valuePart,
  /** By score, then bytes. */
  scores: scorePart,
  /** The same members by hash, then bytes. */
  members: hashPart | scorePart,
} as const;

/** Layout by kind code; see entry-table. */
export const layoutOfKind: readonly Layout[] = [
  layouts.list,
  layouts.list,
  layouts.hash,
  layouts.set,
  layouts.scores,
];

const scratch = new DataView(new ArrayBuffer(8));

/** One element of packed bytes; reused. */
export class PackedElement {
  hash = 0;
  score = 0;
  /** Offsets in the buffer that was read. */
  contentAt = 0;
  memberAt = 0;
  memberLength = 0;
  valueAt = 0;
  valueLength = 0;
  end = 0;

  read(bytes: Uint8Array, offset: number, layout: Layout): void {
    let at = offset;
    if ((layout & hashPart) !== 0) {
      this.hash = int32(bytes, at) >>> 0;
      at += 4;
    }
    this.contentAt = at;
    if ((layout & scorePart) !== 0) {
      this.score = readDouble(bytes, at);
      at += 8;
    }
    let length = bytes[at++]!;
    if (length >= 0x80) {
      length &= 0x7f;
      let scale = 0x80;
      for (;;) {
        const byte = bytes[at++]!;
        length += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
        scale *= 0x80;
      }
    }
    this.memberAt = at;
    this.memberLength = length;
    at += length;
    if ((layout & valuePart) !== 0) {
      length = bytes[at++]!;
      if (length >= 0x80) {
        length &= 0x7f;
        let scale = 0x80;
        for (;;) {
          const byte = bytes[at++]!;
          length += (byte & 0x7f) * scale;
          if (byte < 0x80) break;
          scale *= 0x80;
        }
      }
      this.valueAt = at;
      this.valueLength = length;
      at += length;
    } else this.valueLength = 0;
    this.end = at;
  }

  /** Key of the order that the layout is sorted by. */
  orderKey(layout: Layout): number {
    return (layout & hashPart) !== 0 ? this.hash : this.score;
  }
}

/** Little-endian, with a sign. */
export function int32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function readDouble(bytes: Uint8Array, at: number): number {
  scratch.setInt32(0, int32(bytes, at), true);
  scratch.setInt32(4, int32(bytes, at + 4), true);
  return scratch.getFloat64(0, true);
}

/** Compares bytes as unsigned, shorter first. */
function compareSlices(
  a: Uint8Array,
  aAt: number,
  aLength: number,
  b: Uint8Array,
  bAt: number,
  bLength: number,
): number {
  const shared = Math.min(aLength, bLength);
  for (let i = 0; i < shared; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** Writes one element; parts that the layout hasn't are ignored. */
export function writeElement(
  out: ByteWriter,
  layout: Layout,
  hash: number,
  score: number,
  member: Uint8Array,
  memberStart: number,
  memberEnd: number,
  value: Uint8Array,
  valueStart: number,
  valueEnd: number,
): void {
  out.clear();
  if ((layout & hashPart) !== 0) out.u32(hash);
  if ((layout & scorePart) !== 0) out.f64(score);
  out.varint(memberEnd - memberStart);
  out.copy(member, memberStart, memberEnd - memberStart);
  if ((layout & valuePart) === 0) return;
  out.varint(valueEnd - valueStart);
  out.copy(value, valueStart, valueEnd - valueStart);
}

/** What is looked for in sorted elements: an order key and, when keys tie, bytes or a fixed answer. */
export class Target {
  key = 0;
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** How an element of the same key compares: by bytes, or always below or above the target. */
  tie: "bytes" | "below" | "above" = "bytes";
  /** Sorted sets of one score: bytes alone count. */
  bytesOnly = false;
  /** With `bytesOnly`: elements of the same bytes count as below. */
  orEqual = false;

  /** An element: this key and these bytes. */
  element(key: number, bytes: Uint8Array, start: number, end: number): this {
    this.key = key;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.tie = "bytes";
    this.bytesOnly = false;
    this.orEqual = false;
    return this;
  }

  /** The place before (or, `orEqual`, behind) all elements of a key. */
  boundary(key: number, orEqual: boolean): this {
    this.key = key;
    this.tie = orEqual ? "below" : "above";
    this.bytesOnly = false;
    this.orEqual = false;
    return this;
  }

  /** The place before (or, `orEqual`, behind) these bytes, where all keys are alike. */
  lexBoundary(bytes: Uint8Array, start: number, end: number, orEqual: boolean): this {
    this.element(0, bytes, start, end);
    this.bytesOnly = true;
    this.orEqual = orEqual;
    return this;
  }

  /** Sign of (element - target). */
  compare(element: PackedElement, bytes: Uint8Array, layout: Layout): number {
    if (!this.bytesOnly) {
      const key = element.orderKey(layout);
      if (key !== this.key) return key < this.key ? -1 : 1;
      if (this.tie !== "bytes") return this.tie === "below" ? -1 : 1;
    }
    const difference = compareSlices(
      bytes,
      element.memberAt,
      element.memberLength,
      this.bytes,
      this.start,
      this.end - this.start,
    );
    return difference === 0 && this.orEqual ? -1 : difference;
  }
}
