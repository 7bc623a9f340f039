import { assert } from "../base/assert.js";
import type { LogIndex, RangeId, ReplicaId, Term } from "../base/units.js";
import type { RecordSection, RecoveredReplica } from "../raft/record.js";
import type { Configuration, Entry, HardState, SnapshotMeta } from "../raft/types.js";

/** Where a record stands in the node's log. */
export interface RecordPlace {
  readonly sequence: number;
  /** Bytes of all records before it since the log was opened, plus those found then. */
  readonly startBytes: number;
  /** Value of the chain before it. */
  readonly chainBefore: number;
}

/** Live entries from `first` on, up to the next segment, lie in the record at `place` and those after it. */
interface Segment {
  readonly first: LogIndex;
  readonly place: RecordPlace;
}

interface FoldedReplica {
  readonly range: RangeId;
  readonly replica: ReplicaId;
  mark: "created" | "fenced" | "removed";
  hardState: HardState;
  /** The log begins after this point. */
  snapshot: SnapshotMeta;
  configuration: Configuration | null;
  lastIndex: LogIndex;
  /** Rising `first`; empty exactly when there are no live entries. segments[0].first <= snapshot.index + 1. */
  segments: Segment[];
  /** Terms of the live entries, run by run. */
  runs: { readonly first: LogIndex; readonly term: Term }[];
  /** Only while recovering: the live entries themselves. */
  entries: Entry[];
  /** Entries in records below it belong to a past that a later reset or truncation ended. */
  fromSequence: number;
}

/** Everything but entries, as of the front of the log; entries of a replica count from its `fromSequence` on. */
export interface Checkpoint {
  readonly sections: readonly RecordSection[];
  readonly fromSequences: readonly number[];
}

/** A segment covers about this much: bounds their number, and by how much a trim may keep too many records. */
const segmentBytes = 16 * 1024;
const noHardState: HardState = { term: 0, vote: 0, commit: 0 };
const noSnapshot: SnapshotMeta = {
  index: 0,
  term: 0,
  configuration: { voters: [], outgoing: [], learners: [] },
};

/**
 * What the records say, folded from the front on: per replica its hard state, where its log begins and ends, and in
 * which records its live entries lie. A later section overrides earlier ones from its first entry on.
 */
export class ReplicaFold {
  private readonly replicas = new Map<string, FoldedReplica>();
  private keepEntries: boolean;

  /** `keepEntries`: also collect the entries, until `dropEntries`. */
  constructor(keepEntries: boolean) {
    this.keepEntries = keepEntries;
  }

  /** Starts from a checkpoint, before any record is folded. */
  restore(checkpoint: Checkpoint, place: RecordPlace): void {
    checkpoint.sections.forEach((section, i) => {
      const problem = this.fold(section, place);
      assert(problem === null, "a checkpoint has no entries");
      this.of(section.range, section.replica).fromSequence = checkpoint.fromSequences[i]!;
    });
  }

  /** Folds one section in; says what is wrong when its entries leave a hole. */
  fold(section: RecordSection, place: RecordPlace): string | null {
    const replica = this.of(section.range, section.replica);
    if (replica.mark === "removed") return null;
    if (section.reset !== null) this.reset(replica, section.reset);
    if (section.hardState !== null) replica.hardState = section.hardState;
    if (section.configuration !== null) {
      replica.configuration = section.configuration;
      // The first configuration of a log without a snapshot is where Raft starts counting from.
      if (replica.lastIndex === 0 && replica.snapshot.configuration.voters.length === 0)
        replica.snapshot = { ...replica.snapshot, configuration: section.configuration };
    }
    if (section.entries.length > 0 && place.sequence >= replica.fromSequence) {
      const problem = this.append(replica, section.entries, place);
      if (problem !== null) return `range ${section.range} replica ${section.replica}: ${problem}`;
    }
    if (section.mark !== "none") replica.mark = section.mark;
    if (section.mark === "removed") clear(replica);
    return null;
  }

  /** True when `section` must be synced even in buffered mode: term and vote, marks and resets are promises. */
  changesPromise(section: RecordSection): boolean {
    if (section.reset !== null || section.mark !== "none") return true;
    if (section.hardState === null) return false;
    const known = this.replicas.get(keyOf(section.range, section.replica))?.hardState ?? noHardState;
    return known.term !== section.hardState.term || known.vote !== section.hardState.vote;
  }

  /** The record from which on everything is needed, or null when no live entries are left. */
  oldest(): RecordPlace | null {
    return this.oldestReplica(null)?.segments[0]?.place ?? null;
  }

  /** The replica whose live entries start first, and how many bytes of records only its range still needs. */
  oldestHolder(totalBytes: number): { range: RangeId; replica: ReplicaId; bytes: number } | null {
    const holder = this.oldestReplica(null);
    if (holder === null) return null;
    const next = this.oldestReplica(holder.range)?.segments[0]?.place.startBytes ?? totalBytes;
    return {
      range: holder.range,
      replica: holder.replica,
      bytes: next - holder.segments[0]!.place.startBytes,
    };
  }

  private oldestReplica(otherThan: RangeId | null): FoldedReplica | null {
    let oldest: FoldedReplica | null = null;
    for (const replica of this.replicas.values()) {
      const place = replica.segments[0]?.place;
      if (place === undefined || replica.range === otherThan) continue;
      if (oldest === null || place.sequence < oldest.segments[0]!.place.sequence) oldest = replica;
    }
    return oldest;
  }

  /** `nextSequence`: of the record after all that were folded. */
  checkpoint(nextSequence: number): Checkpoint {
    const replicas = [...this.replicas.values()];
    return {
      sections: replicas.map((replica) => ({
        range: replica.range,
        replica: replica.replica,
        reset: replica.snapshot,
        hardState: replica.hardState,
        entries: [],
        configuration: replica.configuration,
        mark: replica.mark,
      })),
      fromSequences: replicas.map((replica) => replica.segments[0]?.place.sequence ?? nextSequence),
    };
  }

  recovered(): RecoveredReplica[] {
    assert(this.keepEntries, "entries were collected");
    return [...this.replicas.values()].map((replica) => ({
      range: replica.range,
      replica: replica.replica,
      mark: replica.mark,
      hardState: replica.hardState,
      snapshot: replica.snapshot,
      entries: replica.entries,
      firstIndex: replica.snapshot.index,
    }));
  }

  /** Sections that fence every replica which isn't removed. */
  fences(): RecordSection[] {
    const sections: RecordSection[] = [];
    for (const { range, replica, mark } of this.replicas.values()) {
      if (mark === "removed") continue;
      const nothing = { reset: null, hardState: null, entries: [], configuration: null };
      sections.push({ range, replica, ...nothing, mark: "fenced" });
    }
    return sections;
  }

  dropEntries(): void {
    this.keepEntries = false;
    for (const replica of this.replicas.values()) replica.entries = [];
  }

  private of(range: RangeId, replica: ReplicaId): FoldedReplica {
    const key = keyOf(range, replica);
    let found = this.replicas.get(key);
    if (found === undefined) {
      found = {
        range,
        replica,
        mark: "created",
        hardState: noHardState,
        snapshot: noSnapshot,
        configuration: null,
        lastIndex: 0,
        segments: [],
        runs: [],
        entries: [],
        fromSequence: 0,
      };
      this.replicas.set(key, found);
    }
    return found;
  }

  /**
   * The log now begins after `meta`. Entries behind it stay only if the log agrees with it there (Raft §7, figure
   * 13); an older reset than the known one changes nothing (safety 44).
   */
  private reset(replica: FoldedReplica, meta: SnapshotMeta): void {
    if (meta.index < replica.snapshot.index) return;
    const agrees = termAt(replica, meta.index) === meta.term;
    replica.snapshot = meta;
    if (!agrees || replica.lastIndex <= meta.index) {
      clear(replica);
      replica.lastIndex = meta.index;
      return;
    }
    const { segments, runs } = replica;
    while (segments.length > 1 && segments[1]!.first <= meta.index + 1) segments.shift();
    while (runs.length > 1 && runs[1]!.first <= meta.index + 1) runs.shift();
    if (this.keepEntries) replica.entries = replica.entries.filter((entry) => entry.index > meta.index);
  }

  private append(replica: FoldedReplica, entries: readonly Entry[], place: RecordPlace): string | null {
    const first = entries[0]!.index;
    if (first > replica.lastIndex + 1) return `entries ${replica.lastIndex + 1} to ${first - 1} are missing`;
    const from = Math.max(first, replica.snapshot.index + 1);
    const appends = from === replica.lastIndex + 1;
    if (!appends) truncate(replica, from);
    const last = first + entries.length - 1;
    if (last < from) return null;
    const tail = replica.segments.at(-1);
    if (!appends || tail === undefined || place.startBytes - tail.place.startBytes >= segmentBytes)
      replica.segments.push({ first: from, place });
    for (let i = from - first; i < entries.length; i++) {
      const entry = entries[i]!;
      if (entry.index !== first + i) return `entry ${entry.index} where ${first + i} should be`;
      if (replica.runs.at(-1)?.term !== entry.term)
        replica.runs.push({ first: entry.index, term: entry.term });
      if (this.keepEntries) replica.entries.push(entry);
    }
    replica.lastIndex = last;
    return null;
  }
}

function keyOf(range: RangeId, replica: ReplicaId): string {
  return `${range}/${replica}`;
}

function clear(replica: FoldedReplica): void {
  replica.segments = [];
  replica.runs = [];
  replica.entries = [];
}

/** Drops the live entries from `from` on; `from` > snapshot.index. */
function truncate(replica: FoldedReplica, from: LogIndex): void {
  replica.lastIndex = from - 1;
  if (from === replica.snapshot.index + 1) {
    clear(replica);
    return;
  }
  const { segments, runs, entries } = replica;
  while (segments.length > 0 && segments.at(-1)!.first >= from) segments.pop();
  while (runs.length > 0 && runs.at(-1)!.first >= from) runs.pop();
  while (entries.length > 0 && entries.at(-1)!.index >= from) entries.pop();
}

function termAt(replica: FoldedReplica, index: LogIndex): Term | null {
  if (index === replica.snapshot.index) return replica.snapshot.term;
  if (index > replica.lastIndex) return null;
  for (let i = replica.runs.length - 1; i >= 0; i--)
    if (replica.runs[i]!.first <= index) return replica.runs[i]!.term;
  return null;
}
