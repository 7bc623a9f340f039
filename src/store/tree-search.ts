import { type Layout, PackedElement, type Target } from "./element-layout.js";
import { PackedPlace, searchPacked, skipPacked } from "./packed-leaf.js";
import { Rows } from "./rows.js";
import type { SequenceHash } from "./sequence-hash.js";
import type { TreeNodes } from "./tree-nodes.js";

const maxHeight = 15;

/** Words of a tree's header. */
export const treeWord = { root: 0, height: 1, count: 2, layout: 3, bytes: 4, second: 6 } as const;

/**
 * Headers of packed trees, and the search for an element in one: by order key, or by index. A search leaves the path to
 * the place where it ended, for reading there or for an edit of `PackedTrees`.
 */
export class TreeSearch {
  readonly nodes: TreeNodes;
  /** Where the last seek ended: the leaf, and the place in it. */
  leaf = 0;
  readonly place = new PackedPlace();
  readonly element = new PackedElement();
  protected readonly trees = new Rows(8);
  /** The inner nodes from the root to the leaf sought, and the child taken in each. */
  protected readonly pathNode = new Uint32Array(maxHeight);
  protected readonly pathSlot = new Uint32Array(maxHeight);
  private readonly first = new PackedElement();
  private soughtTree = 0;

  constructor(nodes: TreeNodes) {
    this.nodes = nodes;
  }

  root(tree: number): number {
    return this.trees.get(tree, treeWord.root);
  }
  height(tree: number): number {
    return this.trees.get(tree, treeWord.height);
  }
  count(tree: number): number {
    return this.trees.get(tree, treeWord.count);
  }
  layout(tree: number): Layout {
    return this.trees.get(tree, treeWord.layout);
  }
  /** Bytes of packed elements. */
  bytes(tree: number): number {
    return this.trees.getDouble(tree, treeWord.bytes);
  }
  /** The tree of the same members in hash order, of a sorted set. */
  second(tree: number): number {
    return this.trees.get(tree, treeWord.second);
  }
  /** Hash of a list's sequence. */
  sequence(tree: number, into: SequenceHash): SequenceHash {
    return this.nodes.sequence(this.root(tree), this.height(tree) === 0, into);
  }

  /** How many elements come before the place sought. Until the edit that follows. */
  get rank(): number {
    const { nodes, soughtTree } = this;
    const layout = this.layout(soughtTree);
    let rank = this.place.index;
    for (let level = this.height(soughtTree) - 1; level >= 0; level--) {
      const node = this.pathNode[level]!;
      for (let slot = this.pathSlot[level]! - 1; slot >= 0; slot--)
        rank += nodes.childCount(layout, node, slot);
    }
    return rank;
  }

  /** Seeks the element at `index`, or the end. */
  seekIndex(tree: number, index: number): void {
    const { nodes } = this;
    this.soughtTree = tree;
    const layout = this.layout(tree);
    const height = this.height(tree);
    let node = this.root(tree);
    let left = index;
    for (let level = 0; level < height; level++) {
      const last = nodes.size(layout, node) - 1;
      let slot = 0;
      for (; slot < last; slot++) {
        const count = nodes.childCount(layout, node, slot);
        if (left < count) break;
        left -= count;
      }
      this.pathNode[level] = node;
      this.pathSlot[level] = slot;
      node = nodes.child(layout, node, slot);
    }
    this.leaf = node;
    this.place.index = left;
    this.place.found = left < nodes.leafCount(node);
    this.place.at = this.place.found
      ? skipPacked(nodes.leafBytes(node), nodes.leafStart(node), layout, left)
      : nodes.leafUsed(node);
  }

  /** Seeks the first element that isn't below the target. @returns whether it equals it; then it is `element`. */
  seek(tree: number, target: Target): boolean {
    const { nodes, place } = this;
    const layout = this.layout(tree);
    const height = this.height(tree);
    let node = this.root(tree);
    this.soughtTree = tree;
    for (let level = 0; level < height; level++) {
      // The last child whose first element isn't above the target.
      let low = 0;
      let high = nodes.size(layout, node) - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.isFirstAbove(layout, node, middle, height - level - 1, target)) high = middle - 1;
        else low = middle;
      }
      this.pathNode[level] = node;
      this.pathSlot[level] = low;
      node = nodes.child(layout, node, low);
    }
    this.leaf = node;
    const start = nodes.leafStart(node);
    searchPacked(
      nodes.leafBytes(node),
      start,
      start + nodes.leafUsed(node),
      layout,
      target,
      this.element,
      place,
    );
    return place.found;
  }

  private isFirstAbove(layout: Layout, node: number, slot: number, below: number, target: Target): boolean {
    const { nodes } = this;
    if (!target.bytesOnly) {
      const key = nodes.childKey(node, slot);
      if (key !== target.key) return key > target.key;
      if (target.tie !== "bytes") return target.tie === "above";
    }
    let at = nodes.child(layout, node, slot);
    for (let i = 0; i < below; i++) at = nodes.child(layout, at, 0);
    const bytes = nodes.leafBytes(at);
    this.first.read(bytes, nodes.leafStart(at), layout);
    return target.compare(this.first, bytes, layout) > 0;
  }

  /** Packed elements of the whole tree, in order; only for small ones. */
  writePacked(tree: number, into: Uint8Array, offset: number): void {
    const { nodes } = this;
    let to = offset;
    for (let index = 0; index < this.count(tree); index += nodes.leafCount(this.leaf)) {
      this.seekIndex(tree, index);
      const start = nodes.leafStart(this.leaf);
      const used = nodes.leafUsed(this.leaf);
      into.set(nodes.leafBytes(this.leaf).subarray(start, start + used), to);
      to += used;
    }
  }

  /** Another header over the same nodes: for ghosts, which are read only and end by `removeHeader`. */
  copyHeader(tree: number): number {
    const copy = this.trees.add();
    this.trees.copyRow(tree, copy);
    return copy;
  }
  removeHeader(tree: number): void {
    this.trees.remove(tree);
  }
}
