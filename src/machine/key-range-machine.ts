import { assert } from "../base/assert.js";
import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import type { HashKey } from "../base/keyed-hash.js";
import { limits } from "../base/limits.js";
import type { LogIndex, LogTimeMs, Slot, Term } from "../base/units.js";
import { CommandView } from "../commands/command-codec.js";
import { commandError, firstKeySlot, keyArgument, keyCount } from "../commands/cut.js";
import type { CommandDefinition } from "../commands/define-command.js";
import { RecordingSink, ReplyTooLarge, replayReply } from "../commands/reply-codec.js";
import { nullSink, type ReplySink } from "../commands/reply-sink.js";
import { commandByOpcode } from "../commands/table.js";
import { DigestSum } from "../store/digest-sum.js";
import { policyByCode } from "../store/eviction/policies.js";
import type { Store, TouchNotes } from "../store/keyspace.js";
import { entryKinds, readEntryHead, readTouches } from "./entry-codec.js";
import type { ApplyObserver, Machine, MachineStatus, SnapshotWalk } from "./machine.js";
import { SessionTable } from "./session-table.js";
import { assertSpan, keysLieIn, noSlot, type SlotSpan } from "./slots.js";
import {
  decodeHead,
  MachineWalk,
  type SnapshotHead,
  snapshotKinds,
  snapshotVersion,
} from "./snapshot-chunks.js";

/** Expired keys that one entry removes before its commands run, and that a clock entry removes. */
const sweptPerEntry = 64;
const sweptPerClockEntry = 512;
/** Sessions that one entry drops when the limit was cut. */
const droppedPerEntry = 64;
/** Keys that an entry evicts at most: one for each of its commands, and so many more. */
const evictedPerEntry = 4096;
/** Keys that an entry evicts while the charge is above a limit that was cut. */
const shrunkPerEntry = 2048;

export interface MachineOptions {
  readonly store: Store;
  /** First and last slot of the range, both included. */
  readonly slots: SlotSpan;
  readonly hashKey: HashKey;
}

/** For whoever doesn't want replies. */
export const silentObserver: ApplyObserver = {
  before() {},
  sink: () => nullSink,
  after() {},
};

export function createMachine(options: MachineOptions): Machine {
  return new KeyRangeMachine(options);
}

function sessionShare(limitBytes: number): number {
  return Math.floor(limitBytes * limits.sessionShare);
}

class KeyRangeMachine implements Machine {
  private readonly store: Store;
  private readonly slots: SlotSpan;
  private readonly hashKey: HashKey;
  private readonly sessions: SessionTable;
  private appliedIndex: LogIndex = 0;
  private appliedTerm: Term = 0;
  private targetBytes: number;
  private readonly reader = new ByteReader(new Uint8Array(0));
  private readonly view = new CommandView();
  private readonly recorded = new ByteWriter(4096);
  private readonly recorder = new RecordingSink(this.recorded);
  private readonly words = new Uint32Array(2);
  private restoring: SnapshotHead | null = null;
  /** Takes notes of reads while they should come back as touches; not replicated. */
  private touches: TouchNotes | null = null;
  private readonly touch = (slot: Slot, hashLow: number, hashHigh: number, uses: number): void =>
    this.store.touch(slot, hashLow, hashHigh, uses);

  constructor(options: MachineOptions) {
    assertSpan(options.slots);
    this.store = options.store;
    this.slots = options.slots;
    this.hashKey = options.hashKey;
    this.sessions = new SessionTable(options.hashKey);
    this.targetBytes = options.store.limitBytes;
    this.setLimit(this.targetBytes);
  }

  apply(index: LogIndex, term: Term, data: Uint8Array, observer: ApplyObserver): void {
    this.checkNext(index, term);
    const reader = this.reader;
    reader.reset(data);
    const head = readEntryHead(reader);
    const store = this.store;
    // Log time never goes back, whatever a new leader stamped.
    const stampMs = Math.max(store.nowMs, head.logTimeMs);
    store.beginEntry(stampMs, index >>> 0, term >>> 0);
    store.sweep(head.kind === entryKinds.clock ? sweptPerClockEntry : sweptPerEntry);
    this.sessions.dropAbove(this.sessions.shareBytes, null, droppedPerEntry);
    if (store.owesEvictions) store.shrink(shrunkPerEntry);
    switch (head.kind) {
      case entryKinds.commands:
        if (head.hasTouches) readTouches(reader, this.touch);
        this.applyCommands(index, term, stampMs, reader, observer);
        break;
      case entryKinds.limit:
        this.setLimit(reader.u53());
        observer.before(0);
        break;
      case entryKinds.policy: {
        const policy = policyByCode(reader.u8());
        // Members of the range understand what its leader proposes.
        if (policy === null) throw new DecodeError("an unknown eviction policy");
        store.setEvictionPolicy(policy);
        observer.before(0);
        break;
      }
      case entryKinds.clock:
        observer.before(0);
        break;
    }
    this.appliedIndex = index;
    this.appliedTerm = term;
  }

  skip(index: LogIndex, term: Term): void {
    this.checkNext(index, term);
    this.appliedIndex = index;
    this.appliedTerm = term;
  }

  isDue(command: CommandView, estimateMs: LogTimeMs): boolean {
    const definition = commandByOpcode(command.opcode);
    // What will be refused has no keys to wait for.
    if (definition === null || commandError(definition, command) !== null) return false;
    const count = keyCount(definition, command);
    for (let n = 0; n < count; n++) {
      const argument = keyArgument(definition, n);
      if (this.store.isDue(command.bytes, command.start(argument), command.end(argument), estimateMs))
        return true;
    }
    return false;
  }

  read(command: CommandView, estimateMs: LogTimeMs, reply: ReplySink): void {
    const definition = commandByOpcode(command.opcode);
    const error = definition === null ? null : commandError(definition, command);
    if (definition === null || definition.access !== "read") reply.error("unknown-command", null);
    else if (error !== null) reply.error(error.kind, error.message);
    else if (!keysLieIn(this.slots, definition, command)) reply.error("wrong-range", null);
    else {
      this.store.beginRead(estimateMs);
      definition.run(this.store, command, reply);
      if (this.touches !== null && definition.looks !== true)
        this.noteKeys(definition, command, this.touches);
    }
  }

  private noteKeys(definition: CommandDefinition, command: CommandView, touches: TouchNotes): void {
    const count = keyCount(definition, command);
    for (let n = 0; n < count; n++) {
      const argument = keyArgument(definition, n);
      this.store.noteRead(command.bytes, command.start(argument), command.end(argument), touches);
    }
  }

  noteReads(notes: TouchNotes | null): void {
    this.touches = notes;
  }

  get wantsTouches(): boolean {
    return this.store.wantsTouches;
  }

  isTouchDue(slot: Slot, hashLow: number, hashHigh: number, atMs: LogTimeMs): boolean | null {
    return this.store.isTouchDue(slot, hashLow, hashHigh, atMs);
  }

  get owesEvictions(): boolean {
    return this.store.owesEvictions;
  }

  get evictionPolicy(): string {
    return this.store.evictionPolicy.name;
  }

  status(): MachineStatus {
    const { store, sessions } = this;
    return {
      appliedIndex: this.appliedIndex,
      appliedTerm: this.appliedTerm,
      logTimeMs: store.nowMs,
      revision: store.revision,
      keys: store.size,
      keysWithDeadline: store.keysWithDeadline,
      chargedBytes: store.chargedBytes + sessions.chargedBytes,
      limitBytes: store.limitBytes,
      sessions: sessions.size,
    };
  }

  nextDeadlineMs(): LogTimeMs {
    return this.store.nextDeadline();
  }

  digest(): string {
    const { words, store } = this;
    store.digest(words);
    let text = hex(words[0]!, words[1]!);
    this.sessions.digest(words);
    text += hex(words[0]!, words[1]!);
    const clock = new DigestSum(this.hashKey);
    clock.change(1, 0, 0, 0, 0, store.nowMs, store.revision);
    clock.change(1, 1, 0, 0, 0, this.sessions.droppedMark, this.targetBytes);
    return text + hex(clock.low, clock.high);
  }

  openSnapshot(): SnapshotWalk {
    const head: SnapshotHead = {
      index: this.appliedIndex,
      term: this.appliedTerm,
      logTimeMs: this.store.nowMs,
      limitBytes: this.targetBytes,
      droppedMark: this.sessions.droppedMark,
      sessions: this.sessions.size,
      sessionBytes: this.sessions.chargedBytes,
    };
    return new MachineWalk(head, this.sessions.openWalk(), this.store.openWalk());
  }

  beginRestore(): void {
    this.store.beginLoad();
    this.sessions.beginLoad();
    this.restoring = null;
  }

  restore(chunk: Uint8Array): void {
    const reader = new ByteReader(chunk);
    const version = reader.u8();
    if (version !== snapshotVersion) throw new DecodeError(`snapshot version ${version}`);
    const kind = reader.u8();
    if ((kind === snapshotKinds.head) !== (this.restoring === null))
      throw new DecodeError("a snapshot begins with its one head");
    if (kind === snapshotKinds.head) this.restoring = decodeHead(reader);
    else if (kind === snapshotKinds.sessions) this.sessions.load(reader);
    else if (kind === snapshotKinds.store) this.store.load(chunk.subarray(reader.offset));
    else throw new DecodeError(`snapshot chunk kind ${kind}`);
  }

  endRestore(): void {
    const head = this.restoring;
    if (head === null) throw new DecodeError("a snapshot without its head");
    if (this.sessions.size !== head.sessions || this.sessions.chargedBytes !== head.sessionBytes)
      throw new DecodeError(`a snapshot with ${this.sessions.size} of ${head.sessions} sessions`);
    this.store.endLoad();
    this.restoring = null;
    this.sessions.droppedMark = head.droppedMark;
    this.setLimit(head.limitBytes);
    this.store.beginEntry(head.logTimeMs, 0, 0);
    this.appliedIndex = head.index;
    this.appliedTerm = head.term;
  }

  private checkNext(index: LogIndex, term: Term): void {
    assert(this.restoring === null, "nothing is applied while a snapshot is restored");
    assert(index === this.appliedIndex + 1, `entry ${index} follows ${this.appliedIndex}`);
    assert(term >= this.appliedTerm, `term ${term} follows ${this.appliedTerm}`);
  }

  /** Mutations besides evictions: room is made before a command's first change. */
  private changesByCommands(): number {
    return this.store.revision - this.store.counters.evicted;
  }

  private setLimit(limitBytes: number): void {
    const share = sessionShare(limitBytes);
    this.targetBytes = limitBytes;
    this.sessions.shareBytes = share;
    this.store.setLimit(limitBytes, share);
  }

  private applyCommands(
    index: LogIndex,
    term: Term,
    stampMs: LogTimeMs,
    reader: ByteReader,
    observer: ApplyObserver,
  ): void {
    const count = reader.u32();
    const end = reader.end;
    this.store.allowEvictions(evictedPerEntry + count);
    for (let n = 0; n < count; n++) {
      observer.before(n);
      const length = reader.varint();
      const start = reader.offset;
      reader.skip(length);
      reader.end = start + length;
      reader.offset = start;
      this.view.decode(reader);
      reader.end = end;
      // Reads that held a place may have moved the estimate and the generator.
      this.store.beginEntry(stampMs, (index ^ Math.imul(n + 1, 0x85eb_ca6b)) >>> 0, term >>> 0);
      this.run(this.view, stampMs, observer.sink(n));
      observer.after(n);
    }
    observer.before(count);
    if (reader.remaining > 0) throw new DecodeError(`${reader.remaining} bytes after the last command`);
  }

  private run(view: CommandView, nowMs: LogTimeMs, reply: ReplySink): void {
    const definition = commandByOpcode(view.opcode);
    if (definition === null) {
      reply.error("unknown-command", null);
      return;
    }
    const error = commandError(definition, view, this.store.valueLimitBytes);
    if (error !== null) {
      reply.error(error.kind, error.message);
      return;
    }
    if (view.session > 0 && definition.access === "write") {
      this.runInSession(definition, view, nowMs, reply);
      return;
    }
    if (!keysLieIn(this.slots, definition, view)) {
      reply.error("wrong-range", null);
      return;
    }
    definition.run(this.store, view, reply);
  }

  /** The session first, then the slots: a retry of what ran before a split still finds its reply. */
  private runInSession(
    definition: CommandDefinition,
    view: CommandView,
    nowMs: LogTimeMs,
    reply: ReplySink,
  ): void {
    const { sessions, recorded, recorder } = this;
    const keySlot = firstKeySlot(definition, view);
    const slot = keySlot < 0 ? noSlot : keySlot;
    let session = sessions.find(view.session);
    if (session !== null) {
      sessions.use(session, view.acked, nowMs);
      const record = sessions.record(session, view.sequence, slot);
      if (record !== null) {
        replayReply(record.reply, 0, record.reply.length, reply);
        return;
      }
    } else if (view.session <= sessions.droppedMark) {
      reply.error("session-expired", null);
      return;
    }
    if (!keysLieIn(this.slots, definition, view)) {
      reply.error("wrong-range", null);
      return;
    }
    if (session === null) {
      session = sessions.create(view.session, nowMs);
      if (session === null) {
        reply.error("session-expired", null);
        return;
      }
      sessions.use(session, view.acked, nowMs);
    }
    const refusal = sessions.refusal(session, view.sequence);
    if (refusal !== null) {
      reply.error(refusal, null);
      return;
    }
    recorded.clear();
    recorder.limitBytes = sessions.roomFor(session);
    const changes = this.changesByCommands();
    try {
      definition.run(this.store, view, recorder);
    } catch (thrown) {
      if (!(thrown instanceof ReplyTooLarge)) throw thrown;
      assert(this.changesByCommands() === changes, "a reply with a value is written before the first change");
      reply.error("reply-too-large", null);
      return;
    }
    sessions.add(session, view.sequence, slot, recorded.written());
    replayReply(recorded.bytes, 0, recorded.length, reply);
  }
}

function hex(low: number, high: number): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}
