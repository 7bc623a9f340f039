import { assert } from "../../src/base/assert.js";
import type { RangeId, ReplicaId } from "../../src/base/units.js";
import type { LogStorage, RecoveredLog, StorageError } from "../../src/ports/log-storage.js";
import type { NodeRecord, RecordSection } from "../../src/raft/record.js";
import { decodeRecord, encodeRecord } from "../../src/raft/record-codec.js";
import { ReplicaFold } from "../../src/storage/replica-fold.js";
import type { SimDisk } from "./sim-disk.js";

type Done = (error: StorageError | null) => void;
type Task =
  | { readonly kind: "append"; readonly record: NodeRecord; readonly bytes: Uint8Array; readonly done: Done }
  | { readonly kind: "trim"; readonly resets: readonly RecordSection[]; readonly done: Done }
  | { readonly kind: "close"; readonly done: () => void };
type Append = Extract<Task, { kind: "append" }>;

/** One start's handle on the log of a simulated disk: behaves as `createLevelLog` does. */
export class SimLog implements LogStorage {
  private readonly disk: SimDisk;
  private readonly expectExisting: boolean;
  private fold = new ReplicaFold(false);
  private queue: Task[] = [];
  private busy = false;
  private handedIn = 0;
  private totalBytes = 0;
  private frontBytes = 0;
  private failure: StorageError | null = { kind: "failed", message: "the log isn't open" };

  constructor(disk: SimDisk, expectExisting: boolean) {
    this.disk = disk;
    this.expectExisting = expectExisting;
  }

  open(done: (error: StorageError | null, recovered: RecoveredLog | null) => void): void {
    const { disk } = this;
    disk.later(() => {
      if (disk.full) {
        done({ kind: "disk-full", message: "no space left on the simulated disk" }, null);
        return;
      }
      const lost = disk.damage === null ? this.lostState() : null;
      const fold = this.refold();
      if (lost !== null) this.fence(fold, lost);
      disk.anchor ??= { firstSequence: 1, checkpoint: { sections: [], fromSequences: [] } };
      disk.bootMark = { bootId: disk.bootId, clean: false };
      this.fold = this.refold();
      const replicas = this.fold.recovered();
      this.fold.dropEntries();
      this.handedIn = disk.lastSequence;
      this.failure = null;
      const empty = disk.lastSequence === 0 && replicas.length === 0;
      done(null, { replicas, lastSequence: disk.lastSequence, damage: disk.damage, empty });
    });
  }

  private lostState(): string | null {
    const { disk } = this;
    if (disk.undiscovered !== null) return `the log is damaged: ${disk.undiscovered}`;
    if (this.expectExisting && disk.lastSequence === 0) return "the log is empty though this node had one";
    if (disk.durability !== "buffered" || disk.lastSequence === 0) return null;
    if (disk.bootMark?.bootId === disk.bootId || disk.bootMark?.clean) return null;
    return "the machine lost power, or was reset, while the log was only buffered";
  }

  /** The fences are durable before anybody hears of the replicas. */
  private fence(fold: ReplicaFold, damage: string): void {
    const { disk } = this;
    disk.undiscovered = null;
    disk.damage = damage;
    const sections = fold.fences();
    if (sections.length === 0) return;
    const sequence = disk.lastSequence + 1;
    disk.records.push({ sequence, bytes: encodeRecord({ sequence, sections }), synced: true });
    disk.lastSequence = sequence;
  }

  private refold(): ReplicaFold {
    const { anchor, records } = this.disk;
    const fold = new ReplicaFold(true);
    this.totalBytes = 0;
    if (anchor !== null)
      fold.restore(anchor.checkpoint, { sequence: anchor.firstSequence, startBytes: 0, chainBefore: 0 });
    for (const { sequence, bytes } of records) {
      this.foldRecord(fold, decodeRecord(bytes), sequence, bytes.length);
    }
    return fold;
  }

  private foldRecord(fold: ReplicaFold, record: NodeRecord, sequence: number, bytes: number): void {
    const place = { sequence, startBytes: this.totalBytes, chainBefore: 0 };
    for (const section of record.sections) {
      const problem = fold.fold(section, place);
      assert(problem === null, `record ${sequence}: ${problem}`);
    }
    this.totalBytes += bytes;
  }

  append(record: NodeRecord, done: Done): void {
    if (this.refuse(done)) return;
    assert(record.sequence > this.handedIn, `record ${record.sequence} after ${this.handedIn}`);
    this.handedIn = record.sequence;
    // Encoded at once: whoever changes an entry's bytes afterwards changes nothing here.
    this.queue.push({ kind: "append", record, bytes: encodeRecord(record), done });
    this.pump();
  }

  trim(resets: readonly RecordSection[], done: Done): void {
    if (this.refuse(done)) return;
    this.queue.push({ kind: "trim", resets, done });
    this.pump();
  }

  oldestHolder(): { readonly range: RangeId; readonly replica: ReplicaId; readonly bytes: number } | null {
    return this.fold.oldestHolder(this.totalBytes);
  }

  sizeBytes(): number {
    return this.totalBytes - this.frontBytes;
  }

  close(done: () => void): void {
    this.queue.push({ kind: "close", done });
    this.pump();
  }

  private refuse(done: Done): boolean {
    const { failure } = this;
    if (failure === null) return false;
    this.disk.later(() => done(failure));
    return true;
  }

  private pump(): void {
    if (this.busy || this.queue.length === 0) return;
    this.busy = true;
    const next = this.queue[0]!;
    if (next.kind === "append") this.writeGroup();
    else {
      this.queue.shift();
      if (next.kind === "trim") this.writeTrim(next);
      else this.finish(next.done);
    }
  }

  private writeGroup(): void {
    const end = this.queue.findIndex((task) => task.kind !== "append");
    const tasks = this.queue.splice(0, end < 0 ? this.queue.length : end) as Append[];
    const { disk } = this;
    const synced =
      disk.durability === "fsync" ||
      disk.damage !== null ||
      tasks.some(({ record }) => record.sections.some((section) => this.fold.changesPromise(section)));
    const apply = (): void => {
      for (const { record, bytes } of tasks) disk.records.push({ sequence: record.sequence, bytes, synced });
      disk.lastSequence = tasks.at(-1)!.record.sequence;
      disk.damage = null;
    };
    disk.write(apply, (error) => {
      if (error !== null) {
        this.fail(error, tasks);
        return;
      }
      for (const { record, bytes } of tasks)
        this.foldRecord(this.fold, decodeRecord(bytes), record.sequence, bytes.length);
      this.busy = false;
      this.pump();
      for (const task of tasks) task.done(null);
    });
  }

  private writeTrim(task: Extract<Task, { kind: "trim" }>): void {
    const { disk } = this;
    const end = { sequence: disk.lastSequence + 1, startBytes: this.totalBytes, chainBefore: 0 };
    for (const section of task.resets) this.fold.fold(section, end);
    const front = this.fold.oldest() ?? end;
    const anchor = {
      firstSequence: front.sequence,
      checkpoint: this.fold.checkpoint(end.sequence),
    };
    const apply = (): void => {
      disk.anchor = anchor;
      disk.records = disk.records
        .filter((record) => record.sequence >= front.sequence)
        .map((record) => ({ ...record, synced: true }));
    };
    disk.write(apply, (error) => {
      if (error !== null) {
        this.fail(error, [task]);
        return;
      }
      this.frontBytes = front.startBytes;
      this.busy = false;
      this.pump();
      task.done(null);
    });
  }

  private fail(error: StorageError, tasks: readonly Task[]): void {
    if (error.kind === "failed") this.failure = error;
    const waiting = this.queue.filter((task) => task.kind !== "close");
    this.queue = this.queue.filter((task) => task.kind === "close");
    this.handedIn = this.disk.lastSequence;
    for (const task of [...tasks, ...waiting]) if (task.kind !== "close") task.done(error);
    this.busy = false;
    this.pump();
  }

  private finish(done: () => void): void {
    const { disk } = this;
    const clean = this.failure === null;
    this.failure ??= { kind: "failed", message: "the log is closed" };
    disk.later(() => {
      if (clean) {
        disk.bootMark = { bootId: disk.bootId, clean: true };
        disk.records = disk.records.map((record) => ({ ...record, synced: true }));
      }
      this.busy = false;
      this.pump();
      done();
    });
  }
}
