import { assert } from "../base/assert.js";
import type { LogIndex, MonotonicMs, ReplicaId } from "../base/units.js";
import type { Inflights } from "./inflights.js";

/** What a leader knows of one replica, itself included. Always: match < next. */
export class PeerProgress {
  readonly replica: ReplicaId;
  /**
   * probe: one append per answer until the logs are known to match; replicate: a window of appends, optimistically;
   * snapshot: none, the replica pulls a snapshot.
   */
  state: "probe" | "replicate" | "snapshot" = "probe";
  /** Known to be durable there, and equal to the leader's log. */
  match: LogIndex = 0;
  next: LogIndex;
  readonly inflights: Inflights;
  /** Probing: an append is out and unanswered. */
  probeSent = false;
  /** An append is due, whatever room there is, to find out whether earlier ones were lost. */
  askDue = false;
  /** The commit index that the last append carried. */
  sentCommit: LogIndex = 0;
  /** Index of the snapshot that is being pulled, 0 for none. */
  pendingSnapshot: LogIndex = 0;
  /** When that snapshot was offered last. */
  offeredMs: MonotonicMs = 0;
  /** When it last answered in this term, for CheckQuorum. */
  lastAnswerMs: MonotonicMs;
  /** The newest round sent to it by a small message, and the newest that it echoed. */
  carriedRound = 0;
  ackedRound = 0;
  /** Lease clock at the sending of the newest round it echoed under this configuration (safety 17). */
  ackedLeaseMs = Number.NEGATIVE_INFINITY;

  constructor(replica: ReplicaId, next: LogIndex, nowMs: MonotonicMs, inflights: Inflights) {
    this.replica = replica;
    this.next = next;
    this.lastAnswerMs = nowMs;
    this.inflights = inflights;
  }

  becomeProbe(): void {
    // A replica back from a snapshot continues after it, whether or not its reply arrived.
    this.next = Math.max(this.match, this.pendingSnapshot) + 1;
    this.enter("probe");
  }

  becomeReplicate(): void {
    this.next = this.match + 1;
    this.enter("replicate");
  }

  becomeSnapshot(index: LogIndex, nowMs: MonotonicMs): void {
    this.enter("snapshot");
    this.pendingSnapshot = index;
    this.offeredMs = nowMs;
  }

  private enter(state: "probe" | "replicate" | "snapshot"): void {
    this.state = state;
    this.probeSent = false;
    this.askDue = false;
    this.pendingSnapshot = 0;
    this.inflights.clear();
  }

  /** `index` is durable there and matches. Returns whether that was news. */
  matched(index: LogIndex, firstSendable: LogIndex): boolean {
    const news = index > this.match;
    if (news) {
      this.match = index;
      if (this.next <= index) this.next = index + 1;
    }
    switch (this.state) {
      case "probe":
        if (news || index + 1 >= this.next) this.becomeReplicate();
        break;
      case "replicate":
        this.inflights.freeTo(index);
        break;
      case "snapshot":
        // Also when it got there by another way than the snapshot offered.
        if (this.match + 1 >= firstSendable) this.becomeReplicate();
        break;
    }
    assert(this.match < this.next, "match < next");
    return news;
  }

  /**
   * The append after `rejected` didn't fit; the logs may match at `hint`. Returns false for a stale rejection, which
   * must not move anything (safety 15).
   */
  rejected(rejected: LogIndex, hint: LogIndex): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.becomeProbe();
      this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
      return true;
    }
    if (this.state === "snapshot" || this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.probeSent = false;
    return true;
  }
}
