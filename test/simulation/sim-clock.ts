import { assert } from "../../src/base/assert.js";
import type { Clock, TimerHandle, Timers } from "../../src/ports/clock.js";

/** Something that will happen; `cancelled` ones are passed over. */
export interface SimEvent {
  readonly timeMs: number;
  readonly sequence: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** The event heap of a simulated world: by time, then by the order of asking, so that one seed is one history. */
export class SimScheduler {
  /** The world's own time, which no node sees directly. */
  nowMs = 0;
  /** Events that ran. */
  ran = 0;
  private readonly heap: SimEvent[] = [];
  private sequence = 0;

  at(timeMs: number, callback: () => void): SimEvent {
    assert(timeMs >= this.nowMs, `an event at ${timeMs}, before ${this.nowMs}`);
    const event = { timeMs, sequence: this.sequence++, callback, cancelled: false };
    this.heap.push(event);
    this.up(this.heap.length - 1);
    return event;
  }

  after(delayMs: number, callback: () => void): SimEvent {
    return this.at(this.nowMs + Math.max(0, delayMs), callback);
  }

  /** Runs one event. @returns false when there is none. */
  step(): boolean {
    for (let event = this.pop(); event !== null; event = this.pop()) {
      if (event.cancelled) continue;
      this.nowMs = event.timeMs;
      this.ran++;
      event.callback();
      return true;
    }
    return false;
  }

  /** Runs all that is due until `timeMs`, and leaves the time there. */
  runUntil(timeMs: number): void {
    for (let next = this.peek(); next !== null && next.timeMs <= timeMs; next = this.peek()) this.step();
    this.nowMs = Math.max(this.nowMs, timeMs);
  }

  runFor(durationMs: number): void {
    this.runUntil(this.nowMs + durationMs);
  }

  /** Runs until the condition holds. @returns false when it doesn't within `limitMs`. */
  runUntilTrue(condition: () => boolean, limitMs: number): boolean {
    const endMs = this.nowMs + limitMs;
    while (!condition()) {
      const next = this.peek();
      if (next === null || next.timeMs > endMs) return false;
      this.step();
    }
    return true;
  }

  /** Time of the next event; Infinity without one. */
  get nextMs(): number {
    return this.peek()?.timeMs ?? Number.POSITIVE_INFINITY;
  }

  private peek(): SimEvent | null {
    while (this.heap.length > 0 && this.heap[0]!.cancelled) this.pop();
    return this.heap[0] ?? null;
  }

  private pop(): SimEvent | null {
    const top = this.heap[0];
    const last = this.heap.pop();
    if (top === undefined || last === undefined) return null;
    if (this.heap.length > 0) {
      this.heap[0] = last;
      this.down(0);
    }
    return top;
  }

  private up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.earlier(at, parent)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private down(from: number): void {
    let at = from;
    for (;;) {
      const left = at * 2 + 1;
      let least = at;
      if (left < this.heap.length && this.earlier(left, least)) least = left;
      if (left + 1 < this.heap.length && this.earlier(left + 1, least)) least = left + 1;
      if (least === at) return;
      this.swap(at, least);
      at = least;
    }
  }

  private earlier(a: number, b: number): boolean {
    const one = this.heap[a]!;
    const other = this.heap[b]!;
    return one.timeMs < other.timeMs || (one.timeMs === other.timeMs && one.sequence < other.sequence);
  }

  private swap(a: number, b: number): void {
    const one = this.heap[a]!;
    this.heap[a] = this.heap[b]!;
    this.heap[b] = one;
  }
}

export interface SimHostOptions {
  /** How fast its clocks run; 1.02 gains 2 %. Default 1. */
  readonly rate?: number;
  /** What CLOCK_MONOTONIC says at the world's beginning. Default 1000. */
  readonly monotonicMs?: number;
  /** Unix ms at the world's beginning. Default 1_700_000_000_000. */
  readonly wallMs?: number;
}

/**
 * A machine with one process: clocks that can be skewed, timers, and faults. A crash bumps the incarnation, and
 * whatever an older one asked for never comes.
 */
export class SimHost {
  readonly clock: Clock;
  readonly timers: Timers;
  incarnation = 1;
  private readonly rate: number;
  private monotonicOffsetMs: number;
  private bootOffsetMs: number;
  private wallOffsetMs: number;
  private pausedSinceMs: number | null = null;
  private asleep = false;
  /** What came to a stopped process from outside. */
  private held: (() => void)[] = [];
  /** Timers of a stopped process: when it goes on, what lies in its sockets comes first, as in libuv. */
  private heldTimers: (() => void)[] = [];
  private crashListeners: (() => void)[] = [];
  private pauseListeners: (() => void)[] = [];
  /** Rises with each pause. */
  pauses = 0;
  /** Something ran in the process since a watcher set this to false. */
  touched = false;

  constructor(
    private readonly scheduler: SimScheduler,
    options: SimHostOptions = {},
  ) {
    this.rate = options.rate ?? 1;
    const beginMs = scheduler.nowMs * this.rate;
    this.monotonicOffsetMs = (options.monotonicMs ?? 1000) - beginMs;
    this.bootOffsetMs = this.monotonicOffsetMs;
    this.wallOffsetMs = (options.wallMs ?? 1_700_000_000_000) - beginMs;
    this.clock = {
      monotonicMs: () => this.localMs(this.asleepSinceMs()) + this.monotonicOffsetMs,
      wallMs: () => this.localMs(null) + this.wallOffsetMs,
      bootMs: () => this.localMs(null) + this.bootOffsetMs,
    };
    this.timers = {
      after: (delayMs, callback) => this.afterLocal(delayMs, callback),
      cancel: (timer: TimerHandle) => {
        (timer as SimEvent).cancelled = true;
      },
      endOfTurn: (callback) => {
        this.afterLocal(0, callback);
      },
    };
  }

  get paused(): boolean {
    return this.pausedSinceMs !== null;
  }

  /** Runs something in the process: now, or when it goes on; never in a later incarnation. */
  run(callback: () => void): void {
    if (this.paused) {
      this.held.push(callback);
      return;
    }
    this.touched = true;
    callback();
  }

  /** SIGSTOP: the clocks go on, nothing runs. */
  pause(): void {
    if (this.paused) return;
    this.pausedSinceMs = this.scheduler.nowMs;
    this.pauses++;
    for (const listener of this.pauseListeners) listener();
  }

  /** The machine sleeps: the monotonic clock stands still too, wall and boot-time clock go on. */
  sleep(): void {
    this.pause();
    this.asleep = true;
  }

  resume(): void {
    if (this.pausedSinceMs === null) return;
    if (this.asleep) this.monotonicOffsetMs -= (this.scheduler.nowMs - this.pausedSinceMs) * this.rate;
    this.asleep = false;
    this.pausedSinceMs = null;
    const held = [...this.held, ...this.heldTimers];
    this.held = [];
    this.heldTimers = [];
    const incarnation = this.incarnation;
    for (const callback of held)
      this.scheduler.after(0, () => {
        if (this.incarnation === incarnation) this.run(callback);
      });
  }

  jumpWall(byMs: number): void {
    this.wallOffsetMs += byMs;
  }

  /** Ends the process. What starts next is another incarnation on the same machine. */
  crash(): void {
    this.incarnation++;
    this.held = [];
    this.heldTimers = [];
    this.pausedSinceMs = null;
    this.asleep = false;
    const listeners = this.crashListeners;
    this.crashListeners = [];
    this.pauseListeners = [];
    for (const listener of listeners) listener();
  }

  /** Of this incarnation. */
  onCrash(listener: () => void): void {
    this.crashListeners.push(listener);
  }

  /** Of this incarnation. */
  onPause(listener: () => void): void {
    this.pauseListeners.push(listener);
  }

  private afterLocal(delayMs: number, callback: () => void): SimEvent {
    const incarnation = this.incarnation;
    const event: SimEvent = this.scheduler.after(Math.max(0, delayMs) / this.rate, () => {
      if (this.incarnation !== incarnation) return;
      const fire = (): void => {
        // A timer may be cancelled while the process is stopped.
        if (!event.cancelled) callback();
      };
      if (this.paused) this.heldTimers.push(fire);
      else fire();
    });
    return event;
  }

  private asleepSinceMs(): number | null {
    return this.asleep ? this.pausedSinceMs : null;
  }

  private localMs(stoppedAtMs: number | null): number {
    return (stoppedAtMs ?? this.scheduler.nowMs) * this.rate;
  }
}
