import type { ByteReader, ByteWriter } from "../../base/bytes.js";
import { DecodeError } from "../../base/bytes.js";
import type { DigestSum } from "../digest-sum.js";
import type { Handle } from "../keyspace.js";

export const poolCapacity = 8;

/** What the pool asks of the entries. */
export interface PooledEntries {
  slotOf(handle: Handle): number;
  hashLow(handle: Handle): number;
  hashHigh(handle: Handle): number;
  recency(handle: Handle): number;
  frequency(handle: Handle): number;
  compareInSlot(a: Handle, b: Handle): number;
  forHash(slot: number, low: number, high: number, visit: (handle: Handle) => void): void;
}

/**
 * The best of earlier draws that were not needed then, best first: fewer draws are needed for a good victim. Replicated
 * state, so it names keys by their hashes, never by handles, and is part of digest and snapshot. A key that was used or
 * has gone since drops out.
 */
export class VictimPool {
  size = 0;
  private readonly slots = new Uint16Array(poolCapacity);
  private readonly lows = new Uint32Array(poolCapacity);
  private readonly highs = new Uint32Array(poolCapacity);
  private readonly recencies = new Uint32Array(poolCapacity);
  private readonly frequencies = new Uint32Array(poolCapacity);

  /** The entry at `place` if it is as it was, else 0. */
  entryAt(place: number, entries: PooledEntries): Handle {
    let found: Handle = 0;
    entries.forHash(this.slots[place]!, this.lows[place]!, this.highs[place]!, (handle) => {
      if (entries.recency(handle) !== this.recencies[place]!) return;
      if (entries.frequency(handle) !== this.frequencies[place]!) return;
      if (found === 0 || entries.compareInSlot(handle, found) < 0) found = handle;
    });
    return found;
  }

  /** Takes up to `limit` (<= poolCapacity) entries from `from` on, if there are so many, instead of what it held. */
  fill(handles: readonly Handle[], from: number, limit: number, entries: PooledEntries): void {
    this.size = Math.max(0, Math.min(limit, handles.length - from));
    for (let place = 0; place < this.size; place++) {
      const handle = handles[from + place]!;
      this.slots[place] = entries.slotOf(handle);
      this.lows[place] = entries.hashLow(handle);
      this.highs[place] = entries.hashHigh(handle);
      this.recencies[place] = entries.recency(handle);
      this.frequencies[place] = entries.frequency(handle);
    }
  }

  sumInto(sum: DigestSum): void {
    for (let i = 0; i < this.size; i++)
      sum.change(
        1,
        this.lows[i]!,
        this.highs[i]!,
        this.recencies[i]!,
        this.frequencies[i]!,
        this.slots[i]!,
        i + 1,
      );
  }

  /** u8 size; per key u16 slot, u32 and u32 hash, u32 recency, u32 frequency. */
  write(out: ByteWriter): void {
    out.u8(this.size);
    for (let i = 0; i < this.size; i++) {
      out.u16(this.slots[i]!);
      out.u32(this.lows[i]!);
      out.u32(this.highs[i]!);
      out.u32(this.recencies[i]!);
      out.u32(this.frequencies[i]!);
    }
  }

  read(reader: ByteReader): void {
    this.size = reader.u8();
    if (this.size > poolCapacity) throw new DecodeError(`a pool of ${this.size} keys`);
    for (let i = 0; i < this.size; i++) {
      this.slots[i] = reader.u16();
      this.lows[i] = reader.u32();
      this.highs[i] = reader.u32();
      this.recencies[i] = reader.u32();
      this.frequencies[i] = reader.u32();
    }
  }
}
