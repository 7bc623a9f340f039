import type { ErrorKind } from "../base/errors.js";

/**
 * Where a command's reply goes. A reply is one value: a scalar call, or `array(n)` / `set(n)` / `map(n)` followed by
 * the n values (2n for a map), or `pairs(n)` followed n times by `pair()` and two values. Calls copy what they are given before they return. Implementations: the
 * doors' encoders, the recorder of `reply-codec.ts`, the null sink of followers.
 */
export interface ReplySink {
  /** A simple string such as OK. */
  status(text: string): void;
  /** A safe integer. */
  integer(value: number): void;
  /** A signed 64-bit integer. */
  bigInteger(value: bigint): void;
  double(value: number): void;
  bulk(bytes: Uint8Array, offset: number, length: number): void;
  nil(): void;
  /** A missing array: RESP2's `*-1`. */
  nilArray(): void;
  array(count: number): void;
  map(count: number): void;
  /** Values without an order: an array in RESP2. */
  set(count: number): void;
  /** Pairs such as members with their scores: a flat array of 2n values in RESP2, an array of arrays in RESP3. */
  pairs(count: number): void;
  pair(): void;
  /** `message` null stands for the catalogue's text. */
  error(kind: ErrorKind, message: string | null): void;
}

/** Takes everything and does nothing: replicas that don't answer a client apply with it. */
export const nullSink: ReplySink = {
  status() {},
  integer() {},
  bigInteger() {},
  double() {},
  bulk() {},
  nil() {},
  nilArray() {},
  array() {},
  map() {},
  set() {},
  pairs() {},
  pair() {},
  error() {},
};
