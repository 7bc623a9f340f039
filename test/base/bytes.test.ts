import { expect, test } from "vitest";
import { ByteReader, ByteWriter, isUtf8, utf8Bytes, utf8Text } from "../../src/base/bytes.js";
import { crc16, crc32c } from "../../src/base/crc.js";
import { slotOf } from "../../src/base/slot.js";

test("crc32c is the bitwise definition at every length and alignment, whole or in parts", () => {
  const bytes = Uint8Array.from({ length: 41 }, (_, i) => (i * 151 + 7) & 0xff);
  const bitwise = (start: number, end: number): number => {
    let crc = 0xffff_ffff;
    for (let i = start; i < end; i++) {
      crc ^= bytes[i]!;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  for (let start = 0; start < 5; start++)
    for (let end = start; end <= bytes.length; end++) {
      expect(crc32c(bytes, 0, start, end)).toBe(bitwise(start, end));
      const middle = (start + end) >> 1;
      expect(crc32c(bytes, crc32c(bytes, 0, start, middle), middle, end)).toBe(bitwise(start, end));
    }
});

test("varints come back at every power of two up to 2^53 - 1", () => {
  const values = [0, Number.MAX_SAFE_INTEGER];
  for (let bit = 0; bit < 53; bit++) values.push(2 ** bit - 1, 2 ** bit, 2 ** bit + 1);
  const out = new ByteWriter(16);
  for (const value of values) out.varint(value);
  const reader = new ByteReader(out.take());
  for (const value of values) expect(reader.varint()).toBe(value);
  expect(reader.remaining).toBe(0);
});

test("crc16 and crc32c give the published check values", () => {
  const digits = utf8Bytes("123456789");
  expect(crc16(digits, 0, digits.length)).toBe(0x31c3);
  expect(crc32c(digits)).toBe(0xe306_9283);
});

test("a hash tag alone decides the slot, as in Redis Cluster", () => {
  expect(slotOf(utf8Bytes("foo"))).toBe(12182);
  expect(slotOf(utf8Bytes("{user1000}.following"))).toBe(slotOf(utf8Bytes("{user1000}.followers")));
  expect(slotOf(utf8Bytes("foo{}{bar}"))).toBe(crc16(utf8Bytes("foo{}{bar}"), 0, 10) & 16383);
});

test("numbers and text survive the round trip through writer and reader", () => {
  const out = new ByteWriter(1);
  out.u53(Number.MAX_SAFE_INTEGER);
  out.varint(Number.MAX_SAFE_INTEGER);
  out.text("grüße 😀");
  out.i64(-(2n ** 63n));
  const reader = new ByteReader(out.take());
  expect(reader.u53()).toBe(Number.MAX_SAFE_INTEGER);
  expect(reader.varint()).toBe(Number.MAX_SAFE_INTEGER);
  expect(reader.text()).toBe("grüße 😀");
  expect(reader.i64()).toBe(-(2n ** 63n));
  expect(reader.remaining).toBe(0);
});

test("utf-8 text agrees with the platform's decoder, invalid bytes included", () => {
  const text = "a\u00e9\u20ac😀\u{10ffff}";
  expect(utf8Bytes(text)).toEqual(new Uint8Array(Buffer.from(text)));
  expect(utf8Text(utf8Bytes(text))).toBe(text);
  expect(isUtf8(Uint8Array.of(0xed, 0xa0, 0x80))).toBe(false);
  expect(isUtf8(Uint8Array.of(0xc0, 0x80))).toBe(false);
});
