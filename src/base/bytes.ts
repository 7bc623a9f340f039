export const emptyBytes = new Uint8Array(0);

/** A growing buffer, little-endian. `take()` hands the bytes out; `clear()` keeps the memory for reuse. */
export class ByteWriter {
  bytes: Uint8Array;
  private view: DataView;
  length = 0;

  constructor(capacityBytes = 256) {
    this.bytes = new Uint8Array(capacityBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  clear(): void {
    this.length = 0;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    let capacity = this.bytes.length * 2;
    while (capacity < needed) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }
  u16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.length, value, true);
    this.length += 2;
  }
  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }
  /** A safe integer >= 0, eight bytes. */
  u53(value: number): void {
    this.reserve(8);
    this.view.setUint32(this.length, value % 0x1_0000_0000, true);
    this.view.setUint32(this.length + 4, Math.floor(value / 0x1_0000_0000), true);
    this.length += 8;
  }
  i64(value: bigint): void {
    this.reserve(8);
    this.view.setBigInt64(this.length, value, true);
    this.length += 8;
  }
  f64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }
  /** LEB128, a safe integer >= 0. */
  varint(value: number): void {
    this.reserve(8);
    let rest = value;
    // Nearly all fit 31 bits: shifts instead of divisions.
    if (rest < 0x8000_0000) {
      for (; rest >= 0x80; rest >>>= 7) this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      this.bytes[this.length++] = rest;
      return;
    }
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.length++] = rest;
  }
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }
  /** A part of another buffer, copied without a view where it is short. */
  copy(bytes: Uint8Array, offset: number, count: number): void {
    this.reserve(count);
    const to = this.bytes;
    let at = this.length;
    if (count <= 64) for (let i = offset; i < offset + count; i++) to[at++] = bytes[i]!;
    else to.set(bytes.subarray(offset, offset + count), at);
    this.length += count;
  }
  /** varint length, then the bytes. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }
  /** varint length, then UTF-8. */
  text(value: string): void {
    this.block(utf8Bytes(value));
  }
  /** Overwrites four bytes written earlier. */
  patchU32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
  }
  /** A copy of what was written. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
  /** What was written, without a copy: valid until the next write or clear. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Malformed bytes from outside: expected at a boundary, where it is caught. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

/** A cursor over bytes, little-endian. Reads beyond the end throw DecodeError. */
export class ByteReader {
  bytes: Uint8Array;
  private view: DataView;
  offset: number;
  end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = end;
  }

  /** Points the cursor at other bytes; nothing is allocated while the buffer stays the same. */
  reset(bytes: Uint8Array, offset = 0, end = bytes.length): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  private need(count: number): number {
    const at = this.offset;
    if (count > this.end - at) throw new DecodeError(`need ${count} bytes at ${at}, have ${this.end - at}`);
    this.offset = at + count;
    return at;
  }
  u8(): number {
    return this.bytes[this.need(1)]!;
  }
  u16(): number {
    return this.view.getUint16(this.need(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.need(4), true);
  }
  u53(): number {
    const at = this.need(8);
    const high = this.view.getUint32(at + 4, true);
    if (high > 0x1f_ffff) throw new DecodeError("number above 2^53");
    return high * 0x1_0000_0000 + this.view.getUint32(at, true);
  }
  i64(): bigint {
    return this.view.getBigInt64(this.need(8), true);
  }
  f64(): number {
    return this.view.getFloat64(this.need(8), true);
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
  /** A view, not a copy. */
  raw(count: number): Uint8Array {
    const at = this.need(count);
    return this.bytes.subarray(at, at + count);
  }
  skip(count: number): void {
    this.need(count);
  }
  block(): Uint8Array {
    return this.raw(this.varint());
  }
  text(): string {
    return utf8Text(this.block());
  }
}

/** Compares as unsigned bytes, shorter first: the only order of keys that exists here. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Bytes as a string of code units 0..255: a Map key for arbitrary bytes, reversible. */
export function latin1Text(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = "";
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode.apply(
      null,
      bytes.subarray(at, Math.min(end, at + 4096)) as unknown as number[],
    );
  }
  return text;
}

export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** UTF-8 of a string; a lone surrogate becomes U+FFFD. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
      if (code <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i++;
      } else code = 0xfffd;
    }
    if (code < 0x800) bytes[at++] = 0xc0 | (code >> 6);
    else {
      if (code < 0x1_0000) bytes[at++] = 0xe0 | (code >> 12);
      else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[at++] = 0x80 | (code & 0x3f);
  }
  return bytes.subarray(0, at);
}

/** Length of the valid UTF-8 sequence at `at`, or 0. Overlong forms and surrogates are invalid. */
function utf8SequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > end) return 0;
  const second = bytes[at + 1]!;
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  for (let i = 1; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return length;
}

export function isUtf8(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const length = utf8SequenceLength(bytes, at, bytes.length);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

/** Text of UTF-8 bytes; each invalid byte becomes U+FFFD. */
export function utf8Text(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = utf8SequenceLength(bytes, at, bytes.length);
    const first = bytes[at]!;
    if (length === 0) {
      text += "\ufffd";
      at += 1;
      continue;
    }
    let code = length === 1 ? first : first & (0xff >> (length + 1));
    for (let i = 1; i < length; i++) code = (code << 6) | (bytes[at + i]! & 0x3f);
    text += String.fromCodePoint(code);
    at += length;
  }
  return text;
}
