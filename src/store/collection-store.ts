import { assert } from "../base/assert.js";
import { ByteWriter } from "../base/bytes.js";
import { hashHigh, keyedHash } from "../base/keyed-hash.js";
import { smallCollectionBytes } from "./charge.js";
import { PackedCursor } from "./element-cursor.js";
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
import type { ByteSlice, ElementCursor, Handle } from "./keyspace.js";
import { hashPackedList } from "./list-hash.js";
import { PackedPlace, searchPacked, skipPacked } from "./packed-leaf.js";
import { SequenceHash } from "./sequence-hash.js";

const nothing = new Uint8Array(0);

/**
 * Elements of collections. A small collection is one run of packed elements in its entry's block; above
 * `smallCollectionBytes` it is a tree, a sorted set two: by score, and by member hash. Small or large goes by bytes
 * alone. Turning one into the other copies at most that many bytes, so it may happen at every change.
 */
export abstract class CollectionStore extends EntryStore {
  private cursorTrees = this.trees;
  private openCursor = new PackedCursor(this.trees);
  private readonly target = new Target();
  private readonly element = new PackedElement();
  private readonly place = new PackedPlace();
  private readonly packed = new ByteWriter(256);
  private readonly whole = new SequenceHash();
  private readonly part = new SequenceHash();
  private readonly added = new SequenceHash();
  private readonly one = new SequenceHash();
  private readonly slice: ByteSlice = { bytes: nothing, offset: 0, length: 0 };

  // Reading.

  elements(handle: Handle, from: number, reverse: boolean): ElementCursor {
    const { table } = this;
    const cursor = this.reusedCursor();
    if (table.isLarge(handle)) return cursor.openTree(table.value(handle), from, reverse);
    return cursor.openBytes(
      this.layoutOf(handle),
      table.blockBytes(handle),
      this.smallStart(handle),
      this.lengthOf(handle),
      from,
      reverse,
    );
  }

  scan(handle: Handle, hash: number): ElementCursor {
    const { table, target } = this;
    if (table.kindCode(handle) !== kindCodes.zset) {
      this.locate(handle, target.boundary(hash, false));
      return this.elements(handle, this.foundIndex(handle), false);
    }
    const cursor = this.reusedCursor();
    if (table.isLarge(handle)) {
      const second = this.trees.second(table.value(handle));
      this.trees.seek(second, target.boundary(hash, false));
      return cursor.openTree(second, this.trees.rank, false);
    }
    return this.scanSmallZset(handle, hash, cursor);
  }

  private scanSmallZset(handle: Handle, hash: number, cursor: PackedCursor): ElementCursor {
    const { table, element } = this;
    const bytes = table.blockBytes(handle);
    const found: { offset: number; hash: number; rank: number }[] = [];
    let offset = this.smallStart(handle);
    for (let rank = this.lengthOf(handle); rank > 0; rank--) {
      element.read(bytes, offset, layouts.scores);
      keyedHash(this.hashKey, bytes, element.memberAt, element.memberAt + element.memberLength);
      if (hashHigh >= hash) found.push({ offset, hash: hashHigh, rank });
      offset = element.end;
    }
    // Few, and every rank is another one: the order is total.
    found.sort((a, b) => a.hash - b.hash || b.rank - a.rank);
    return cursor.openPicked(
      layouts.scores,
      bytes,
      Uint32Array.from(found, (item) => item.offset),
      Uint32Array.from(found, (item) => item.hash),
    );
  }

  setHas(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    return this.locateMember(handle, bytes, start, end);
  }

  hashGet(handle: Handle, bytes: Uint8Array, start: number, end: number): ByteSlice | null {
    if (!this.locateMember(handle, bytes, start, end)) return null;
    const { slice } = this;
    const large = this.table.isLarge(handle);
    const element = large ? this.trees.element : this.element;
    slice.bytes = large ? this.trees.nodes.leafBytes(this.trees.leaf) : this.table.blockBytes(handle);
    slice.offset = element.valueAt;
    slice.length = element.valueLength;
    return slice;
  }

  zsetScore(handle: Handle, bytes: Uint8Array, start: number, end: number): number {
    const { table, element } = this;
    if (table.isLarge(handle)) {
      const second = this.trees.second(table.value(handle));
      keyedHash(this.hashKey, bytes, start, end);
      const found = this.trees.seek(second, this.target.element(hashHigh, bytes, start, end));
      return found ? this.trees.element.score : Number.NaN;
    }
    const block = table.blockBytes(handle);
    const length = end - start;
    let offset = this.smallStart(handle);
    for (let left = this.lengthOf(handle); left > 0; left--) {
      element.read(block, offset, layouts.scores);
      if (element.memberLength === length) {
        let i = 0;
        while (i < length && block[element.memberAt + i] === bytes[start + i]) i++;
        if (i === length) return element.score;
      }
      offset = element.end;
    }
    return Number.NaN;
  }

  zsetRank(handle: Handle, bytes: Uint8Array, start: number, end: number): number {
    const score = this.zsetScore(handle, bytes, start, end);
    if (Number.isNaN(score)) return -1;
    this.locate(handle, this.target.element(score, bytes, start, end));
    return this.foundIndex(handle);
  }

  zsetCountBelow(handle: Handle, score: number, orEqual: boolean): number {
    this.locate(handle, this.target.boundary(score, orEqual));
    return this.foundIndex(handle);
  }

  zsetCountBelowLex(handle: Handle, bytes: Uint8Array, start: number, end: number, orEqual: boolean): number {
    this.locate(handle, this.target.lexBoundary(bytes, start, end, orEqual));
    return this.foundIndex(handle);
  }

  // Changing.

  listPush(handle: Handle, atHead: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.listInsert(handle, atHead ? 0 : this.lengthOf(handle), bytes, start, end);
  }

  listInsert(handle: Handle, index: number, bytes: Uint8Array, start: number, end: number): void {
    writeElement(this.packed, layouts.list, 0, 0, bytes, start, end, nothing, 0, 0);
    this.begin(handle);
    this.makeLargeFor(handle, this.packed.length);
    this.locateIndex(handle, index);
    this.insertHere(handle);
    this.finish(handle);
  }

  listSet(handle: Handle, index: number, bytes: Uint8Array, start: number, end: number): void {
    writeElement(this.packed, layouts.list, 0, 0, bytes, start, end, nothing, 0, 0);
    this.begin(handle);
    this.locateIndex(handle, index);
    this.replaceHere(handle, index);
    this.finish(handle);
  }

  listRemove(handle: Handle, index: number, count: number): void {
    if (count === 0) return;
    this.begin(handle);
    this.removeRun(handle, index, count);
    this.finish(handle);
  }

  setAdd(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.locateMember(handle, bytes, start, end)) return false;
    writeElement(this.packed, layouts.set, this.target.key, 0, bytes, start, end, nothing, 0, 0);
    this.addSorted(handle);
    return true;
  }

  setRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    return this.removeMember(handle, bytes, start, end);
  }

  hashSet(
    handle: Handle,
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const found = this.locateMember(handle, field, fieldStart, fieldEnd);
    const hash = this.target.key;
    writeElement(
      this.packed,
      layouts.hash,
      hash,
      0,
      field,
      fieldStart,
      fieldEnd,
      value,
      valueStart,
      valueEnd,
    );
    if (!found) {
      this.addSorted(handle);
      return true;
    }
    this.begin(handle);
    this.locate(handle, this.target.element(hash, field, fieldStart, fieldEnd));
    this.contribute(handle, -1);
    this.replaceHere(handle, this.foundIndex(handle));
    this.contributePacked(handle, layouts.hash);
    this.finish(handle);
    return false;
  }

  hashRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    return this.removeMember(handle, bytes, start, end);
  }

  zsetSet(handle: Handle, score: number, bytes: Uint8Array, start: number, end: number): boolean {
    assert(!Number.isNaN(score), "a score is a number");
    const before = this.zsetScore(handle, bytes, start, end);
    if (before === score) return false;
    const isNew = Number.isNaN(before);
    this.begin(handle);
    if (!isNew) {
      this.locate(handle, this.target.element(before, bytes, start, end));
      this.contribute(handle, -1);
      this.removeHere(handle, 1);
    }
    writeElement(this.packed, layouts.scores, 0, score, bytes, start, end, nothing, 0, 0);
    this.makeLargeFor(handle, this.packed.length);
    this.locate(handle, this.target.element(score, bytes, start, end));
    this.insertHere(handle);
    this.contributePacked(handle, layouts.scores);
    if (this.table.isLarge(handle)) this.setSecond(handle, score, bytes, start, end);
    this.finish(handle);
    return isNew;
  }

  zsetRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    const score = this.zsetScore(handle, bytes, start, end);
    if (Number.isNaN(score)) return false;
    this.begin(handle);
    this.locate(handle, this.target.element(score, bytes, start, end));
    this.contribute(handle, -1);
    this.removeHere(handle, 1);
    if (this.table.isLarge(handle)) this.removeSecond(handle, bytes, start, end);
    this.finish(handle);
    return true;
  }

  zsetRemoveRange(handle: Handle, rank: number, count: number): void {
    if (count === 0) return;
    this.begin(handle);
    const { table } = this;
    const cursor = new PackedCursor(this.trees);
    if (table.isLarge(handle)) cursor.openTree(table.value(handle), rank, false);
    else
      cursor.openBytes(
        layouts.scores,
        table.blockBytes(handle),
        this.smallStart(handle),
        this.lengthOf(handle),
        rank,
        false,
      );
    for (let left = count; left > 0 && cursor.next(); left--) {
      const { bytes, offset, length } = cursor.member;
      this.contributeBytes(handle, -1, bytes, cursor.contentAt, cursor.end);
      if (table.isLarge(handle)) this.removeSecond(handle, bytes, offset, offset + length);
    }
    this.removeRun(handle, rank, count);
    this.finish(handle);
  }

  // Parts that all changes are made of.

  private begin(handle: Handle): void {
    const room = this.roomOf(handle);
    this.beginChange(handle, room, room);
  }

  /** The form follows the bytes; then digest, charge and revision. */
  private finish(handle: Handle): void {
    if (this.table.isLarge(handle) && this.elementBytesOf(handle) <= smallCollectionBytes)
      this.makeSmall(handle);
    if (this.table.kindCode(handle) === kindCodes.list && this.table.isLarge(handle)) {
      this.trees.sequence(this.table.value(handle), this.whole);
      this.table.setContent(handle, this.whole.b, this.whole.d);
    }
    this.endChange(handle, false);
  }

  private removeRun(handle: Handle, index: number, count: number): void {
    let left = count;
    while (left > 0) {
      this.locateIndex(handle, index);
      left -= this.removeHere(handle, left);
    }
  }

  private addSorted(handle: Handle): void {
    const { bytes, start, end, key } = this.target;
    this.begin(handle);
    this.makeLargeFor(handle, this.packed.length);
    this.locate(handle, this.target.element(key, bytes, start, end));
    this.insertHere(handle);
    this.contributePacked(handle, this.layoutOf(handle));
    this.finish(handle);
  }

  private removeMember(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.locateMember(handle, bytes, start, end)) return false;
    this.begin(handle);
    this.locate(handle, this.target);
    this.contribute(handle, -1);
    this.removeHere(handle, 1);
    this.finish(handle);
    return true;
  }

  /** Seeks a member of a set or hash, or the place where it belongs; its hash is `target.key` then. */
  private locateMember(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    keyedHash(this.hashKey, bytes, start, end);
    return this.locate(handle, this.target.element(hashHigh, bytes, start, end));
  }

  private locate(handle: Handle, target: Target): boolean {
    const { table, place } = this;
    if (table.isLarge(handle)) return this.trees.seek(table.value(handle), target);
    const start = this.smallStart(handle);
    const end = start + this.elementBytesOf(handle);
    searchPacked(table.blockBytes(handle), start, end, this.layoutOf(handle), target, this.element, place);
    return place.found;
  }

  private locateIndex(handle: Handle, index: number): void {
    const { table, place } = this;
    if (table.isLarge(handle)) {
      this.trees.seekIndex(table.value(handle), index);
      return;
    }
    place.index = index;
    place.at =
      index === this.lengthOf(handle)
        ? this.elementBytesOf(handle)
        : skipPacked(
            table.blockBytes(handle),
            this.smallStart(handle),
            this.layoutOf(handle),
            index,
            this.element,
          );
  }

  private foundIndex(handle: Handle): number {
    return this.table.isLarge(handle) ? this.trees.rank : this.place.index;
  }

  private insertHere(handle: Handle): void {
    const { bytes, length } = this.packed;
    if (this.table.isLarge(handle)) this.trees.insert(this.table.value(handle), bytes, length);
    else this.spliceSmall(handle, 0, bytes, length, 1);
  }

  /** Replaces the element sought, number `index`, by the packed one. */
  private replaceHere(handle: Handle, index: number): void {
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
  private removeHere(handle: Handle, count: number): number {
    const { table, place } = this;
    if (table.isLarge(handle)) return this.trees.removeHere(table.value(handle), count);
    const start = this.smallStart(handle) + place.at;
    const removed = skipPacked(table.blockBytes(handle), start, this.layoutOf(handle), count, this.element);
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
    if (table.kindCode(handle) === kindCodes.list) this.hashSmallList(handle, at, removed, bytes, length);
    const before = this.elementBytesOf(handle);
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

  private makeLargeFor(handle: Handle, length: number): void {
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
        this.insertSecond(second, packed, score, bytes, memberAt, memberAt + memberLength);
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
    if (isList) this.writeListHead(handle, whole);
  }

  // Second tree of large sorted sets.

  private insertSecond(
    second: number,
    packed: ByteWriter,
    score: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    keyedHash(this.hashKey, bytes, start, end);
    const hash = hashHigh;
    writeElement(packed, layouts.members, hash, score, bytes, start, end, nothing, 0, 0);
    const found = this.trees.seek(second, this.target.element(hash, bytes, start, end));
    if (found) this.trees.replaceHere(second, packed.bytes, packed.length);
    else this.trees.insert(second, packed.bytes, packed.length);
  }

  private setSecond(handle: Handle, score: number, bytes: Uint8Array, start: number, end: number): void {
    this.insertSecond(this.trees.second(this.table.value(handle)), this.packed, score, bytes, start, end);
  }

  private removeSecond(handle: Handle, bytes: Uint8Array, start: number, end: number): void {
    const second = this.trees.second(this.table.value(handle));
    keyedHash(this.hashKey, bytes, start, end);
    const found = this.trees.seek(second, this.target.element(hashHigh, bytes, start, end));
    assert(found, "both trees of a sorted set have its members");
    this.trees.removeHere(second, 1);
  }

  // Digest of the elements.

  /** Adds (or takes out) the element sought. */
  private contribute(handle: Handle, sign: 1 | -1): void {
    const large = this.table.isLarge(handle);
    const element = large ? this.trees.element : this.element;
    const bytes = large ? this.trees.nodes.leafBytes(this.trees.leaf) : this.table.blockBytes(handle);
    this.contributeBytes(handle, sign, bytes, element.contentAt, element.end);
  }

  private contributePacked(handle: Handle, layout: Layout): void {
    const start = (layout & hashPart) !== 0 ? 4 : 0;
    this.contributeBytes(handle, 1, this.packed.bytes, start, this.packed.length);
  }

  private contributeBytes(handle: Handle, sign: 1 | -1, bytes: Uint8Array, start: number, end: number): void {
    const { table } = this;
    const low = keyedHash(this.hashKey, bytes, start, end);
    const high = hashHigh;
    const sum = table.contentLow(handle) + sign * low;
    const carry = sum > 0xffff_ffff ? 1 : sum < 0 ? -1 : 0;
    table.setContent(handle, sum, table.contentHigh(handle) + sign * high + carry);
  }

  /** Before a splice of a small list. */
  private hashSmallList(
    handle: Handle,
    at: number,
    removed: number,
    bytes: Uint8Array,
    length: number,
  ): void {
    const { table, whole, part, added, one, element } = this;
    const nodes = this.trees.nodes;
    const block = table.blockBytes(handle);
    const start = this.smallStart(handle);
    this.readListHead(handle, whole);
    hashPackedList(nodes, bytes, 0, length, added, element, one);
    // whole = P R S, wanted P A S = (P A R^-1 P^-1) (P R S).
    added.append(hashPackedList(nodes, block, start + at, start + at + removed, part, element, one).invert());
    if (at > 0 && at + removed === this.elementBytesOf(handle)) {
      // No S: P A = (P R) (R^-1 A).
      hashPackedList(nodes, bytes, 0, length, added, element, one);
      whole.append(part).append(added);
    } else {
      hashPackedList(nodes, block, start, start + at, part, element, one);
      added.prepend(part).append(part.invert());
      whole.prepend(added);
    }
    this.writeListHead(handle, whole);
  }

  /** Half of a small list's sequence hash lies in front of its elements, half in its row. */
  private readListHead(handle: Handle, into: SequenceHash): void {
    const { table } = this;
    const bytes = table.blockBytes(handle);
    const at = table.valueOffset(handle);
    const word = (i: number): number =>
      bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    into.set(word(at), table.contentLow(handle), word(at + 4), table.contentHigh(handle));
  }

  protected writeListHead(handle: Handle, hash: SequenceHash): void {
    const { table } = this;
    const bytes = table.blockBytes(handle);
    const at = table.valueOffset(handle);
    for (let i = 0; i < 4; i++) {
      bytes[at + i] = hash.a >>> (8 * i);
      bytes[at + 4 + i] = hash.c >>> (8 * i);
    }
    table.setContent(handle, hash.b, hash.d);
  }

  protected layoutOf(handle: Handle): Layout {
    return layoutOfKind[this.table.kindCode(handle)]!;
  }
  private smallHead(handle: Handle): number {
    return this.table.kindCode(handle) === kindCodes.list ? listHeadBytes : 0;
  }
  private smallStart(handle: Handle): number {
    return this.table.valueOffset(handle) + this.smallHead(handle);
  }

  /** The table, and with it the trees, may have been replaced. */
  private reusedCursor(): PackedCursor {
    if (this.cursorTrees !== this.trees) {
      this.cursorTrees = this.trees;
      this.openCursor = new PackedCursor(this.trees);
    }
    return this.openCursor;
  }
}
