import { assert } from "../base/assert.js";
import { hashHigh, keyedHash } from "../base/keyed-hash.js";
import { PackedCursor } from "./element-cursor.js";
import { layouts, writeElement } from "./element-layout.js";
import { ElementStore } from "./element-store.js";
import { kindCodes } from "./entry-table.js";
import type { ByteSlice, ElementCursor, Handle } from "./keyspace.js";
import { findMember } from "./packed-leaf.js";

const nothing = new Uint8Array(0);

/** Lists, hashes, sets and sorted sets: what is read of them, and changed in them, type by type. */
export abstract class CollectionStore extends ElementStore {
  private cursorTrees = this.trees;
  private openCursor = new PackedCursor(this.trees);
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
      const found = this.seekSecond(this.secondOf(handle), bytes, start, end);
      return found ? this.trees.element.score : Number.NaN;
    }
    const first = this.smallStart(handle);
    const at = findMember(table.blockBytes(handle), first, this.lengthOf(handle), bytes, start, end);
    if (at < 0) return Number.NaN;
    element.read(table.blockBytes(handle), first + at, layouts.scores);
    return element.score;
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
    const wasLarge = this.table.isLarge(handle);
    this.begin(handle);
    if (wasLarge) this.setSecondHere(handle, !isNew, score, bytes, start, end);
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
    if (!wasLarge && this.table.isLarge(handle)) {
      const found = this.seekSecond(this.secondOf(handle), bytes, start, end);
      this.setSecondHere(handle, found, score, bytes, start, end);
    }
    this.finish(handle);
    return isNew;
  }

  zsetRemove(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    const score = this.zsetScore(handle, bytes, start, end);
    if (Number.isNaN(score)) return false;
    this.begin(handle);
    if (this.table.isLarge(handle)) this.removeSecondHere(handle);
    this.locate(handle, this.target.element(score, bytes, start, end));
    this.contribute(handle, -1);
    this.removeHere(handle, 1);
    this.finish(handle);
    return true;
  }

  zsetRemoveRange(handle: Handle, rank: number, count: number): void {
    if (count === 0) return;
    this.begin(handle);
    const { table } = this;
    if (count === this.lengthOf(handle)) {
      this.empty(handle, "zset");
      this.finish(handle);
      return;
    }
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

  /** Puts the packed element where it was just sought. */
  private addSorted(handle: Handle): void {
    const wasLarge = this.table.isLarge(handle);
    this.begin(handle);
    this.makeLargeFor(handle, this.packed.length);
    if (!wasLarge) this.locate(handle, this.target);
    this.insertHere(handle);
    this.contributePacked(handle, this.layoutOf(handle));
    this.finish(handle);
  }

  private removeMember(handle: Handle, bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.locateMember(handle, bytes, start, end)) return false;
    this.begin(handle);
    if (!this.table.isLarge(handle)) this.locate(handle, this.target);
    this.contribute(handle, -1);
    this.removeHere(handle, 1);
    this.finish(handle);
    return true;
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
