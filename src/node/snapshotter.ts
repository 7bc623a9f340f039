import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import type { LogIndex, NodeId, RangeId, ReplicaId } from "../base/units.js";
import type { LogStorage } from "../ports/log-storage.js";
import type { SnapshotManifest, SnapshotReader, SnapshotStorage } from "../ports/snapshot-storage.js";
import type { Logger } from "../ports/telemetry.js";
import type { SnapshotSource, Transport } from "../ports/transport.js";
import { decodeConfiguration, encodeConfiguration } from "../raft/configuration-codec.js";
import type { RecordSection } from "../raft/record.js";
import type { SnapshotMeta } from "../raft/types.js";
import type { Replica } from "./replica.js";

export interface SnapshotterHost {
  readonly log: Logger;
  readonly transport: Transport;
  readonly snapshots: SnapshotStorage;
  readonly storage: LogStorage;
  wake(replica: Replica): void;
  failed(message: string): void;
}

/** Takes, offers, pulls and installs snapshots: one at a time per replica, one taken at a time per node. */
export class Snapshotter {
  private readonly host: SnapshotterHost;
  private readonly pulls = new Map<RangeId, () => void>();
  /** The range whose snapshot is being taken now. */
  taking: RangeId | null = null;

  constructor(host: SnapshotterHost) {
    this.host = host;
  }

  /** Copies the state in slices while commands go on, then lets the log before it go. */
  take(replica: Replica): void {
    if (this.taking !== null || replica.restoring || replica.applied === replica.snapshotIndex) return;
    this.taking = replica.range;
    const walk = replica.machine.openSnapshot();
    const { configuration } = replica.group.status();
    const meta: SnapshotMeta = { index: walk.index, term: walk.term, configuration };
    const writer = this.host.snapshots.create(replica.range, replica.id, meta);
    const end = (message: string | null): void => {
      walk.close();
      this.taking = null;
      if (message === null) return;
      writer.abort();
      this.host.log.warn({ range: replica.range, reason: message }, "snapshot not written");
    };
    const step = (): void => {
      const chunk = replica.removed ? null : walk.next();
      if (chunk !== null) {
        writer.write(chunk, (error) => (error === null ? step() : end(error.message)));
        return;
      }
      writer.finish((error, manifest) => {
        end(error === null ? null : error.message);
        if (manifest !== null) this.taken(replica, manifest);
      });
    };
    step();
  }

  private taken(replica: Replica, manifest: SnapshotManifest): void {
    if (replica.removed || manifest.meta.index <= replica.snapshotIndex) return;
    replica.snapshotIndex = manifest.meta.index;
    replica.group.setSnapshot(manifest.meta);
    this.host.storage.trim([resetSection(replica, manifest.meta)], (error) => {
      if (error !== null) {
        if (error.kind === "failed") this.host.failed(error.message);
        return;
      }
      replica.group.compact(manifest.meta.index);
      this.host.snapshots.prune(replica.range, manifest, () => {});
      this.host.log.info(
        { range: replica.range, index: manifest.meta.index, bytes: manifest.sizeBytes },
        "log compacted up to a snapshot",
      );
      this.host.wake(replica);
    });
  }

  // Sending ------------------------------------------------------------------------------------------------------

  /** A peer pulls the newest snapshot of a replica that lives here. Its first chunk says what it is. */
  openSource(replica: Replica, receiver: ReplicaId): SnapshotSource {
    let reader: SnapshotReader | null = null;
    let ended = false;
    let complete = false;
    const { snapshots } = this.host;
    return {
      next: (done) => {
        if (reader !== null) {
          reader.next((error, chunk) => {
            complete ||= error === null && chunk === null;
            done(error === null ? null : error.message, chunk);
          });
          return;
        }
        snapshots.latest(replica.range, replica.id, (manifest) => {
          if (manifest === null || ended) {
            done("there is no snapshot", null);
            return;
          }
          reader = snapshots.read(manifest);
          done(null, encodeMeta(manifest.meta));
        });
      },
      close: () => {
        if (ended) return;
        ended = true;
        reader?.close();
        replica.group.reportSnapshot(receiver, complete);
        this.host.wake(replica);
      },
    };
  }

  // Receiving ----------------------------------------------------------------------------------------------------

  /** Pulls the snapshot that the leader offered, makes it durable, then installs it. */
  pull(replica: Replica, leaderNode: NodeId, leader: ReplicaId): void {
    if (this.pulls.has(replica.range) || replica.restoring) return;
    const { host } = this;
    let writer: ReturnType<SnapshotStorage["create"]> | null = null;
    let writing = false;
    /** The stream's end, kept while a chunk is being written. */
    let end: (() => void) | null = null;
    const finish = (message: string): void => {
      this.pulls.delete(replica.range);
      writer?.abort();
      host.log.warn({ range: replica.range, reason: message }, "snapshot not received");
    };
    const ended = (error: string | null): void => {
      if (!this.pulls.has(replica.range)) return;
      if (error !== null || writer === null) finish(error ?? "it is empty");
      else
        writer.finish((failure, manifest) => {
          this.pulls.delete(replica.range);
          if (manifest !== null) this.install(replica, manifest);
          else finish(failure?.message ?? "it could not be written");
        });
    };
    const cancel = host.transport.pullSnapshot(leaderNode, encodeRequest(replica.range, leader, replica.id), {
      onChunk: (chunk, more) => {
        if (writer === null) {
          const meta = decodeMeta(chunk);
          if (meta.index <= replica.applied) {
            cancel();
            finish("it is older than the state here");
            return;
          }
          writer = host.snapshots.create(replica.range, replica.id, meta);
          more();
          return;
        }
        writing = true;
        writer.write(chunk, (error) => {
          writing = false;
          if (error !== null) {
            cancel();
            finish(error.message);
          } else if (end !== null) end();
          else more();
        });
      },
      onEnd: (error) => {
        if (writing) end = () => ended(error);
        else ended(error);
      },
    });
    this.pulls.set(replica.range, cancel);
  }

  private install(replica: Replica, manifest: SnapshotManifest): void {
    if (replica.removed || manifest.meta.index <= replica.applied) return;
    this.restore(replica, manifest, () => {
      replica.snapshotIndex = manifest.meta.index;
      replica.snapshotInstalled(manifest.meta.index);
      if (!replica.group.installSnapshot(manifest.meta)) replica.group.applied(manifest.meta.index);
      this.host.snapshots.prune(replica.range, manifest, () => {});
      this.host.log.info({ range: replica.range, index: manifest.meta.index }, "snapshot installed");
      this.host.wake(replica);
    });
  }

  /** Replaces the machine's state by a snapshot's; nothing is applied or read meanwhile. */
  restore(replica: Replica, manifest: SnapshotManifest, done: () => void): void {
    replica.restoring = true;
    replica.machine.beginRestore();
    const reader = this.host.snapshots.read(manifest);
    const step = (): void =>
      reader.next((error, chunk) => {
        if (error !== null) {
          this.host.failed(`snapshot of range ${replica.range}: ${error.message}`);
          return;
        }
        if (chunk !== null) {
          replica.machine.restore(chunk);
          step();
          return;
        }
        replica.machine.endRestore();
        reader.close();
        replica.restoring = false;
        done();
      });
    step();
  }
}

export function resetSection(replica: Replica, meta: SnapshotMeta): RecordSection {
  const { term, vote, commit, durableIndex } = replica.group.status();
  return {
    range: replica.range,
    replica: replica.id,
    reset: meta,
    // What the section says is committed must be in the log at a restart: no more than is durable.
    hardState: { term, vote, commit: Math.max(meta.index, Math.min(commit, durableIndex)) },
    entries: [],
    configuration: meta.configuration,
    mark: "none",
  };
}

function encodeRequest(range: RangeId, holder: ReplicaId, receiver: ReplicaId): Uint8Array {
  const out = new ByteWriter(32);
  out.varint(range);
  out.varint(holder);
  out.varint(receiver);
  return out.take();
}

/** @returns null for bytes that are no request: anybody can reach the peers' port. */
export function decodeRequest(
  bytes: Uint8Array,
): { range: RangeId; holder: ReplicaId; receiver: ReplicaId } | null {
  const reader = new ByteReader(bytes);
  try {
    return { range: reader.varint(), holder: reader.varint(), receiver: reader.varint() };
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

function encodeMeta(meta: SnapshotMeta): Uint8Array {
  const out = new ByteWriter(64);
  out.varint(meta.index);
  out.varint(meta.term);
  out.block(encodeConfiguration(meta.configuration));
  return out.take();
}

function decodeMeta(bytes: Uint8Array): SnapshotMeta {
  const reader = new ByteReader(bytes);
  const index: LogIndex = reader.varint();
  return { index, term: reader.varint(), configuration: decodeConfiguration(reader.block()) };
}
