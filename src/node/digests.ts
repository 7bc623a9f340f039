import type { LogIndex } from "../base/units.js";

const everyEntries = 64;
const keptDigests = 64;

/**
 * Digests of one replica's state at indexes that all replicas pass: multiples of 64. Replicas under load are compared at
 * the newest index that all of them remember.
 */
export class DigestHistory {
  private readonly indexes: LogIndex[] = [];
  private readonly digests: string[] = [];

  applied(index: LogIndex, digest: () => string): void {
    if (index % everyEntries !== 0) return;
    this.indexes.push(index);
    this.digests.push(digest());
    if (this.indexes.length > keptDigests) {
      this.indexes.shift();
      this.digests.shift();
    }
  }

  at(index: LogIndex): string | null {
    const i = this.indexes.indexOf(index);
    return i < 0 ? null : this.digests[i]!;
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
