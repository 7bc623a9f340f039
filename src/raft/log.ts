import { assert } from "../base/assert.js";
import type { LogIndex, Term } from "../base/units.js";
import type { Entry, SnapshotMeta } from "./types.js";

/** What an entry costs in memory and on the wire besides its data, about. */
const entryOverheadBytes = 32;

export function entryBytes(entry: Entry): number {
  return entry.data.length + entryOverheadBytes;
}

/**
 * The log since the snapshot, in memory. Always:
 * snapshotIndex <= applied <= emitted <= commit <= lastIndex, written <= lastIndex, durable <= lastIndex.
 */
export class RaftLog {
  /** The log begins after this point; its term is kept for the consistency check. */
  snapshotIndex: LogIndex;
  snapshotTerm: Term;
  lastIndex: LogIndex;
  commit: LogIndex;
  /** Handed out in a Ready's `committed`: each entry once, in order. */
  emitted: LogIndex;
  applied: LogIndex;
  /** Handed out in a Ready's `entries`. */
  written: LogIndex;
  durable: LogIndex;
  /** Bytes of the entries in memory. */
  bytes = 0;
  /** entries[i] has index snapshotIndex + 1 + i. */
  private entries: Entry[];
  /** The slice cut last: peers at the same position share one array. */
  private cached: readonly Entry[] = [];
  private cachedFrom: LogIndex = 0;
  private cachedLast: LogIndex = 0;
  private cachedMaxBytes = 0;

  constructor(snapshot: SnapshotMeta, entries: readonly Entry[], commit: LogIndex) {
    this.snapshotIndex = snapshot.index;
    this.snapshotTerm = snapshot.term;
    this.entries = [];
    this.lastIndex = snapshot.index;
    this.commit = snapshot.index;
    this.emitted = snapshot.index;
    this.applied = snapshot.index;
    for (const entry of entries) if (entry.index > snapshot.index) this.append(entry);
    this.written = this.lastIndex;
    this.durable = this.lastIndex;
    this.commitTo(Math.min(commit, this.lastIndex));
  }

  get lastTerm(): Term {
    return this.entries.length === 0 ? this.snapshotTerm : this.entries[this.entries.length - 1]!.term;
  }

  /** Term of the entry at `index`, -1 when the log can't tell. */
  termOf(index: LogIndex): Term {
    if (index === this.snapshotIndex) return this.snapshotTerm;
    if (index < this.snapshotIndex || index > this.lastIndex) return -1;
    return this.entries[index - this.snapshotIndex - 1]!.term;
  }

  entryAt(index: LogIndex): Entry {
    const entry = this.entries[index - this.snapshotIndex - 1];
    assert(entry !== undefined, "an entry asked for is in the log");
    return entry;
  }

  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, "entries are contiguous");
    assert(entry.term >= this.lastTerm, "terms in the log never go back");
    this.entries.push(entry);
    this.lastIndex = entry.index;
    this.bytes += entryBytes(entry);
  }

  /** Drops `index` and everything above it. */
  truncateFrom(index: LogIndex): void {
    assert(index > this.commit, "a committed entry is never truncated");
    const keep = index - this.snapshotIndex - 1;
    for (let i = keep; i < this.entries.length; i++) this.bytes -= entryBytes(this.entries[i]!);
    this.entries.length = keep;
    this.lastIndex = index - 1;
    this.written = Math.min(this.written, this.lastIndex);
    this.durable = Math.min(this.durable, this.lastIndex);
    this.cachedFrom = 0;
  }

  commitTo(index: LogIndex): void {
    if (index <= this.commit) return;
    assert(index <= this.lastIndex, "commit <= lastIndex");
    this.commit = index;
  }

  durableTo(index: LogIndex): void {
    if (index <= this.durable) return;
    assert(index <= this.lastIndex, "durable <= lastIndex");
    this.durable = index;
  }

  appliedTo(index: LogIndex): void {
    // A snapshot may have overtaken entries that were still being applied.
    if (index <= this.applied) return;
    assert(index <= this.emitted, "only what was emitted is applied");
    this.applied = index;
  }

  /** Entries in (from, to], as a new array. */
  range(from: LogIndex, to: LogIndex): Entry[] {
    return this.entries.slice(from - this.snapshotIndex, to - this.snapshotIndex);
  }

  /** Entries from `from` on, at most `maxBytes` but at least one; the array may be shared. */
  slice(from: LogIndex, maxBytes: number): readonly Entry[] {
    const start = from - this.snapshotIndex - 1;
    assert(start >= 0, "a slice begins inside the log");
    if (start >= this.entries.length) return [];
    if (this.cachedFrom === from && this.cachedLast === this.lastIndex && this.cachedMaxBytes === maxBytes) {
      return this.cached;
    }
    let end = start + 1;
    let bytes = entryBytes(this.entries[start]!);
    while (end < this.entries.length) {
      bytes += entryBytes(this.entries[end]!);
      if (bytes > maxBytes) break;
      end++;
    }
    this.cached = this.entries.slice(start, end);
    this.cachedFrom = from;
    this.cachedLast = this.lastIndex;
    this.cachedMaxBytes = maxBytes;
    return this.cached;
  }

  /**
   * The largest index <= `index` whose term is <= `term`, not looking below the snapshot: what both sides of a
   * conflict can skip to at once instead of stepping back one by one.
   */
  lastIndexWithTermUpTo(index: LogIndex, term: Term): LogIndex {
    let i = Math.min(index, this.lastIndex);
    while (i > this.snapshotIndex && this.termOf(i) > term) i--;
    return i;
  }

  /** Data bytes in (from, to], the share of the uncommitted limit. */
  dataBytes(from: LogIndex, to: LogIndex): number {
    let bytes = 0;
    for (let i = from - this.snapshotIndex; i < to - this.snapshotIndex; i++) {
      bytes += this.entries[i]!.data.length;
    }
    return bytes;
  }

  /** A durable snapshot covers the log up to `index`. */
  compact(index: LogIndex): void {
    if (index <= this.snapshotIndex) return;
    assert(index <= this.applied, "only what is applied is compacted");
    assert(index <= this.written, "only what was written is compacted");
    const term = this.termOf(index);
    const dropped = this.entries.splice(0, index - this.snapshotIndex);
    for (const entry of dropped) this.bytes -= entryBytes(entry);
    this.snapshotIndex = index;
    this.snapshotTerm = term;
    // A snapshot is durable by itself: what it covers is too.
    this.durable = Math.max(this.durable, index);
    this.cachedFrom = 0;
  }

  /**
   * The state machine now stands at `meta`. A tail that continues the snapshot was acknowledged and is kept; it is
   * written again, as the reset of the log in storage drops it. Any other log is dropped whole.
   * @returns whether a tail was kept.
   */
  reset(meta: SnapshotMeta): boolean {
    assert(meta.index > this.commit, "a snapshot never takes back what is committed");
    const keepsTail = this.termOf(meta.index) === meta.term;
    if (keepsTail) {
      const dropped = this.entries.splice(0, meta.index - this.snapshotIndex);
      for (const entry of dropped) this.bytes -= entryBytes(entry);
    } else {
      this.entries = [];
      this.bytes = 0;
      this.lastIndex = meta.index;
      this.durable = 0;
    }
    this.snapshotIndex = meta.index;
    this.snapshotTerm = meta.term;
    this.commit = meta.index;
    this.emitted = meta.index;
    this.applied = meta.index;
    this.written = meta.index;
    this.cachedFrom = 0;
    return keepsTail;
  }
}
