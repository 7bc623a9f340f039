import { assert } from "../base/assert.js";
import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { type HashKey, hashHigh, keyedHash } from "../base/keyed-hash.js";
import { limits } from "../base/limits.js";
import { SeededRandom } from "../base/random.js";
import type { LogTimeMs, Revision, Slot } from "../base/units.js";
import { DeadlineHeap } from "./deadline-heap.js";
import { DigestSum } from "./digest-sum.js";
import { EntryTable } from "./entry-table.js";
import { chunkKinds, chunkVersion, EntryWalk } from "./entry-walk.js";
import type {
  ByteSlice,
  Collections,
  Handle,
  Store,
  StoreCounters,
  StoreWalk,
  ValueKind,
} from "./keyspace.js";
import { entryCharge, sizeClassOf } from "./size-class.js";

export interface StoreOptions {
  /** The cluster's secret; the digest and canonical order depend on it. */
  readonly hashKey: HashKey;
  /** What the range may be charged, sessions included. */
  readonly limitBytes: number;
  /** Largest value; the same on every replica, as commands are refused by it inside apply. */
  readonly valueLimitBytes: number;
}

export function createStore(options: StoreOptions): Store {
  // Collections follow in the next commits: the interface is there first, for the commands.
  return new MapStore(options) as unknown as Store;
}

type StringsOnly = Omit<
  Store,
  keyof Collections | "keyOf" | "encodingOf" | "rename" | "copy" | "keysFrom" | "randomKey"
>;

/** The keys of one range: policy noeviction, string values. */
class MapStore implements StringsOnly {
  readonly hashKey: HashKey;
  readonly valueLimitBytes: number;
  readonly counters: StoreCounters = { hits: 0, misses: 0, expired: 0, evicted: 0 };
  nowMs: LogTimeMs = 0;
  estimateMs: LogTimeMs = 0;
  revision: Revision = 0;
  chargedBytes = 0;

  private table: EntryTable;
  private heap: DeadlineHeap;
  private readonly sum: DigestSum;
  private targetBytes: number;
  private reservedBytes = 0;
  private readonly slice: ByteSlice = { bytes: new Uint8Array(0), offset: 0, length: 0 };
  private seed = 0;
  private generator: SeededRandom | null = null;
  /** Open walks over the current table; `walkEpoch` rises with each. */
  private walks: EntryWalk[] = [];
  private walkEpoch = 1;
  private loading: { keys: number; chargedBytes: number } | null = null;

  constructor(options: StoreOptions) {
    this.hashKey = options.hashKey;
    this.valueLimitBytes = options.valueLimitBytes;
    this.targetBytes = options.limitBytes;
    this.table = new EntryTable(options.hashKey);
    this.heap = new DeadlineHeap(this.table);
    this.sum = new DigestSum(options.hashKey);
  }

  get size(): number {
    return this.table.size;
  }
  get keysWithDeadline(): number {
    return this.heap.size;
  }
  /** A cut lowers the target at once; the limit follows as the charge shrinks. */
  get limitBytes(): number {
    return Math.max(this.targetBytes, this.chargedBytes + this.reservedBytes);
  }

  beginEntry(nowMs: LogTimeMs, seedLow: number, seedHigh: number): void {
    assert(nowMs >= this.nowMs, "log time never goes back");
    this.nowMs = nowMs;
    this.estimateMs = nowMs;
    this.seed = (seedLow ^ Math.imul(seedHigh, 0x9e37_79b1)) >>> 0;
    this.generator = null;
  }

  beginRead(estimateMs: LogTimeMs): void {
    this.estimateMs = Math.max(this.nowMs, estimateMs);
    this.generator = null;
  }

  random(): number {
    this.generator ??= new SeededRandom(this.seed);
    return this.generator.u32();
  }

  find(key: Uint8Array, start: number, end: number): Handle {
    const handle = this.table.lookup(key, start, end);
    if (handle !== 0) {
      const deadline = this.table.deadline[handle]!;
      if (deadline === 0 || deadline > this.nowMs) {
        this.counters.hits++;
        return handle;
      }
    }
    this.counters.misses++;
    return 0;
  }

  isDue(key: Uint8Array, start: number, end: number, estimateMs: LogTimeMs): boolean {
    if (this.heap.size === 0 || this.table.deadline[this.heap.first()]! > estimateMs) return false;
    const handle = this.table.lookup(key, start, end);
    if (handle === 0) return false;
    const deadline = this.table.deadline[handle]!;
    return deadline > this.nowMs && deadline <= estimateMs;
  }

  kindOf(handle: Handle): ValueKind {
    assert(handle !== 0, "a kind is asked of an entry");
    return "string";
  }
  revisionOf(handle: Handle): Revision {
    return this.table.revision[handle]!;
  }
  deadlineOf(handle: Handle): LogTimeMs {
    return this.table.deadline[handle]!;
  }
  stringOf(handle: Handle): ByteSlice {
    const table = this.table;
    const slice = this.slice;
    slice.bytes = table.blockBytes(handle);
    slice.offset = table.keyOffset(handle) + table.keyLength[handle]!;
    slice.length = table.valueLength[handle]!;
    return slice;
  }

  stringCharge(keyLength: number, valueLength: number): number {
    return entryCharge(keyLength + valueLength);
  }
  chargeOf(handle: Handle): number {
    return entryCharge(this.table.keyLength[handle]! + this.table.valueLength[handle]!);
  }
  makeRoom(growthBytes: number): boolean {
    return growthBytes <= 0 || this.chargedBytes + growthBytes <= this.targetBytes - this.reservedBytes;
  }

  setString(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    deadlineMs: LogTimeMs,
  ): Handle {
    let handle = this.table.lookup(key, keyStart, keyEnd);
    const valueLength = valueEnd - valueStart;
    if (handle === 0) handle = this.create(key, keyStart, keyEnd, valueLength);
    else {
      this.unlinkContent(handle);
      this.resize(handle, valueLength, 0);
    }
    copyBytes(value, valueStart, valueEnd, this.table.blockBytes(handle), this.valueOffset(handle));
    this.heap.set(handle, deadlineMs);
    this.linkContent(handle, true);
    return handle;
  }

  appendString(handle: Handle, bytes: Uint8Array, start: number, end: number): Handle {
    return this.overwriteString(handle, this.table.valueLength[handle]!, bytes, start, end);
  }

  overwriteString(handle: Handle, offset: number, bytes: Uint8Array, start: number, end: number): Handle {
    this.unlinkContent(handle);
    const table = this.table;
    const before = table.valueLength[handle]!;
    const after = Math.max(before, offset + end - start);
    if (after > before) this.resize(handle, after, before);
    const block = table.blockBytes(handle);
    const valueAt = this.valueOffset(handle);
    if (offset > before) block.fill(0, valueAt + before, valueAt + offset);
    copyBytes(bytes, start, end, block, valueAt + offset);
    this.linkContent(handle, true);
    return handle;
  }

  setDeadline(handle: Handle, deadlineMs: LogTimeMs): Handle {
    this.unlinkContent(handle);
    this.heap.set(handle, deadlineMs);
    this.linkContent(handle, false);
    return handle;
  }

  remove(handle: Handle): void {
    this.unlinkContent(handle);
    this.heap.set(handle, 0);
    this.table.remove(handle);
    this.revision++;
  }

  /** Walks keep the old table, so this costs nothing per key. */
  clear(): void {
    this.replaceTable();
    this.revision++;
  }

  sweep(limit: number): number {
    let swept = 0;
    while (swept < limit && this.heap.size > 0) {
      const handle = this.heap.first();
      if (this.table.deadline[handle]! > this.nowMs) break;
      this.remove(handle);
      swept++;
    }
    this.counters.expired += swept;
    return swept;
  }

  nextDeadline(): LogTimeMs {
    return this.heap.size === 0 ? 0 : this.table.deadline[this.heap.first()]!;
  }

  setLimit(limitBytes: number, reservedBytes: number): void {
    assert(reservedBytes >= 0 && reservedBytes <= limitBytes, "sessions have a share of the limit");
    this.targetBytes = limitBytes;
    this.reservedBytes = reservedBytes;
  }

  digest(into: Uint32Array): void {
    into[0] = this.sum.low;
    into[1] = this.sum.high;
  }

  slotSize(slot: Slot): number {
    return this.table.slotSize(slot);
  }

  openWalk(): StoreWalk {
    const head = new ByteWriter(64);
    head.u8(chunkVersion);
    head.u8(chunkKinds.head);
    head.u53(this.revision);
    head.u53(this.table.size);
    head.u53(this.chargedBytes);
    head.u53(this.targetBytes);
    head.u53(this.reservedBytes);
    this.walkEpoch++;
    const walk = new EntryWalk(this.table, this.walkEpoch, head.take(), (closed) => {
      this.walks = this.walks.filter((open) => open !== closed);
    });
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
      this.loading = { keys: reader.u53(), chargedBytes: reader.u53() };
      const limitBytes = reader.u53();
      const reservedBytes = reader.u53();
      if (reservedBytes > limitBytes) throw new DecodeError("more reserved than the limit");
      this.setLimit(limitBytes, reservedBytes);
    } else if (kind === chunkKinds.entries) {
      if (this.loading === null) throw new DecodeError("store entries before their head");
      while (reader.remaining > 0) this.loadEntry(reader);
    } else throw new DecodeError(`store chunk kind ${kind}`);
    if (reader.remaining > 0) throw new DecodeError("bytes after a store chunk");
  }

  endLoad(): void {
    const loading = this.loading;
    if (loading === null) throw new DecodeError("a store snapshot without its head");
    if (this.table.size !== loading.keys)
      throw new DecodeError(`a store snapshot with ${this.table.size} of ${loading.keys} keys`);
    if (this.chargedBytes !== loading.chargedBytes)
      throw new DecodeError("a store snapshot with another charge");
    this.loading = null;
  }

  private loadEntry(reader: ByteReader): void {
    const keyLength = reader.varint();
    if (keyLength > limits.keyBytes) throw new DecodeError(`key of ${keyLength} bytes`);
    const keyAt = reader.offset;
    reader.skip(keyLength);
    const valueLength = reader.varint();
    if (valueLength > limits.maxValueBytes) throw new DecodeError(`value of ${valueLength} bytes`);
    const valueAt = reader.offset;
    reader.skip(valueLength);
    const deadlineMs = reader.u53();
    const revision = reader.u53();
    if (revision === 0 || revision > this.revision) throw new DecodeError(`key revision ${revision}`);
    const bytes = reader.bytes;
    if (this.table.lookup(bytes, keyAt, keyAt + keyLength) !== 0)
      throw new DecodeError("a key twice in a snapshot");
    const handle = this.create(bytes, keyAt, keyAt + keyLength, valueLength);
    copyBytes(bytes, valueAt, valueAt + valueLength, this.table.blockBytes(handle), this.valueOffset(handle));
    this.heap.set(handle, deadlineMs);
    const rangeRevision = this.revision;
    this.revision = revision - 1;
    this.linkContent(handle, true);
    this.revision = rangeRevision;
  }

  /** Adds an entry with room for its value; `table.lookup` of the key came right before. */
  private create(key: Uint8Array, start: number, end: number, valueLength: number): Handle {
    const keyLength = end - start;
    const handle = this.table.insert(key, start, end);
    const block = this.table.slab.allocate(keyLength + valueLength);
    this.table.setBlock(handle, block, keyLength, valueLength);
    copyBytes(key, start, end, this.table.blockBytes(handle), this.table.keyOffset(handle));
    return handle;
  }

  /** Gives the value another length, keeping the key and the first `keep` bytes of the value. */
  private resize(handle: Handle, valueLength: number, keep: number): void {
    const table = this.table;
    const keyLength = table.keyLength[handle]!;
    const before = sizeClassOf(keyLength + table.valueLength[handle]!);
    const after = sizeClassOf(keyLength + valueLength);
    if (before === after) {
      table.valueLength[handle] = valueLength;
      return;
    }
    const oldRef = table.block[handle]!;
    const oldBytes = table.slab.bytesOf(oldRef);
    const oldAt = table.slab.offsetOf(oldRef);
    const ref = table.slab.allocate(keyLength + valueLength);
    table.setBlock(handle, ref, keyLength, valueLength);
    copyBytes(oldBytes, oldAt, oldAt + keyLength + keep, table.blockBytes(handle), table.keyOffset(handle));
    table.slab.free(oldRef);
  }

  private valueOffset(handle: Handle): number {
    return this.table.keyOffset(handle) + this.table.keyLength[handle]!;
  }

  /** Before any change of an entry: shields open walks, takes it out of digest and charge. */
  private unlinkContent(handle: Handle): void {
    for (let i = 0; i < this.walks.length; i++) this.walks[i]!.shield(handle);
    this.addToSum(-1, handle);
    this.chargedBytes -= this.chargeOf(handle);
  }

  /** After a change: one mutation, back into digest and charge. */
  private linkContent(handle: Handle, valueChanged: boolean): void {
    const table = this.table;
    this.revision++;
    table.revision[handle] = this.revision;
    table.epoch[handle] = this.walkEpoch;
    if (valueChanged) {
      const at = this.valueOffset(handle);
      table.valueHashLow[handle] = keyedHash(
        this.hashKey,
        table.blockBytes(handle),
        at,
        at + table.valueLength[handle]!,
      );
      table.valueHashHigh[handle] = hashHigh;
    }
    this.addToSum(1, handle);
    this.chargedBytes += this.chargeOf(handle);
  }

  private addToSum(sign: 1 | -1, handle: Handle): void {
    const table = this.table;
    this.sum.change(
      sign,
      table.hashLow[handle]!,
      table.hashHigh[handle]!,
      table.valueHashLow[handle]!,
      table.valueHashHigh[handle]!,
      table.deadline[handle]!,
      table.revision[handle]!,
    );
  }

  private replaceTable(): void {
    this.table = new EntryTable(this.hashKey);
    this.heap = new DeadlineHeap(this.table);
    this.walks = [];
    this.sum.reset();
    this.chargedBytes = 0;
  }
}

function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > 64) to.set(from.subarray(start, end), at);
  else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i]!;
}
