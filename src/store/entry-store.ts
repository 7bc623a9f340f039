import { type HashKey, hashHigh, keyedHash } from "../base/keyed-hash.js";
import type { LogTimeMs, Revision } from "../base/units.js";
import { collectionCharge, stringCharge } from "./charge.js";
import { DeadlineHeap } from "./deadline-heap.js";
import { DigestSum } from "./digest-sum.js";
import { EntryTable, kinds, listHeadBytes } from "./entry-table.js";
import type { EntryWalk } from "./entry-walk.js";
import { Evictor, type EvictorHost } from "./eviction/evictor.js";
import { GhostNotes } from "./ghost-notes.js";
import type { CollectionKind, Handle } from "./keyspace.js";
import { PackedTrees } from "./packed-tree.js";
import { leafOwner, TreeNodes } from "./tree-nodes.js";

/** Freed per entry of the log, of what large collections and ghosts leave behind. */
const reclaimedPerEntry = 64;
/** Rows that one entry of the log looks at when many are free. */
const compactedRows = 16;

/**
 * Entries with what must hold around each change of one: open walks are shielded, digest and charge follow, and the
 * revision counts one mutation.
 */
export abstract class EntryStore {
  readonly hashKey: HashKey;
  revision: Revision = 0;
  chargedBytes = 0;
  protected table: EntryTable;
  protected heap: DeadlineHeap;
  protected trees: PackedTrees;
  protected readonly sum: DigestSum;
  /** Revision when the command began: a key changed since has had its one mutation. */
  protected commandRevision: Revision = 0;
  /** Open walks over the current table; the epoch rises with each. */
  protected walks: EntryWalk[] = [];
  protected epoch = 1;
  protected ghosts: GhostNotes;
  protected readonly evictor: Evictor;
  abstract nowMs: LogTimeMs;

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey;
    this.sum = new DigestSum(hashKey);
    this.table = new EntryTable(hashKey);
    this.evictor = new Evictor(hashKey, this.evictorHost());
    this.heap = new DeadlineHeap(this.table, this.evictor.volatile);
    this.trees = new PackedTrees(new TreeNodes(this.table.slab, hashKey));
    this.ghosts = new GhostNotes(this.table, this.trees);
  }

  private evictorHost(): EvictorHost {
    const store = this;
    return {
      get nowMs() {
        return store.nowMs;
      },
      get entries() {
        return store.table;
      },
      random: () => store.random(),
      deadlineOf: (handle) => store.deadlineOf(handle),
      restamp: (handle, recency, frequency) => store.setPolicy(handle, recency, frequency),
    };
  }

  abstract random(): number;

  /** Forgets everything; open walks keep what they read. */
  protected replaceTable(): void {
    this.table = new EntryTable(this.hashKey);
    this.evictor.cleared();
    this.heap = new DeadlineHeap(this.table, this.evictor.volatile);
    this.trees = new PackedTrees(new TreeNodes(this.table.slab, this.hashKey));
    this.trees.nodes.epoch = this.epoch;
    this.ghosts = new GhostNotes(this.table, this.trees);
    this.walks = [];
    this.sum.reset();
    this.chargedBytes = 0;
  }

  /** A bounded part of the work that was put off: freeing, and moving blocks together. */
  protected tidy(): void {
    if (this.walks.length === 0) {
      this.trees.nodes.frozenBefore = 0;
      this.trees.nodes.reclaim(reclaimedPerEntry);
      this.ghosts.reclaim(reclaimedPerEntry);
    }
    this.table.slab.compact(this.blockMoved);
    this.table.compactRows(compactedRows, this.rowMoved);
  }

  private readonly blockMoved = (owner: number, ref: number): void => {
    if (owner >= leafOwner) this.trees.nodes.moveLeaf(owner - leafOwner, ref);
    else this.table.setBlock(owner, ref);
  };

  private readonly rowMoved = (from: Handle, to: Handle): void => {
    if (this.table.isGhost(to)) this.ghosts.moved(to);
    else {
      this.heap.moved(from, to);
      this.evictor.moved(from, to);
    }
  };

  lengthOf(handle: Handle): number {
    const { table } = this;
    const value = table.value(handle);
    return table.isLarge(handle) ? this.trees.count(value) : value >>> 16;
  }

  /** Bytes of packed elements of a collection. */
  protected elementBytesOf(handle: Handle): number {
    const { table } = this;
    const value = table.value(handle);
    return table.isLarge(handle) ? this.trees.bytes(value) : value & 0xffff;
  }

  /** Bytes behind the key in the block. */
  protected roomOf(handle: Handle): number {
    const { table } = this;
    const kindCode = table.kindCode(handle);
    const value = table.value(handle);
    if (kindCode === 0) return value;
    if (table.isLarge(handle)) return 0;
    return (value & 0xffff) + (kindCode === 1 ? listHeadBytes : 0);
  }

  chargeOf(handle: Handle): number {
    return this.chargeUnderKey(handle, this.table.keyLength(handle));
  }

  chargeUnderKey(handle: Handle, keyLength: number): number {
    const kind = kinds[this.table.kindCode(handle)]!;
    if (kind === "string") return stringCharge(keyLength, this.table.value(handle));
    return collectionCharge(kind, keyLength, this.lengthOf(handle), this.elementBytesOf(handle));
  }

  growthOf(kind: CollectionKind, handle: Handle, keyLength: number, elements: number, bytes: number): number {
    if (handle === 0) return collectionCharge(kind, keyLength, elements, bytes);
    const before = this.elementBytesOf(handle);
    const length = this.lengthOf(handle);
    return (
      collectionCharge(kind, this.table.keyLength(handle), length + elements, before + bytes) -
      this.chargeOf(handle)
    );
  }

  /**
   * Before a change: shields walks and takes the entry out of digest and charge. The value is kept up to `keep` bytes
   * when a ghost takes the block, and the new one has `room` for it.
   * @returns whether a ghost took the block.
   */
  protected beginChange(handle: Handle, keep: number, room: number): boolean {
    if (this.table.isDetached(handle)) return false;
    const hasNewBlock = this.walks.length > 0 && this.shield(handle, keep, room);
    this.addToSum(-1, handle);
    this.chargedBytes -= this.chargeOf(handle);
    return hasNewBlock;
  }

  /** After a change: into digest and charge again. `counts`: the change is a mutation by itself. */
  protected endChange(handle: Handle, counts: boolean): void {
    const { table } = this;
    if (table.isDetached(handle)) return;
    const before = table.revision(handle);
    if (counts || before <= this.commandRevision) {
      if (before === 0) this.evictor.created(handle);
      else if (before <= this.commandRevision) this.evictor.used(handle, 1);
      this.revision++;
      table.setRevision(handle, this.revision);
    }
    table.setEpoch(handle, this.epoch);
    this.addToSum(1, handle);
    this.chargedBytes += this.chargeOf(handle);
  }

  /** Sets the words of the eviction policy: part of digest and snapshot, but no mutation. */
  protected setPolicy(handle: Handle, recency: number, frequency: number): void {
    this.beginPolicyChange(handle);
    this.table.setPolicy(handle, recency, frequency);
    this.endPolicyChange(handle);
  }

  /** A use of an entry that changes nothing else. */
  protected noteUses(handle: Handle, times: number): void {
    this.beginPolicyChange(handle);
    this.evictor.used(handle, times);
    this.endPolicyChange(handle);
  }

  private beginPolicyChange(handle: Handle): void {
    const room = this.roomOf(handle);
    this.beginChange(handle, room, room);
  }
  private endPolicyChange(handle: Handle): void {
    this.table.setEpoch(handle, this.epoch);
    this.addToSum(1, handle);
    this.chargedBytes += this.chargeOf(handle);
  }

  /** Whether a walk still needs the entry as it is. */
  private isAhead(handle: Handle): boolean {
    const epoch = this.table.epoch(handle);
    for (let i = 0; i < this.walks.length; i++) {
      const walk = this.walks[i]!;
      if (epoch < walk.epoch && !walk.isBehind(handle)) return true;
    }
    return false;
  }

  /** @returns whether a ghost took the block. */
  protected shield(handle: Handle, keep: number, room: number): boolean {
    if (!this.isAhead(handle)) return false;
    const { table } = this;
    const tree = table.isLarge(handle) ? this.trees.copyHeader(table.value(handle)) : 0;
    const ghost = table.addGhost(handle, tree, keep, room);
    this.ghosts.add(ghost, this.epoch, this.heap.deadlineOf(handle));
    return true;
  }

  protected unlinkEntry(handle: Handle): void {
    if (this.table.isLarge(handle)) this.removeTrees(handle);
    if (!this.table.isDetached(handle)) this.evictor.leaves(handle);
    this.heap.set(handle, 0);
    this.table.remove(handle);
  }

  protected removeTrees(handle: Handle): void {
    const tree = this.table.value(handle);
    const second = this.trees.second(tree);
    if (second !== 0) this.trees.remove(second);
    this.trees.remove(tree);
  }

  /** Hash of a string's bytes. */
  protected hashString(handle: Handle): void {
    const { table } = this;
    const at = table.valueOffset(handle);
    const low = keyedHash(this.hashKey, table.blockBytes(handle), at, at + table.value(handle));
    table.setContent(handle, low, hashHigh);
  }

  private addToSum(sign: 1 | -1, handle: Handle): void {
    const { table } = this;
    const policy = Math.imul(table.recency(handle), 0x85eb_ca6b);
    const kind =
      Math.imul(table.kindCode(handle), 0x9e37_79b1) ^ Math.imul(table.frequency(handle), 0xc2b2_ae35);
    this.sum.change(
      sign,
      table.hashLow(handle),
      table.hashHigh(handle),
      table.contentLow(handle) ^ policy,
      table.contentHigh(handle) ^ kind,
      this.deadlineOf(handle),
      table.revision(handle),
    );
  }

  deadlineOf(handle: Handle): LogTimeMs {
    return this.heap.deadlineOf(handle);
  }
}
