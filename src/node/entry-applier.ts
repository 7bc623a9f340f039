import { nullSink, type ReplySink } from "../commands/reply-sink.js";
import type { ApplyObserver, Machine } from "../machine/machine.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { Entry } from "../raft/types.js";
import type { TurnClock } from "./clocks.js";
import type { PendingEntry } from "./pending-entry.js";
import type { ReadRunner } from "./range-reads.js";

const silent: ApplyObserver = { before() {}, sink: () => nullSink, after() {} };

/** Applies entries to one machine; answers those that were proposed here. */
export class EntryApplier implements ApplyObserver {
  private readonly machine: Machine;
  private readonly reads: ReadRunner;
  private readonly clock: TurnClock;
  private readonly telemetry: Telemetry;
  private pending: PendingEntry | null = null;
  private nextRead = 0;

  constructor(machine: Machine, reads: ReadRunner, clock: TurnClock, telemetry: Telemetry) {
    this.machine = machine;
    this.reads = reads;
    this.clock = clock;
    this.telemetry = telemetry;
  }

  apply(entry: Entry, pending: PendingEntry | null): void {
    this.pending = pending;
    this.nextRead = 0;
    this.machine.apply(entry.index, entry.term, entry.data, pending === null ? silent : this);
    this.pending = null;
  }

  before(n: number): void {
    const reads = this.pending!.reads;
    if (this.nextRead === reads.length) return;
    const stampMs = this.machine.status().logTimeMs;
    while (this.nextRead < reads.length && reads[this.nextRead]!.place <= n) {
      const read = reads[this.nextRead++]!;
      // The entry's own stamp judges deadlines here: nothing can be due beyond it.
      this.reads.run(read.stream, read.token, read.bytes, 0, read.bytes.length, stampMs, null);
    }
  }

  sink(n: number): ReplySink {
    return this.pending!.sink(n);
  }

  after(n: number): void {
    const pending = this.pending!;
    const stream = pending.streams[n];
    if (!stream || stream.closed) return;
    this.telemetry.commandDone(stream.protocol, pending.opcodes[n]!, this.clock.nowMs - pending.startedMs);
    stream.finish(pending.tokens[n]!, null);
  }
}
