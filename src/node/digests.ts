import type { LogIndex, MonotonicMs } from "../base/units.js";

const everyEntries = 64;
const keptDigests = 64;

interface DigestWaiter {
  readonly index: LogIndex;
  readonly deadlineMs: MonotonicMs;
  readonly done: (digest: string | null) => void;
}

/**
 * Digests of one replica's state at indexes that all replicas pass: multiples of 64. Replicas under load are compared at
 * the newest index that all of them remember.
 */
export class DigestHistory {
  private readonly indexes: LogIndex[] = [];
  private readonly digests: string[] = [];
  private readonly waiters: DigestWaiter[] = [];
  /** Of the state as it is. */
  private readonly digest: () => string;

  constructor(digest: () => string) {
    this.digest = digest;
  }

  applied(index: LogIndex, nowMs: MonotonicMs): void {
    if (index % everyEntries === 0) {
      this.indexes.push(index);
      this.digests.push(this.digest());
      if (this.indexes.length > keptDigests) {
        this.indexes.shift();
        this.digests.shift();
      }
    }
    this.answer(index, nowMs);
  }

  at(index: LogIndex): string | null {
    const i = this.indexes.indexOf(index);
    return i < 0 ? null : this.digests[i]!;
  }

  /** Answers with the digest at an index that will be applied, or null at the deadline. */
  wait(index: LogIndex, deadlineMs: MonotonicMs, done: (digest: string | null) => void): void {
    this.waiters.push({ index, deadlineMs, done });
  }

  answer(applied: LogIndex, nowMs: MonotonicMs): void {
    for (let i = 0; i < this.waiters.length; i++) {
      const waiter = this.waiters[i]!;
      if (waiter.index > applied && waiter.deadlineMs > nowMs) continue;
      this.waiters.splice(i--, 1);
      waiter.done(waiter.index === applied ? this.digest() : null);
    }
  }

  /** A restored state has no history here. */
  clear(): void {
    this.indexes.length = 0;
    this.digests.length = 0;
  }
}

/** The newest multiple of the interval that an applied index has passed. */
export function lastComparable(index: LogIndex): LogIndex {
  return index - (index % everyEntries);
}
