import { ByteReader, ByteWriter, compareBytes } from "../base/bytes.js";
import { slotCount } from "../base/slot.js";
import type { EntryTable } from "./entry-table.js";
import type { Handle, StoreWalk } from "./keyspace.js";

/** Version and kinds of the store's chunks. */
export const chunkVersion = 1;
export const chunkKinds = { head: 1, entries: 2 } as const;

/** One entry yet to be written: by handle while it is unchanged, by its copied bytes afterwards. */
interface Pending {
  readonly hashHigh: number;
  readonly hashLow: number;
  /** 0 once `copy` is there. */
  handle: Handle;
  copy: Uint8Array | null;
}

/**
 * A walk over one table in canonical order: slot, hash, key bytes. The store calls `shield` before it changes an
 * entry; what this walk has not written yet is then copied first (safety 47). Entries changed or created after
 * the opening carry an epoch that is not below the walk's and are left out.
 */
export class EntryWalk implements StoreWalk {
  readonly epoch: number;
  private readonly table: EntryTable;
  private head: Uint8Array | null;
  private readonly closed: (walk: EntryWalk) => void;
  /** The slot being written; its entries are in `pending` from `at` on. */
  private slot = -1;
  private pending: Pending[] = [];
  private at = 0;
  /** The rest of the slot being written, once one of it changed. */
  private byHandle: Map<Handle, Pending> | null = null;
  /** Copies for slots that are still ahead. */
  private readonly ahead = new Map<number, Pending[]>();
  private readonly out = new ByteWriter(4096);

  constructor(table: EntryTable, epoch: number, head: Uint8Array, closed: (walk: EntryWalk) => void) {
    this.table = table;
    this.epoch = epoch;
    this.head = head;
    this.closed = closed;
  }

  next(limitBytes: number): Uint8Array | null {
    if (this.head !== null) {
      const head = this.head;
      this.head = null;
      return head;
    }
    const out = this.out;
    out.clear();
    out.u8(chunkVersion);
    out.u8(chunkKinds.entries);
    const empty = out.length;
    for (;;) {
      while (this.at === this.pending.length) {
        if (this.slot >= slotCount - 1) return out.length > empty ? out.take() : null;
        this.slot++;
        if (this.table.slotSize(this.slot) > 0 || this.ahead.has(this.slot)) this.openSlot();
      }
      const item = this.pending[this.at]!;
      const length = item.copy?.length ?? elementBound(this.table, item.handle);
      if (out.length > empty && out.length + length > limitBytes) return out.take();
      if (item.copy !== null) out.raw(item.copy);
      else writeElement(out, this.table, item.handle);
      this.byHandle?.delete(item.handle);
      this.at++;
    }
  }

  close(): void {
    this.slot = slotCount;
    this.pending = [];
    this.at = 0;
    this.head = null;
    this.byHandle = null;
    this.ahead.clear();
    this.closed(this);
  }

  /** The entry is about to change or go. */
  shield(handle: Handle): void {
    const table = this.table;
    if (table.epoch[handle]! >= this.epoch) return;
    const slot = table.slot[handle]!;
    if (slot < this.slot) return;
    if (slot === this.slot) {
      this.byHandle ??= this.restByHandle();
      const item = this.byHandle.get(handle);
      if (item === undefined) return;
      this.byHandle.delete(handle);
      item.copy = copyElement(table, handle);
      item.handle = 0;
      return;
    }
    let list = this.ahead.get(slot);
    if (list === undefined) {
      list = [];
      this.ahead.set(slot, list);
    }
    list.push(this.pendingOf(handle, copyElement(table, handle)));
  }

  private restByHandle(): Map<Handle, Pending> {
    const rest = new Map<Handle, Pending>();
    for (let i = this.at; i < this.pending.length; i++) {
      const item = this.pending[i]!;
      if (item.handle !== 0) rest.set(item.handle, item);
    }
    return rest;
  }

  private pendingOf(handle: Handle, copy: Uint8Array | null): Pending {
    const { hashHigh, hashLow } = this.table;
    return {
      hashHigh: hashHigh[handle]!,
      hashLow: hashLow[handle]!,
      handle: copy === null ? handle : 0,
      copy,
    };
  }

  private openSlot(): void {
    const table = this.table;
    const slot = this.slot;
    const pending = this.ahead.get(slot) ?? [];
    this.ahead.delete(slot);
    this.byHandle = null;
    for (let handle = table.firstInSlot(slot); handle !== 0; handle = table.followingInSlot(handle))
      if (table.epoch[handle]! < this.epoch) pending.push(this.pendingOf(handle, null));
    if (pending.length > 1) {
      pending.sort(
        (a, b) =>
          a.hashHigh - b.hashHigh || a.hashLow - b.hashLow || compareBytes(this.keyOf(a), this.keyOf(b)),
      );
    }
    this.pending = pending;
    this.at = 0;
  }

  private keyOf(item: Pending): Uint8Array {
    if (item.copy !== null) return new ByteReader(item.copy).block();
    const offset = this.table.keyOffset(item.handle);
    return this.table.blockBytes(item.handle).subarray(offset, offset + this.table.keyLength[item.handle]!);
  }
}

/** varint key length, key, varint value length, value, u53 deadline, u53 revision. */
function writeElement(out: ByteWriter, table: EntryTable, handle: Handle): void {
  const bytes = table.blockBytes(handle);
  const offset = table.keyOffset(handle);
  const keyLength = table.keyLength[handle]!;
  const valueLength = table.valueLength[handle]!;
  out.varint(keyLength);
  out.copy(bytes, offset, keyLength);
  out.varint(valueLength);
  out.copy(bytes, offset + keyLength, valueLength);
  out.u53(table.deadline[handle]!);
  out.u53(table.revision[handle]!);
}

function elementBound(table: EntryTable, handle: Handle): number {
  return table.keyLength[handle]! + table.valueLength[handle]! + 26;
}

function copyElement(table: EntryTable, handle: Handle): Uint8Array {
  const out = new ByteWriter(elementBound(table, handle));
  writeElement(out, table, handle);
  return out.take();
}
