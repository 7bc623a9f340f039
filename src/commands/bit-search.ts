import type { ByteSlice } from "../store/keyspace.js";

const ones = new Uint8Array(256);
for (let byte = 1; byte < 256; byte++) ones[byte] = ones[byte >> 1]! + (byte & 1);

/** Number of set bits from bit `first` to bit `last`, both within the value and included. */
export function bitCount(value: ByteSlice, first: number, last: number): number {
  const { bytes, offset } = value;
  const firstByte = Math.floor(first / 8);
  const lastByte = Math.floor(last / 8);
  let count = 0;
  for (let at = firstByte; at <= lastByte; at++) count += ones[bytes[offset + at]!]!;
  count -= ones[bytes[offset + firstByte]! & (0xff00 >> (first % 8))]!;
  return count - ones[bytes[offset + lastByte]! & (0x7f >> (last % 8))]!;
}

/** Position of the first bit that equals `bit` from bit `first` to bit `last`, both within the value; or -1. */
export function bitPosition(value: ByteSlice, bit: number, first: number, last: number): number {
  const { bytes, offset } = value;
  const other = bit === 1 ? 0 : 0xff;
  for (let at = first; at <= last; ) {
    const byte = bytes[offset + Math.floor(at / 8)]!;
    if (at % 8 === 0 && byte === other) at += 8;
    else if (((byte >> (7 - (at % 8))) & 1) === bit) return at;
    else at++;
  }
  return -1;
}
