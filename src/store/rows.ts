import { bufferBytes, giveBuffer, takeBuffer } from "./buffer-pool.js";

const segmentBits = 12;
const segmentRows = 1 << segmentBits;
const rowMask = segmentRows - 1;
const firstRows = 64;

/**
 * Rows of `stride` 32-bit words (an even number) outside the JS heap, numbered from 1; 0 is none. Growing adds a
 * segment and copies nothing beyond the first one, so it never stalls; segments at the end that became empty go, and
 * the lowest free row is taken first. A row lies together: touching an entry costs one or two cache lines.
 */
export class Rows {
  readonly stride: number;
  /** Rows handed out. */
  used = 0;
  private readonly segments: Uint32Array[] = [];
  private readonly doubles: Float64Array[] = [];
  /** Per segment: first free row (a list through word 0), rows never handed out from, and rows in use. */
  private readonly firstFree: number[] = [];
  private readonly fresh: number[] = [];
  private readonly usedIn: number[] = [];
  /** No segment below it has room. */
  private lowest = 0;

  constructor(stride: number) {
    this.stride = stride;
    this.addSegment(firstRows);
    // Row 0 is none.
    this.fresh[0] = 1;
    this.usedIn[0] = 1;
  }

  /** A row, not cleared. */
  add(): number {
    let segment = this.lowest;
    while (segment < this.segments.length && this.usedIn[segment]! === this.rowsIn(segment)) segment++;
    if (segment === this.segments.length) segment = this.grow();
    this.lowest = segment;
    this.used++;
    this.usedIn[segment]!++;
    const free = this.firstFree[segment]!;
    if (free !== 0) {
      this.firstFree[segment] = this.get(free, 0);
      return free;
    }
    return segment * segmentRows + this.fresh[segment]!++;
  }

  remove(row: number): void {
    const segment = row >>> segmentBits;
    this.used--;
    this.usedIn[segment]!--;
    this.set(row, 0, this.firstFree[segment]!);
    this.firstFree[segment] = row;
    if (segment < this.lowest) this.lowest = segment;
    while (this.segments.length > 2 && this.usedIn[this.segments.length - 1] === 0) this.dropLast();
  }

  /** Whether moving rows down would let segments go: a fifth of all rows, and more than a few segments, are free. */
  isSparse(): boolean {
    const capacity = this.segments.length * segmentRows;
    return capacity - this.used > Math.max(2 * segmentRows, capacity / 5);
  }

  /** Highest row that was ever handed out of the last segment. */
  lastRow(): number {
    const last = this.segments.length - 1;
    return last * segmentRows + this.fresh[last]! - 1;
  }

  firstOfLastSegment(): number {
    return (this.segments.length - 1) * segmentRows;
  }

  get(row: number, word: number): number {
    return this.segments[row >>> segmentBits]![(row & rowMask) * this.stride + word]!;
  }
  set(row: number, word: number, value: number): void {
    this.segments[row >>> segmentBits]![(row & rowMask) * this.stride + word] = value;
  }
  /** A double in the words `word` and `word` + 1; `word` is even. */
  getDouble(row: number, word: number): number {
    return this.doubles[row >>> segmentBits]![((row & rowMask) * this.stride + word) >>> 1]!;
  }
  setDouble(row: number, word: number, value: number): void {
    this.doubles[row >>> segmentBits]![((row & rowMask) * this.stride + word) >>> 1] = value;
  }
  copyRow(from: number, to: number): void {
    for (let word = 0; word < this.stride; word++) this.set(to, word, this.get(from, word));
  }

  private rowsIn(segment: number): number {
    return this.segments[segment]!.length / this.stride;
  }

  private dropLast(): void {
    const { buffer } = this.segments.pop()!;
    if (buffer.byteLength === bufferBytes) giveBuffer(buffer as ArrayBuffer);
    this.doubles.pop();
    this.firstFree.pop();
    this.fresh.pop();
    this.usedIn.pop();
  }

  /** @returns the segment that has room now. */
  private grow(): number {
    const first = this.segments[0]!;
    if (this.segments.length > 1 || first.length === segmentRows * this.stride) {
      this.addSegment(segmentRows);
      return this.segments.length - 1;
    }
    const buffer = new ArrayBuffer(first.length * 8);
    this.segments[0] = new Uint32Array(buffer);
    this.doubles[0] = new Float64Array(buffer);
    this.segments[0].set(first);
    return 0;
  }

  private addSegment(rows: number): void {
    const bytes = rows * this.stride * 4;
    const fits = bytes <= bufferBytes && bytes * 2 > bufferBytes;
    const buffer = fits ? takeBuffer() : new ArrayBuffer(bytes);
    this.segments.push(new Uint32Array(buffer, 0, bytes / 4));
    this.doubles.push(new Float64Array(buffer, 0, bytes / 8));
    this.firstFree.push(0);
    this.fresh.push(0);
    this.usedIn.push(0);
  }
}
