import { assert } from "../base/assert.js";
import type { RangeId, ReplicaId } from "../base/units.js";
import type { Durability, LogStorage, RecoveredLog, StorageError } from "../ports/log-storage.js";
import type { Logger } from "../ports/telemetry.js";
import type { NodeRecord, RecordSection } from "../raft/record.js";
import { recordOverheadBytes, sameHead } from "./boot-check.js";
import { type DatabaseChange, type LogDatabase, openLevel } from "./log-database.js";
import {
  chainIn,
  type Head,
  keys,
  openAnchor,
  openHead,
  recordKey,
  sealAnchor,
  sealBoot,
  sealHead,
  sealRecord,
} from "./log-format.js";
import { type OpenedLog, recoverLog } from "./recover-log.js";
import { type RecordPlace, ReplicaFold } from "./replica-fold.js";
import { settle } from "./settle.js";
import { storageError } from "./storage-error.js";

export interface LevelLogOptions {
  readonly folder: string;
  readonly durability: Durability;
  readonly log: Logger;
  /** Of the machine's running kernel: another one means that it was reset since. */
  readonly bootId: string;
  /** The node's identity says that it took part in its cluster: an empty log is then a lost one. */
  readonly expectExisting: boolean;
  /** Tests put faults here. */
  readonly openDatabase?: (location: string) => LogDatabase;
}

/** The log of a node in a LevelDB of its own; see `log-format.ts` for what is in it. */
export function createLevelLog(options: LevelLogOptions): LogStorage {
  return new LevelLog(options);
}

type Done = (error: StorageError | null) => void;
type Task =
  | { readonly kind: "append"; readonly record: NodeRecord; readonly done: Done }
  | { readonly kind: "trim"; readonly resets: readonly RecordSection[]; readonly done: Done }
  | { readonly kind: "close"; readonly done: () => void };

/** Records of one group commit and where they will stand. */
interface Group {
  readonly tasks: readonly (Task & { kind: "append" })[];
  readonly places: readonly RecordPlace[];
  readonly changes: DatabaseChange[];
  readonly sync: boolean;
  readonly head: Head;
  readonly bytes: number;
}

/** A group commit takes records until it holds this much. */
const groupBytes = 4 * 1024 * 1024;

const closed: StorageError = { kind: "failed", message: "the log is closed" };

class LevelLog implements LogStorage {
  private readonly options: LevelLogOptions;
  private readonly openDatabase: (location: string) => LogDatabase;
  private db: LogDatabase | null = null;
  private fold = new ReplicaFold(false);
  /** What was promised last. */
  private head: Head = { sequence: 0, chain: 0 };
  /** Sequence of the last record that was handed in. */
  private handedIn = 0;
  /** Bytes of all records since the log was opened and found; those before `frontBytes` are trimmed. */
  private totalBytes = 0;
  private frontBytes = 0;
  private damageNoted = false;
  private queue: Task[] = [];
  /** One write is in flight. */
  private busy = false;
  /** A write ran out of space: LevelDB's log file may end in rubbish, so the next write needs a reopened one. */
  private torn = false;
  /** Not null: nothing is written any more (safety 51). */
  private failure: StorageError | null = { kind: "failed", message: "the log isn't open" };
  private closing = false;
  /** Removal of trimmed records in the background. */
  private cleaning: Promise<void> = Promise.resolve();

  constructor(options: LevelLogOptions) {
    this.options = options;
    this.openDatabase = options.openDatabase ?? openLevel;
  }

  open(done: (error: StorageError | null, recovered: RecoveredLog | null) => void): void {
    const opening = recoverLog({ ...this.options, openDatabase: this.openDatabase });
    settle(
      opening,
      (result) => {
        if (!result.ok) {
          done(result.error, null);
          return;
        }
        this.start(result.value);
        done(null, result.value.recovered);
      },
      (error) => done(storageError(error, "the log can't be opened"), null),
    );
  }

  private start({ db, check, recovered }: OpenedLog): void {
    this.db = db;
    this.fold = check.fold;
    this.fold.dropEntries();
    this.head = check.head;
    this.handedIn = check.head.sequence;
    this.totalBytes = check.sizeBytes;
    this.damageNoted = recovered.damage !== null;
    this.failure = null;
    this.clean(check.firstSequence);
  }

  append(record: NodeRecord, done: Done): void {
    if (this.refuse(done)) return;
    assert(record.sequence > this.handedIn, `record ${record.sequence} after ${this.handedIn}`);
    this.handedIn = record.sequence;
    this.queue.push({ kind: "append", record, done });
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
    this.closing = true;
    this.queue.push({ kind: "close", done });
    this.pump();
  }

  private refuse(done: Done): boolean {
    const failure = this.closing ? closed : this.failure;
    if (failure === null) return false;
    process.nextTick(() => done(failure));
    return true;
  }

  /** Starts the next write unless one is in flight. */
  private pump(): void {
    if (this.busy || this.queue.length === 0) return;
    this.busy = true;
    const next = this.queue[0]!;
    if (next.kind === "close") {
      this.queue.shift();
      this.finish(next.done);
    } else if (this.torn) this.resume();
    else if (next.kind === "trim") {
      this.queue.shift();
      this.writeTrim(next.resets, next.done);
    } else this.writeGroup();
  }

  private writeGroup(): void {
    const group = this.takeGroup();
    settle(
      this.db!.batch(group.changes, group.sync),
      () => {
        this.commit(group);
        this.busy = false;
        // The disk gets its next write before the callers hear of this one.
        this.pump();
        for (const task of group.tasks) task.done(null);
      },
      (error) => this.fail(error, group.tasks),
    );
  }

  /** Takes the records at the front of the queue, up to a trim or close. */
  private takeGroup(): Group {
    const tasks: (Task & { kind: "append" })[] = [];
    const places: RecordPlace[] = [];
    const changes: DatabaseChange[] = [];
    let sync = this.options.durability === "fsync";
    let head = this.head;
    let bytes = 0;
    for (const task of this.queue) {
      if (task.kind !== "append" || bytes >= groupBytes) break;
      const { sequence, sections } = task.record;
      const { value, chain } = sealRecord(task.record, head.chain);
      places.push({ sequence, startBytes: this.totalBytes + bytes, chainBefore: head.chain });
      changes.push({ type: "put", key: recordKey(sequence), value });
      sync ||= sections.some((section) => this.fold.changesPromise(section));
      head = { sequence, chain };
      bytes += value.length + recordOverheadBytes;
      tasks.push(task);
    }
    this.queue.splice(0, tasks.length);
    changes.push({ type: "put", key: keys.head, value: sealHead(head) });
    if (this.damageNoted) {
      changes.push({ type: "del", key: keys.damage });
      sync = true;
    }
    return { tasks, places, changes, sync, head, bytes };
  }

  private commit(group: Group): void {
    group.tasks.forEach(({ record }, i) => {
      for (const section of record.sections) {
        const problem = this.fold.fold(section, group.places[i]!);
        assert(problem === null, `record ${record.sequence}: ${problem}`);
      }
    });
    this.head = group.head;
    this.totalBytes += group.bytes;
    this.damageNoted = false;
  }

  /** The new anchor holds what lived in the records before it; only once it is durable do they go. */
  private writeTrim(resets: readonly RecordSection[], done: Done): void {
    const nextSequence = this.head.sequence + 1;
    const end: RecordPlace = {
      sequence: nextSequence,
      startBytes: this.totalBytes,
      chainBefore: this.head.chain,
    };
    // Kept even when the write fails: the snapshots that these resets speak of are durable already.
    for (const section of resets) {
      assert(section.entries.length === 0, "a trim appends nothing");
      this.fold.fold(section, end);
    }
    const front = this.fold.oldest() ?? end;
    const value = sealAnchor({
      firstSequence: front.sequence,
      chain: front.chainBefore,
      checkpoint: this.fold.checkpoint(nextSequence),
    });
    settle(
      this.db!.batch([{ type: "put", key: keys.anchor, value }], true),
      () => {
        this.frontBytes = front.startBytes;
        this.clean(front.sequence);
        this.busy = false;
        this.pump();
        done(null);
      },
      (error) => this.fail(error, [{ kind: "trim", resets, done }]),
    );
  }

  /** Removes records before the anchor. A failure costs space, not safety: the next trim or start does it again. */
  private clean(firstSequence: number): void {
    const db = this.db!;
    this.cleaning = this.cleaning
      .then(() => db.clear(keys.firstRecord, recordKey(firstSequence)))
      .catch((error: unknown) =>
        this.options.log.warn({ error: String(error) }, "trimmed records can't be removed yet"),
      );
  }

  /** Nothing of `tasks` is promised, nor of what waits behind them: it must not overtake them. */
  private fail(error: unknown, tasks: readonly Task[]): void {
    const reported = storageError(error, "the log can't be written");
    if (reported.kind === "failed") this.failure = reported;
    // Once, not at every attempt while the disk stays full.
    if (!this.torn || reported.kind === "failed") this.options.log.error({}, reported.message);
    this.torn = true;
    const refused = [...tasks, ...this.queue];
    this.queue = this.queue.filter((task) => task.kind === "close");
    this.handedIn = this.head.sequence;
    for (const task of refused) if (task.kind !== "close") task.done(reported);
    this.busy = false;
    this.pump();
  }

  /** After a full disk: opens the database anew, and writes on only if it still holds all that was promised. */
  private resume(): void {
    settle(
      this.reopen(),
      () => {
        this.torn = false;
        this.busy = false;
        this.options.log.info({ sequence: this.head.sequence }, "the log can be written again");
        this.pump();
      },
      (error) => this.fail(error, []),
    );
  }

  private async reopen(): Promise<void> {
    await this.cleaning;
    await this.db!.close();
    const db = this.openDatabase(this.options.folder);
    this.db = db;
    await db.open();
    const stored = await db.get(keys.head);
    const found = stored === undefined ? null : openHead(stored);
    if (found !== null && sameHead(found, this.head)) return;
    // A write that was reported as failed may be there all the same: what it wrote is taken back.
    if (found === null || found.sequence <= this.head.sequence || !(await this.holdsHead(db)))
      throw new Error(`the log lost records that it had promised, up to ${this.head.sequence}`);
    const changes: DatabaseChange[] = [{ type: "put", key: keys.head, value: sealHead(this.head) }];
    await db.scan(recordKey(this.head.sequence + 1), keys.afterRecords, (key) => {
      changes.push({ type: "del", key });
      return true;
    });
    await db.batch(changes, true);
  }

  /** The last promised record is there; or, when all were trimmed, the anchor that stands for it. */
  private async holdsHead(db: LogDatabase): Promise<boolean> {
    const last = await db.get(recordKey(this.head.sequence));
    if (last !== undefined) return chainIn(last) === this.head.chain;
    const stored = await db.get(keys.anchor);
    if (stored === undefined) return false;
    const anchor = openAnchor(stored);
    return anchor.firstSequence === this.head.sequence + 1 && anchor.chain === this.head.chain;
  }

  private finish(done: () => void): void {
    const stopped = (): void => {
      this.busy = false;
      this.pump();
      done();
    };
    settle(this.stop(), stopped, (error) => {
      this.options.log.warn({ error: String(error) }, "the log wasn't closed cleanly");
      stopped();
    });
  }

  private async stop(): Promise<void> {
    const writable = this.failure === null && !this.torn;
    this.failure ??= closed;
    await this.cleaning;
    const { db } = this;
    if (db === null) return;
    this.db = null;
    // The head goes along: LevelDB may have begun a new file, and only what is synced with the mark is proven by it.
    const boot = sealBoot({ bootId: this.options.bootId, clean: true });
    try {
      if (writable)
        await db.batch(
          [
            { type: "put", key: keys.head, value: sealHead(this.head) },
            { type: "put", key: keys.boot, value: boot },
          ],
          true,
        );
    } finally {
      await db.close();
    }
  }
}
