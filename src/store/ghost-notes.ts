import type { LogTimeMs } from "../base/units.js";
import type { EntryTable } from "./entry-table.js";
import type { Handle } from "./keyspace.js";
import { Rows } from "./rows.js";
import type { TreeSearch } from "./tree-search.js";

const at = { next: 0, until: 1, deadline: 2, ghost: 4 } as const;

/** What is known of each ghost beyond its row, and the list by which they are freed once no walk is open. */
export class GhostNotes {
  private readonly notes = new Rows(6);
  private readonly table: EntryTable;
  private readonly trees: TreeSearch;
  /** First note of the list. */
  private first = 0;

  constructor(table: EntryTable, trees: TreeSearch) {
    this.table = table;
    this.trees = trees;
  }

  /** `until`: walks of a later epoch don't see it. */
  add(ghost: Handle, until: number, deadlineMs: LogTimeMs): void {
    const note = this.notes.add();
    this.notes.set(note, at.next, this.first);
    this.notes.set(note, at.until, until);
    this.notes.setDouble(note, at.deadline, deadlineMs);
    this.notes.set(note, at.ghost, ghost);
    this.table.setPlace(ghost, note);
    this.first = note;
  }

  until(ghost: Handle): number {
    return this.notes.get(this.table.place(ghost), at.until);
  }
  deadlineOf(ghost: Handle): LogTimeMs {
    return this.notes.getDouble(this.table.place(ghost), at.deadline);
  }

  /** A ghost has another row now. */
  moved(ghost: Handle): void {
    this.notes.set(this.table.place(ghost), at.ghost, ghost);
  }

  /** Frees at most `limit` ghosts; only while no walk is open. */
  reclaim(limit: number): void {
    const { table } = this;
    for (let left = limit; left > 0 && this.first !== 0; left--) {
      const note = this.first;
      const ghost = this.notes.get(note, at.ghost);
      this.first = this.notes.get(note, at.next);
      this.notes.remove(note);
      // Its nodes belong to the entry's tree, or are freed by themselves.
      if (table.isLarge(ghost)) this.trees.removeHeader(table.value(ghost));
      table.remove(ghost);
    }
  }
}
