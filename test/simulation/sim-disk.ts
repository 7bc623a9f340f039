import { below, type Random } from "../../src/base/random.js";
import type { Identity } from "../../src/ports/identity.js";
import type { Durability, StorageError } from "../../src/ports/log-storage.js";
import type { SnapshotManifest } from "../../src/ports/snapshot-storage.js";
import type { Checkpoint } from "../../src/storage/replica-fold.js";

/** Calls back after `delayMs` of simulated time, never during the call. */
export type Scheduler = (delayMs: number, callback: () => void) => void;

export interface SimDiskOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly durability: Durability;
  /** A write takes between these, at random. */
  readonly leastWriteMs?: number;
  readonly mostWriteMs?: number;
}

export interface SimRecord {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly synced: boolean;
}

export interface SimSnapshot {
  readonly manifest: SnapshotManifest;
  readonly chunks: readonly Uint8Array[];
}

/** What happens to unsynced bytes: a dead process leaves them to the kernel, a dead machine doesn't. */
export type Crash = "process" | "power";

/**
 * The disk of one simulated node: survives the node. Each start of the node bumps the incarnation, so that nothing that
 * an older one had asked for calls back any more; what it had in flight is kept or dropped by chance.
 */
export class SimDisk {
  readonly durability: Durability;
  /** Whoever writes anything while it is set hears of a full disk. */
  full = false;
  /** The next write fails with this text; when it is the log's, the log with it. */
  failNextWrite: string | null = null;

  anchor: { firstSequence: number; checkpoint: Checkpoint } | null = null;
  records: SimRecord[] = [];
  lastSequence = 0;
  damage: string | null = null;
  /** Found, and reported, at the next open. */
  undiscovered: string | null = null;
  bootId = 1;
  bootMark: { bootId: number; clean: boolean } | null = null;
  snapshots: SimSnapshot[] = [];
  identity: Identity | null = null;

  /** Every write takes so much longer: a disk that is busy with something else. */
  extraWriteMs = 0;
  /** Writes and records that crashes took away. */
  lostAtCrashes = 0;

  private readonly options: SimDiskOptions;
  private incarnation = 0;
  /** Writes that were begun and not reported: applied whole or not at all when the node dies. */
  private inFlight = new Set<() => void>();

  constructor(options: SimDiskOptions) {
    this.options = options;
    this.durability = options.durability;
  }

  /** The node died: callbacks of before vanish, and in a power loss unsynced bytes may too. */
  crash(kind: Crash): void {
    this.incarnation += 1;
    const begun = [...this.inFlight];
    this.inFlight.clear();
    // Writes reach the disk in order, so what is kept of them is a prefix.
    const kept = below(this.options.random, begun.length + 1);
    for (const apply of begun.slice(0, kept)) apply();
    this.lostAtCrashes += begun.length - kept;
    if (kind === "process") return;
    this.bootId += 1;
    this.dropUnsynced();
  }

  private dropUnsynced(): void {
    let synced = this.records.length;
    while (synced > 0 && !this.records[synced - 1]!.synced) synced--;
    const kept = synced + below(this.options.random, this.records.length - synced + 1);
    if (kept < this.records.length) {
      this.lostAtCrashes += this.records.length - kept;
      this.records = this.records.slice(0, kept);
      this.lastSequence = this.records.at(-1)?.sequence ?? (this.anchor?.firstSequence ?? 1) - 1;
    }
  }

  /** The log is found damaged at the next open; `keep` records from its front are still readable. */
  damageLog(reason: string, keep: number): void {
    this.undiscovered = reason;
    this.records = this.records.slice(0, keep);
  }

  /** The folder was emptied, the identity alone is left. */
  loseLog(): void {
    this.anchor = null;
    this.records = [];
    this.lastSequence = 0;
    this.damage = null;
    this.bootMark = null;
  }

  /** The highest record is gone and nothing here shows it: as if an older copy had been put back (safety 53). */
  rollBack(count: number): void {
    this.records = this.records.slice(0, Math.max(0, this.records.length - count));
    this.lastSequence = this.records.at(-1)?.sequence ?? (this.anchor?.firstSequence ?? 1) - 1;
  }

  /** Calls back in this incarnation only. */
  later(callback: () => void, delayMs = 0): void {
    const { incarnation } = this;
    this.options.scheduler(delayMs, () => {
      if (incarnation === this.incarnation) callback();
    });
  }

  /** Begins a write: `apply` changes the disk, then `done` hears of it; a crash in between may do the one alone. */
  write(apply: () => void, done: (error: StorageError | null) => void): void {
    const { leastWriteMs = 0, mostWriteMs = 2, random } = this.options;
    const delayMs = leastWriteMs + below(random, Math.floor(mostWriteMs - leastWriteMs) + 1);
    const totalMs = delayMs + this.extraWriteMs;
    const failure = this.takeFailure();
    if (failure !== null) {
      this.later(() => done(failure), totalMs);
      return;
    }
    this.inFlight.add(apply);
    this.later(() => {
      this.inFlight.delete(apply);
      apply();
      done(null);
    }, totalMs);
  }

  private takeFailure(): StorageError | null {
    if (this.full) return { kind: "disk-full", message: "no space left on the simulated disk" };
    if (this.failNextWrite === null) return null;
    const message = this.failNextWrite;
    this.failNextWrite = null;
    return { kind: "failed", message };
  }
}
