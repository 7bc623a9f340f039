import { ByteWriter, utf8Bytes } from "../../base/bytes.js";
import { type ErrorKind, respErrorText } from "../../base/errors.js";
import { formatDouble } from "../../commands/format-double.js";
import type { ReplySink } from "../../commands/reply-sink.js";
import type { ReadFreshness } from "../../node/service.js";

/**
 * Encodes replies as RESP2 or RESP3. One sink serves all connections of a server: it is pointed at a buffer for each
 * reply, since a reply's calls come synchronously.
 */
export class RespSink implements ReplySink {
  private out = new ByteWriter(16);
  private resp3 = false;
  private readonly digits = new Uint8Array(24);
  /** Kind of the last error written since `point`; null: none. */
  failure: ErrorKind | null = null;

  point(out: ByteWriter, resp3: boolean): void {
    this.out = out;
    this.resp3 = resp3;
    this.failure = null;
  }

  /** Changes the protocol within a reply: HELLO answers in the new one. */
  speak(resp3: boolean): void {
    this.resp3 = resp3;
  }

  status(text: string): void {
    this.out.u8(0x2b);
    this.line(text);
  }
  integer(value: number): void {
    this.number(0x3a, value);
  }
  bigInteger(value: bigint): void {
    this.out.u8(0x3a);
    this.line(String(value));
  }
  double(value: number): void {
    const text = formatDouble(value);
    if (this.resp3) {
      this.out.u8(0x2c);
      this.line(text);
    } else this.text(text);
  }
  bulk(bytes: Uint8Array, offset: number, length: number): void {
    this.number(0x24, length);
    this.out.copy(bytes, offset, length);
    this.lineEnd();
  }
  nil(): void {
    if (this.resp3) this.raw3();
    else this.number(0x24, -1);
  }
  nilArray(): void {
    if (this.resp3) this.raw3();
    else this.number(0x2a, -1);
  }
  array(count: number): void {
    this.number(0x2a, count);
  }
  map(count: number): void {
    if (this.resp3) this.number(0x25, count);
    else this.number(0x2a, 2 * count);
  }
  set(count: number): void {
    this.number(this.resp3 ? 0x7e : 0x2a, count);
  }
  pairs(count: number): void {
    this.number(0x2a, this.resp3 ? count : 2 * count);
  }
  pair(): void {
    if (this.resp3) this.number(0x2a, 2);
  }
  error(kind: ErrorKind, message: string | null): void {
    this.failure = kind;
    this.out.u8(0x2d);
    this.line(respErrorText(kind, message));
  }

  /** An error whose first word is part of `text`. */
  errorText(text: string, kind: ErrorKind): void {
    this.failure = kind;
    this.out.u8(0x2d);
    this.line(text);
  }
  /** An error that quotes bytes of the client: code units 0..255, each one byte. */
  errorLatin1(text: string, kind: ErrorKind): void {
    this.failure = kind;
    this.out.u8(0x2d);
    for (let i = 0; i < text.length; i++) this.out.u8(lineByte(text.charCodeAt(i) & 0xff));
    this.lineEnd();
  }
  /** A string as a bulk. */
  text(value: string): void {
    const bytes = utf8Bytes(value);
    this.bulk(bytes, 0, bytes.length);
  }
  /** Text for people: a verbatim string in RESP3. */
  verbatim(value: string): void {
    if (!this.resp3) {
      this.text(value);
      return;
    }
    const bytes = utf8Bytes(value);
    this.number(0x3d, bytes.length + 4);
    this.ascii("txt:");
    this.out.raw(bytes);
    this.lineEnd();
  }
  private raw3(): void {
    this.out.u8(0x5f);
    this.lineEnd();
  }
  private lineEnd(): void {
    this.out.u8(0x0d);
    this.out.u8(0x0a);
  }
  private ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.out.u8(text.charCodeAt(i));
  }
  private line(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        for (const byte of utf8Bytes(text.slice(i))) this.out.u8(lineByte(byte));
        break;
      }
      this.out.u8(lineByte(code));
    }
    this.lineEnd();
  }

  /** Type byte, a safe integer, line end: without a string. */
  private number(type: number, value: number): void {
    const digits = this.digits;
    let at = digits.length;
    let rest = value < 0 ? -value : value;
    // The int32 path matters: `%` and `/` on doubles are several times slower.
    while (rest > 0x7fff_ffff) {
      const next = Math.floor(rest / 10);
      digits[--at] = 0x30 + (rest - next * 10);
      rest = next;
    }
    let small = rest | 0;
    do {
      const next = (small / 10) | 0;
      digits[--at] = 0x30 + (small - next * 10);
      small = next;
    } while (small > 0);
    if (value < 0) digits[--at] = 0x2d;
    const out = this.out;
    const count = digits.length - at;
    out.reserve(count + 3);
    const bytes = out.bytes;
    let to = out.length;
    bytes[to++] = type;
    for (; at < digits.length; at++) bytes[to++] = digits[at]!;
    bytes[to++] = 0x0d;
    bytes[to++] = 0x0a;
    out.length = to;
  }
}

/** A line must stay one line. */
function lineByte(byte: number): number {
  return byte === 0x0d || byte === 0x0a ? 0x20 : byte;
}

/** The RESP3 attribute that goes before a reply which isn't linearizable. */
export function freshnessAttribute(freshness: ReadFreshness): Uint8Array {
  const age = freshness.ageMs === null ? "_" : `:${Math.ceil(freshness.ageMs)}`;
  return utf8Bytes(
    `|3\r\n+applied-index\r\n:${freshness.appliedIndex}\r\n+age-ms\r\n${age}\r\n` +
      `+stale\r\n#${freshness.stale ? "t" : "f"}\r\n`,
  );
}
