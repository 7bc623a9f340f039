import type { ErrorKind } from "../base/errors.js";
import type { LogIndex, MonotonicMs, Term } from "../base/units.js";
import type { ReplySink } from "../commands/reply-sink.js";
import { nullSink } from "../commands/reply-sink.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { CommandStream } from "./command-stream.js";

/** A read that runs inside an entry, before command `place`: the entry's commit is its proof. */
export interface PlacedRead {
  readonly place: number;
  readonly stream: CommandStream;
  readonly token: number;
  readonly bytes: Uint8Array;
  readonly deadlineMs: MonotonicMs;
}

/** Who waits for the commands of one entry. Arrays side by side: nothing is allocated per command. */
export class PendingEntry {
  term: Term = 0;
  index: LogIndex = 0;
  startedMs: MonotonicMs = 0;
  /** Earliest deadline of a command that was not answered. */
  earliestDeadlineMs: MonotonicMs = Number.POSITIVE_INFINITY;
  readonly streams: (CommandStream | null)[] = [];
  readonly tokens: number[] = [];
  readonly opcodes: number[] = [];
  readonly deadlines: MonotonicMs[] = [];
  readonly reads: PlacedRead[] = [];

  add(stream: CommandStream, token: number, opcode: number, deadlineMs: MonotonicMs): void {
    this.streams.push(stream);
    this.tokens.push(token);
    this.opcodes.push(opcode);
    this.deadlines.push(deadlineMs);
    if (deadlineMs < this.earliestDeadlineMs) this.earliestDeadlineMs = deadlineMs;
  }

  /** A read of the entry, before the command at `place`. */
  addRead(
    place: number,
    stream: CommandStream,
    token: number,
    bytes: Uint8Array,
    deadlineMs: MonotonicMs,
  ): void {
    this.reads.push({ place, stream, token, bytes, deadlineMs });
    if (deadlineMs < this.earliestDeadlineMs) this.earliestDeadlineMs = deadlineMs;
  }

  sink(n: number): ReplySink {
    const stream = this.streams[n];
    return stream && !stream.closed ? stream.target.reply(this.tokens[n]!) : nullSink;
  }

  /** Answers everything that still waits. */
  failAll(kind: ErrorKind, message: string | null, telemetry: Telemetry): void {
    for (let n = 0; n < this.streams.length; n++) {
      this.streams[n]?.fail(this.tokens[n]!, kind, message, telemetry);
      this.streams[n] = null;
    }
    // A read has no effect: its error is always definite.
    const readKind = kind === "outcome-unknown" ? "no-leader" : kind;
    for (const read of this.reads) read.stream.fail(read.token, readKind, message, telemetry);
    this.reads.length = 0;
  }

  /** Answers what nobody waits for any longer: a write was proposed, so its outcome is unknown; a read has none. */
  expire(nowMs: MonotonicMs, telemetry: Telemetry): void {
    if (this.earliestDeadlineMs > nowMs) return;
    this.earliestDeadlineMs = Number.POSITIVE_INFINITY;
    for (let n = 0; n < this.streams.length; n++) {
      const deadlineMs = this.deadlines[n]!;
      const stream = this.streams[n];
      if (!stream) continue;
      if (deadlineMs <= nowMs) {
        stream.fail(
          this.tokens[n]!,
          "outcome-unknown",
          "the deadline passed after the command was proposed",
          telemetry,
        );
        this.streams[n] = null;
      } else if (deadlineMs < this.earliestDeadlineMs) this.earliestDeadlineMs = deadlineMs;
    }
    for (let i = 0; i < this.reads.length; i++) {
      const read = this.reads[i]!;
      if (read.deadlineMs <= nowMs) {
        this.reads.splice(i--, 1);
        read.stream.fail(read.token, "deadline", null, telemetry);
      } else if (read.deadlineMs < this.earliestDeadlineMs) this.earliestDeadlineMs = read.deadlineMs;
    }
  }
}
