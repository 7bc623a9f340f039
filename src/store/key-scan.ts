import { slotCount } from "../base/slot.js";
import type { EntryTable } from "./entry-table.js";
import type { Handle } from "./keyspace.js";

/** Positions per slot: 32 bits of hash order, then 7 bits of the other half of the hash. */
export const slotSpan = 2 ** 39;

/** Place of a key in canonical order; keys that share one are ordered by their whole hash and bytes. */
export function positionOf(table: EntryTable, handle: Handle): number {
  return table.slotOf(handle) * slotSpan + table.orderOf(handle) * 128 + (table.hashHigh(handle) >>> 25);
}

/** Entries in canonical order from a position on, ghosts left out; ended by any change of the table. */
export class KeyScan {
  private readonly table: EntryTable;
  private slot = slotCount;
  /** Hash order from where on nothing was read yet. */
  private order = 0;
  private from = 0;
  /** Entries of the run that was read last, in order. */
  private readonly run: Handle[] = [];
  private at = 0;

  constructor(table: EntryTable) {
    this.table = table;
  }

  open(position: number): this {
    this.slot = Math.floor(position / slotSpan);
    this.order = Math.floor((position % slotSpan) / 128);
    this.from = position;
    this.run.length = 0;
    this.at = 0;
    return this;
  }

  /** The next entry, 0 at the end. */
  next(): Handle {
    while (this.at === this.run.length) if (!this.readRun()) return 0;
    return this.run[this.at++]!;
  }

  private readRun(): boolean {
    const { table, run } = this;
    while (this.slot < slotCount && table.slotSize(this.slot) === 0) {
      this.slot++;
      this.order = 0;
    }
    if (this.slot >= slotCount) return false;
    run.length = 0;
    this.at = 0;
    for (let h = table.firstInRun(this.slot, this.order); h !== 0; h = table.nextInRun(h))
      if (!table.isGhost(h) && positionOf(table, h) >= this.from) run.push(h);
    if (run.length > 1) run.sort((a, b) => table.compareInSlot(a, b));
    this.order = table.index.runEnd(this.slot, this.order);
    if (this.order > 0xffff_ffff) {
      this.slot++;
      this.order = 0;
    }
    return true;
  }
}
