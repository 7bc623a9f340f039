import type { CallOptions, ReadOptions } from "./options.js";
import { type ScanOptions, type ScanStep, scanAll, scanStep, scanWords, textIn } from "./typed-base.js";
import { TypedSortedSetAlgebra } from "./typed-sorted-set-algebra.js";
import { type Bytes, listOf } from "./values.js";

export type BitUnit = "BYTE" | "BIT";

/** A part of a string, both ends included; negative ones count from the end. */
export interface BitRange {
  readonly start: number;
  readonly end: number;
  /** Of the ends; BYTE without. */
  readonly unit?: BitUnit;
}

export interface CopyOptions extends CallOptions {
  /** Overwrites the destination. */
  readonly replace?: boolean;
}

export interface KeyScanOptions extends ScanOptions {
  /** As `type` answers it. */
  readonly type?: string;
}

function rangeWords(range: BitRange | undefined): (string | number)[] {
  return range === undefined ? [] : [range.start, range.end, range.unit ?? "BYTE"];
}

/** Bits of strings. */
abstract class TypedBits extends TypedSortedSetAlgebra {
  /** @returns the bit that was there. The string grows with zeros up to `offset`. */
  async setBit(key: Bytes, offset: number, bit: 0 | 1, options: CallOptions = {}): Promise<0 | 1> {
    return (await this.flag("SETBIT", [key, offset, bit], options)) ? 1 : 0;
  }
  async getBit(key: Bytes, offset: number, options: ReadOptions = {}): Promise<0 | 1> {
    return (await this.flag("GETBIT", [key, offset], options)) ? 1 : 0;
  }
  /** Counts the ones. */
  bitCount(key: Bytes, range?: BitRange, options: ReadOptions = {}): Promise<number> {
    return this.count("BITCOUNT", [key, ...rangeWords(range)], options);
  }
  /** Position of the first such bit, -1 where there is none. */
  bitPos(key: Bytes, bit: 0 | 1, range?: BitRange, options: ReadOptions = {}): Promise<number> {
    return this.count("BITPOS", [key, bit, ...rangeWords(range)], options);
  }
  /** All keys must lie in one range; NOT takes one. @returns the length of the result in bytes. */
  bitOp(
    operation: "AND" | "OR" | "XOR" | "NOT",
    destination: Bytes,
    keys: readonly Bytes[],
    options: CallOptions = {},
  ): Promise<number> {
    return this.count("BITOP", [operation, destination, ...keys], options);
  }
}

/** Keys of any type. */
export abstract class TypedKeySpace extends TypedBits {
  /** Both keys must lie in one range. @returns false without the source, or where the destination was there. */
  copy(source: Bytes, destination: Bytes, options: CopyOptions = {}): Promise<boolean> {
    const words = options.replace === true ? ["REPLACE"] : [];
    return this.flag("COPY", [source, destination, ...words], options);
  }
  /** Both keys must lie in one range. Rejects with kind "no-such-key" without the first. */
  async rename(key: Bytes, newKey: Bytes, options: CallOptions = {}): Promise<void> {
    await this.run("RENAME", [key, newKey], options);
  }
  /** @returns false where there is a `newKey`. */
  renameNx(key: Bytes, newKey: Bytes, options: CallOptions = {}): Promise<boolean> {
    return this.flag("RENAMENX", [key, newKey], options);
  }
  /** Counts as a use of the keys. Atomic per range. @returns how many there are. */
  touch(keys: Bytes | readonly Bytes[], options: ReadOptions = {}): Promise<number> {
    return this.count("TOUCH", listOf(keys), options);
  }
  /** A key of any range, or null. */
  randomKey(options: ReadOptions = {}): Promise<string | null> {
    return this.text("RANDOMKEY", [], options);
  }
  /** Keys of all ranges that match a glob pattern, each range at its own moment; `scanKeys` holds up nobody. */
  keys(pattern: Bytes, options: ReadOptions = {}): Promise<string[]> {
    return this.texts("KEYS", [pattern], options);
  }
  /** How the value is stored, such as "listpack"; null without the key; so the next three. */
  objectEncoding(key: Bytes, options: ReadOptions = {}): Promise<string | null> {
    return this.text("OBJECT", ["ENCODING", key], options);
  }
  /** How often it is used, 0..255; only under an LFU policy. */
  objectFreq(key: Bytes, options: ReadOptions = {}): Promise<number | null> {
    return this.optionalCount("OBJECT", ["FREQ", key], options);
  }
  /** Seconds since its last use; not under an LFU policy. */
  objectIdleTime(key: Bytes, options: ReadOptions = {}): Promise<number | null> {
    return this.optionalCount("OBJECT", ["IDLETIME", key], options);
  }
  objectRefCount(key: Bytes, options: ReadOptions = {}): Promise<number | null> {
    return this.optionalCount("OBJECT", ["REFCOUNT", key], options);
  }
  /** Bytes that count against the memory limit; null without the key. */
  memoryUsage(key: Bytes, options: ReadOptions = {}): Promise<number | null> {
    return this.optionalCount("MEMORY", ["USAGE", key], options);
  }
  /** Keys of all ranges, a step at a time: begin with cursor "0". */
  async scan(cursor: string, options: KeyScanOptions = {}): Promise<ScanStep<string>> {
    const type = options.type === undefined ? [] : ["TYPE", options.type];
    const reply = await this.run("SCAN", [cursor, ...scanWords(options), ...type], options);
    return scanStep(reply, (found) => found.map(textIn));
  }
  /** All keys: each that is there all the while at least once, perhaps twice. */
  scanKeys(options: KeyScanOptions = {}): AsyncGenerator<string, void> {
    return scanAll((cursor) => this.scan(cursor, options));
  }
}
