import type { CollectionKind } from "./keyspace.js";
import { classBytes, sizeClassOf } from "./size-class.js";
import { blockHeadBytes } from "./slab.js";

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

/** Row, index and deadline of one entry; room for a deadline is always counted. */
const entryOverheadBytes = 72;
/** Inner nodes and headers of a large collection. */
const treeBytes = 512;
/** A collection of at most so many bytes of elements lies in its entry's block. */
export const smallCollectionBytes = 2048;

/**
 * What an entry is charged, in bytes: a function of kind, lengths and counts, never falling in any of them, that
 * follows what memory really holds. A block is charged by its size class; a large collection what the largest small
 * one is, and 19/16 of the bytes above that, for its leaves and nodes. A large sorted set has its members twice.
 */
export function stringCharge(keyLength: number, valueLength: number): number {
  return entryOverheadBytes + classBytes(sizeClassOf(blockHeadBytes + keyLength + valueLength));
}

export function collectionCharge(
  kind: CollectionKind,
  keyLength: number,
  elements: number,
  bytes: number,
): number {
  const head = kind === "list" ? 8 : 0;
  if (bytes <= smallCollectionBytes) return stringCharge(keyLength, head + bytes);
  const smallest = stringCharge(keyLength, head + smallCollectionBytes);
  const above =
    kind === "zset" ? bytes - smallCollectionBytes + bytes + 4 * elements : bytes - smallCollectionBytes;
  return smallest + treeBytes + above + Math.floor((above * 3) / 16);
}
