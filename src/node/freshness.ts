import type { LogIndex, MonotonicMs } from "../base/units.js";

const keptProofs = 8;

/**
 * How old a replica's state is at most. A follower numbers its frames; the leader echoes the newest number together with
 * its commit index and the age of its own proof that it leads. Once that index is applied here, the state is no older
 * than the time at which the echoed frame was sent, less that age. A leader notes its own proofs, for when it is cut off.
 * All times are of the lease clock, which no suspended machine stops.
 */
export class Freshness {
  private readonly proofs: { commit: LogIndex; atMs: MonotonicMs }[] = [];
  private freshAtMs: MonotonicMs | null = null;

  /** Everything acknowledged before `atMs` lies at or below `commit`. */
  proved(commit: LogIndex, atMs: MonotonicMs, applied: LogIndex): void {
    if (this.proofs.length === keptProofs) this.proofs.splice(1, 1);
    this.proofs.push({ commit, atMs });
    this.advance(applied);
  }

  advance(applied: LogIndex): void {
    while (this.proofs.length > 0 && this.proofs[0]!.commit <= applied) {
      const proof = this.proofs.shift()!;
      if (this.freshAtMs === null || proof.atMs > this.freshAtMs) this.freshAtMs = proof.atMs;
    }
  }

  /** Upper bound of the age, null without any proof. */
  ageMs(nowMs: MonotonicMs): number | null {
    return this.freshAtMs === null ? null : Math.max(0, nowMs - this.freshAtMs);
  }
}
