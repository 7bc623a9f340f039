import type { Part } from "./part.js";

/**
 * The session of one range, as this client uses it. Each range has its own, so that a range without a leader holds
 * up only its own acknowledgements; every range still keeps one session of this client.
 */
export class Lane {
  /** 0 until it is opened. */
  session = 0;
  opening = false;
  /** Another lane has taken its place: only commands that have a sequence here go on using it. */
  retired = false;
  /** Parts without a sequence, from `waitingHead` on: the session isn't open, or the window is full. */
  private waiting: Part[] = [];
  private waitingHead = 0;
  private nextSequence = 1;
  /** Unsettled parts by rising sequence, from `head` on. */
  private outstanding: Part[] = [];
  private head = 0;

  constructor(
    readonly id: number,
    private readonly windowCommands: number,
  ) {}

  /**
   * Every sequence at or below it was answered. It stays below the lowest outstanding one, so no retry can meet a
   * reply that was dropped.
   */
  get acked(): number {
    this.trim();
    const lowest = this.outstanding[this.head];
    return lowest === undefined ? this.nextSequence - 1 : lowest.sequence - 1;
  }

  /** True while a new sequence lies within the window of replies that the range keeps. */
  get hasRoom(): boolean {
    return this.nextSequence - 1 - this.acked < this.windowCommands;
  }

  /** Gives a part its sequence, once for all its attempts. */
  assign(part: Part): void {
    part.lane = this;
    part.session = this.session;
    part.sequence = this.nextSequence++;
    this.outstanding.push(part);
  }

  wait(part: Part): void {
    this.waiting.push(part);
  }

  /** The next unsettled part that waits. */
  nextWaiting(): Part | null {
    while (this.waitingHead < this.waiting.length) {
      const part = this.waiting[this.waitingHead++]!;
      if (!part.settled) return part;
    }
    this.waiting.length = 0;
    this.waitingHead = 0;
    return null;
  }

  /** All that wait; none do afterwards. */
  takeWaiting(): Part[] {
    const parts = this.waiting.slice(this.waitingHead).filter((part) => !part.settled);
    this.waiting = [];
    this.waitingHead = 0;
    return parts;
  }

  private trim(): void {
    const { outstanding } = this;
    while (this.head < outstanding.length) {
      const part = outstanding[this.head]!;
      if (!part.settled && part.lane === this) break;
      this.head++;
    }
    if (this.head === outstanding.length) {
      outstanding.length = 0;
      this.head = 0;
    } else if (this.head > 256) {
      this.outstanding = outstanding.slice(this.head);
      this.head = 0;
    }
  }
}
