import type { ReplySink } from "./reply-sink.js";

/** Bounds of a signed 64-bit integer. */
const largest64 = 2n ** 63n - 1n;
const smallest64 = -(2n ** 63n);

/** The last integer that `parseInteger` read, exact in `parsedNumber` when `parsedBig` is null. */
export let parsedNumber = 0;
/** Set for integers beyond 2^53 - 1; `parsedNumber` is then the nearest double. */
export let parsedBig: bigint | null = null;

/**
 * Reads a signed 64-bit integer in canonical form, as Redis's string2ll: no sign but "-", no leading zeros, no
 * spaces. The result is in `parsedNumber` and `parsedBig`: no BigInt is made up to 15 digits (safety 63).
 * @returns false when the bytes are no such integer.
 */
export function parseInteger(bytes: Uint8Array, start: number, end: number): boolean {
  parsedBig = null;
  if (end - start === 1 && bytes[start] === 0x30) {
    parsedNumber = 0;
    return true;
  }
  const negative = bytes[start] === 0x2d;
  const first = negative ? start + 1 : start;
  const digits = end - first;
  if (digits < 1 || digits > 19 || bytes[first]! < 0x31) return false;
  let value = 0;
  for (let i = first; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  if (digits <= 15) {
    parsedNumber = negative ? -value : value;
    return true;
  }
  let big = 0n;
  for (let i = first; i < end; i++) big = big * 10n + BigInt(bytes[i]! - 0x30);
  if (negative) big = -big;
  if (big > largest64 || big < smallest64) return false;
  parsedNumber = Number(big);
  if (!Number.isSafeInteger(parsedNumber)) parsedBig = big;
  return true;
}

/** Whether a > b, exactly, for integers in the form of `parsedNumber` and `parsedBig`. */
export function isGreater(a: number, aBig: bigint | null, b: number, bBig: bigint | null): boolean {
  if (a !== b || (aBig === null && bBig === null)) return a > b;
  return (aBig ?? BigInt(a)) > (bBig ?? BigInt(b));
}

/** Digits of the last formatted number, from 0. */
export const digitBytes = new Uint8Array(24);

/** Writes a safe integer into `digitBytes`; returns the length. */
function formatInteger(value: number): number {
  let rest = Math.abs(value);
  let length = value < 0 ? 1 : 0;
  let scale = rest;
  do {
    length++;
    scale = Math.floor(scale / 10);
  } while (scale > 0);
  for (let at = length - 1; at >= (value < 0 ? 1 : 0); at--) {
    const next = Math.floor(rest / 10);
    digitBytes[at] = 0x30 + (rest - next * 10);
    rest = next;
  }
  if (value < 0) digitBytes[0] = 0x2d;
  return length;
}

/** Writes a 64-bit integer into `digitBytes`; returns the length. */
function formatBigInteger(value: bigint): number {
  const text = value.toString();
  for (let i = 0; i < text.length; i++) digitBytes[i] = text.charCodeAt(i);
  return text.length;
}

/** The last sum of `addIntegers`, in the form of `parsedNumber` and `parsedBig`. */
let sumNumber = 0;
let sumBig: bigint | null = null;

/** Adds two parsed integers exactly; false when the sum leaves 64 bits. */
export function addIntegers(a: number, aBig: bigint | null, b: number, bBig: bigint | null): boolean {
  sumBig = null;
  if (aBig === null && bBig === null) {
    sumNumber = a + b;
    if (Number.isSafeInteger(sumNumber)) return true;
  }
  const sum = (aBig ?? BigInt(a)) + (bBig ?? BigInt(b));
  if (sum > largest64 || sum < smallest64) return false;
  sumNumber = Number(sum);
  if (!Number.isSafeInteger(sumNumber)) sumBig = sum;
  return true;
}

/** Formats the last sum into `digitBytes`. */
export function formatSum(): number {
  return sumBig === null ? formatInteger(sumNumber) : formatBigInteger(sumBig);
}

/** Replies the last sum. */
export function replySum(reply: ReplySink): void {
  if (sumBig === null) reply.integer(sumNumber);
  else reply.bigInteger(sumBig);
}
