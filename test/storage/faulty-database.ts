import { type DatabaseChange, type LogDatabase, openLevel } from "../../src/storage/log-database.js";

export const noSpace = "IO error: /data/log/000005.log: No space left on device";

/** A LevelDB whose writes a test can hold, fail, or apply and fail all the same. */
export class FaultyDatabases {
  /** Changes and sync flag of every write that was asked for. */
  readonly writes: { readonly changes: readonly DatabaseChange[]; readonly sync: boolean }[] = [];
  opens = 0;
  failWith: string | null = null;
  /** The failing write reaches the disk nevertheless. */
  applyFailed = false;
  /** Writes wait for it. */
  gate: Promise<void> = Promise.resolve();

  readonly open = (location: string): LogDatabase => {
    this.opens += 1;
    const level = openLevel(location);
    return {
      ...level,
      batch: async (changes, sync) => {
        this.writes.push({ changes, sync });
        await this.gate;
        if (this.failWith === null) return level.batch(changes, sync);
        if (this.applyFailed) await level.batch(changes, sync);
        throw new Error(this.failWith);
      },
    };
  };

  /** Keys of records in the writes from `from` on. */
  recordWrites(from: number): string[][] {
    return this.writes
      .slice(from)
      .map(({ changes }) => changes.map((change) => change.key).filter((key) => key.startsWith("r")));
  }
}
