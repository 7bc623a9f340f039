import type { LogIndex, MonotonicMs, Term } from "../base/units.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { PendingEntry } from "./pending-entry.js";

/** Entries that were proposed here and aren't applied yet. */
export class PendingEntries {
  /** Indexes rise. */
  private readonly entries = new Map<LogIndex, PendingEntry>();
  private readonly telemetry: Telemetry;
  /** Of the newest entry that was applied. */
  private appliedTerm: Term = 0;

  constructor(telemetry: Telemetry) {
    this.telemetry = telemetry;
  }

  get count(): number {
    return this.entries.size;
  }

  /** An earlier term's entry may wait for the same index: it left this log, but might still commit elsewhere. */
  add(entry: PendingEntry): void {
    this.entries.get(entry.index)?.failAll("outcome-unknown", null, this.telemetry);
    this.entries.set(entry.index, entry);
  }

  /** An entry is about to be applied. @returns who waits for it, null when that is nobody. */
  take(index: LogIndex, term: Term): PendingEntry | null {
    if (term !== this.appliedTerm) this.displaced(term);
    const entry = this.entries.get(index);
    if (entry === undefined) return null;
    this.entries.delete(index);
    if (entry.term === term) return entry;
    // A later leader had an earlier one's entry here, and brought it through (Raft, figure 8).
    entry.failAll("not-leader", null, this.telemetry);
    return null;
  }

  /** Terms never fall in a log: behind an entry of this term none of an earlier one ever takes effect. */
  private displaced(term: Term): void {
    this.appliedTerm = term;
    for (const [index, entry] of this.entries) {
      if (entry.term >= term) continue;
      this.entries.delete(index);
      entry.failAll("not-leader", null, this.telemetry);
    }
  }

  /** A snapshot replaced the state: what it swallowed can't be told any more. */
  swallowed(upTo: LogIndex): void {
    for (const [index, entry] of this.entries) {
      if (index > upTo) continue;
      this.entries.delete(index);
      entry.failAll("outcome-unknown", null, this.telemetry);
    }
  }

  expire(nowMs: MonotonicMs): void {
    for (const entry of this.entries.values()) entry.expire(nowMs, this.telemetry);
  }

  abandon(): void {
    for (const entry of this.entries.values()) entry.failAll("outcome-unknown", null, this.telemetry);
    this.entries.clear();
  }
}
