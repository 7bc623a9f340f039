import type { ErrorKind } from "../base/errors.js";
import type { LogIndex, RangeId } from "../base/units.js";
import type { Protocol, Telemetry } from "../ports/telemetry.js";
import type { ReadFreshness, ReplyTarget } from "./service.js";

/** Who has replies to write out at the end of the turn. */
export interface FlushList {
  add(stream: CommandStream): void;
}

/**
 * Commands of one client connection, here or at another gateway, in the order in which they came. It knows, per range,
 * the last write that isn't applied yet: a read must not run before it.
 */
export class CommandStream {
  readonly protocol: Protocol;
  readonly target: ReplyTarget;
  readonly ordered: boolean;
  closed = false;
  /** Whether this stream stands on the flush list. */
  queued = false;
  private readonly lastWrites: LogIndex[] = [];
  private readonly builderNumbers: number[] = [];
  private readonly flushes: FlushList;

  constructor(protocol: Protocol, target: ReplyTarget, ordered: boolean, flushes: FlushList) {
    this.protocol = protocol;
    this.target = target;
    this.ordered = ordered;
    this.flushes = flushes;
  }

  /** Index of the last proposed write to the range, 0 without one. */
  lastWrite(range: RangeId): LogIndex {
    return this.lastWrites[range] ?? 0;
  }
  setLastWrite(range: RangeId, index: LogIndex): void {
    this.lastWrites[range] = index;
  }
  /** Whether a write stands in the entry with this number, which is still being built. */
  wroteIn(range: RangeId, builderNumber: number): boolean {
    return this.builderNumbers[range] === builderNumber;
  }
  setWroteIn(range: RangeId, builderNumber: number): void {
    this.builderNumbers[range] = builderNumber;
  }

  /** A reply was written to the target's sink. */
  finish(token: number, freshness: ReadFreshness | null): void {
    if (this.closed) return;
    this.target.done(token, freshness);
    if (!this.queued) this.flushes.add(this);
  }

  fail(token: number, kind: ErrorKind, message: string | null, telemetry: Telemetry): void {
    if (this.closed) return;
    telemetry.commandFailed(this.protocol, kind);
    this.target.reply(token).error(kind, message);
    this.finish(token, null);
  }
}
