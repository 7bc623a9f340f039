import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../base/assert.js";
import { crc32c } from "../base/crc.js";
import type { RangeId, ReplicaId } from "../base/units.js";
import type { StorageError } from "../ports/log-storage.js";
import type {
  SnapshotManifest,
  SnapshotReader,
  SnapshotStorage,
  SnapshotWriter,
} from "../ports/snapshot-storage.js";
import type { Logger } from "../ports/telemetry.js";
import type { SnapshotMeta } from "../raft/types.js";
import { syncFolder } from "./log-folder.js";
import { settle } from "./settle.js";
import { encodeChunkHeader, encodeTrailer } from "./snapshot-format.js";
import { readSnapshotFile, verifySnapshotFile } from "./snapshot-reading.js";
import { errorText, storageError } from "./storage-error.js";

export interface SnapshotFilesOptions {
  /** Holds nothing but snapshots. */
  readonly folder: string;
  readonly log: Logger;
}

/**
 * A file per snapshot, synced even where the log isn't: a log that begins behind a snapshot is nothing without it, and a
 * clean stop promises a whole log. Removes what was left unfinished. Throws when the folder can't be made.
 */
export function createSnapshotFiles(options: SnapshotFilesOptions): SnapshotStorage {
  mkdirSync(options.folder, { recursive: true });
  for (const name of readdirSync(options.folder))
    if (name.endsWith(unfinished)) rmSync(join(options.folder, name), { force: true });
  return new SnapshotFiles(options);
}

const unfinished = ".unfinished";
const finished = ".snapshot";

function nameOf(range: RangeId, replica: ReplicaId, meta: SnapshotMeta): string {
  return `${range}-${replica}-${meta.index}-${meta.term}${finished}`;
}

interface NamedSnapshot {
  readonly name: string;
  readonly range: RangeId;
  readonly replica: ReplicaId;
  readonly index: number;
}

function parseName(name: string): NamedSnapshot | null {
  const match = /^(\d+)-(\d+)-(\d+)-\d+\.snapshot$/.exec(name);
  if (match === null) return null;
  return { name, range: Number(match[1]), replica: Number(match[2]), index: Number(match[3]) };
}

class SnapshotFiles implements SnapshotStorage {
  private readonly options: SnapshotFilesOptions;
  /** Manifests of files that were written here or read through: those need no second check. */
  private readonly verified = new Map<string, SnapshotManifest>();
  private created = 0;

  constructor(options: SnapshotFilesOptions) {
    this.options = options;
  }

  create(range: RangeId, replica: ReplicaId, meta: SnapshotMeta): SnapshotWriter {
    const name = nameOf(range, replica, meta);
    const temporary = join(this.options.folder, `${name}.${++this.created}${unfinished}`);
    return new FileWriter(temporary, { range, replica, meta }, async (manifest) => {
      await rename(temporary, join(this.options.folder, name));
      syncFolder(this.options.folder);
      this.verified.set(name, manifest);
    });
  }

  latest(range: RangeId, replica: ReplicaId, done: (manifest: SnapshotManifest | null) => void): void {
    settle(this.findLatest(range, replica), done, (error) => {
      this.options.log.warn({ error: errorText(error) }, "snapshots can't be listed");
      done(null);
    });
  }

  private async findLatest(range: RangeId, replica: ReplicaId): Promise<SnapshotManifest | null> {
    const candidates = (await this.list(range)).filter((found) => found.replica === replica);
    candidates.sort((a, b) => b.index - a.index);
    for (const { name } of candidates) {
      const manifest = this.verified.get(name) ?? (await this.verify(name));
      if (manifest !== null) return manifest;
    }
    return null;
  }

  private async verify(name: string): Promise<SnapshotManifest | null> {
    try {
      const manifest = await verifySnapshotFile(join(this.options.folder, name));
      if (nameOf(manifest.range, manifest.replica, manifest.meta) !== name)
        throw new Error("its trailer is another snapshot's");
      this.verified.set(name, manifest);
      return manifest;
    } catch (error) {
      this.options.log.warn({ snapshot: name, error: errorText(error) }, "a damaged snapshot is ignored");
      return null;
    }
  }

  read(manifest: SnapshotManifest): SnapshotReader {
    const name = nameOf(manifest.range, manifest.replica, manifest.meta);
    return readSnapshotFile(join(this.options.folder, name));
  }

  prune(range: RangeId, keep: SnapshotManifest | null, done: () => void): void {
    settle(this.removeOlder(range, keep), done, (error) => {
      // Costs space alone: the next prune tries again.
      this.options.log.warn({ error: errorText(error) }, "old snapshots can't be removed");
      done();
    });
  }

  private async removeOlder(range: RangeId, keep: SnapshotManifest | null): Promise<void> {
    for (const { name, replica, index } of await this.list(range)) {
      if (keep !== null && (replica > keep.replica || (replica === keep.replica && index >= keep.meta.index)))
        continue;
      this.verified.delete(name);
      await rm(join(this.options.folder, name), { force: true });
    }
  }

  private async list(range: RangeId): Promise<NamedSnapshot[]> {
    const found: NamedSnapshot[] = [];
    for (const name of await readdir(this.options.folder)) {
      const parsed = parseName(name);
      if (parsed !== null && parsed.range === range) found.push(parsed);
    }
    return found;
  }
}

class FileWriter implements SnapshotWriter {
  private readonly path: string;
  private readonly subject: Pick<SnapshotManifest, "range" | "replica" | "meta">;
  private readonly publish: (manifest: SnapshotManifest) => Promise<void>;
  private readonly handle: Promise<FileHandle>;
  private sizeBytes = 0;
  private chunks = 0;
  private checksum = 0;
  private writing = false;
  private ended = false;

  constructor(
    path: string,
    subject: Pick<SnapshotManifest, "range" | "replica" | "meta">,
    publish: (manifest: SnapshotManifest) => Promise<void>,
  ) {
    this.path = path;
    this.subject = subject;
    this.publish = publish;
    this.handle = open(path, "wx");
    // The first write reports it.
    this.handle.catch(() => {});
  }

  write(chunk: Uint8Array, done: (error: StorageError | null) => void): void {
    this.run(
      () => this.append(chunk),
      () => done(null),
      done,
    );
  }

  finish(done: (error: StorageError | null, manifest: SnapshotManifest | null) => void): void {
    this.run(
      () => this.complete(),
      (manifest) => done(null, manifest),
      (error) => done(error, null),
    );
  }

  abort(): void {
    if (this.ended) return;
    this.ended = true;
    void this.discard();
  }

  /** One call at a time; a failed one leaves nothing behind, and the writer of no more use. */
  private run<T>(
    work: () => Promise<T>,
    onValue: (value: T) => void,
    onError: (error: StorageError) => void,
  ): void {
    assert(!this.writing, "the former write called back");
    this.writing = true;
    settle(
      work(),
      (value) => {
        this.writing = false;
        onValue(value);
      },
      (error) => {
        this.writing = false;
        this.ended = true;
        void this.discard();
        onError(storageError(error, `snapshot ${this.path} can't be written`));
      },
    );
  }

  private async append(chunk: Uint8Array): Promise<void> {
    if (this.ended) throw new Error("it was ended");
    this.checksum = crc32c(chunk, this.checksum);
    this.sizeBytes += chunk.length;
    this.chunks += 1;
    const handle = await this.handle;
    await handle.appendFile(encodeChunkHeader(chunk.length, this.checksum));
    await handle.appendFile(chunk);
  }

  private async complete(): Promise<SnapshotManifest> {
    if (this.ended) throw new Error("it was ended");
    const manifest = { ...this.subject, sizeBytes: this.sizeBytes, chunks: this.chunks };
    const handle = await this.handle;
    await handle.appendFile(encodeTrailer({ manifest, checksum: this.checksum }));
    await handle.sync();
    if (this.ended) throw new Error("it was aborted");
    this.ended = true;
    await handle.close();
    await this.publish(manifest);
    return manifest;
  }

  private async discard(): Promise<void> {
    try {
      await (await this.handle).close();
    } catch {
      // It was never opened, or its disk is gone: there is nothing to keep.
    }
    await rm(this.path, { force: true }).catch(() => {});
  }
}
