import { assert } from "../base/assert.js";
import type { LogIndex } from "../base/units.js";

/** Appends sent and not yet acknowledged, bounded in messages and bytes; a ring that grows up to its bound. */
export class Inflights {
  count = 0;
  bytes = 0;
  private start = 0;
  private lastIndexes: LogIndex[] = new Array<LogIndex>(16).fill(0);
  private sizes: number[] = new Array<number>(16).fill(0);

  constructor(
    private readonly maxMessages: number,
    private readonly maxBytes: number,
  ) {}

  /** Room for a message of `bytes`? An empty window takes one of any size. */
  fits(bytes: number): boolean {
    if (this.count === 0) return true;
    return this.count < this.maxMessages && this.bytes + bytes <= this.maxBytes;
  }

  get freeBytes(): number {
    return this.maxBytes - this.bytes;
  }

  get full(): boolean {
    return this.count > 0 && (this.count >= this.maxMessages || this.bytes >= this.maxBytes);
  }

  add(lastIndex: LogIndex, bytes: number): void {
    assert(this.fits(bytes), "the window is not full");
    if (this.count === this.lastIndexes.length) this.grow();
    const at = (this.start + this.count) % this.lastIndexes.length;
    this.lastIndexes[at] = lastIndex;
    this.sizes[at] = bytes;
    this.count++;
    this.bytes += bytes;
  }

  /** Everything up to `index` arrived. */
  freeTo(index: LogIndex): void {
    while (this.count > 0 && this.lastIndexes[this.start]! <= index) this.freeFirst();
  }

  freeFirst(): void {
    assert(this.count > 0, "a message to free is in flight");
    this.bytes -= this.sizes[this.start]!;
    this.start = (this.start + 1) % this.lastIndexes.length;
    this.count--;
  }

  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.start = 0;
  }

  private grow(): void {
    const { lastIndexes, sizes, start, count } = this;
    const capacity = lastIndexes.length * 2;
    const grownIndexes = new Array<LogIndex>(capacity).fill(0);
    const grownSizes = new Array<number>(capacity).fill(0);
    for (let i = 0; i < count; i++) {
      const from = (start + i) % lastIndexes.length;
      grownIndexes[i] = lastIndexes[from]!;
      grownSizes[i] = sizes[from]!;
    }
    this.lastIndexes = grownIndexes;
    this.sizes = grownSizes;
    this.start = 0;
  }
}
