import { assert } from "../../base/assert.js";
import type { Handle } from "../keyspace.js";
import { Rows } from "../rows.js";
import { reverseBits, SlotIndex } from "../slot-index.js";
import type { DrawnKeys } from "./key-draw.js";
import { SlotCounts } from "./slot-counts.js";

const at = { hash: 0, next: 1, handle: 2 } as const;

/** Some of the entries, to draw from: those with a deadline, or those of a queue. 16 bytes each and its buckets. */
export class HandleSet implements DrawnKeys {
  readonly counts = new SlotCounts();
  private readonly rows = new Rows(4);
  private readonly index = new SlotIndex(this.rows, at);

  /** `hash`: the low word of the key's hash, as the entry table has it. */
  add(slot: number, hash: number, handle: Handle): void {
    const { rows } = this;
    const row = rows.add();
    rows.set(row, at.hash, hash);
    rows.set(row, at.handle, handle);
    this.index.add(slot, hash, row);
    this.counts.change(slot, 1);
  }

  /** Removes what `add` added with the same arguments. */
  remove(slot: number, hash: number, handle: Handle): void {
    const row = this.rowOf(slot, hash, handle);
    this.index.remove(slot, hash, row);
    this.rows.remove(row);
    this.counts.change(slot, -1);
  }

  private rowOf(slot: number, hash: number, handle: Handle): number {
    const { rows } = this;
    let row = this.index.first(slot, hash);
    while (rows.get(row, at.handle) !== handle) {
      row = rows.get(row, at.next);
      assert(row !== 0, "what is taken out of a set is in it");
    }
    return row;
  }

  /** An entry has another handle now. */
  replace(slot: number, hash: number, from: Handle, to: Handle): void {
    this.rows.set(this.rowOf(slot, hash, from), at.handle, to);
  }

  collect(slot: number, from: number, to: number, into: Handle[]): void {
    const { rows, index } = this;
    for (let order = from; order < to; order = index.runEnd(slot, order)) {
      for (let row = index.first(slot, reverseBits(order)); row !== 0; row = rows.get(row, at.next)) {
        const place = reverseBits(rows.get(row, at.hash));
        if (place >= order && place < to) into.push(rows.get(row, at.handle));
      }
    }
  }
}
