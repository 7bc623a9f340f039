import { type ByteReader, type ByteWriter, DecodeError } from "../../base/bytes.js";
import type { HashKey } from "../../base/keyed-hash.js";
import type { LogTimeMs } from "../../base/units.js";
import { DigestSum } from "../digest-sum.js";
import type { Handle } from "../keyspace.js";
import { EvictedKeys } from "./evicted-keys.js";
import { HandleSet } from "./handle-set.js";
import { type DrawnKeys, drawKeys } from "./key-draw.js";
import { type EvictionPolicy, noEviction, policyByCode, type VictimOrder } from "./policies.js";
import {
  counterOf,
  decayedCounter,
  frequencyWord,
  isOnProbation,
  newKeyCounter,
  raisedCounter,
  recencyWord,
  stampOf,
} from "./policy-words.js";
import { type PooledEntries, poolCapacity, VictimPool } from "./victim-pool.js";

/**
 * Keys drawn for one victim, in eighths: chance decides about the odd ones; and how many of the best that weren't needed
 * are kept for the next. More would order more strictly, which is worse for loops longer than the cache and hardly
 * better for others (decisions/eviction-by-draws.md has figures).
 */
interface Draws {
  readonly eighths: number;
  readonly pooled: number;
}
const drawsOf: Readonly<Record<VictimOrder, Draws>> = {
  lru: { eighths: 27, pooled: 4 },
  lfu: { eighths: 40, pooled: poolCapacity },
  fifo: { eighths: 40, pooled: 0 },
  random: { eighths: 8, pooled: 0 },
  ttl: { eighths: 56, pooled: 0 },
  s3fifo: { eighths: 40, pooled: 0 },
};
/** Draws for one victim at most: over a third of them find no key. */
const drawsPerVictim = 64;
/** Under lfu, so many of 256 victims are the newest of the least used, the others any of them: loops need that. */
const newestOf256 = 38;
/** s3fifo: a key in `probationShare` is on probation, and a counter of uses goes up to this. */
const probationShare = 10;
const queueCounterLimit = 3;
/** Passes through the queues of s3fifo for one victim at most. */
const passesPerVictim = 64;

/** Units of the mean gap per ms, how many evictions it is a mean of, and what one may count for. */
const gapUnits = 1 << 20;
const gapEvictions = 1024;
const longestGapMs = 2 ** 31;

/** What the evictor sees of the entry table. */
export interface EvictableEntries extends DrawnKeys, PooledEntries {
  /** Writes the two words and nothing else. */
  setPolicy(handle: Handle, recency: number, frequency: number): void;
}

/** The store around it. */
export interface EvictorHost {
  readonly nowMs: LogTimeMs;
  readonly entries: EvictableEntries;
  /** A draw of the generator seeded by the entry, 0 .. 2^32 - 1. */
  random(): number;
  /** `noDeadline`, or unix ms. */
  deadlineOf(handle: Handle): LogTimeMs;
  /** Changes an entry's two words, in the digest and under open walks too; no mutation. */
  restamp(handle: Handle, recency: number, frequency: number): void;
}

/**
 * Chooses which key goes. All it goes by is replicated: the entries' two words, the log time, the keys themselves, and
 * a few numbers that are part of digest and snapshot; never the order in which things lie in memory. So every replica
 * chooses the same keys at the same log position, one that was restored from a snapshot too.
 *
 * As Redis does, it compares a few keys drawn at random instead of keeping all in order: no list to be kept on each
 * use, and a loop longer than the cache still hits.
 */
export class Evictor {
  policy: EvictionPolicy = noEviction;
  /** Entries with a deadline. */
  volatile = new HandleSet();
  /** Log time between two evictions, a running mean in 2^-20 ms, and when the last one was; 0 none. */
  private gap = 0;
  private lastMs: LogTimeMs = 0;
  readonly evicted: EvictedKeys;
  private probation = new HandleSet();
  private readonly host: EvictorHost;
  private readonly hashKey: HashKey;
  private readonly pool = new VictimPool();
  private readonly drawn: Handle[] = [];
  private readonly candidates: Handle[] = [];
  private readonly ranks = new Float64Array(64);

  constructor(hashKey: HashKey, host: EvictorHost) {
    this.hashKey = hashKey;
    this.host = host;
    this.evicted = new EvictedKeys(hashKey);
  }

  setPolicy(policy: EvictionPolicy, limitBytes: number): void {
    this.policy = policy;
    this.pool.size = 0;
    this.evicted.reset(policy.order === "s3fifo" ? limitBytes : 0);
  }

  /** The remembered keys are as many as the limit allows; when that changes, they are forgotten. */
  limitChanged(limitBytes: number): void {
    if (this.policy.order === "s3fifo" && EvictedKeys.sizeFor(limitBytes) !== this.evicted.size)
      this.evicted.reset(limitBytes);
  }

  /** All entries are gone. */
  cleared(): void {
    this.volatile = new HandleSet();
    this.probation = new HandleSet();
    this.pool.size = 0;
    this.evicted.clear();
  }

  /** How long it takes to evict as many keys as there are, in ms of log time; 0 while nothing was evicted. */
  get turnoverMs(): number {
    return (this.gap / gapUnits) * this.host.entries.counts.total;
  }

  // Uses ---------------------------------------------------------------------------------------------------------

  /** Sets the words of an entry that was just created and is in the index. */
  created(handle: Handle): void {
    const { entries, nowMs } = this.host;
    let counter = 0;
    let onProbation = false;
    if (this.policy.order === "lfu") counter = newKeyCounter;
    else if (this.policy.order === "s3fifo")
      onProbation = !this.evicted.take(entries.hashLow(handle), entries.hashHigh(handle));
    entries.setPolicy(handle, recencyWord(nowMs), frequencyWord(nowMs, counter, onProbation));
    if (onProbation) this.entered(handle);
  }

  /** Sets the words of an entry after `times` (1 .. 255) uses. */
  used(handle: Handle, times: number): void {
    const { entries, nowMs } = this.host;
    const recency = entries.recency(handle);
    const frequency = entries.frequency(handle);
    let stampMs = nowMs;
    let counter = counterOf(frequency);
    switch (this.policy.order) {
      case "lfu":
        counter = decayedCounter(counter, nowMs - stampOf(recency, frequency), this.turnoverMs);
        for (let i = 0; i < times; i++) counter = raisedCounter(counter, this.host.random());
        break;
      case "s3fifo":
        counter = Math.min(queueCounterLimit, counter + times);
        stampMs = stampOf(recency, frequency);
        break;
      case "fifo":
        stampMs = stampOf(recency, frequency);
        break;
      default:
    }
    const onProbation = isOnProbation(frequency);
    entries.setPolicy(handle, recencyWord(stampMs), frequencyWord(stampMs, counter, onProbation));
  }

  /** Whether a read at log time `atMs` is worth a touch: the recorded use of the entry is older than `windowMs`. */
  isStale(handle: Handle, windowMs: number, atMs: LogTimeMs): boolean {
    const { entries } = this.host;
    const frequency = entries.frequency(handle);
    switch (this.policy.order) {
      case "lru":
      case "lfu":
        return atMs - stampOf(entries.recency(handle), frequency) > windowMs;
      case "s3fifo":
        return counterOf(frequency) < queueCounterLimit;
      default:
        return false;
    }
  }

  /** The counter of lfu as it is now, null under another policy. */
  frequencyOf(handle: Handle): number | null {
    if (this.policy.order !== "lfu") return null;
    const frequency = this.host.entries.frequency(handle);
    return decayedCounter(counterOf(frequency), this.idleMs(handle), this.turnoverMs);
  }

  /** Log time since the entry's stamp. */
  idleMs(handle: Handle): number {
    const { entries, nowMs } = this.host;
    return nowMs - stampOf(entries.recency(handle), entries.frequency(handle));
  }

  /** An entry came into the index as it is: from a snapshot, or under another key. */
  entered(handle: Handle): void {
    const { entries } = this.host;
    if (isOnProbation(entries.frequency(handle)))
      this.probation.add(entries.slotOf(handle), entries.hashLow(handle), handle);
  }

  /** An entry is about to leave the index. */
  leaves(handle: Handle): void {
    const { entries } = this.host;
    if (isOnProbation(entries.frequency(handle)))
      this.probation.remove(entries.slotOf(handle), entries.hashLow(handle), handle);
  }

  /** An entry has another handle now. */
  moved(from: Handle, to: Handle): void {
    const { entries } = this.host;
    if (isOnProbation(entries.frequency(to)))
      this.probation.replace(entries.slotOf(to), entries.hashLow(to), from, to);
  }

  // Victims ------------------------------------------------------------------------------------------------------

  /** The next key to go, 0 when there is none; never `keep` or `keepToo`. The caller evicts it. */
  next(keep: Handle, keepToo: Handle): Handle {
    const { order, isVolatile } = this.policy;
    if (order === null) return 0;
    const { entries } = this.host;
    const from = isVolatile ? this.volatile : entries;
    if (from.counts.total === 0) return 0;
    const victim =
      order === "s3fifo" ? this.fromQueues(keep, keepToo) : this.worst(from, order, keep, keepToo);
    if (victim !== 0) this.countEviction();
    return victim;
  }

  private countEviction(): void {
    const { nowMs } = this.host;
    const sinceMs = Math.min(nowMs - this.lastMs, longestGapMs);
    if (this.lastMs !== 0) this.gap += Math.floor((sinceMs * gapUnits - this.gap) / gapEvictions);
    this.lastMs = nowMs;
  }

  /** The first in the order of a few drawn keys and of what earlier draws left. */
  private worst(from: DrawnKeys, order: VictimOrder, keep: Handle, keepToo: Handle): Handle {
    const { host, drawn, candidates, pool } = this;
    const { eighths, pooled } = drawsOf[order];
    const chance = host.random();
    const newest = order === "lfu" && chance >>> 24 < newestOf256;
    const wanted = Math.min((eighths + (chance & 7)) >> 3, from.counts.total);
    candidates.length = 0;
    if (pooled > 0) this.takePooled(keep, keepToo);
    let seen = 0;
    for (let draws = 0; draws < drawsPerVictim && seen < wanted; draws++) {
      drawn.length = 0;
      drawKeys(from, host.random(), drawn);
      if (drawn.length > 1) this.sortDrawn();
      for (const handle of drawn) {
        if (handle === keep || handle === keepToo || seen === wanted) continue;
        seen++;
        if (!candidates.includes(handle)) candidates.push(handle);
      }
    }
    this.sortCandidates(order, newest);
    if (pooled > 0) pool.fill(candidates, 1, pooled, host.entries);
    return candidates[0] ?? 0;
  }

  private takePooled(keep: Handle, keepToo: Handle): void {
    const { host, pool, candidates } = this;
    for (let place = 0; place < pool.size; place++) {
      const handle = pool.entryAt(place, host.entries);
      if (handle === 0 || handle === keep || handle === keepToo) continue;
      if (this.policy.isVolatile && host.deadlineOf(handle) === 0) continue;
      candidates.push(handle);
    }
  }

  /** By rank, else as they came: a few, so by insertion. */
  private sortCandidates(order: VictimOrder, newest: boolean): void {
    const { candidates, ranks } = this;
    for (let i = 0; i < candidates.length; i++) {
      const handle = candidates[i]!;
      const rank = this.rank(handle, order, newest);
      let at = i;
      for (; at > 0 && ranks[at - 1]! > rank; at--) {
        ranks[at] = ranks[at - 1]!;
        candidates[at] = candidates[at - 1]!;
      }
      ranks[at] = rank;
      candidates[at] = handle;
    }
  }

  /** What a draw found, in canonical order, rotated by chance for the orders that take the first. */
  private sortDrawn(): void {
    const { host, drawn } = this;
    drawn.sort((a, b) => host.entries.compareInSlot(a, b));
    for (let turns = host.random() % drawn.length; turns > 0; turns--) drawn.push(drawn.shift()!);
  }

  /** Lower goes first. */
  private rank(handle: Handle, order: VictimOrder, newest: boolean): number {
    const { entries, nowMs } = this.host;
    switch (order) {
      case "random":
        return 0;
      case "ttl":
        return this.host.deadlineOf(handle);
      case "lfu": {
        const frequency = entries.frequency(handle);
        const idleMs = nowMs - stampOf(entries.recency(handle), frequency);
        const counter = decayedCounter(counterOf(frequency), idleMs, this.turnoverMs);
        // The counter decides; the idle time, below 2^40, breaks ties.
        return counter * 2 ** 40 + (newest ? idleMs : 0);
      }
      default:
        return stampOf(entries.recency(handle), entries.frequency(handle));
    }
  }

  /**
   * S3-FIFO (Yang et al., SOSP 2023) with its two queues seen through draws: a new key is on probation, and one that is
   * used there moves to the main queue, else it is evicted and remembered; a used key of the main queue goes to
   * its end again. What was evicted lately enters the main queue directly.
   */
  private fromQueues(keep: Handle, keepToo: Handle): Handle {
    const { host } = this;
    const { entries } = host;
    const { nowMs } = host;
    let last: Handle = 0;
    for (let passes = 0; passes < passesPerVictim; passes++) {
      const waiting = this.probation.counts.total;
      const onProbation = waiting * probationShare >= entries.counts.total;
      let handle = this.worst(onProbation ? this.probation : entries, "s3fifo", keep, keepToo);
      if (handle === 0 && onProbation) handle = this.worst(entries, "s3fifo", keep, keepToo);
      if (handle === 0) break;
      last = handle;
      const frequency = entries.frequency(handle);
      const counter = counterOf(frequency);
      if (counter === 0) break;
      if (isOnProbation(frequency)) {
        this.leaves(handle);
        host.restamp(handle, recencyWord(nowMs), frequencyWord(nowMs, 0, false));
      } else
        host.restamp(
          handle,
          recencyWord(nowMs),
          frequencyWord(nowMs, Math.min(counter, queueCounterLimit) - 1, false),
        );
    }
    if (last !== 0 && isOnProbation(entries.frequency(last)))
      this.evicted.add(entries.hashLow(last), entries.hashHigh(last));
    return last;
  }

  // State --------------------------------------------------------------------------------------------------------

  /** Adds to a digest what is replicated here beside the entries' words. */
  digest(into: Uint32Array): void {
    const { policy, evicted } = this;
    if (policy.order === null && this.lastMs === 0) return;
    const own = new DigestSum(this.hashKey);
    own.change(1, policy.code, evicted.size, evicted.sum.low, evicted.sum.high, this.gap, this.lastMs);
    this.pool.sumInto(own);
    into[0] = (into[0]! ^ own.low) >>> 0;
    into[1] = (into[1]! ^ own.high) >>> 0;
  }

  /** u8 policy, u53 mean gap, u53 last eviction, the pool: part of the snapshot's head; `evicted` has chunks of its own. */
  write(out: ByteWriter): void {
    out.u8(this.policy.code);
    out.u53(this.gap);
    out.u53(this.lastMs);
    this.pool.write(out);
  }

  /** Reads what `write` wrote, for a store with this limit. */
  read(reader: ByteReader, limitBytes: number): void {
    const policy = policyByCode(reader.u8());
    if (policy === null) throw new DecodeError("an unknown eviction policy");
    this.setPolicy(policy, limitBytes);
    this.gap = reader.u53();
    this.lastMs = reader.u53();
    this.pool.read(reader);
  }
}
