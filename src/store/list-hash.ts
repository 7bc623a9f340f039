import { layouts, PackedElement } from "./element-layout.js";
import { type EntryTable, listHeadBytes } from "./entry-table.js";
import type { Handle } from "./keyspace.js";
import type { PackedPlace } from "./packed-leaf.js";
import { SequenceHash } from "./sequence-hash.js";
import type { TreeNodes } from "./tree-nodes.js";

/** Keeps the hash of each leaf of a list's tree up to date. */
export class ListLeafHashes {
  private readonly nodes: TreeNodes;
  private readonly element = new PackedElement();
  private readonly whole = new SequenceHash();
  private readonly part = new SequenceHash();
  private readonly one = new SequenceHash();

  constructor(nodes: TreeNodes) {
    this.nodes = nodes;
  }

  /** From all of the leaf's elements. */
  renew(leaf: number): void {
    this.nodes.setLeafSequence(leaf, this.run(leaf, 0, this.nodes.leafUsed(leaf), this.whole));
  }

  /** Before an insertion at a place. */
  insert(leaf: number, place: PackedPlace, bytes: Uint8Array, length: number): void {
    const { nodes, whole, part } = this;
    nodes.leafSequence(leaf, whole);
    const added = hashPackedList(nodes, bytes, 0, length, new SequenceHash(), this.element, this.one);
    if (place.at === 0) whole.prepend(added);
    else if (place.index >= nodes.leafCount(leaf)) whole.append(added);
    else {
      this.run(leaf, 0, place.at, part);
      added.prepend(part);
      whole.prepend(part.invert()).prepend(added);
    }
    nodes.setLeafSequence(leaf, whole);
  }

  /** Before a removal of the bytes between two offsets of a leaf. */
  remove(leaf: number, from: number, to: number): void {
    const { nodes, whole, part } = this;
    nodes.leafSequence(leaf, whole);
    const removed = this.run(leaf, from, to, new SequenceHash()).invert();
    if (from === 0) whole.prepend(removed);
    else if (to === nodes.leafUsed(leaf)) whole.append(removed);
    else {
      this.run(leaf, 0, from, part);
      // whole = P R S, wanted P S = (P R^-1 P^-1) (P R S).
      removed.prepend(part);
      removed.append(part.invert());
      whole.prepend(removed);
    }
    nodes.setLeafSequence(leaf, whole);
  }

  /** When the elements of `second` move behind those of `first`. */
  join(first: number, second: number): void {
    const { nodes, whole } = this;
    nodes.leafSequence(first, whole).append(nodes.leafSequence(second, this.part));
    nodes.setLeafSequence(first, whole);
  }

  /** Hash of the list elements between two offsets of a leaf. */
  private run(leaf: number, from: number, to: number, into: SequenceHash): SequenceHash {
    const { nodes } = this;
    const bytes = nodes.leafBytes(leaf);
    const start = nodes.leafStart(leaf);
    return hashPackedList(this.nodes, bytes, start + from, start + to, into, this.element, this.one);
  }
}

/** Keeps the hash of a small list up to date. */
export class SmallListHash {
  private readonly element = new PackedElement();
  private readonly whole = new SequenceHash();
  private readonly part = new SequenceHash();
  private readonly added = new SequenceHash();
  private readonly one = new SequenceHash();

  /** Before `removed` bytes at `at` of the `used` bytes of elements are replaced by others. */
  splice(
    table: EntryTable,
    handle: Handle,
    nodes: TreeNodes,
    used: number,
    at: number,
    removed: number,
    bytes: Uint8Array,
    length: number,
  ): void {
    const { whole, part, added, one, element } = this;
    const block = table.blockBytes(handle);
    const start = table.valueOffset(handle) + listHeadBytes;
    readListHead(table, handle, whole);
    hashPackedList(nodes, bytes, 0, length, added, element, one);
    // whole = P R S, wanted P A S = (P A R^-1 P^-1) (P R S).
    added.append(hashPackedList(nodes, block, start + at, start + at + removed, part, element, one).invert());
    if (at > 0 && at + removed === used) {
      // No S: P A = (P R) (R^-1 A).
      hashPackedList(nodes, bytes, 0, length, added, element, one);
      whole.append(part).append(added);
    } else {
      hashPackedList(nodes, block, start, start + at, part, element, one);
      added.prepend(part).append(part.invert());
      whole.prepend(added);
    }
    writeListHead(table, handle, whole);
  }
}

/** Half of a small list's hash lies in front of its elements, half in its row. */
export function writeListHead(table: EntryTable, handle: Handle, hash: SequenceHash): void {
  const bytes = table.blockBytes(handle);
  const at = table.valueOffset(handle);
  for (let i = 0; i < 4; i++) {
    bytes[at + i] = hash.a >>> (8 * i);
    bytes[at + 4 + i] = hash.c >>> (8 * i);
  }
  table.setContent(handle, hash.b, hash.d);
}

function readListHead(table: EntryTable, handle: Handle, into: SequenceHash): void {
  const bytes = table.blockBytes(handle);
  const at = table.valueOffset(handle);
  const word = (i: number): number =>
    bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
  into.set(word(at), table.contentLow(handle), word(at + 4), table.contentHigh(handle));
}

/** Hash of the packed list elements from `start` to `end`. */
function hashPackedList(
  nodes: TreeNodes,
  bytes: Uint8Array,
  start: number,
  end: number,
  into: SequenceHash,
  element: PackedElement,
  one: SequenceHash,
): SequenceHash {
  into.reset();
  for (let offset = start; offset < end; offset = element.end) {
    element.read(bytes, offset, layouts.list);
    const from = element.memberAt;
    into.append(one.ofElement(nodes.hashKey, bytes, from, from + element.memberLength));
  }
  return into;
}
