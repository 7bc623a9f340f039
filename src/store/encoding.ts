import type { ByteSlice, CollectionKind, ElementCursor, Encoding } from "./keyspace.js";

/** Redis 7.0's thresholds; its list has one encoding only. */
const longestEmbedded = 44;
const longestPacked = 64;
const mostHashFields = 512;
const mostZsetMembers = 128;
const mostIntegers = 512;

/** An integer as Redis writes it: no sign but "-", no leading zero, 64 bits. */
function isInteger(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length === 0 || length > 20) return false;
  const negative = bytes[offset] === 0x2d;
  const first = negative ? 1 : 0;
  const digits = length - first;
  if (digits === 0 || digits > 19) return false;
  if (bytes[offset + first] === 0x30 && length > 1) return false;
  for (let i = first; i < length; i++) {
    const byte = bytes[offset + i]!;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  if (digits < 19) return true;
  const bound = negative ? "9223372036854775808" : "9223372036854775807";
  for (let i = 0; i < 19; i++) {
    const difference = bytes[offset + first + i]! - bound.charCodeAt(i);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

export function stringEncoding(value: ByteSlice): Encoding {
  if (isInteger(value.bytes, value.offset, value.length)) return "int";
  return value.length <= longestEmbedded ? "embstr" : "raw";
}

/** Reads elements only where there are few. */
export function collectionEncoding(kind: CollectionKind, length: number, elements: ElementCursor): Encoding {
  switch (kind) {
    case "list":
      return "quicklist";
    case "set":
      if (length > mostIntegers) return "hashtable";
      while (elements.next()) {
        const { bytes, offset, length: bytesLong } = elements.member;
        if (!isInteger(bytes, offset, bytesLong)) return "hashtable";
      }
      return "intset";
    case "hash":
      return length <= mostHashFields && areShort(elements) ? "listpack" : "hashtable";
    case "zset":
      return length <= mostZsetMembers && areShort(elements) ? "listpack" : "skiplist";
  }
}

function areShort(elements: ElementCursor): boolean {
  while (elements.next())
    if (elements.member.length > longestPacked || elements.value.length > longestPacked) return false;
  return true;
}
