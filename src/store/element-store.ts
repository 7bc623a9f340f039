import { assert } from "../base/assert.js";
import { ByteWriter } from "../base/bytes.js";
import { hashHigh, keyedHash } from "../base/keyed-hash.js";
import { smallCollectionBytes } from "./charge.js";
import {
  hashPart,
  type Layout,
  layoutOfKind,
  layouts,
  PackedElement,
  Target,
  writeElement,
} from "./element-layout.js";
import { EntryStore } from "./entry-store.js";
import { kindCodes, listHeadBytes } from "./entry-table.js";
import type { CollectionKind, Handle } from "./keyspace.js";
import { SmallListHash, writeListHead } from "./list-hash.js";
import { PackedPlace, searchPacked, skipPacked } from "./packed-leaf.js";
import { SequenceHash } from "./sequence-hash.js";

const nothing = new Uint8Array(0);

/**
 * Elements of collections, in either form. A small collection is one run of packed elements in its entry's block; above
 * `smallCollectionBytes` it is a tree, a sorted set two: by score, and by member hash. Small or large goes by bytes
 * alone. Turning one into the other copies at most that many bytes, so it may happen at every change.
 *
 * A change is `begin`, any number of searches each followed by an edit at the place sought, then `finish`. What an edit
 * adds or takes out is told to the digest by `contribute`, except for lists, whose order counts.
 */
export abstract class ElementStore extends EntryStore {
  /** What is sought next. */
  protected readonly target = new Target();
  /** The element found in a small collection. */
  protected readonly element = new PackedElement();
  /** The element to put, as `writeElement` leaves it. */
  protected readonly packed = new ByteWriter(256);
  /** Where the last search in a small collection ended; in a large one, `trees` knows. */
  private readonly place = new PackedPlace();
  private readonly whole = new SequenceHash();
  private readonly listHash = new SmallListHash();

  /** Makes an empty collection of a new entry. */
  protected startCollection(handle: Handle, kind: CollectionKind): void {
    this.table.setKind(handle, kindCodes[kind], false);
    this.table.setValue(handle, 0);
    if (kind === "list") writeListHead(this.table, handle, this.whole.reset());
  }

  /** Takes all elements out of a collection. */
  protected empty(handle: Handle, kind: CollectionKind): void {
    const { table } = this;
    if (table.isLarge(handle)) this.removeTrees(handle);
    else table.resize(handle, this.roomOf(handle), 0, 0);
    table.setContent(handle, 0, 0);
    this.startCollection(handle, kind);
  }

  /** Before the first edit: walks are shielded, and the entry is taken out of digest and charge. */
  protected begin(handle: Handle): void {
    const room = this.roomOf(handle);
    this.beginChange(handle, room, room);
  }

  /** The form follows the bytes; then digest, charge and revision. */
  protected finish(handle: Handle): void {
    if (this.table.isLarge(handle) && this.elementBytesOf(handle) <= smallCollectionBytes)
      this.makeSmall(handle);
    if (this.table.kindCode(handle) === kindCodes.list && this.table.isLarge(handle)) {
      this.trees.sequence(this.table.value(handle), this.whole);
      this.table.setContent(handle, this.whole.b, this.whole.d);
    }
    this.endChange(handle, false);
  }

  /** Removes `count` elements from number `index` on; of sorted sets, from the tree by score only. */
  protected removeRun(handle: Handle, index: number, count: number): void {
    let left = count;
    while (left > 0) {
      this.locateIndex(handle, index);
      left -= this.removeHere(handle, left);
    }
  }

  /** Seeks a member of a set or hash, or the place where it belongs; its hash is `target.key` then. */
  protected locateMember(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    keyedHash(this.hashKey, bytes, start, end);
    return this.locate(handle, this.target.element(hashHigh, bytes, start, end));
  }

  protected locate(handle: Handle, target: Target): boolean {
    const { table, place } = this;
    if (table.isLarge(handle)) return this.trees.seek(table.value(handle), target);
    const start = this.smallStart(handle);
    const end = start + this.elementBytesOf(handle);
    searchPacked(table.blockBytes(handle), start, end, this.layoutOf(handle), target, this.element, place);
    return place.found;
  }

  protected locateIndex(handle: Handle, index: number): void {
    const { table, place } = this;
    if (table.isLarge(handle)) {
      this.trees.seekIndex(table.value(handle), index);
      return;
    }
    place.index = index;
    place.at =
      index === this.lengthOf(handle)
        ? this.elementBytesOf(handle)
        : skipPacked(table.blockBytes(handle), this.smallStart(handle), this.layoutOf(handle), index);
  }

  protected foundIndex(handle: Handle): number {
    return this.table.isLarge(handle) ? this.trees.rank : this.place.index;
  }

  protected insertHere(handle: Handle): void {
    const { bytes, length } = this.packed;
    if (this.table.isLarge(handle)) this.trees.insert(this.table.value(handle), bytes, length);
    else this.spliceSmall(handle, 0, bytes, length, 1);
  }

  /** Replaces the element sought, number `index`, by the packed one. */
  protected replaceHere(handle: Handle, index: number): void {
    const { table, place } = this;
    const { bytes, length } = this.packed;
    if (!table.isLarge(handle)) {
      this.element.read(table.blockBytes(handle), this.smallStart(handle) + place.at, this.layoutOf(handle));
      const old = this.element.end - this.smallStart(handle) - place.at;
      if (this.elementBytesOf(handle) - old + length <= smallCollectionBytes) {
        this.spliceSmall(handle, old, bytes, length, 0);
        return;
      }
      this.makeLarge(handle);
      this.locateIndex(handle, index);
    }
    this.trees.replaceHere(table.value(handle), bytes, length);
  }

  /** Removes up to `count` elements from the one sought on. @returns how many. */
  protected removeHere(handle: Handle, count: number): number {
    const { table, place } = this;
    if (table.isLarge(handle)) return this.trees.removeHere(table.value(handle), count);
    const start = this.smallStart(handle) + place.at;
    const removed = skipPacked(table.blockBytes(handle), start, this.layoutOf(handle), count);
    this.spliceSmall(handle, removed, nothing, 0, -count);
    return count;
  }

  /** Replaces `removed` bytes at the place sought in a small collection. */
  private spliceSmall(
    handle: Handle,
    removed: number,
    bytes: Uint8Array,
    length: number,
    countChange: number,
  ): void {
    const { table } = this;
    const at = this.place.at;
    const before = this.elementBytesOf(handle);
    if (table.kindCode(handle) === kindCodes.list)
      this.listHash.splice(table, handle, this.trees.nodes, before, at, removed, bytes, length);
    const after = before - removed + length;
    const head = this.smallHead(handle);
    if (after > before) table.resize(handle, head + before, head + after, head + before);
    const start = this.smallStart(handle);
    const block = table.blockBytes(handle);
    block.copyWithin(start + at + length, start + at + removed, start + before);
    for (let i = 0; i < length; i++) block[start + at + i] = bytes[i]!;
    if (after < before) table.resize(handle, head + before, head + after, head + after);
    table.setValue(handle, after + (this.table.value(handle) >>> 16) * 0x1_0000 + countChange * 0x1_0000);
  }

  /** Makes a tree of a small collection that `length` more bytes would make too long. */
  protected makeLargeFor(handle: Handle, length: number): void {
    if (!this.table.isLarge(handle) && this.elementBytesOf(handle) + length > smallCollectionBytes)
      this.makeLarge(handle);
  }

  private makeLarge(handle: Handle): void {
    const { table, trees } = this;
    const layout = this.layoutOf(handle);
    const start = this.smallStart(handle);
    const bytes = table.blockBytes(handle);
    const end = start + this.elementBytesOf(handle);
    const room = this.roomOf(handle);
    const tree = trees.create(layout, bytes, start, end, this.lengthOf(handle));
    if (layout === layouts.scores) {
      const second = trees.create(layouts.members, nothing, 0, 0, 0);
      trees.setSecond(tree, second);
      const packed = new ByteWriter(256);
      for (let offset = start; offset < end; offset = this.element.end) {
        this.element.read(bytes, offset, layout);
        const { memberAt, memberLength, score } = this.element;
        const found = this.seekSecond(second, bytes, memberAt, memberAt + memberLength);
        this.putSecondHere(second, packed, found, score, bytes, memberAt, memberAt + memberLength);
      }
    }
    table.resize(handle, room, 0, 0);
    table.setKind(handle, table.kindCode(handle), true);
    table.setValue(handle, tree);
  }

  private makeSmall(handle: Handle): void {
    const { table, trees, whole } = this;
    const tree = table.value(handle);
    const bytes = trees.bytes(tree);
    const count = trees.count(tree);
    const isList = table.kindCode(handle) === kindCodes.list;
    table.resize(handle, 0, bytes + (isList ? listHeadBytes : 0), 0);
    if (isList) trees.sequence(tree, whole);
    trees.writePacked(tree, table.blockBytes(handle), this.smallStart(handle));
    this.removeTrees(handle);
    table.setKind(handle, table.kindCode(handle), false);
    table.setValue(handle, bytes + count * 0x1_0000);
    if (isList) writeListHead(table, handle, whole);
  }

  // Second tree of large sorted sets.

  protected secondOf(handle: Handle): number {
    return this.trees.second(this.table.value(handle));
  }

  private putSecondHere(
    second: number,
    packed: ByteWriter,
    found: boolean,
    score: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    writeElement(packed, layouts.members, this.target.key, score, bytes, start, end, nothing, 0, 0);
    if (found) this.trees.replaceHere(second, packed.bytes, packed.length);
    else this.trees.insert(second, packed.bytes, packed.length);
  }

  protected seekSecond(second: number, bytes: Uint8Array, start: number, end: number): boolean {
    keyedHash(this.hashKey, bytes, start, end);
    return this.trees.seek(second, this.target.element(hashHigh, bytes, start, end));
  }

  /** Puts a member with its score where it was just sought, and `found` or not. */
  protected setSecondHere(
    handle: Handle,
    found: boolean,
    score: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.putSecondHere(this.secondOf(handle), this.packed, found, score, bytes, start, end);
  }

  /** Removes the member that was just sought. */
  protected removeSecondHere(handle: Handle): void {
    this.trees.removeHere(this.secondOf(handle), 1);
  }

  protected removeSecond(handle: Handle, bytes: Uint8Array, start: number, end: number): void {
    const found = this.seekSecond(this.secondOf(handle), bytes, start, end);
    assert(found, "both trees of a sorted set have its members");
    this.removeSecondHere(handle);
  }

  // Digest of the elements.

  /** Adds (or takes out) the element sought. */
  protected contribute(handle: Handle, sign: 1 | -1): void {
    const large = this.table.isLarge(handle);
    const element = large ? this.trees.element : this.element;
    const bytes = large ? this.trees.nodes.leafBytes(this.trees.leaf) : this.table.blockBytes(handle);
    this.contributeBytes(handle, sign, bytes, element.contentAt, element.end);
  }

  /** Adds the element that was packed. */
  protected contributePacked(handle: Handle, layout: Layout): void {
    const start = (layout & hashPart) !== 0 ? 4 : 0;
    this.contributeBytes(handle, 1, this.packed.bytes, start, this.packed.length);
  }

  protected contributeBytes(
    handle: Handle,
    sign: 1 | -1,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { table } = this;
    const low = keyedHash(this.hashKey, bytes, start, end);
    const high = hashHigh;
    const sum = table.contentLow(handle) + sign * low;
    const carry = sum > 0xffff_ffff ? 1 : sum < 0 ? -1 : 0;
    table.setContent(handle, sum, table.contentHigh(handle) + sign * high + carry);
  }

  protected layoutOf(handle: Handle): Layout {
    return layoutOfKind[this.table.kindCode(handle)]!;
  }
  private smallHead(handle: Handle): number {
    return this.table.kindCode(handle) === kindCodes.list ? listHeadBytes : 0;
  }
  protected smallStart(handle: Handle): number {
    return this.table.valueOffset(handle) + this.smallHead(handle);
  }
}
