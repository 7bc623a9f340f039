import type { LogTimeMs, MonotonicMs, ReplicaId } from "../base/units.js";

/** Log time is slewed toward the quorum's wall clock by at most this share. */
const slewShare = 0.01;

/** What a voter told of its clocks. */
export interface VoterClock {
  /** Its estimate of log time, 0 without one. */
  readonly estimateMs: LogTimeMs;
  readonly wallMs: number;
  /** Our monotonic time when it was told. */
  readonly atMs: MonotonicMs;
}

/**
 * The replicated clock of one range as this replica sees it. A leader stamps entries from it; a follower keeps a warm
 * estimate (last log time heard + elapsed) to offer with its vote. It never goes back, and no single wall clock can move
 * it by more than 1 % of the time that passes.
 */
export class LogTime {
  private baseMs: LogTimeMs = 0;
  private baseAtMs: MonotonicMs = 0;
  private rate = 1;
  private lastStampMs: LogTimeMs = 0;
  private readonly voters = new Map<ReplicaId, VoterClock>();

  /** 0 while nothing was heard since the start. */
  estimateMs(nowMs: MonotonicMs): LogTimeMs {
    if (this.baseMs === 0) return 0;
    const elapsed = Math.max(0, nowMs - this.baseAtMs);
    return Math.max(this.lastStampMs, Math.floor(this.baseMs + elapsed * this.rate));
  }

  /** The stamp of the next entry. */
  stamp(nowMs: MonotonicMs): LogTimeMs {
    this.lastStampMs = Math.max(this.lastStampMs, this.estimateMs(nowMs));
    return this.lastStampMs;
  }

  /** An applied or recovered stamp: time is at least there, but this is no proof of how late it is now. */
  sawStamp(stampMs: LogTimeMs): void {
    this.lastStampMs = Math.max(this.lastStampMs, stampMs);
  }

  /** The leader's log time as a heartbeat told it. */
  heard(logTimeMs: LogTimeMs, nowMs: MonotonicMs): void {
    if (logTimeMs <= 0) return;
    this.rebase(Math.max(logTimeMs, this.estimateMs(nowMs)), nowMs);
    this.rate = 1;
  }

  votersClock(replica: ReplicaId, clock: VoterClock): void {
    this.voters.set(replica, clock);
  }

  forgetVoters(): void {
    this.voters.clear();
  }

  /**
   * A new leader's start: the larger of the last stamp and the warm estimates of the election quorum; where nobody has
   * one, the larger of the last stamp and the lowest wall clock of that quorum.
   */
  lead(nowMs: MonotonicMs, wallMs: number): void {
    let warm = this.baseMs > 0;
    let warmMs = this.estimateMs(nowMs);
    let lowestWallMs = wallMs;
    for (const voter of this.voters.values()) {
      const elapsed = Math.max(0, nowMs - voter.atMs);
      if (voter.estimateMs > 0) {
        warm = true;
        warmMs = Math.max(warmMs, voter.estimateMs + elapsed);
      }
      lowestWallMs = Math.min(lowestWallMs, voter.wallMs + elapsed);
    }
    this.rebase(Math.max(this.lastStampMs, Math.floor(warm ? warmMs : lowestWallMs)), nowMs);
    this.rate = 1;
  }

  /** Steers toward the quorum's wall clock: the quorum-th largest of the voters' clocks. */
  steer(nowMs: MonotonicMs, wallMs: number, voterCount: number): void {
    const walls = [wallMs];
    for (const voter of this.voters.values()) walls.push(voter.wallMs + Math.max(0, nowMs - voter.atMs));
    const quorum = Math.floor(voterCount / 2) + 1;
    if (walls.length < quorum) return;
    walls.sort((a, b) => b - a);
    const targetMs = walls[quorum - 1]!;
    const estimateMs = this.estimateMs(nowMs);
    this.rebase(estimateMs, nowMs);
    const behindMs = targetMs - estimateMs;
    this.rate = 1 + Math.max(-slewShare, Math.min(slewShare, behindMs / 10_000));
  }

  private rebase(ms: LogTimeMs, nowMs: MonotonicMs): void {
    this.baseMs = ms;
    this.baseAtMs = nowMs;
  }
}
