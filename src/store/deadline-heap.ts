import type { LogTimeMs } from "../base/units.js";
import type { EntryTable } from "./entry-table.js";
import type { Handle } from "./keyspace.js";

/**
 * The entries with a deadline as a binary heap of handles, ordered by (deadline, key bytes): the order in which
 * the sweep removes is the same on every replica, however the heap came about.
 */
export class DeadlineHeap {
  size = 0;
  /** From 1; place 0 stays empty. */
  private handles = new Uint32Array(64);
  private readonly table: EntryTable;

  constructor(table: EntryTable) {
    this.table = table;
  }

  /** The entry that is due first; only when `size` > 0. */
  first(): Handle {
    return this.handles[1]!;
  }

  /** Sets, changes or clears (0) the deadline of an entry. */
  set(handle: Handle, deadlineMs: LogTimeMs): void {
    const table = this.table;
    const place = table.heapPlace[handle]!;
    if (deadlineMs === 0) {
      if (place !== 0) this.remove(place);
      table.deadline[handle] = 0;
      return;
    }
    table.deadline[handle] = deadlineMs;
    if (place !== 0) {
      this.up(place);
      this.down(table.heapPlace[handle]!);
      return;
    }
    this.size++;
    if (this.size === this.handles.length) {
      const grown = new Uint32Array(this.handles.length * 2);
      grown.set(this.handles);
      this.handles = grown;
    }
    this.put(this.size, handle);
    this.up(this.size);
  }

  private remove(place: number): void {
    const handle = this.handles[place]!;
    const last = this.handles[this.size]!;
    this.size--;
    this.table.heapPlace[handle] = 0;
    if (last === handle) return;
    this.put(place, last);
    this.up(place);
    this.down(this.table.heapPlace[last]!);
  }

  private put(place: number, handle: Handle): void {
    this.handles[place] = handle;
    this.table.heapPlace[handle] = place;
  }

  private before(a: Handle, b: Handle): boolean {
    const difference = this.table.deadline[a]! - this.table.deadline[b]!;
    return difference !== 0 ? difference < 0 : this.table.compareKeys(a, b) < 0;
  }

  private up(from: number): void {
    let place = from;
    const handle = this.handles[place]!;
    while (place > 1) {
      const parent = place >> 1;
      const above = this.handles[parent]!;
      if (!this.before(handle, above)) break;
      this.put(place, above);
      place = parent;
    }
    this.put(place, handle);
  }

  private down(from: number): void {
    let place = from;
    const handle = this.handles[place]!;
    for (;;) {
      let child = place * 2;
      if (child > this.size) break;
      if (child < this.size && this.before(this.handles[child + 1]!, this.handles[child]!)) child++;
      const below = this.handles[child]!;
      if (!this.before(below, handle)) break;
      this.put(place, below);
      place = child;
    }
    this.put(place, handle);
  }
}
