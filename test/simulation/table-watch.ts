import { canonical } from "../../jepsen-like/checker/operation.js";
import { slotCount } from "../../src/base/slot.js";
import type { MetaTables } from "../../src/placement/tables.js";
import { getOr } from "./get-or.js";

/** What meta's tables say is the same everywhere, and gives each slot one owner per epoch (safety 37). */
export class TableWatch {
  /** Node → the tables that it had when it was looked at last. */
  private readonly current = new Map<number, MetaTables>();
  /** Version → what it says. */
  private readonly versions = new Map<number, string>();
  /** range/epoch → its bounds and replicas. */
  private readonly epochs = new Map<string, string>();

  constructor(private readonly fail: (what: string) => never) {}

  look(at: number, tables: MetaTables | null): void {
    const before = this.current.get(at);
    if (tables === null || tables === before) return;
    this.current.set(at, tables);
    if (tables.ranges.length === 0) return;
    this.checkSame(tables);
    this.checkSlots(tables);
    for (const { id, epoch } of [tables.meta, ...tables.ranges]) {
      const old = before?.ranges.find((range) => range.id === id);
      if (old !== undefined && before!.version < tables.version && epoch < old.epoch)
        this.fail(`range ${id} goes back from epoch ${old.epoch} to ${epoch}`);
    }
  }

  private checkSame(tables: MetaTables): void {
    const { version } = tables;
    // Where a group's log was at the last report belongs to no version.
    const told = JSON.stringify(tables, (key, value) => (key === "reportedIndex" ? undefined : value));
    const text = canonical(JSON.parse(told));
    if (getOr(this.versions, version, () => text) !== text)
      this.fail(`two nodes have different tables of version ${version} (safety 37)`);
    for (const { id, epoch, slots, replicas } of tables.ranges) {
      const owners = canonical({ slots, replicas });
      if (getOr(this.epochs, `${id}/${epoch}`, () => owners) !== owners)
        this.fail(`range ${id} has two sets of owners in epoch ${epoch} (safety 37)`);
    }
  }

  private checkSlots({ ranges, version }: MetaTables): void {
    let next = 0;
    for (const { slots, id } of [...ranges].sort((a, b) => a.slots[0] - b.slots[0])) {
      if (slots[0] !== next) this.fail(`slot ${next} isn't covered once in tables ${version} (safety 37)`);
      if (slots[1] < slots[0]) this.fail(`range ${id} has no slots`);
      next = slots[1] + 1;
    }
    if (next !== slotCount) this.fail(`tables ${version} end at slot ${next} (safety 37)`);
  }
}
