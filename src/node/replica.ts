import { assert } from "../base/assert.js";
import { ByteWriter } from "../base/bytes.js";
import { limits } from "../base/limits.js";
import type { LogIndex, LogTimeMs, MonotonicMs, NodeId, RangeId, ReplicaId } from "../base/units.js";
import { EntryBuilder, writeClockEntry } from "../machine/entry-codec.js";
import type { Machine } from "../machine/machine.js";
import type { Telemetry } from "../ports/telemetry.js";
import { decodeConfiguration } from "../raft/configuration-codec.js";
import type { RaftGroup } from "../raft/raft-group.js";
import { type Entry, entryTypes, type Message, type ReadState } from "../raft/types.js";
import type { StoreCounters } from "../store/keyspace.js";
import type { TurnClock } from "./clocks.js";
import type { CommandStream } from "./command-stream.js";
import { DigestHistory } from "./digests.js";
import { EntryApplier } from "./entry-applier.js";
import { Freshness } from "./freshness.js";
import { LogTime } from "./log-time.js";
import { PendingEntries } from "./pending-entries.js";
import { PendingEntry, type PlacedRead } from "./pending-entry.js";
import { ReadRounds, ReadRunner, TurnReads, type WaitingRead, WaitingReads } from "./range-reads.js";
import { RangeTouches } from "./range-touches.js";
import type { ReadFreshness } from "./service.js";

/** What a replica needs of its node. */
export interface ReplicaHost {
  readonly clock: TurnClock;
  readonly telemetry: Telemetry;
  /** The replica has work: run a turn. */
  wake(replica: Replica): void;
  /** The command was not proposed here and never will be: the gateway finds another leader for it. */
  refused(
    replica: Replica,
    stream: CommandStream,
    token: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: MonotonicMs,
  ): void;
  /** Uncommitted bytes of all ranges of this node, as of the last turn's end. */
  readonly uncommittedBytes: number;
  configurationApplied(replica: Replica): void;
  entryApplied(replica: Replica): void;
}

/** One replica at work: its Raft group, its machine, and who waits for what. */
export class Replica {
  readonly range: RangeId;
  readonly id: ReplicaId;
  readonly group: RaftGroup;
  readonly machine: Machine;
  /** What this replica's store saw: hits, misses, expired, evicted. */
  readonly counters: StoreCounters;
  readonly logTime = new LogTime();
  readonly freshness = new Freshness();
  /** Where the other replicas live, as tables and received messages say. */
  readonly nodeOf = new Map<ReplicaId, NodeId>();
  /** The term in which this replica took up leading here; 0 while it doesn't. */
  leadTerm = 0;
  /** The newest term in which this replica knew who leads; 0 once that leader was missed. */
  ledTerm = 0;
  fenced = false;
  removed = false;
  /** Messages that came since the last turn. */
  readonly inbox: Message[] = [];
  /** A snapshot is being loaded, or the one that the log begins with is gone: nothing is applied or read. */
  restoring = false;
  /** Index of the newest durable snapshot here, 0 without one. */
  snapshotIndex: LogIndex = 0;
  /** Index of the last entry that the machine has taken. */
  applied: LogIndex;
  /** Records that hold something of this replica and aren't durable yet. */
  recordsInFlight = 0;
  private readonly host: ReplicaHost;
  private readonly builder = new EntryBuilder(new ByteWriter(8192));
  private builderNumber = 1;
  private building = new PendingEntry();
  private readonly pending: PendingEntries;
  private readonly turnReads = new TurnReads();
  private readonly waiting = new WaitingReads();
  private readonly rounds = new ReadRounds();
  private readonly reads: ReadRunner;
  private readonly applier: EntryApplier;
  private readonly committed: Entry[] = [];
  private readonly touches: RangeTouches;
  private lastClockIndex: LogIndex = 0;
  private readonly digests: DigestHistory;

  constructor(
    range: RangeId,
    id: ReplicaId,
    group: RaftGroup,
    machine: Machine,
    counters: StoreCounters,
    host: ReplicaHost,
  ) {
    this.counters = counters;
    this.range = range;
    this.id = id;
    this.group = group;
    this.machine = machine;
    this.applied = machine.status().appliedIndex;
    this.host = host;
    this.digests = new DigestHistory(() => machine.digest());
    this.pending = new PendingEntries(host.telemetry);
    this.reads = new ReadRunner(machine, host.telemetry);
    this.applier = new EntryApplier(machine, this.reads, host.clock, host.telemetry);
    this.touches = new RangeTouches(machine);
    this.builder.begin();
  }

  get leads(): boolean {
    return this.group.status().role === "leader";
  }

  // Commands -----------------------------------------------------------------------------------------------------

  /** Adds a write to this turn's entry. */
  submitWrite(
    stream: CommandStream,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    deadlineMs: MonotonicMs,
  ): void {
    const length = end - start;
    if (this.builder.count > 0 && this.builder.lengthBytes + length > limits.entryBytes) {
      this.host.clock.sample();
      this.runTurn();
    }
    if (this.host.uncommittedBytes + this.builder.lengthBytes > limits.uncommittedNodeBytes) {
      stream.fail(token, "busy", null, this.host.telemetry);
      return;
    }
    if (this.rounds.count > 0 && stream.ordered) this.placeRoundReads(stream);
    this.builder.add(bytes, start, end);
    this.building.add(stream, token, opcode, deadlineMs);
    stream.setWroteIn(this.range, this.builderNumber);
    this.host.wake(this);
  }

  /** Adds a linearizable read to this turn's batch, or to the entry when it follows a write of its stream there. */
  submitRead(
    stream: CommandStream,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    deadlineMs: MonotonicMs,
  ): void {
    if (stream.ordered && stream.wroteIn(this.range, this.builderNumber)) {
      this.building.addRead(this.builder.count, stream, token, bytes.slice(start, end), deadlineMs);
    } else this.turnReads.add(stream, bytes, start, end, token, deadlineMs, this.builder.count);
    this.host.wake(this);
  }

  /** Runs a read on the applied state as it is, for callers that asked for no more. */
  readNow(
    stream: CommandStream,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    freshness: ReadFreshness,
  ): void {
    this.reads.run(stream, token, bytes, start, end, freshness.logTimeMs, freshness);
  }

  /** Reads first, then the entry: a read never sees a write that came after it. */
  runTurn(): void {
    if (this.turnReads.count > 0) this.settleReads();
    if (this.builder.count > 0) this.proposeBuilt();
  }

  private settleReads(): void {
    const { clock } = this.host;
    const batch = this.turnReads;
    const leaseIndex = this.group.leaseReadIndex(clock.leaseNowMs);
    if (leaseIndex !== null) {
      const estimateMs = this.logTime.estimateMs(clock.nowMs);
      for (let i = 0; i < batch.count; i++) {
        const stream = batch.streams[i]!;
        const index = Math.max(leaseIndex, stream.ordered ? stream.lastWrite(this.range) : 0);
        if (index > this.applied) this.waiting.add(batch.waiting(i, index, false));
        else if (
          !this.reads.run(
            stream,
            batch.tokens[i]!,
            batch.bytes,
            batch.start(i),
            batch.end(i),
            estimateMs,
            null,
          )
        )
          this.waitForClock(batch.waiting(i, 0, true));
      }
    } else if (this.builder.count > 0) {
      for (let i = 0; i < batch.count; i++)
        this.building.addRead(
          batch.places[i]!,
          batch.streams[i]!,
          batch.tokens[i]!,
          batch.copy(i),
          batch.deadlines[i]!,
        );
    } else this.startRound();
    batch.clear();
  }

  /** One ReadIndex round for all reads of the turn. */
  private startRound(): void {
    const context = this.rounds.begin(this.turnReads.allWaiting());
    if (!this.group.readIndex(context)) for (const read of this.rounds.end(context)) this.refuseRead(read);
  }

  /** Reads of this stream that still wait for their round run in the entry now being built, before its next write. */
  private placeRoundReads(stream: CommandStream): void {
    this.rounds.takeOf(stream, ({ token, bytes, deadlineMs }) =>
      this.building.addRead(this.builder.count, stream, token, bytes, deadlineMs),
    );
  }

  /** The read met a deadline that is due: it runs after a clock entry. */
  private waitForClock(read: WaitingRead): void {
    if (this.lastClockIndex <= this.applied) {
      this.lastClockIndex = this.proposeOwn(writeClockEntry);
      if (this.lastClockIndex === 0) {
        this.refuseRead(read);
        return;
      }
    }
    read.index = this.lastClockIndex;
    read.clocked = true;
    this.waiting.add(read);
  }

  private refuseRead(read: WaitingRead | PlacedRead): void {
    this.host.refused(this, read.stream, read.token, read.bytes, 0, read.bytes.length, read.deadlineMs);
  }

  private proposeBuilt(): void {
    const entry = this.building;
    const stampMs = this.logTime.stamp(this.host.clock.nowMs);
    if (this.leads) this.touches.ride(this.builder, this.host.clock.nowMs, stampMs);
    const proposed = this.leads ? this.group.propose(this.builder.finish(stampMs)) : null;
    if (proposed?.ok) {
      entry.term = proposed.value.term;
      entry.index = proposed.value.index;
      entry.startedMs = this.host.clock.nowMs;
      entry.reads.sort((a, b) => a.place - b.place);
      for (const stream of entry.streams) stream?.setLastWrite(this.range, entry.index);
      this.pending.add(entry);
    } else if (proposed !== null && proposed.error.kind === "log-full") {
      entry.failAll("busy", null, this.host.telemetry);
    } else this.giveBack(entry);
    this.building = new PendingEntry();
    this.builder.begin();
    this.builderNumber++;
  }

  /** Not proposed: the gateway sends the commands, in their order, to whoever leads now. */
  private giveBack(entry: PendingEntry): void {
    let nextRead = 0;
    const readsUpTo = (place: number): void => {
      for (; nextRead < entry.reads.length && entry.reads[nextRead]!.place <= place; nextRead++) {
        const read = entry.reads[nextRead]!;
        this.refuseRead(read);
      }
    };
    entry.reads.sort((a, b) => a.place - b.place);
    this.builder.forEach((n, bytes, start, end) => {
      readsUpTo(n);
      const stream = entry.streams[n];
      if (stream) this.host.refused(this, stream, entry.tokens[n]!, bytes, start, end, entry.deadlines[n]!);
    });
    readsUpTo(this.builder.count);
  }

  // Raft's answers -----------------------------------------------------------------------------------------------

  confirmReads(states: readonly ReadState[], dropped: readonly number[]): void {
    for (const state of states) {
      for (const read of this.rounds.end(state.context)) {
        read.index = Math.max(state.index, read.stream.ordered ? read.stream.lastWrite(this.range) : 0);
        this.waiting.add(read);
      }
    }
    for (const context of dropped) for (const read of this.rounds.end(context)) this.refuseRead(read);
    this.runWaiting();
  }

  queueCommitted(entries: readonly Entry[]): void {
    for (const entry of entries) this.committed.push(entry);
  }
  get hasCommitted(): boolean {
    return this.committed.length > 0 && !this.restoring;
  }

  /** Applies committed entries up to about `budgetBytes`; returns what is left of the budget. */
  applyCommitted(budgetBytes: number): number {
    if (this.restoring) return budgetBytes;
    let left = budgetBytes;
    let taken = 0;
    while (taken < this.committed.length && left > 0) {
      const entry = this.committed[taken++]!;
      left -= entry.data.length + 64;
      this.applyEntry(entry);
      this.runWaiting();
    }
    if (taken === 0) return left;
    this.committed.splice(0, taken);
    this.group.applied(this.applied);
    this.freshness.advance(this.applied);
    this.host.entryApplied(this);
    return left;
  }

  private applyEntry(entry: Entry): void {
    // The state came from a snapshot that reaches further than where the log begins.
    if (entry.index <= this.applied) return;
    const pending = this.pending.take(entry.index, entry.term);
    assert(entry.index === this.applied + 1, `apply ${entry.index} after ${this.applied}`);
    switch (entry.type) {
      case entryTypes.command:
        this.applier.apply(entry, pending);
        this.logTime.sawStamp(this.machine.status().logTimeMs);
        break;
      case entryTypes.configuration:
        this.machine.skip(entry.index, entry.term);
        this.group.applyConfiguration(decodeConfiguration(entry.data));
        break;
      case entryTypes.noop:
        this.machine.skip(entry.index, entry.term);
        break;
    }
    this.applied = entry.index;
    this.digests.applied(entry.index, this.host.clock.nowMs);
    if (entry.type === entryTypes.configuration) this.host.configurationApplied(this);
  }

  /** A snapshot replaced the state. */
  snapshotInstalled(index: LogIndex): void {
    // Entries beyond it were committed while it was loaded, and Raft hands them out only once.
    const beyond = this.committed.filter((entry) => entry.index > index);
    this.committed.length = 0;
    this.committed.push(...beyond);
    this.digests.clear();
    this.applied = index;
    this.pending.swallowed(index);
    this.logTime.sawStamp(this.machine.status().logTimeMs);
    this.runWaiting();
  }

  private runWaiting(): void {
    for (;;) {
      const read = this.waiting.take(this.applied);
      if (read === null) return;
      const estimateMs = read.clocked
        ? this.machine.status().logTimeMs
        : this.logTime.estimateMs(this.host.clock.nowMs);
      if (this.runWaited(read, estimateMs)) continue;
      // A clock entry would come after the stream's later writes: what is applied here is what the read may see.
      if (read.stream.ordered && read.stream.lastWrite(this.range) > this.applied)
        this.runWaited(read, this.machine.status().logTimeMs);
      else this.waitForClock(read);
    }
  }

  private runWaited(read: WaitingRead, estimateMs: LogTimeMs): boolean {
    return this.reads.run(read.stream, read.token, read.bytes, 0, read.bytes.length, estimateMs, null);
  }

  // Time ---------------------------------------------------------------------------------------------------------

  /** Deadlines; touches of reads; the clock entry that a due deadline of a key, or a limit that was cut, asks for. */
  housekeeping(): void {
    const { nowMs } = this.host.clock;
    this.pending.expire(nowMs);
    this.digests.answer(this.applied, nowMs);
    this.waiting.expire(nowMs, this.host.telemetry);
    if (this.leads) this.noteOwnProof();
    const isLeading = this.leads && this.leadTerm !== 0;
    this.touches.follow(isLeading && !this.restoring);
    if (!isLeading) return;
    const touches = this.touches.ownEntry(this.logTime.stamp(nowMs));
    if (touches !== null) this.proposeOwn((out) => out.raw(touches));
    if (this.lastClockIndex > this.applied) return;
    const dueMs = this.machine.nextDeadlineMs();
    if ((dueMs === 0 || dueMs > this.logTime.estimateMs(nowMs)) && !this.machine.owesEvictions) return;
    this.lastClockIndex = this.proposeOwn(writeClockEntry);
  }

  private noteOwnProof(): void {
    const { leaseNowMs } = this.host.clock;
    const ageMs = this.group.leadershipAgeMs(leaseNowMs);
    if (ageMs !== null) this.freshness.proved(this.group.status().commit, leaseNowMs - ageMs, this.applied);
  }

  /** Proposes an entry without commands: a limit, a policy, time. @returns its index, 0 when it was not proposed. */
  proposeOwn(write: (out: ByteWriter, stampMs: LogTimeMs) => void): LogIndex {
    const out = new ByteWriter(32);
    write(out, this.logTime.stamp(this.host.clock.nowMs));
    const proposed = this.group.propose(out.take());
    this.host.wake(this);
    return proposed.ok ? proposed.value.index : 0;
  }

  /** Proposes bytes that are an entry of their own (meta). */
  submitRaw(stream: CommandStream, data: Uint8Array, token: number, deadlineMs: MonotonicMs): boolean {
    const proposed = this.group.propose(data);
    if (!proposed.ok) return false;
    const entry = new PendingEntry();
    entry.add(stream, token, 0, deadlineMs);
    entry.term = proposed.value.term;
    entry.index = proposed.value.index;
    entry.startedMs = this.host.clock.nowMs;
    this.pending.add(entry);
    this.host.wake(this);
    return true;
  }

  /** The digest at an index that will be applied or was so lately; null when it is too long ago or doesn't come. */
  digestAt(index: LogIndex, deadlineMs: MonotonicMs, done: (digest: string | null) => void): void {
    if (index > this.applied) this.digests.wait(index, deadlineMs, done);
    else done(this.digests.at(index));
  }

  /** The node stops or the replica goes: nobody will be answered later. */
  abandon(): void {
    this.pending.abandon();
    for (const read of this.waiting.drain())
      read.stream.fail(read.token, "shutting-down", null, this.host.telemetry);
    // What was not proposed yet finds another leader, or hears that the node stops.
    for (const read of this.rounds.drain()) this.refuseRead(read);
    for (const read of this.turnReads.allWaiting()) this.refuseRead(read);
    this.turnReads.clear();
    this.giveBack(this.building);
    this.building = new PendingEntry();
    this.builder.begin();
    this.builderNumber++;
  }

  /** Entries that were proposed here and whose commands wait. */
  get outstanding(): number {
    return this.pending.count;
  }
}
