import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { BoundedStore } from "./bounded-store.js";
import { chunkKinds, chunkVersion } from "./chunk-kinds.js";
import { EntryLoader, type LoadedElement, type LoadedRecord, type LoadTarget } from "./entry-load.js";
import { copyBytes, kindCodes, kinds, listHeadBytes } from "./entry-table.js";
import { EntryWalk } from "./entry-walk.js";
import type { Handle, StoreWalk } from "./keyspace.js";

/** A store's snapshot: walks that write it in chunks while the store changes, and what puts it together again. */
export abstract class SnapshotStore extends BoundedStore implements LoadTarget {
  private loading: { loader: EntryLoader; keys: number; chargedBytes: number } | null = null;

  openWalk(): StoreWalk {
    const head = new ByteWriter(64);
    head.u8(chunkVersion);
    head.u8(chunkKinds.head);
    head.u53(this.revision);
    head.u53(this.table.size);
    head.u53(this.chargedBytes);
    head.u53(this.targetBytes);
    head.u53(this.reservedBytes);
    this.evictor.write(head);
    this.epoch++;
    this.trees.nodes.epoch = this.epoch;
    this.trees.nodes.frozenBefore = this.epoch;
    const { table, heap, trees, ghosts } = this;
    const walk = new EntryWalk(
      { table, heap, trees, ghosts },
      this.epoch,
      [head.take(), ...this.evictor.evicted.chunks()],
      (closed) => {
        this.walks = this.walks.filter((open) => open !== closed);
      },
    );
    this.walks.push(walk);
    return walk;
  }

  beginLoad(): void {
    this.replaceTable();
    this.revision = 0;
    this.nowMs = 0;
    this.estimateMs = 0;
    this.loading = null;
  }

  load(chunk: Uint8Array): void {
    const reader = new ByteReader(chunk);
    const version = reader.u8();
    if (version !== chunkVersion) throw new DecodeError(`store chunk version ${version}`);
    const kind = reader.u8();
    if (kind === chunkKinds.head) {
      this.revision = reader.u53();
      const loader = new EntryLoader(this, this.revision);
      this.loading = { loader, keys: reader.u53(), chargedBytes: reader.u53() };
      const limitBytes = reader.u53();
      const reservedBytes = reader.u53();
      if (reservedBytes > limitBytes) throw new DecodeError("more reserved than the limit");
      this.evictor.read(reader, limitBytes);
      this.setLimit(limitBytes, reservedBytes);
      // Loading an element is no mutation.
      this.commandRevision = -1;
    } else if (kind === chunkKinds.entries) {
      if (this.loading === null) throw new DecodeError("store entries before their head");
      this.loading.loader.load(reader);
    } else if (kind === chunkKinds.evicted) this.evictor.evicted.load(reader);
    else throw new DecodeError(`store chunk kind ${kind}`);
    if (reader.remaining > 0) throw new DecodeError("bytes after a store chunk");
  }

  endLoad(): void {
    const loading = this.loading;
    if (loading === null) throw new DecodeError("a store snapshot without its head");
    if (!loading.loader.isWhole) throw new DecodeError("a store snapshot that ends within a collection");
    if (this.table.size !== loading.keys)
      throw new DecodeError(`a store snapshot with ${this.table.size} of ${loading.keys} keys`);
    if (this.chargedBytes !== loading.chargedBytes)
      throw new DecodeError("a store snapshot with another charge");
    this.loading = null;
    this.commandRevision = this.revision;
  }

  loadEntry(record: LoadedRecord): Handle {
    const { table } = this;
    const { bytes, keyStart, keyEnd } = record;
    if (table.lookup(bytes, keyStart, keyEnd) !== 0) throw new DecodeError("a key twice in a snapshot");
    const kind = kinds[record.kindCode]!;
    const valueLength = kind === "string" ? record.valueEnd - record.valueStart : 0;
    const handle = table.insert(bytes, keyStart, keyEnd, kind === "list" ? listHeadBytes : valueLength);
    table.setRevision(handle, record.revision);
    table.setPolicy(handle, record.recency, record.frequency);
    this.evictor.entered(handle);
    if (kind === "string") {
      copyBytes(
        bytes,
        record.valueStart,
        record.valueEnd,
        table.blockBytes(handle),
        table.valueOffset(handle),
      );
      this.hashString(handle);
    } else this.startCollection(handle, kind);
    this.heap.set(handle, record.deadlineMs);
    this.endChange(handle, false);
    return handle;
  }

  loadElement(handle: Handle, kindCode: number, element: LoadedElement): boolean {
    const { bytes, start, end } = element;
    switch (kindCode) {
      case kindCodes.list:
        this.listPush(handle, false, bytes, start, end);
        return true;
      case kindCodes.set:
        return this.setAdd(handle, bytes, start, end);
      case kindCodes.hash:
        return this.hashSet(handle, bytes, start, end, bytes, element.valueStart, element.valueEnd);
      default:
        return this.zsetSet(handle, element.score, bytes, start, end);
    }
  }
}
