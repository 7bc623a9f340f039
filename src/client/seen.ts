import type { Freshness } from "./wire.js";

interface Seen {
  revision: number;
  logTimeMs: number;
  /** A reply said nothing of its position: a replica can't be asked to have reached it. */
  beyond: boolean;
}

/**
 * What this client has seen of each range, for reads that must not go behind it. Where it can't be named, such a read
 * is made linearizable instead: dearer, never wrong.
 */
export class SeenPositions {
  private readonly ranges = new Map<string, Seen>();
  private started = false;

  /** The ranges of the first topology: nothing of them was seen. */
  start(shapes: Iterable<string>): void {
    if (this.started) return;
    this.started = true;
    for (const shape of shapes) this.ranges.set(shape, { revision: 0, logTimeMs: 0, beyond: false });
  }

  note(shape: string, freshness: Freshness | null): void {
    let seen = this.ranges.get(shape);
    if (seen === undefined) {
      // A range that came by a split or merge: what was seen of its parents isn't known.
      seen = { revision: 0, logTimeMs: 0, beyond: true };
      this.ranges.set(shape, seen);
    }
    if (freshness === null) seen.beyond = true;
    else if (freshness.revision >= seen.revision) {
      seen.revision = freshness.revision;
      seen.logTimeMs = Math.max(seen.logTimeMs, freshness.logTimeMs);
    }
  }

  /** null: only a linearizable read is sure not to go back. */
  position(shape: string): { readonly revision: number; readonly logTimeMs: number } | null {
    const seen = this.ranges.get(shape);
    return seen === undefined || seen.beyond ? null : seen;
  }
}
