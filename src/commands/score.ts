import { latin1Text } from "../base/bytes.js";
import { parsedNumber, parseInteger } from "./integer.js";

/** Scores as C's strtod reads them, the way Redis asks it. */

/** The last score that was read. */
export let parsedScore = 0;

const decimalForm = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const hexForm = /^([+-]?)0x(?:([0-9a-f]+)\.?([0-9a-f]*)|\.([0-9a-f]+))(?:p([+-]?\d+))?$/i;
const infiniteForm = /^([+-]?)inf(?:inity)?$/i;
const significantDigit = /^[^e]*[1-9]/i;

/** Reads a whole argument as a finite or infinite score. @returns false for "not a valid float", NaN included. */
export function parseScore(bytes: Uint8Array, start: number, end: number): boolean {
  if (parseInteger(bytes, start, end)) {
    parsedScore = parsedNumber;
    return true;
  }
  const text = latin1Text(bytes, start, end);
  const value = scoreOf(text);
  if (Number.isNaN(value)) return false;
  // strtod's ERANGE: what is too large for a double, or too small to differ from 0.
  if (!Number.isFinite(value) && !infiniteForm.test(text)) return false;
  if (value === 0 && significantDigit.test(text) && decimalForm.test(text)) return false;
  parsedScore = value;
  return true;
}

/**
 * Reads an end of a range of scores. It is taken as a C string: what follows a zero byte doesn't count, spaces may stand
 * before it, an empty one is 0, and what is too large is infinite.
 */
export function parseScoreBound(bytes: Uint8Array, start: number, end: number): boolean {
  if (start < end && parseInteger(bytes, start, end)) {
    parsedScore = parsedNumber;
    return true;
  }
  let stop = start;
  while (stop < end && bytes[stop] !== 0) stop++;
  if (stop === start) {
    parsedScore = 0;
    return true;
  }
  const value = scoreOf(latin1Text(bytes, start, stop).replace(/^[ \t\n\v\f\r]+/, ""));
  if (Number.isNaN(value)) return false;
  parsedScore = value;
  return true;
}

/** NaN when the text is no number. */
function scoreOf(text: string): number {
  if (decimalForm.test(text)) return Number(text);
  const infinite = infiniteForm.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const hex = hexForm.exec(text);
  if (hex === null) return Number.NaN;
  const fraction = hex[3] ?? hex[4] ?? "";
  const mantissa = Number(BigInt(`0x${hex[2] ?? ""}${fraction}`));
  const exponent = Math.max(-5000, Math.min(5000, Number(hex[5] ?? "0"))) - 4 * fraction.length;
  const value = scaled(mantissa, exponent);
  return hex[1] === "-" ? -value : value;
}

/** value * 2^exponent in steps that don't leave the doubles on the way. */
function scaled(value: number, exponent: number): number {
  let result = value;
  let left = exponent;
  for (; left > 1000; left -= 1000) result *= powerOfTwo(1000);
  for (; left < -1000; left += 1000) result /= powerOfTwo(1000);
  return result * powerOfTwo(left);
}

const double = new DataView(new ArrayBuffer(8));

/** Exact on every machine: written as a double's exponent, -1000 .. 1000. */
function powerOfTwo(exponent: number): number {
  double.setUint32(0, (exponent + 1023) << 20);
  return double.getFloat64(0);
}
