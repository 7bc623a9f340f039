const segmentBits = 12;
const segmentRows = 1 << segmentBits;
const rowMask = segmentRows - 1;
const firstRows = 64;

/**
 * Rows of `stride` 32-bit words (an even number) outside the JS heap, numbered from 1; 0 is none. Growing adds a
 * segment and copies nothing beyond the first one, so it never stalls. A row lies together: touching an entry costs
 * one or two cache lines.
 */
export class Rows {
  readonly stride: number;
  /** Rows handed out. */
  used = 0;
  private readonly segments: Uint32Array[] = [];
  private readonly doubles: Float64Array[] = [];
  private firstFree = 0;
  private fresh = 1;
  private capacity = firstRows;

  constructor(stride: number) {
    this.stride = stride;
    this.addSegment(firstRows);
  }

  /** A row, not cleared. */
  add(): number {
    this.used++;
    const free = this.firstFree;
    if (free !== 0) {
      this.firstFree = this.get(free, 0);
      return free;
    }
    if (this.fresh === this.capacity) this.grow();
    return this.fresh++;
  }

  remove(row: number): void {
    this.used--;
    this.set(row, 0, this.firstFree);
    this.firstFree = row;
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

  private grow(): void {
    if (this.capacity >= segmentRows) {
      this.addSegment(segmentRows);
      this.capacity += segmentRows;
      return;
    }
    const before = this.segments.pop()!;
    this.doubles.pop();
    this.capacity *= 2;
    this.addSegment(this.capacity);
    this.segments[0]!.set(before);
  }

  private addSegment(rows: number): void {
    const buffer = new ArrayBuffer(rows * this.stride * 4);
    this.segments.push(new Uint32Array(buffer));
    this.doubles.push(new Float64Array(buffer));
  }
}
