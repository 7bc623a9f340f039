import type { LogTimeMs } from "../base/units.js";
import type { EntryTable } from "./entry-table.js";
import type { HandleSet } from "./eviction/handle-set.js";
import type { Handle } from "./keyspace.js";
import { Rows } from "./rows.js";

/** Words of a place: the entry, its deadline as a double. */
const entryWord = 0;
const deadlineWord = 2;

/**
 * The entries with a deadline as a binary heap, ordered by (deadline, key bytes): the order in which the sweep
 * removes is the same on every replica, however the heap came about. Places are the rows 1 .. size.
 */
export class DeadlineHeap {
  size = 0;
  private readonly places = new Rows(4);
  private readonly table: EntryTable;
  /** The same entries, to draw from. */
  private readonly members: HandleSet;

  constructor(table: EntryTable, members: HandleSet) {
    this.table = table;
    this.members = members;
  }

  /** The entry that is due first; only when `size` > 0. */
  first(): Handle {
    return this.places.get(1, entryWord);
  }

  /** Deadline of the first one, 0 when there is none. */
  firstDeadline(): LogTimeMs {
    return this.size === 0 ? 0 : this.places.getDouble(1, deadlineWord);
  }

  /** Deadline of an entry, 0 none. */
  deadlineOf(handle: Handle): LogTimeMs {
    const place = this.table.place(handle);
    return place === 0 ? 0 : this.places.getDouble(place, deadlineWord);
  }

  /** Sets, changes or clears (0) the deadline of an entry. */
  set(handle: Handle, deadlineMs: LogTimeMs): void {
    const { table } = this;
    const place = table.place(handle);
    if (deadlineMs === 0) {
      if (place !== 0) this.remove(place);
      return;
    }
    if (place !== 0) {
      this.places.setDouble(place, deadlineWord, deadlineMs);
      this.up(place);
      this.down(table.place(handle));
      return;
    }
    this.size++;
    this.members.add(table.slotOf(handle), table.hashLow(handle), handle);
    // Rows are only ever added and removed at the end here, so their numbers are the places.
    this.places.add();
    this.put(this.size, handle, deadlineMs);
    this.up(this.size);
  }

  /** An entry has another row now. */
  moved(from: Handle, to: Handle): void {
    const { table } = this;
    const place = table.place(to);
    if (place === 0) return;
    this.places.set(place, entryWord, to);
    this.members.replace(table.slotOf(to), table.hashLow(to), from, to);
  }

  private remove(place: number): void {
    const { places, table } = this;
    const handle = places.get(place, entryWord);
    table.setPlace(handle, 0);
    this.members.remove(table.slotOf(handle), table.hashLow(handle), handle);
    const last = this.size--;
    const moved = places.get(last, entryWord);
    const movedMs = places.getDouble(last, deadlineWord);
    places.remove(last);
    if (place === last) return;
    this.put(place, moved, movedMs);
    this.up(place);
    this.down(table.place(moved));
  }

  private put(place: number, handle: Handle, deadlineMs: LogTimeMs): void {
    this.places.set(place, entryWord, handle);
    this.places.setDouble(place, deadlineWord, deadlineMs);
    this.table.setPlace(handle, place);
  }

  private before(handle: Handle, deadlineMs: LogTimeMs, place: number): boolean {
    const difference = deadlineMs - this.places.getDouble(place, deadlineWord);
    return difference !== 0
      ? difference < 0
      : this.table.compareKeys(handle, this.places.get(place, entryWord)) < 0;
  }

  private copyPlace(from: number, to: number): void {
    this.put(to, this.places.get(from, entryWord), this.places.getDouble(from, deadlineWord));
  }

  private up(from: number): void {
    const handle = this.places.get(from, entryWord);
    const deadlineMs = this.places.getDouble(from, deadlineWord);
    let place = from;
    while (place > 1) {
      const parent = place >> 1;
      if (!this.before(handle, deadlineMs, parent)) break;
      this.copyPlace(parent, place);
      place = parent;
    }
    this.put(place, handle, deadlineMs);
  }

  private down(from: number): void {
    const { places } = this;
    const handle = places.get(from, entryWord);
    const deadlineMs = places.getDouble(from, deadlineWord);
    let place = from;
    for (;;) {
      let child = place * 2;
      if (child > this.size) break;
      if (
        child < this.size &&
        this.before(places.get(child + 1, entryWord), places.getDouble(child + 1, deadlineWord), child)
      )
        child++;
      if (this.before(handle, deadlineMs, child)) break;
      this.copyPlace(child, place);
      place = child;
    }
    this.put(place, handle, deadlineMs);
  }
}
