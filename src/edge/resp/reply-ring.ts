import { assert } from "../../base/assert.js";
import { ByteWriter } from "../../base/bytes.js";

/** Output buffers that connections share, so that an idle connection holds none. */
export class BufferPool {
  private readonly free: ByteWriter[] = [];

  constructor(
    private readonly initialBytes: number,
    private readonly largestBytes: number,
    private readonly count: number,
  ) {}

  take(): ByteWriter {
    return this.free.pop() ?? new ByteWriter(this.initialBytes);
  }

  /** Large ones are left to the collector. */
  give(buffer: ByteWriter): void {
    if (this.free.length >= this.count || buffer.bytes.length > this.largestBytes) return;
    buffer.clear();
    this.free.push(buffer);
  }
}

const initialSlots = 32;
const idleSlots = 1024;
const doneFlag = 1;
const resp3Flag = 2;

/**
 * The replies of one connection, in the order of its commands. Each command holds a slot, numbered by a rising token;
 * replies may be written in any order. The reply that is due next goes straight to `out`; others wait in `waiting` and
 * are moved to `out`, once, when their turn comes. So `out` is always the longest finished prefix.
 *
 * Invariant: head <= token < tail for every command without a finished reply in `out`.
 */
export class ReplyRing {
  /** Oldest command whose reply is not in `out`. */
  head = 0;
  /** Token of the next command. */
  tail = 0;
  /** Finished replies, null when there are none. */
  private out: ByteWriter | null = null;
  private waiting: ByteWriter | null = null;
  private waitingLive = 0;
  private waitingCount = 0;
  private capacity = initialSlots;
  private flags = new Uint8Array(initialSlots);
  private offsets = new Uint32Array(initialSlots);
  private lengths = new Uint32Array(initialSlots);
  private opcodes = new Uint16Array(initialSlots);
  private slots = new Int16Array(initialSlots);
  private startsMs = new Float64Array(initialSlots);
  /** The reply being written; -1: none. */
  private current = -1;
  private currentStart = 0;

  constructor(private readonly pool: BufferPool) {}

  get outstanding(): number {
    return this.tail - this.head;
  }
  /** Bytes of finished replies that were not taken. */
  get heldBytes(): number {
    return (this.out === null ? 0 : this.out.length) + this.waitingLive;
  }
  get hasOutput(): boolean {
    return this.out !== null && this.out.length > 0;
  }

  /** Takes the slot of a command; `slot` is the key slot that it was sent to, -1 for none. */
  push(opcode: number, slot: number, resp3: boolean, nowMs: number): number {
    if (this.tail - this.head === this.capacity) this.resize(this.capacity * 2);
    const token = this.tail++;
    const at = token % this.capacity;
    this.flags[at] = resp3 ? resp3Flag : 0;
    this.opcodes[at] = opcode;
    this.slots[at] = slot;
    this.startsMs[at] = nowMs;
    return token;
  }

  opcodeOf(token: number): number {
    return this.opcodes[token % this.capacity]!;
  }
  slotOf(token: number): number {
    return this.slots[token % this.capacity]!;
  }
  startMsOf(token: number): number {
    return this.startsMs[token % this.capacity]!;
  }
  isResp3(token: number): boolean {
    return (this.flags[token % this.capacity]! & resp3Flag) !== 0;
  }

  /** Starts a command's reply: returns the buffer to append it to, until `end`. */
  begin(token: number): ByteWriter {
    assert(this.current === -1, "one reply at a time");
    assert(token >= this.head && token < this.tail, `reply to command ${token}, which is not outstanding`);
    assert((this.flags[token % this.capacity]! & doneFlag) === 0, `second reply to command ${token}`);
    let buffer: ByteWriter;
    if (token === this.head) {
      this.out ??= this.pool.take();
      buffer = this.out;
    } else {
      this.waiting ??= this.pool.take();
      buffer = this.waiting;
    }
    this.current = token;
    this.currentStart = buffer.length;
    return buffer;
  }

  /** Ends the reply that was begun, with `prefix` put before it; returns its length in bytes. */
  end(prefix: Uint8Array | null): number {
    const token = this.current;
    assert(token >= 0, "a reply was begun");
    this.current = -1;
    const buffer = (token === this.head ? this.out : this.waiting)!;
    if (prefix !== null) {
      const length = buffer.length;
      buffer.reserve(prefix.length);
      buffer.bytes.copyWithin(this.currentStart + prefix.length, this.currentStart, length);
      buffer.bytes.set(prefix, this.currentStart);
      buffer.length = length + prefix.length;
    }
    const length = buffer.length - this.currentStart;
    if (token === this.head) {
      this.head++;
      if (this.waitingCount > 0) this.moveFinished();
      return length;
    }
    const at = token % this.capacity;
    this.offsets[at] = this.currentStart;
    this.lengths[at] = length;
    this.flags[at] = this.flags[at]! | doneFlag;
    this.waitingLive += length;
    this.waitingCount++;
    return length;
  }

  private moveFinished(): void {
    const out = this.out!;
    const waiting = this.waiting!;
    while (this.head < this.tail) {
      const at = this.head % this.capacity;
      if ((this.flags[at]! & doneFlag) === 0) break;
      out.copy(waiting.bytes, this.offsets[at]!, this.lengths[at]!);
      this.waitingLive -= this.lengths[at]!;
      this.waitingCount--;
      this.head++;
    }
    if (this.waitingCount === 0) {
      this.pool.give(waiting);
      this.waiting = null;
    } else if (waiting.length > 2 * this.waitingLive + 65536) this.compact();
  }

  /** Replies that wait keep no bytes of replies that went. */
  private compact(): void {
    const from = this.waiting!;
    const to = this.pool.take();
    for (let token = this.head; token < this.tail; token++) {
      const at = token % this.capacity;
      if ((this.flags[at]! & doneFlag) === 0) continue;
      const offset = to.length;
      to.copy(from.bytes, this.offsets[at]!, this.lengths[at]!);
      this.offsets[at] = offset;
    }
    this.pool.give(from);
    this.waiting = to;
  }

  /** Takes the finished prefix away; the caller gives the buffer back to the pool when it was sent. */
  takeOutput(): ByteWriter | null {
    const out = this.out;
    if (out === null || out.length === 0) return null;
    this.out = null;
    if (this.head === this.tail && this.capacity > idleSlots) this.resize(initialSlots);
    return out;
  }

  /** Gives the buffers back; nothing is outstanding any more. */
  close(): void {
    if (this.out !== null) this.pool.give(this.out);
    if (this.waiting !== null) this.pool.give(this.waiting);
    this.out = null;
    this.waiting = null;
    this.waitingLive = 0;
    this.waitingCount = 0;
    this.head = this.tail;
    this.current = -1;
  }

  private resize(capacity: number): void {
    const { flags, offsets, lengths, opcodes, slots, startsMs, capacity: before } = this;
    this.capacity = capacity;
    this.flags = new Uint8Array(capacity);
    this.offsets = new Uint32Array(capacity);
    this.lengths = new Uint32Array(capacity);
    this.opcodes = new Uint16Array(capacity);
    this.slots = new Int16Array(capacity);
    this.startsMs = new Float64Array(capacity);
    for (let token = this.head; token < this.tail; token++) {
      const from = token % before;
      const to = token % capacity;
      this.flags[to] = flags[from]!;
      this.offsets[to] = offsets[from]!;
      this.lengths[to] = lengths[from]!;
      this.opcodes[to] = opcodes[from]!;
      this.slots[to] = slots[from]!;
      this.startsMs[to] = startsMs[from]!;
    }
  }
}
