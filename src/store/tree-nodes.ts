import type { HashKey } from "../base/keyed-hash.js";
import { type Layout, layouts, PackedElement } from "./element-layout.js";
import { copyBytes } from "./entry-table.js";
import { Rows } from "./rows.js";
import { SequenceHash } from "./sequence-hash.js";
import type { BlockRef, Slab } from "./slab.js";

/** Children of an inner node at most. */
export const fanOut = 32;
/** Owners of blocks from here on are leaves, below it are entries. */
export const leafOwner = 0x8000_0000;

const leafWord = { block: 0, used: 1, epoch: 2, count: 3, sequence: 4 } as const;
const nodeWord = { epoch: 0, size: 1, child: 2, count: 2 + fanOut, extra: 2 + 2 * fanOut } as const;

/**
 * Leaves and inner nodes of packed trees, in rows outside the heap. A leaf's block holds packed elements; an inner node holds
 * per child its number of elements and, for sorted trees, the order key of its first element, for lists the hash of
 * its sequence.
 *
 * Copy on write: while `frozenBefore` is above 0 a walk may still read nodes of an epoch below it. They are
 * cloned instead of changed, and what is dropped waits in `dropped` until no walk is open; freeing is done in slices.
 */
export class TreeNodes {
  /** Given to nodes as they are made. */
  epoch = 1;
  frozenBefore = 0;
  readonly hashKey: HashKey;
  private readonly slab: Slab;
  private readonly leaves = new Rows(8);
  private readonly sorted = new Rows(nodeWord.extra + 2 * fanOut);
  private readonly lists = new Rows(nodeWord.extra + 4 * fanOut);
  /** Node * 2^5 + its kind: what only `reclaim` may free; a kind is a height, plus a flag for lists. */
  private readonly dropped: number[] = [];
  /** Frozen nodes that were replaced one by one. */
  private readonly retired: number[] = [];
  private readonly element = new PackedElement();
  private readonly scratch = new SequenceHash();

  constructor(slab: Slab, hashKey: HashKey) {
    this.slab = slab;
    this.hashKey = hashKey;
  }

  rowsOf(layout: Layout): Rows {
    return layout === layouts.list ? this.lists : this.sorted;
  }

  addLeaf(length: number, count: number): number {
    const leaf = this.leaves.add();
    this.leaves.set(leaf, leafWord.block, this.slab.allocate(length, leafOwner + leaf));
    this.leaves.set(leaf, leafWord.used, length);
    this.leaves.set(leaf, leafWord.epoch, this.epoch);
    this.leaves.set(leaf, leafWord.count, count);
    this.setLeafSequence(leaf, this.scratch.reset());
    return leaf;
  }
  moveLeaf(leaf: number, ref: BlockRef): void {
    this.leaves.set(leaf, leafWord.block, ref);
  }
  leafBytes(leaf: number): Uint8Array {
    return this.slab.bytesOf(this.leaves.get(leaf, leafWord.block));
  }
  leafStart(leaf: number): number {
    return this.slab.offsetOf(this.leaves.get(leaf, leafWord.block));
  }
  leafUsed(leaf: number): number {
    return this.leaves.get(leaf, leafWord.used);
  }
  leafCount(leaf: number): number {
    return this.leaves.get(leaf, leafWord.count);
  }
  setLeafCount(leaf: number, count: number): void {
    this.leaves.set(leaf, leafWord.count, count);
  }
  leafSequence(leaf: number, into: SequenceHash): SequenceHash {
    const { leaves } = this;
    const at = leafWord.sequence;
    return into.set(
      leaves.get(leaf, at),
      leaves.get(leaf, at + 1),
      leaves.get(leaf, at + 2),
      leaves.get(leaf, at + 3),
    );
  }
  setLeafSequence(leaf: number, hash: SequenceHash): void {
    const { leaves } = this;
    leaves.set(leaf, leafWord.sequence, hash.a);
    leaves.set(leaf, leafWord.sequence + 1, hash.b);
    leaves.set(leaf, leafWord.sequence + 2, hash.c);
    leaves.set(leaf, leafWord.sequence + 3, hash.d);
  }

  /** Replaces `removed` bytes at `at` of a leaf by others. */
  spliceLeaf(leaf: number, at: number, removed: number, bytes: Uint8Array, start: number, end: number): void {
    const { leaves, slab } = this;
    const used = leaves.get(leaf, leafWord.used);
    const after = used - removed + end - start;
    const old = leaves.get(leaf, leafWord.block);
    let ref = old;
    if (!slab.sameClass(used, after)) {
      ref = slab.allocate(after, leafOwner + leaf);
      copyBytes(
        slab.bytesOf(old),
        slab.offsetOf(old),
        slab.offsetOf(old) + at,
        slab.bytesOf(ref),
        slab.offsetOf(ref),
      );
      leaves.set(leaf, leafWord.block, ref);
    }
    const from = slab.bytesOf(old);
    const fromAt = slab.offsetOf(old);
    const to = slab.bytesOf(ref);
    const toAt = slab.offsetOf(ref);
    const tail = at + removed;
    if (used > tail) {
      if (ref === old) to.copyWithin(toAt + at + end - start, fromAt + tail, fromAt + used);
      else copyBytes(from, fromAt + tail, fromAt + used, to, toAt + at + end - start);
    }
    copyBytes(bytes, start, end, to, toAt + at);
    leaves.set(leaf, leafWord.used, after);
    if (ref !== old) slab.free(old);
  }

  cloneLeaf(leaf: number): number {
    const { leaves } = this;
    const used = leaves.get(leaf, leafWord.used);
    const clone = leaves.add();
    leaves.copyRow(leaf, clone);
    leaves.set(clone, leafWord.block, this.slab.allocate(used, leafOwner + clone));
    leaves.set(clone, leafWord.epoch, this.epoch);
    const start = this.leafStart(leaf);
    copyBytes(this.leafBytes(leaf), start, start + used, this.leafBytes(clone), this.leafStart(clone));
    return clone;
  }
  /** All from a root down, as nodes of their own. */
  cloneTree(layout: Layout, root: number, height: number): number {
    if (height === 0) return this.cloneLeaf(root);
    const clone = this.cloneNode(layout, root);
    for (let slot = this.size(layout, root) - 1; slot >= 0; slot--)
      this.setChild(layout, clone, slot, this.cloneTree(layout, this.child(layout, root, slot), height - 1));
    return clone;
  }
  isLeafFrozen(leaf: number): boolean {
    return this.leaves.get(leaf, leafWord.epoch) < this.frozenBefore;
  }

  addNode(layout: Layout): number {
    const rows = this.rowsOf(layout);
    const node = rows.add();
    rows.set(node, nodeWord.epoch, this.epoch);
    rows.set(node, nodeWord.size, 0);
    return node;
  }
  cloneNode(layout: Layout, node: number): number {
    const rows = this.rowsOf(layout);
    const clone = rows.add();
    rows.copyRow(node, clone);
    rows.set(clone, nodeWord.epoch, this.epoch);
    return clone;
  }
  isNodeFrozen(layout: Layout, node: number): boolean {
    return this.rowsOf(layout).get(node, nodeWord.epoch) < this.frozenBefore;
  }
  size(layout: Layout, node: number): number {
    return this.rowsOf(layout).get(node, nodeWord.size);
  }
  child(layout: Layout, node: number, slot: number): number {
    return this.rowsOf(layout).get(node, nodeWord.child + slot);
  }
  setChild(layout: Layout, node: number, slot: number, child: number): void {
    this.rowsOf(layout).set(node, nodeWord.child + slot, child);
  }
  childCount(layout: Layout, node: number, slot: number): number {
    return this.rowsOf(layout).get(node, nodeWord.count + slot);
  }
  /** Order key of a child's first element. */
  childKey(node: number, slot: number): number {
    return this.sorted.getDouble(node, nodeWord.extra + 2 * slot);
  }

  /** Elements below a node or leaf. */
  total(layout: Layout, node: number, isLeaf: boolean): number {
    if (isLeaf) return this.leafCount(node);
    const rows = this.rowsOf(layout);
    const size = rows.get(node, nodeWord.size);
    let total = 0;
    for (let i = 0; i < size; i++) total += rows.get(node, nodeWord.count + i);
    return total;
  }

  /** Hash of a list's node or leaf. */
  sequence(node: number, isLeaf: boolean, into: SequenceHash): SequenceHash {
    if (isLeaf) return this.leafSequence(node, into);
    const rows = this.lists;
    const size = rows.get(node, nodeWord.size);
    into.reset();
    for (let i = 0; i < size; i++) {
      const at = nodeWord.extra + 4 * i;
      into.appendWords(
        rows.get(node, at),
        rows.get(node, at + 1),
        rows.get(node, at + 2),
        rows.get(node, at + 3),
      );
    }
    return into;
  }

  /** Writes what a node says of a child. The child isn't empty. */
  describe(layout: Layout, node: number, slot: number, child: number, isLeaf: boolean): void {
    const rows = this.rowsOf(layout);
    rows.set(node, nodeWord.child + slot, child);
    rows.set(node, nodeWord.count + slot, this.total(layout, child, isLeaf));
    if (layout === layouts.list) {
      const hash = this.sequence(child, isLeaf, this.scratch);
      const at = nodeWord.extra + 4 * slot;
      rows.set(node, at, hash.a);
      rows.set(node, at + 1, hash.b);
      rows.set(node, at + 2, hash.c);
      rows.set(node, at + 3, hash.d);
    } else if (isLeaf) {
      this.element.read(this.leafBytes(child), this.leafStart(child), layout);
      rows.setDouble(node, nodeWord.extra + 2 * slot, this.element.orderKey(layout));
    } else rows.setDouble(node, nodeWord.extra + 2 * slot, rows.getDouble(child, nodeWord.extra));
  }

  /** Opens a place for a child; `describe` fills it in. */
  openSlot(layout: Layout, node: number, slot: number): void {
    const size = this.size(layout, node);
    for (let i = size; i > slot; i--) this.copySlot(layout, node, i - 1, node, i);
    this.rowsOf(layout).set(node, nodeWord.size, size + 1);
  }
  closeSlot(layout: Layout, node: number, slot: number): void {
    const size = this.size(layout, node) - 1;
    for (let i = slot; i < size; i++) this.copySlot(layout, node, i + 1, node, i);
    this.rowsOf(layout).set(node, nodeWord.size, size);
  }
  /** Moves the children from `slot` on to the end of another node. */
  moveSlots(layout: Layout, from: number, slot: number, to: number, removeFromSource: boolean): void {
    const size = this.size(layout, from);
    const before = this.size(layout, to);
    for (let i = slot; i < size; i++) this.copySlot(layout, from, i, to, before + i - slot);
    const rows = this.rowsOf(layout);
    rows.set(to, nodeWord.size, before + size - slot);
    if (removeFromSource) rows.set(from, nodeWord.size, slot);
  }

  private copySlot(layout: Layout, from: number, fromSlot: number, to: number, toSlot: number): void {
    const rows = this.rowsOf(layout);
    rows.set(to, nodeWord.child + toSlot, rows.get(from, nodeWord.child + fromSlot));
    rows.set(to, nodeWord.count + toSlot, rows.get(from, nodeWord.count + fromSlot));
    const words = layout === layouts.list ? 4 : 2;
    for (let i = 0; i < words; i++)
      rows.set(
        to,
        nodeWord.extra + words * toSlot + i,
        rows.get(from, nodeWord.extra + words * fromSlot + i),
      );
  }

  dropLeaf(leaf: number): void {
    if (this.isLeafFrozen(leaf)) this.retired.push(leaf * 32);
    else this.freeLeaf(leaf);
  }
  dropNode(layout: Layout, node: number): void {
    if (this.isNodeFrozen(layout, node)) this.retired.push(node * 32 + (layout === layouts.list ? 17 : 1));
    else this.rowsOf(layout).remove(node);
  }
  /** Drops a node or leaf with all below it, later and in slices. */
  dropTree(layout: Layout, root: number, height: number): void {
    this.dropped.push(root * 32 + height + (layout === layouts.list ? 16 : 0));
  }

  /** Frees at most about `limit` nodes of what was dropped; nothing while a walk is open. */
  reclaim(limit: number): void {
    if (this.frozenBefore > 0) return;
    for (let left = limit; left > 0; left--) {
      const single = this.retired.pop();
      if (single !== undefined) {
        const node = Math.floor(single / 32);
        if (single % 16 === 0) this.freeLeaf(node);
        else (single % 32 >= 16 ? this.lists : this.sorted).remove(node);
        continue;
      }
      const whole = this.dropped.pop();
      if (whole === undefined) return;
      const node = Math.floor(whole / 32);
      const height = whole % 16;
      if (height === 0) {
        this.freeLeaf(node);
        continue;
      }
      const isList = whole % 32 >= 16;
      const rows = isList ? this.lists : this.sorted;
      const size = rows.get(node, nodeWord.size);
      for (let i = 0; i < size; i++)
        this.dropped.push(rows.get(node, nodeWord.child + i) * 32 + height - 1 + (isList ? 16 : 0));
      rows.remove(node);
    }
  }

  /** Nodes that wait for `reclaim`; trees count as one. */
  get waiting(): number {
    return this.dropped.length + this.retired.length;
  }

  private freeLeaf(leaf: number): void {
    this.slab.free(this.leaves.get(leaf, leafWord.block));
    this.leaves.remove(leaf);
  }
}
