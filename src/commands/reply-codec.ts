import { type ByteWriter, DecodeError, utf8Bytes, utf8Text } from "../base/bytes.js";
import { type ErrorKind, errorForm, errorKindOf } from "../base/errors.js";
import type { ReplySink } from "./reply-sink.js";

/**
 * One reply as bytes, for the session table and for replies that travel between nodes: a tag, then
 *   ok, nil, nil array: nothing | status: varint length, UTF-8 | positive, negative: varint magnitude
 *   big: i64 | double: f64 | bulk: varint length, bytes | array: varint n, n values | map: varint n, 2n values
 *   set: as array | pairs: varint n, n pairs | pair: 2 values
 *   error: varint code, u8 has text, then varint length and UTF-8
 */
export const replyTags = {
  ok: 1,
  status: 2,
  positive: 3,
  negative: 4,
  big: 5,
  double: 6,
  bulk: 7,
  nil: 8,
  nilArray: 9,
  array: 10,
  map: 11,
  error: 12,
  set: 13,
  pairs: 14,
  pair: 15,
} as const;

/** Thrown by a bounded recorder before the bytes that exceed its bound are taken. */
export class ReplyTooLarge extends Error {
  override readonly name = "ReplyTooLarge";
}

/** Writes one reply into `out`; the caller clears `out` and reads it afterwards. */
export class RecordingSink implements ReplySink {
  readonly out: ByteWriter;
  /** Bound of `out.length`; beyond it calls throw ReplyTooLarge. */
  limitBytes = Number.MAX_SAFE_INTEGER;

  constructor(out: ByteWriter) {
    this.out = out;
  }

  private tag(tag: number, moreBytes: number): void {
    if (this.out.length + moreBytes + 10 > this.limitBytes) throw new ReplyTooLarge();
    this.out.u8(tag);
  }
  status(text: string): void {
    if (text === "OK") {
      this.tag(replyTags.ok, 0);
      return;
    }
    const bytes = utf8Bytes(text);
    this.tag(replyTags.status, bytes.length);
    this.out.block(bytes);
  }
  integer(value: number): void {
    this.tag(value < 0 ? replyTags.negative : replyTags.positive, 8);
    this.out.varint(Math.abs(value));
  }
  bigInteger(value: bigint): void {
    this.tag(replyTags.big, 8);
    this.out.i64(value);
  }
  double(value: number): void {
    this.tag(replyTags.double, 8);
    this.out.f64(value);
  }
  bulk(bytes: Uint8Array, offset: number, length: number): void {
    this.tag(replyTags.bulk, length);
    this.out.varint(length);
    this.out.copy(bytes, offset, length);
  }
  nil(): void {
    this.tag(replyTags.nil, 0);
  }
  nilArray(): void {
    this.tag(replyTags.nilArray, 0);
  }
  array(count: number): void {
    this.tag(replyTags.array, 8);
    this.out.varint(count);
  }
  map(count: number): void {
    this.tag(replyTags.map, 8);
    this.out.varint(count);
  }
  set(count: number): void {
    this.tag(replyTags.set, 8);
    this.out.varint(count);
  }
  pairs(count: number): void {
    this.tag(replyTags.pairs, 8);
    this.out.varint(count);
  }
  pair(): void {
    this.tag(replyTags.pair, 0);
  }
  error(kind: ErrorKind, message: string | null): void {
    const text = message === null ? null : utf8Bytes(message);
    this.tag(replyTags.error, 2 + (text?.length ?? 0));
    this.out.varint(errorForm(kind).code);
    this.out.u8(text === null ? 0 : 1);
    if (text !== null) this.out.block(text);
  }
}

/** A cursor that is reused: replaying a short reply allocates nothing. */
class ReplyCursor {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }
  /** Moves over `count` bytes and returns where they begin. */
  take(count: number): number {
    if (count > this.end - this.at) throw new DecodeError(`a reply ends ${count} bytes early`);
    const at = this.at;
    this.at += count;
    return at;
  }
  u8(): number {
    return this.bytes[this.take(1)]!;
  }
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new DecodeError("varint above 2^53");
        return value;
      }
      scale *= 0x80;
    }
    throw new DecodeError("varint too long");
  }
  text(): string {
    const length = this.varint();
    const at = this.take(length);
    return utf8Text(this.bytes.subarray(at, at + length));
  }
  view(): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + this.take(8), 8);
  }
  /** A count of values, each of which takes at least one byte. */
  count(perItem: number): number {
    const count = this.varint();
    if (count * perItem > this.end - this.at) throw new DecodeError(`a reply of ${count} values ends early`);
    return count;
  }
  errorKind(): ErrorKind {
    const code = this.varint();
    const kind = errorKindOf(code);
    if (kind === null) throw new DecodeError(`error code ${code}`);
    return kind;
  }
}

let idle: ReplyCursor | null = new ReplyCursor();

/** Gives the recorded reply in bytes[start, end) to a sink. Throws DecodeError when it is malformed. */
export function replayReply(bytes: Uint8Array, start: number, end: number, sink: ReplySink): void {
  // A sink may replay again from inside a call: that one gets a cursor of its own.
  const cursor = idle ?? new ReplyCursor();
  idle = null;
  cursor.reset(bytes, start, end);
  try {
    for (let pending = 1; pending > 0; pending--) pending += replayOne(cursor, sink);
    if (cursor.at !== end) throw new DecodeError(`${end - cursor.at} bytes after a reply`);
  } finally {
    idle = cursor;
  }
}

/** @returns how many values follow as parts of this one. */
function replayOne(cursor: ReplyCursor, sink: ReplySink): number {
  const tag = cursor.u8();
  switch (tag) {
    case replyTags.ok:
      sink.status("OK");
      return 0;
    case replyTags.status:
      sink.status(cursor.text());
      return 0;
    case replyTags.positive:
      sink.integer(cursor.varint());
      return 0;
    case replyTags.negative:
      sink.integer(-cursor.varint());
      return 0;
    case replyTags.big:
      sink.bigInteger(cursor.view().getBigInt64(0, true));
      return 0;
    case replyTags.double:
      sink.double(cursor.view().getFloat64(0, true));
      return 0;
    case replyTags.bulk: {
      const length = cursor.varint();
      sink.bulk(cursor.bytes, cursor.take(length), length);
      return 0;
    }
    case replyTags.nil:
      sink.nil();
      return 0;
    case replyTags.nilArray:
      sink.nilArray();
      return 0;
    case replyTags.array: {
      const count = cursor.count(1);
      sink.array(count);
      return count;
    }
    case replyTags.map: {
      const count = cursor.count(2);
      sink.map(count);
      return 2 * count;
    }
    case replyTags.set: {
      const count = cursor.count(1);
      sink.set(count);
      return count;
    }
    case replyTags.pairs: {
      const count = cursor.count(3);
      sink.pairs(count);
      return count;
    }
    case replyTags.pair:
      sink.pair();
      return 2;
    case replyTags.error: {
      const kind = cursor.errorKind();
      sink.error(kind, cursor.u8() === 0 ? null : cursor.text());
      return 0;
    }
    default:
      throw new DecodeError(`reply tag ${tag}`);
  }
}

/** A reply as a value, for cold paths and the SDK. */
export type ReplyValue =
  | { readonly type: "status"; readonly text: string }
  | { readonly type: "integer"; readonly value: number | bigint }
  | { readonly type: "double"; readonly value: number }
  | { readonly type: "bulk"; readonly bytes: Uint8Array }
  | { readonly type: "nil" }
  | { readonly type: "nil-array" }
  | { readonly type: "array"; readonly items: readonly ReplyValue[] }
  | { readonly type: "set"; readonly items: readonly ReplyValue[] }
  | { readonly type: "pairs"; readonly pairs: readonly (readonly [ReplyValue, ReplyValue])[] }
  | { readonly type: "map"; readonly entries: readonly (readonly [ReplyValue, ReplyValue])[] }
  | { readonly type: "error"; readonly kind: ErrorKind; readonly message: string | null };

/** Nesting that any reply may have. */
const deepestReply = 32;

/** A recorded reply as a value; bulks are copied. Throws DecodeError when it is malformed. */
export function decodeReply(bytes: Uint8Array, start = 0, end = bytes.length): ReplyValue {
  const sink = new ValueSink();
  replayReply(bytes, start, end, sink);
  return sink.value();
}

/** Collects the values of one reply; tests and cold paths use it as a sink of its own. */
export class ValueSink implements ReplySink {
  private root: ReplyValue | null = null;
  private readonly open: { readonly items: ReplyValue[]; left: number; readonly shape: Shape }[] = [];

  /** The reply, once it is complete. */
  value(): ReplyValue {
    if (this.root === null) throw new DecodeError("an incomplete reply");
    return this.root;
  }

  private add(value: ReplyValue): void {
    let done = value;
    for (;;) {
      const parent = this.open[this.open.length - 1];
      if (parent === undefined) {
        if (this.root !== null) throw new DecodeError("a reply of two values");
        this.root = done;
        return;
      }
      parent.items.push(done);
      if (--parent.left > 0) return;
      this.open.pop();
      done = shapedValue(parent.shape, parent.items);
    }
  }
  private begin(count: number, shape: Shape): void {
    if (this.open.length === deepestReply) throw new DecodeError("a reply nested too deep");
    if (count === 0) this.add(shapedValue(shape, []));
    else this.open.push({ items: [], left: shape === "map" ? 2 * count : count, shape });
  }
  status(text: string): void {
    this.add({ type: "status", text });
  }
  integer(value: number): void {
    this.add({ type: "integer", value });
  }
  bigInteger(value: bigint): void {
    this.add({ type: "integer", value });
  }
  double(value: number): void {
    this.add({ type: "double", value });
  }
  bulk(bytes: Uint8Array, offset: number, length: number): void {
    this.add({ type: "bulk", bytes: bytes.slice(offset, offset + length) });
  }
  nil(): void {
    this.add({ type: "nil" });
  }
  nilArray(): void {
    this.add({ type: "nil-array" });
  }
  array(count: number): void {
    this.begin(count, "array");
  }
  map(count: number): void {
    this.begin(count, "map");
  }
  set(count: number): void {
    this.begin(count, "set");
  }
  pairs(count: number): void {
    this.begin(count, "pairs");
  }
  pair(): void {
    this.begin(2, "array");
  }
  error(kind: ErrorKind, message: string | null): void {
    this.add({ type: "error", kind, message });
  }
}

type Shape = "array" | "set" | "map" | "pairs";

function shapedValue(shape: Shape, items: readonly ReplyValue[]): ReplyValue {
  switch (shape) {
    case "array":
    case "set":
      return { type: shape, items };
    case "map": {
      const entries: [ReplyValue, ReplyValue][] = [];
      for (let i = 0; i + 1 < items.length; i += 2) entries.push([items[i]!, items[i + 1]!]);
      return { type: "map", entries };
    }
    case "pairs":
      return { type: "pairs", pairs: items.map(pairOf) };
  }
}

function pairOf(value: ReplyValue): readonly [ReplyValue, ReplyValue] {
  if (value.type !== "array" || value.items.length !== 2) throw new DecodeError("pairs of other values");
  return [value.items[0]!, value.items[1]!];
}
