import { type Layout, layouts, PackedElement } from "./element-layout.js";
import { type EntryTable, listHeadBytes } from "./entry-table.js";
import type { ByteSlice, ElementCursor, Handle } from "./keyspace.js";
import type { TreeSearch } from "./tree-search.js";

const nothing = new Uint8Array(0);

/** Goes over packed elements: of a tree, or of one run of bytes. Backwards, a leaf's offsets are noted first. */
export class PackedCursor implements ElementCursor {
  readonly member: ByteSlice = { bytes: nothing, offset: 0, length: 0 };
  readonly value: ByteSlice = { bytes: nothing, offset: 0, length: 0 };
  score = 0;
  hash = 0;
  /** Offsets of the packed element in `member.bytes`: without its hash, and its end. */
  contentAt = 0;
  end = 0;
  private readonly trees: TreeSearch;
  private readonly element = new PackedElement();
  private layout: Layout = 0;
  private tree = 0;
  private reverse = false;
  /** Index of the next element, and how many there are in all. */
  private index = 0;
  private count = 0;
  private bytes: Uint8Array = nothing;
  private at = 0;
  /** Elements left in this leaf. */
  private left = 0;
  private offsets = new Uint32Array(256);
  /** Elements in an order of their own, by their offsets. */
  private picked: Uint32Array | null = null;
  private hashes: Uint32Array = new Uint32Array(0);

  constructor(trees: TreeSearch) {
    this.trees = trees;
  }

  openTree(tree: number, from: number, reverse: boolean): this {
    this.begin(this.trees.layout(tree), from, reverse, this.trees.count(tree));
    this.tree = tree;
    return this;
  }

  openBytes(
    layout: Layout,
    bytes: Uint8Array,
    start: number,
    count: number,
    from: number,
    reverse: boolean,
  ): this {
    this.begin(layout, from, reverse, count);
    if (from >= 0 && from < count) this.enter(bytes, start, count, from);
    return this;
  }

  /** All elements of a small collection. */
  openSmall(table: EntryTable, handle: Handle, layout: Layout): this {
    const start = table.valueOffset(handle) + (layout === layouts.list ? listHeadBytes : 0);
    return this.openBytes(layout, table.blockBytes(handle), start, table.value(handle) >>> 16, 0, false);
  }

  /** Elements of a run of bytes at `offsets`, in that order. */
  openPicked(layout: Layout, bytes: Uint8Array, offsets: Uint32Array, hashes: Uint32Array): this {
    this.begin(layout, 0, false, offsets.length);
    this.bytes = bytes;
    this.picked = offsets;
    this.hashes = hashes;
    return this;
  }

  private begin(layout: Layout, from: number, reverse: boolean, count: number): void {
    this.layout = layout;
    this.tree = 0;
    this.index = from;
    this.reverse = reverse;
    this.count = count;
    this.left = 0;
    this.picked = null;
    this.element.score = 0;
    this.element.hash = 0;
    this.score = 0;
    this.hash = 0;
    this.value.bytes = nothing;
    this.value.length = 0;
  }

  next(): boolean {
    if (this.index < 0 || this.index >= this.count) return false;
    if (this.picked !== null) {
      this.read(this.picked[this.index]!);
      this.hash = this.hashes[this.index]!;
      this.index++;
      return true;
    }
    if (this.left === 0) {
      const { trees } = this;
      trees.seekIndex(this.tree, this.index);
      const { nodes, leaf } = trees;
      this.enter(nodes.leafBytes(leaf), nodes.leafStart(leaf), nodes.leafCount(leaf), trees.place.index);
    }
    this.left--;
    if (this.reverse) {
      this.read(this.offsets[this.left]!);
      this.index--;
    } else {
      this.read(this.at);
      this.at = this.end;
      this.index++;
    }
    return true;
  }

  /** Stands before element `within` of a leaf, or behind it when going backwards. */
  private enter(bytes: Uint8Array, start: number, count: number, within: number): void {
    this.bytes = bytes;
    let offset = start;
    if (this.reverse && this.offsets.length <= within) this.offsets = new Uint32Array(2 * within);
    for (let i = 0; i < within; i++) {
      if (this.reverse) this.offsets[i] = offset;
      this.element.read(bytes, offset, this.layout);
      offset = this.element.end;
    }
    if (this.reverse) this.offsets[within] = offset;
    this.at = offset;
    this.left = this.reverse ? within + 1 : count - within;
  }

  private read(offset: number): void {
    const { element, member, value, bytes } = this;
    element.read(bytes, offset, this.layout);
    member.bytes = bytes;
    member.offset = element.memberAt;
    member.length = element.memberLength;
    this.score = element.score;
    this.hash = element.hash;
    this.contentAt = element.contentAt;
    this.end = element.end;
    if (element.valueLength > 0) {
      value.bytes = bytes;
      value.offset = element.valueAt;
    }
    value.length = element.valueLength;
  }
}
