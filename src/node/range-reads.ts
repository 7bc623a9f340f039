import { ByteReader, ByteWriter } from "../base/bytes.js";
import type { LogIndex, LogTimeMs, MonotonicMs } from "../base/units.js";
import { CommandView } from "../commands/command-codec.js";
import type { Machine } from "../machine/machine.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { CommandStream } from "./command-stream.js";
import type { ReadFreshness } from "./service.js";

/** A read that could not run in its own turn. */
export interface WaitingRead {
  readonly stream: CommandStream;
  readonly token: number;
  readonly bytes: Uint8Array;
  readonly deadlineMs: MonotonicMs;
  /** Applied must have come here. */
  index: LogIndex;
  /** A clock entry was committed for it: deadlines are judged by the applied stamp. */
  clocked: boolean;
}

/** The reads of one turn for one range, side by side in an arena that is reused. */
export class TurnReads {
  readonly streams: CommandStream[] = [];
  readonly tokens: number[] = [];
  readonly deadlines: MonotonicMs[] = [];
  /** How many commands the entry held when the read came. */
  readonly places: number[] = [];
  private readonly starts: number[] = [];
  private readonly arena = new ByteWriter(4096);

  get count(): number {
    return this.streams.length;
  }
  get bytes(): Uint8Array {
    return this.arena.bytes;
  }
  start(i: number): number {
    return this.starts[i]!;
  }
  end(i: number): number {
    return i + 1 < this.starts.length ? this.starts[i + 1]! : this.arena.length;
  }
  copy(i: number): Uint8Array {
    return this.arena.bytes.slice(this.start(i), this.end(i));
  }

  /** One of them, kept beyond the turn. */
  waiting(i: number, index: LogIndex, clocked: boolean): WaitingRead {
    return {
      stream: this.streams[i]!,
      token: this.tokens[i]!,
      bytes: this.copy(i),
      deadlineMs: this.deadlines[i]!,
      index,
      clocked,
    };
  }

  allWaiting(): WaitingRead[] {
    return this.streams.map((_, i) => this.waiting(i, 0, false));
  }

  add(
    stream: CommandStream,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    deadlineMs: MonotonicMs,
    place: number,
  ): void {
    this.starts.push(this.arena.length);
    this.arena.copy(bytes, start, end - start);
    this.streams.push(stream);
    this.tokens.push(token);
    this.deadlines.push(deadlineMs);
    this.places.push(place);
  }

  clear(): void {
    this.streams.length = 0;
    this.tokens.length = 0;
    this.deadlines.length = 0;
    this.places.length = 0;
    this.starts.length = 0;
    this.arena.clear();
  }
}

/** Runs reads against one machine and answers them. */
export class ReadRunner {
  private readonly view = new CommandView();
  private readonly reader = new ByteReader(new Uint8Array(0));
  private readonly machine: Machine;
  private readonly telemetry: Telemetry;

  constructor(machine: Machine, telemetry: Telemetry) {
    this.machine = machine;
    this.telemetry = telemetry;
  }

  /** @returns false when a clock entry must come first; nothing was answered then. */
  run(
    stream: CommandStream,
    token: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    estimateMs: LogTimeMs,
    freshness: ReadFreshness | null,
  ): boolean {
    if (stream.closed) return true;
    this.reader.reset(bytes, start, end);
    this.view.decode(this.reader);
    if (this.machine.isDue(this.view, estimateMs)) return false;
    this.machine.read(this.view, estimateMs, stream.target.reply(token));
    this.telemetry.commandDone(stream.protocol, this.view.opcode, 0);
    stream.finish(token, freshness);
    return true;
  }
}

/** Reads waiting for an index to be applied, in the order of that index. */
export class WaitingReads {
  private readonly reads: WaitingRead[] = [];

  get count(): number {
    return this.reads.length;
  }

  add(read: WaitingRead): void {
    let at = this.reads.length;
    while (at > 0 && this.reads[at - 1]!.index > read.index) at--;
    this.reads.splice(at, 0, read);
  }

  /** The next read whose index is applied, or null. */
  take(applied: LogIndex): WaitingRead | null {
    const first = this.reads[0];
    if (first === undefined || first.index > applied) return null;
    this.reads.shift();
    return first;
  }

  /** Reads have no effect: what waited too long gets a definite error. */
  expire(nowMs: MonotonicMs, telemetry: Telemetry): void {
    for (let i = this.reads.length - 1; i >= 0; i--) {
      const read = this.reads[i]!;
      if (read.deadlineMs > nowMs) continue;
      this.reads.splice(i, 1);
      read.stream.fail(read.token, "deadline", null, telemetry);
    }
  }

  drain(): WaitingRead[] {
    return this.reads.splice(0);
  }
}

/** Reads that wait for a round of ReadIndex, which proves that this leader still leads. */
export class ReadRounds {
  private readonly rounds = new Map<number, WaitingRead[]>();
  private nextRound = 1;

  get count(): number {
    return this.rounds.size;
  }

  /** @returns the context of the round. */
  begin(reads: WaitingRead[]): number {
    const context = this.nextRound++;
    this.rounds.set(context, reads);
    return context;
  }

  /** The reads of a round that ended, one way or the other. */
  end(context: number): readonly WaitingRead[] {
    const reads = this.rounds.get(context) ?? [];
    this.rounds.delete(context);
    return reads;
  }

  /** Takes out the reads of one stream. */
  takeOf(stream: CommandStream, take: (read: WaitingRead) => void): void {
    for (const reads of this.rounds.values())
      for (let i = 0; i < reads.length; i++) if (reads[i]!.stream === stream) take(reads.splice(i--, 1)[0]!);
  }

  drain(): readonly WaitingRead[] {
    const reads = [...this.rounds.values()].flat();
    this.rounds.clear();
    return reads;
  }
}
