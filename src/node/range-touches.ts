import { ByteWriter } from "../base/bytes.js";
import type { LogTimeMs, MonotonicMs } from "../base/units.js";
import { EntryBuilder, touchesPerEntry } from "../machine/entry-codec.js";
import type { Machine } from "../machine/machine.js";
import { TouchList } from "../machine/touch-list.js";

/** Touches that ride on an entry of commands, and how often such an entry is asked to take some. */
const ridersPerEntry = 128;
const riderIntervalMs = 20;

/**
 * Brings the leader's reads into the log as touches: on entries of commands, and when there are only reads in entries
 * of their own, one per call of `ownEntry` at most. Only while the range is near its limit under a policy that goes by
 * uses; otherwise a read costs nothing here.
 */
export class RangeTouches {
  private readonly machine: Machine;
  private list: TouchList | null = null;
  private riddenAtMs: MonotonicMs = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Begins or ends taking notes. */
  follow(leads: boolean): void {
    const { machine } = this;
    if (leads && machine.wantsTouches) {
      this.list ??= new TouchList();
      machine.noteReads(this.list);
    } else if (this.list !== null) {
      this.list = null;
      machine.noteReads(null);
    }
  }

  /** Adds touches to an entry of commands that is about to be proposed. */
  ride(builder: EntryBuilder, nowMs: MonotonicMs, stampMs: LogTimeMs): void {
    if (this.list === null || this.list.count === 0 || nowMs - this.riddenAtMs < riderIntervalMs) return;
    this.riddenAtMs = nowMs;
    this.move(this.list, builder, ridersPerEntry, stampMs);
  }

  /** An entry of touches alone, null when none is due. */
  ownEntry(stampMs: LogTimeMs): Uint8Array | null {
    if (this.list === null || this.list.count === 0) return null;
    const builder = new EntryBuilder(new ByteWriter(4096));
    builder.begin();
    return this.move(this.list, builder, touchesPerEntry, stampMs) === 0 ? null : builder.finish(stampMs);
  }

  private move(list: TouchList, builder: EntryBuilder, limit: number, atMs: LogTimeMs): number {
    let moved = 0;
    list.take(limit, limit * 4, (slot, hashLow, hashHigh, uses) => {
      const due = this.machine.isTouchDue(slot, hashLow, hashHigh, atMs);
      if (due === null) return "gone";
      if (!due) return "kept";
      builder.addTouch(slot, hashLow, hashHigh, uses);
      moved++;
      return "sent";
    });
    return moved;
  }
}
