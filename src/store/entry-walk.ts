import { ByteWriter } from "../base/bytes.js";
import { slotCount } from "../base/slot.js";
import { chunkKinds, chunkVersion } from "./chunk-kinds.js";
import type { DeadlineHeap } from "./deadline-heap.js";
import { PackedCursor } from "./element-cursor.js";
import { layoutOfKind } from "./element-layout.js";
import type { EntryTable } from "./entry-table.js";
import type { GhostNotes } from "./ghost-notes.js";
import type { Handle, StoreWalk } from "./keyspace.js";
import type { TreeSearch } from "./tree-search.js";

/** What a walk reads: the state at its opening stays in there, in entries and ghosts. */
export interface WalkSource {
  readonly table: EntryTable;
  readonly heap: DeadlineHeap;
  readonly trees: TreeSearch;
  readonly ghosts: GhostNotes;
}

const endOfSlot = 0x1_0000_0000;
/** Bytes of an entry's record besides its key and value at most. */
const recordHeadBytes = 50;

/**
 * A walk over one table in canonical order: slot, hash, key bytes. The store makes a ghost of an entry before it
 * changes one that a walk has not reached yet (safety 47); what was changed or created after the opening carries an
 * epoch that is not below the walk's, and is left out. What a walk sees is therefore the same set at any time, and
 * it only needs to remember how far it is. A large collection goes over several chunks.
 *
 * A record: u8 kind, varint length and key, u53 deadline, u53 revision, u32 recency, u32 frequency; of a string
 * varint length and bytes, of a collection varint count and then its elements: f64 score (sorted sets), varint
 * length and bytes, varint length and value (hashes). A chunk begins with what is left of a collection.
 */
export class EntryWalk implements StoreWalk {
  readonly epoch: number;
  private readonly source: WalkSource;
  /** Chunks that come before the entries. */
  private heads: readonly Uint8Array[];
  private readonly closed: (walk: EntryWalk) => void;
  /** The entries before (slot, order) are written, and `written` of those there. */
  private slot = 0;
  private order = 0;
  private written = 0;
  /** A large collection that isn't written whole: a header of its own over the tree, and the next element. */
  private tree = 0;
  private nextElement = 0;
  private readonly cursor: PackedCursor;
  private readonly out = new ByteWriter(4096);
  /** What is left of the run of hash order being written, from `runAt` on; -1: to be gathered. */
  private readonly run: Handle[] = [];
  private runAt = -1;

  constructor(
    source: WalkSource,
    epoch: number,
    heads: readonly Uint8Array[],
    closed: (walk: EntryWalk) => void,
  ) {
    this.source = source;
    this.epoch = epoch;
    this.heads = heads;
    this.closed = closed;
    this.cursor = new PackedCursor(source.trees);
  }

  /** Whether an entry was written, should it have been there at the opening. */
  isBehind(handle: Handle): boolean {
    const { table } = this.source;
    const slot = table.slotOf(handle);
    return slot !== this.slot ? slot < this.slot : table.orderOf(handle) < this.order;
  }

  next(limitBytes: number): Uint8Array | null {
    const head = this.heads[0];
    if (head !== undefined) {
      this.heads = this.heads.slice(1);
      return head;
    }
    const out = this.out;
    out.clear();
    out.u8(chunkVersion);
    out.u8(chunkKinds.entries);
    const empty = out.length;
    // Entries may have become ghosts, and runs been split, since the last chunk.
    this.runAt = -1;
    if (this.tree !== 0 && !this.writeElements(limitBytes, empty)) return out.take();
    for (;;) {
      const handle = this.nextEntry();
      if (handle === 0) return out.length > empty ? out.take() : null;
      if (out.length > empty && out.length + this.boundOf(handle) > limitBytes) return out.take();
      this.pass(handle);
      this.writeEntry(handle);
      if (this.tree !== 0 && !this.writeElements(limitBytes, empty)) return out.take();
    }
  }

  close(): void {
    this.slot = slotCount;
    this.heads = [];
    this.endTree();
    this.closed(this);
  }

  /** The next entry to write, 0 at the end. */
  private nextEntry(): Handle {
    const { table } = this.source;
    const { run } = this;
    while (this.slot < slotCount) {
      if (this.runAt < 0) this.readRun();
      if (this.runAt < run.length) return run[this.runAt]!;
      this.runAt = -1;
      this.written = 0;
      this.order = this.hasSlot() ? table.index.runEnd(this.slot, this.order) : endOfSlot;
      if (this.order === endOfSlot) {
        this.slot++;
        this.order = 0;
      }
    }
    return 0;
  }

  private hasSlot(): boolean {
    return this.source.table.index.slotSizes[this.slot] !== 0;
  }

  /** Gathers what is to be written of the run of hash order that holds `order`. */
  private readRun(): void {
    const { table } = this.source;
    const { run } = this;
    run.length = 0;
    this.runAt = 0;
    if (!this.hasSlot()) return;
    for (let h = table.firstInRun(this.slot, this.order); h !== 0; h = table.nextInRun(h))
      if (table.orderOf(h) >= this.order && this.sees(h)) run.push(h);
    if (run.length > 1) run.sort((a, b) => table.compareInSlot(a, b));
    while (
      this.runAt < this.written &&
      this.runAt < run.length &&
      table.orderOf(run[this.runAt]!) === this.order
    )
      this.runAt++;
  }

  private pass(handle: Handle): void {
    const order = this.source.table.orderOf(handle);
    this.written = order === this.order ? this.written + 1 : 1;
    this.order = order;
    this.runAt++;
  }

  private sees(handle: Handle): boolean {
    const { table, ghosts } = this.source;
    if (table.epoch(handle) >= this.epoch) return false;
    return !table.isGhost(handle) || ghosts.until(handle) >= this.epoch;
  }

  private boundOf(handle: Handle): number {
    const { table } = this.source;
    const keyBytes = table.keyLength(handle) + recordHeadBytes;
    if (table.isLarge(handle)) return keyBytes;
    return keyBytes + (table.kindCode(handle) === 0 ? table.value(handle) : table.value(handle) & 0xffff);
  }

  private writeEntry(handle: Handle): void {
    const { table, heap, ghosts, trees } = this.source;
    const { out, cursor } = this;
    const kindCode = table.kindCode(handle);
    const bytes = table.blockBytes(handle);
    const value = table.value(handle);
    const keyLength = table.keyLength(handle);
    out.u8(kindCode);
    out.varint(keyLength);
    out.copy(bytes, table.keyOffset(handle), keyLength);
    out.u53(table.isGhost(handle) ? ghosts.deadlineOf(handle) : heap.deadlineOf(handle));
    out.u53(table.revision(handle));
    out.u32(table.recency(handle));
    out.u32(table.frequency(handle));
    if (kindCode === 0) {
      out.varint(value);
      out.copy(bytes, table.valueOffset(handle), value);
    } else if (table.isLarge(handle)) {
      this.tree = trees.copyHeader(value);
      this.nextElement = 0;
      out.varint(trees.count(value));
    } else {
      out.varint(value >>> 16);
      cursor.openSmall(table, handle, layoutOfKind[kindCode]!);
      while (cursor.next()) out.copy(bytes, cursor.contentAt, cursor.end - cursor.contentAt);
    }
  }

  /** Goes on with the large collection. @returns whether it is written whole. */
  private writeElements(limitBytes: number, empty: number): boolean {
    const { out, cursor } = this;
    cursor.openTree(this.tree, this.nextElement, false);
    while (cursor.next()) {
      const length = cursor.end - cursor.contentAt;
      if (out.length > empty && out.length + length > limitBytes) return false;
      out.copy(cursor.member.bytes, cursor.contentAt, length);
      this.nextElement++;
    }
    this.endTree();
    return true;
  }

  private endTree(): void {
    if (this.tree !== 0) this.source.trees.removeHeader(this.tree);
    this.tree = 0;
  }
}
