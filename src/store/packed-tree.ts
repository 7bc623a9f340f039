import { type Layout, layouts, PackedElement } from "./element-layout.js";
import { ListLeafHashes } from "./list-hash.js";
import { skipPacked } from "./packed-leaf.js";
import { fanOut, type TreeNodes } from "./tree-nodes.js";
import { TreeSearch, treeWord } from "./tree-search.js";

/** Packed elements in a leaf at most, in bytes; a larger element has a leaf of its own. */
const leafBytes = 2048;
const sparseLeafBytes = leafBytes / 4;
const mergedLeafBytes = (leafBytes * 3) / 4;
const sparseNode = fanOut / 4;
const mergedNode = (fanOut * 3) / 4;
const nothing = new Uint8Array(0);

/**
 * Large collections: trees whose leaves hold packed elements and whose inner nodes count them, so that an
 * element is found by order key or by index, ranked, inserted and removed in O(log n). Sorted trees have unique
 * elements; lists are in the order in which they were put. The form of a tree depends on history; what it holds,
 * and all that is observable, doesn't.
 *
 * A change is a `seek`, which leaves a path, and then one edit at that place.
 */
export class PackedTrees extends TreeSearch {
  private readonly hashes: ListLeafHashes;
  private readonly cutElement = new PackedElement();

  constructor(nodes: TreeNodes) {
    super(nodes);
    this.hashes = new ListLeafHashes(nodes);
  }

  /** A tree of packed elements that fit a leaf. */
  create(layout: Layout, bytes: Uint8Array, start: number, end: number, count: number): number {
    const { trees, nodes } = this;
    const tree = trees.add();
    const leaf = nodes.addLeaf(end - start, count);
    nodes.leafBytes(leaf).set(bytes.subarray(start, end), nodes.leafStart(leaf));
    trees.set(tree, treeWord.root, leaf);
    trees.set(tree, treeWord.height, 0);
    trees.set(tree, treeWord.count, count);
    trees.set(tree, treeWord.layout, layout);
    trees.set(tree, treeWord.second, 0);
    trees.setDouble(tree, treeWord.bytes, end - start);
    if (layout === layouts.list) this.hashes.renew(leaf);
    return tree;
  }

  /** Another tree of the same elements; a sorted set's with the tree of its members. */
  copy(tree: number): number {
    const copied = this.copyHeader(tree);
    const root = this.nodes.cloneTree(this.layout(tree), this.root(tree), this.height(tree));
    this.trees.set(copied, treeWord.root, root);
    if (this.second(tree) !== 0) this.setSecond(copied, this.copy(this.second(tree)));
    return copied;
  }

  /** Removes a tree; its nodes are freed later. */
  remove(tree: number): void {
    const { trees } = this;
    this.nodes.dropTree(this.layout(tree), this.root(tree), this.height(tree));
    trees.remove(tree);
  }

  /** Gives a sorted set the tree of its members in hash order. */
  setSecond(tree: number, second: number): void {
    this.trees.set(tree, treeWord.second, second);
  }
  /** Inserts a packed element at the place sought. */
  insert(tree: number, bytes: Uint8Array, length: number): void {
    const { nodes, trees, place } = this;
    this.thaw(tree);
    const layout = this.layout(tree);
    trees.set(tree, treeWord.count, this.count(tree) + 1);
    trees.setDouble(tree, treeWord.bytes, this.bytes(tree) + length);
    const used = nodes.leafUsed(this.leaf);
    if (used === 0 || used + length <= leafBytes) {
      if (layout === layouts.list) this.hashes.insert(this.leaf, place, bytes, length);
      nodes.spliceLeaf(this.leaf, place.at, 0, bytes, 0, length);
      nodes.setLeafCount(this.leaf, nodes.leafCount(this.leaf) + 1);
      this.propagate(tree, this.height(tree) - 1);
      return;
    }
    const count = nodes.leafCount(this.leaf);
    if (place.at === used && this.isEdge(tree, true)) {
      this.addLeafBehind(tree, this.leafOf(layout, bytes, 0, length, 1));
      return;
    }
    if (place.at === 0 && this.isEdge(tree, false)) {
      // Trade places: the full leaf becomes the second one.
      const behind = this.leafOf(
        layout,
        nodes.leafBytes(this.leaf),
        nodes.leafStart(this.leaf),
        nodes.leafStart(this.leaf) + used,
        count,
      );
      nodes.spliceLeaf(this.leaf, 0, used, bytes, 0, length);
      nodes.setLeafCount(this.leaf, 1);
      if (layout === layouts.list) this.hashes.renew(this.leaf);
      this.addLeafBehind(tree, behind);
      return;
    }
    this.splitInsert(tree, bytes, length);
  }

  /** Cuts the leaf and the new element into two leaves near the middle, or three around a large element. */
  private splitInsert(tree: number, bytes: Uint8Array, length: number): void {
    const { nodes, place } = this;
    const layout = this.layout(tree);
    const leaf = this.leaf;
    const used = nodes.leafUsed(leaf);
    const count = nodes.leafCount(leaf) + 1;
    const all = new Uint8Array(used + length);
    const start = nodes.leafStart(leaf);
    const old = nodes.leafBytes(leaf);
    all.set(old.subarray(start, start + place.at));
    all.set(bytes.subarray(0, length), place.at);
    all.set(old.subarray(start + place.at, start + used), place.at + length);
    let cut = 0;
    let cutIndex = 0;
    for (let end = 0, index = 0; end < all.length; ) {
      this.cutElement.read(all, end, layout);
      end = this.cutElement.end;
      index++;
      if (end > leafBytes || end === all.length) break;
      if (
        all.length - end <= leafBytes &&
        (cut === 0 || Math.abs(2 * end - all.length) < Math.abs(2 * cut - all.length))
      ) {
        cut = end;
        cutIndex = index;
      }
    }
    const cuts = cut > 0 ? [cut] : [place.at, place.at + length].filter((end) => end > 0 && end < all.length);
    const indexes =
      cut > 0 ? [cutIndex] : cuts.map((end) => (end === place.at ? place.index : place.index + 1));
    const rank = cuts.length > 1 ? this.rank - place.index : 0;
    nodes.spliceLeaf(leaf, 0, used, all, 0, cuts[0]!);
    nodes.setLeafCount(leaf, indexes[0]!);
    if (layout === layouts.list) this.hashes.renew(leaf);
    for (let i = 0; i < cuts.length; i++) {
      const end = i + 1 < cuts.length ? cuts[i + 1]! : all.length;
      const endIndex = i + 1 < cuts.length ? indexes[i + 1]! : count;
      const behind = this.leafOf(layout, all, cuts[i]!, end, endIndex - indexes[i]!);
      this.addLeafBehind(tree, behind);
      if (i + 1 < cuts.length) this.seekIndex(tree, rank + indexes[i]!);
    }
  }

  /**
   * Removes up to `count` elements from the place sought on, not beyond its leaf. Seek again after it.
   * @returns how many it removed.
   */
  removeHere(tree: number, count: number): number {
    const { nodes, trees, place } = this;
    this.thaw(tree);
    const layout = this.layout(tree);
    const height = this.height(tree);
    const leaf = this.leaf;
    const before = nodes.leafCount(leaf);
    const removed = Math.min(count, before - place.index);
    const used = nodes.leafUsed(leaf);
    const start = nodes.leafStart(leaf);
    const bytes = nodes.leafBytes(leaf);
    const end =
      place.index + removed === before
        ? used
        : place.at + skipPacked(bytes, start + place.at, layout, removed);
    trees.set(tree, treeWord.count, this.count(tree) - removed);
    trees.setDouble(tree, treeWord.bytes, this.bytes(tree) - (end - place.at));
    if (removed === before && height > 0) {
      nodes.dropLeaf(leaf);
      this.removeChild(tree, height - 1, this.pathSlot[height - 1]!);
      return removed;
    }
    if (layout === layouts.list) this.hashes.remove(this.leaf, place.at, end);
    nodes.spliceLeaf(leaf, place.at, end - place.at, nothing, 0, 0);
    nodes.setLeafCount(leaf, before - removed);
    this.propagate(tree, height - 1);
    if (height > 0 && nodes.leafUsed(leaf) < sparseLeafBytes) this.mergeLeaf(tree);
    return removed;
  }

  /** Replaces the element at the place sought by another one of the same order. Seek again after it. */
  replaceHere(tree: number, bytes: Uint8Array, length: number): void {
    const { nodes, trees, place } = this;
    this.thaw(tree);
    const layout = this.layout(tree);
    const start = nodes.leafStart(this.leaf);
    this.element.read(nodes.leafBytes(this.leaf), start + place.at, layout);
    const old = this.element.end - start - place.at;
    if (nodes.leafUsed(this.leaf) - old + length > leafBytes && nodes.leafCount(this.leaf) > 1) {
      const { rank } = this;
      this.removeHere(tree, 1);
      this.seekIndex(tree, rank);
      this.insert(tree, bytes, length);
      return;
    }
    trees.setDouble(tree, treeWord.bytes, this.bytes(tree) - old + length);
    if (layout === layouts.list) {
      this.hashes.remove(this.leaf, place.at, place.at + old);
      this.hashes.insert(this.leaf, place, bytes, length);
    }
    nodes.spliceLeaf(this.leaf, place.at, old, bytes, 0, length);
    this.propagate(tree, this.height(tree) - 1);
  }

  private leafOf(layout: Layout, bytes: Uint8Array, start: number, end: number, count: number): number {
    const { nodes } = this;
    const leaf = nodes.addLeaf(end - start, count);
    nodes.leafBytes(leaf).set(bytes.subarray(start, end), nodes.leafStart(leaf));
    if (layout === layouts.list) this.hashes.renew(leaf);
    return leaf;
  }

  /** Whether the leaf sought is the last (or first) of the tree. */
  private isEdge(tree: number, last: boolean): boolean {
    const layout = this.layout(tree);
    for (let level = 0; level < this.height(tree); level++) {
      const edge = last ? this.nodes.size(layout, this.pathNode[level]!) - 1 : 0;
      if (this.pathSlot[level] !== edge) return false;
    }
    return true;
  }

  /** Clones what walks may still read of the path sought. */
  private thaw(tree: number): void {
    const { nodes } = this;
    if (nodes.frozenBefore === 0) return;
    const layout = this.layout(tree);
    const height = this.height(tree);
    for (let level = 0; level < height; level++) {
      const node = this.pathNode[level]!;
      if (!nodes.isNodeFrozen(layout, node)) continue;
      const clone = nodes.cloneNode(layout, node);
      nodes.dropNode(layout, node);
      this.pathNode[level] = clone;
      if (level === 0) this.trees.set(tree, treeWord.root, clone);
      else nodes.setChild(layout, this.pathNode[level - 1]!, this.pathSlot[level - 1]!, clone);
    }
    if (!nodes.isLeafFrozen(this.leaf)) return;
    const clone = nodes.cloneLeaf(this.leaf);
    nodes.dropLeaf(this.leaf);
    this.leaf = clone;
    if (height === 0) this.trees.set(tree, treeWord.root, clone);
    else nodes.setChild(layout, this.pathNode[height - 1]!, this.pathSlot[height - 1]!, clone);
  }

  /** Describes the path anew from `level` up. */
  private propagate(tree: number, level: number): void {
    const { nodes } = this;
    const layout = this.layout(tree);
    const height = this.height(tree);
    for (let i = level; i >= 0; i--) {
      const isLeaf = i === height - 1;
      const child = isLeaf ? this.leaf : this.pathNode[i + 1]!;
      nodes.describe(layout, this.pathNode[i]!, this.pathSlot[i]!, child, isLeaf);
    }
  }

  /** Puts a leaf behind the one sought. */
  private addLeafBehind(tree: number, leaf: number): void {
    const height = this.height(tree);
    if (height > 0) {
      const parent = this.pathNode[height - 1]!;
      this.nodes.describe(this.layout(tree), parent, this.pathSlot[height - 1]!, this.leaf, true);
    }
    this.addChild(tree, height - 1, leaf, this.leaf);
  }

  /** Puts a child behind `sibling`, which is the child on the path below `level`. */
  private addChild(tree: number, level: number, child: number, sibling: number): void {
    const { nodes, trees } = this;
    const layout = this.layout(tree);
    const height = this.height(tree);
    const isLeaf = level === height - 1;
    if (level < 0) {
      const root = nodes.addNode(layout);
      nodes.openSlot(layout, root, 0);
      nodes.openSlot(layout, root, 1);
      nodes.describe(layout, root, 0, sibling, isLeaf);
      nodes.describe(layout, root, 1, child, isLeaf);
      trees.set(tree, treeWord.root, root);
      trees.set(tree, treeWord.height, height + 1);
      return;
    }
    const node = this.pathNode[level]!;
    const slot = this.pathSlot[level]! + 1;
    if (nodes.size(layout, node) < fanOut) {
      nodes.openSlot(layout, node, slot);
      nodes.describe(layout, node, slot, child, isLeaf);
      this.propagate(tree, level - 1);
      return;
    }
    // Growing at the end leaves full nodes behind.
    const behind = nodes.addNode(layout);
    const cut = slot === fanOut ? fanOut : fanOut / 2;
    nodes.moveSlots(layout, node, cut, behind, true);
    const target = slot <= cut && slot < fanOut ? node : behind;
    const targetSlot = target === node ? slot : slot - cut;
    nodes.openSlot(layout, target, targetSlot);
    nodes.describe(layout, target, targetSlot, child, isLeaf);
    if (level > 0) nodes.describe(layout, this.pathNode[level - 1]!, this.pathSlot[level - 1]!, node, false);
    this.addChild(tree, level - 1, behind, node);
  }

  /** Takes a child, already dropped, out of the node on the path at `level`. */
  private removeChild(tree: number, level: number, slot: number): void {
    const { nodes, trees } = this;
    const layout = this.layout(tree);
    const node = this.pathNode[level]!;
    nodes.closeSlot(layout, node, slot);
    if (nodes.size(layout, node) === 0) {
      nodes.dropNode(layout, node);
      if (level > 0) this.removeChild(tree, level - 1, this.pathSlot[level - 1]!);
      else {
        trees.set(tree, treeWord.root, nodes.addLeaf(0, 0));
        trees.set(tree, treeWord.height, 0);
      }
      return;
    }
    for (let i = level - 1; i >= 0; i--)
      nodes.describe(layout, this.pathNode[i]!, this.pathSlot[i]!, this.pathNode[i + 1]!, false);
    if (level > 0 && nodes.size(layout, node) < sparseNode) this.mergeNode(tree, level);
    else if (level === 0) this.lowerRoot(tree);
  }

  /** Joins the node at `level` with a neighbour when both are small. */
  private mergeNode(tree: number, level: number): void {
    const { nodes } = this;
    const layout = this.layout(tree);
    const parent = this.pathNode[level - 1]!;
    const slot = this.pathSlot[level - 1]!;
    const left = slot + 1 < nodes.size(layout, parent) ? slot : slot - 1;
    if (left < 0) return;
    let first = nodes.child(layout, parent, left);
    const second = nodes.child(layout, parent, left + 1);
    if (nodes.size(layout, first) + nodes.size(layout, second) > mergedNode) return;
    if (nodes.isNodeFrozen(layout, first)) {
      const clone = nodes.cloneNode(layout, first);
      nodes.dropNode(layout, first);
      first = clone;
    }
    nodes.moveSlots(layout, second, 0, first, false);
    nodes.dropNode(layout, second);
    nodes.describe(layout, parent, left, first, false);
    this.removeChild(tree, level - 1, left + 1);
  }

  /** Joins the leaf sought with a neighbour when both are small. */
  private mergeLeaf(tree: number): void {
    const { nodes } = this;
    const layout = this.layout(tree);
    const level = this.height(tree) - 1;
    const parent = this.pathNode[level]!;
    const slot = this.pathSlot[level]!;
    const left = slot + 1 < nodes.size(layout, parent) ? slot : slot - 1;
    if (left < 0) return;
    let first = nodes.child(layout, parent, left);
    const second = nodes.child(layout, parent, left + 1);
    if (nodes.leafUsed(first) + nodes.leafUsed(second) > mergedLeafBytes) return;
    if (nodes.isLeafFrozen(first)) {
      const clone = nodes.cloneLeaf(first);
      nodes.dropLeaf(first);
      first = clone;
    }
    const start = nodes.leafStart(second);
    const end = start + nodes.leafUsed(second);
    nodes.spliceLeaf(first, nodes.leafUsed(first), 0, nodes.leafBytes(second), start, end);
    nodes.setLeafCount(first, nodes.leafCount(first) + nodes.leafCount(second));
    if (layout === layouts.list) this.hashes.join(first, second);
    nodes.dropLeaf(second);
    nodes.describe(layout, parent, left, first, true);
    this.removeChild(tree, level, left + 1);
  }

  private lowerRoot(tree: number): void {
    const { nodes, trees } = this;
    const layout = this.layout(tree);
    while (this.height(tree) > 0 && nodes.size(layout, this.root(tree)) === 1) {
      const root = this.root(tree);
      trees.set(tree, treeWord.root, nodes.child(layout, root, 0));
      trees.set(tree, treeWord.height, this.height(tree) - 1);
      nodes.dropNode(layout, root);
    }
  }
}
