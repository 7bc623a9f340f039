import type { LogIndex, MonotonicMs } from "../base/units.js";

const keptProofs = 8;

/**
 * How old a follower's state is at most. The follower numbers its frames; a leader with a valid lease echoes the newest
 * number together with its commit index. Once that index is applied here, the state is no older than the time at which
 * the echoed frame was sent.
 */
export class Freshness {
  private readonly proofs: { commit: LogIndex; sentAtMs: MonotonicMs }[] = [];
  private freshAtMs: MonotonicMs | null = null;

  /** A leader with a lease had `commit` when it echoed what was sent at `sentAtMs`. */
  proved(commit: LogIndex, sentAtMs: MonotonicMs, applied: LogIndex): void {
    if (this.proofs.length === keptProofs) this.proofs.splice(1, 1);
    this.proofs.push({ commit, sentAtMs });
    this.advance(applied);
  }

  advance(applied: LogIndex): void {
    while (this.proofs.length > 0 && this.proofs[0]!.commit <= applied) {
      const proof = this.proofs.shift()!;
      if (this.freshAtMs === null || proof.sentAtMs > this.freshAtMs) this.freshAtMs = proof.sentAtMs;
    }
  }

  /** Upper bound of the age, null without any proof. */
  ageMs(nowMs: MonotonicMs): number | null {
    return this.freshAtMs === null ? null : Math.max(0, nowMs - this.freshAtMs);
  }
}
