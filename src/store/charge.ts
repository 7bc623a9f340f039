import type { CollectionKind } from "./keyspace.js";

/** Bytes of a length in front of bytes. */
export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/**
 * What an element counts for in its collection, in bytes: `length` of a list element, set member, hash field or
 * sorted-set member, `valueLength` of a field's value.
 */
export function elementBytes(kind: CollectionKind, length: number, valueLength = 0): number {
  const bytes = varintBytes(length) + length;
  switch (kind) {
    case "list":
      return bytes;
    case "set":
      return bytes + 4;
    case "hash":
      return bytes + 4 + varintBytes(valueLength) + valueLength;
    case "zset":
      return bytes + 8;
  }
}
