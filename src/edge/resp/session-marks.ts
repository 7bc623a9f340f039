import type { Slot } from "../../base/units.js";

interface Mark {
  readonly first: Slot;
  readonly last: Slot;
  revision: number;
  logTimeMs: number;
  written: boolean;
}

/**
 * What a connection with session reads has seen, per run of slots: its next read must not be older. Revisions count per
 * range, so marks of different ranges are never compared; a mark stays valid when its range is split or merged, because
 * it is found by slot. A range that the connection wrote to is read linearizably from then on: the reply of a write
 * doesn't say its revision, and refusing to guess is the safe side.
 */
export class SessionMarks {
  revision = 0;
  logTimeMs = 0;
  private marks: Mark[] = [];
  private everythingWritten = false;

  clear(): void {
    this.marks = [];
    this.everythingWritten = false;
  }

  /** Sets `revision` and `logTimeMs` to what a read of `slot` must have reached; false: only linearizable will do. */
  load(slot: Slot): boolean {
    this.revision = 0;
    this.logTimeMs = 0;
    if (this.everythingWritten) return false;
    for (const mark of this.marks) {
      if (slot < mark.first || slot > mark.last) continue;
      if (mark.written) return false;
      if (mark.revision > this.revision) this.revision = mark.revision;
      if (mark.logTimeMs > this.logTimeMs) this.logTimeMs = mark.logTimeMs;
    }
    return true;
  }

  saw(first: Slot, last: Slot, revision: number, logTimeMs: number): void {
    const mark = this.mark(first, last);
    if (revision > mark.revision) mark.revision = revision;
    if (logTimeMs > mark.logTimeMs) mark.logTimeMs = logTimeMs;
  }

  wrote(first: Slot, last: Slot): void {
    this.mark(first, last).written = true;
  }

  wroteEverywhere(): void {
    this.everythingWritten = true;
  }

  private mark(first: Slot, last: Slot): Mark {
    for (const mark of this.marks) if (mark.first === first && mark.last === last) return mark;
    const mark = { first, last, revision: 0, logTimeMs: 0, written: false };
    this.marks.push(mark);
    return mark;
  }
}
