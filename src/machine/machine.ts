import type { LogIndex, LogTimeMs, Revision, Slot, Term } from "../base/units.js";
import type { CommandView } from "../commands/command-codec.js";
import type { ReplySink } from "../commands/reply-sink.js";
import type { TouchNotes } from "../store/keyspace.js";

/** Who wants the replies of an entry: its proposer. Others pass `silentObserver`. */
export interface ApplyObserver {
  /**
   * Before command `n` of the entry takes effect, and once with n = the number of commands after the last:
   * reads that hold a place in the entry run here.
   */
  before(n: number): void;
  /** The sink of command `n`. */
  sink(n: number): ReplySink;
  /** The reply of command `n` is complete. */
  after(n: number): void;
}

/** What a range's slots, limit and rights to run are, as its log says. */
export interface MachineStatus {
  readonly appliedIndex: LogIndex;
  readonly appliedTerm: Term;
  readonly logTimeMs: LogTimeMs;
  readonly revision: Revision;
  readonly keys: number;
  readonly keysWithDeadline: number;
  readonly chargedBytes: number;
  readonly limitBytes: number;
  readonly sessions: number;
}

/** The replicated state machine of a key range. Pure: the same entries give the same state, bytes and replies. */
export interface Machine {
  /** Applies the entry at the next index. Malformed bytes are a broken invariant. */
  apply(index: LogIndex, term: Term, data: Uint8Array, observer: ApplyObserver): void;
  /** An index without an entry for the machine (no-op, configuration). */
  skip(index: LogIndex, term: Term): void;
  /**
   * Whether a key of a read has a deadline that is due by `estimateMs` but not by the last applied stamp: the read must
   * wait for a clock entry. Asked before a reply is begun, since one that was begun must be ended.
   */
  isDue(command: CommandView, estimateMs: LogTimeMs): boolean;
  /** Runs a read command that isn't due against the applied state. */
  read(command: CommandView, estimateMs: LogTimeMs, reply: ReplySink): void;
  /** Keys that reads find from now on are noted there when their recorded use isn't young; null ends that. */
  noteReads(notes: TouchNotes | null): void;
  /** The eviction policy goes by uses, and the limit is near. */
  readonly wantsTouches: boolean;
  /** Whether a noted key's recorded use is old enough at log time `atMs` for a touch; null when the key is gone. */
  isTouchDue(slot: Slot, hashLow: number, hashHigh: number, atMs: LogTimeMs): boolean | null;
  /** The charge is above a limit that was cut, and there is what may be evicted. */
  readonly owesEvictions: boolean;
  /** Name of the policy in force. */
  readonly evictionPolicy: string;
  status(): MachineStatus;
  /** Earliest deadline in the store (0 none): when the leader owes a clock entry. */
  nextDeadlineMs(): LogTimeMs;
  /** Two words per part: store, sessions, clock; equal on all replicas at the same index. Hex. */
  digest(): string;
  openSnapshot(): SnapshotWalk;
  /** Replaces the state by a snapshot's chunks. Throws DecodeError when a chunk is malformed. */
  beginRestore(): void;
  restore(chunk: Uint8Array): void;
  endRestore(): void;
}

/** A walk over the state as it was when it was opened. */
export interface SnapshotWalk {
  readonly index: LogIndex;
  readonly term: Term;
  /** The next chunk, or null at the end; never more than a chunk's bound and one element. */
  next(): Uint8Array | null;
  close(): void;
}
