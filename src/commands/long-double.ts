/**
 * x86's 80-bit long double, as far as Redis's INCRBYFLOAT shows it: decimal text in, one addition, "%.17Lf" out
 * without trailing zeros. Exact integers stand in for the registers, so every machine gives the same digits.
 *
 * Deviation: hexadecimal floats ("0x1p3") are refused.
 */
export interface LongDouble {
  /** value = mantissa * 2^exponent; the mantissa has at most 64 bits. */
  readonly mantissa: bigint;
  readonly exponent: number;
}

const mantissaBits = 64;
/** 2^16384 is the first power that long double can't hold. */
const overflowBits = 16384;
/** Below this, digits other than 0 would read as zero. */
const underflowBits = -16445;
/** Redis reads numbers into a buffer of five KiB. */
const longestText = 5 * 1024;
const fractionDigits = 17;

export type ParsedFloat = LongDouble | "infinite" | null;

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(16).length * 4 - Math.clz32(leadingDigit(value)) + 28;
}

/** The highest hexadecimal digit. */
function leadingDigit(value: bigint): number {
  return Number.parseInt(value.toString(16)[0]!, 16);
}

/** Rounds to 64 bits, ties to even. `sticky`: something non-zero lies below the last bit of `value`. */
function rounded(value: bigint, exponent: number, sticky: boolean): LongDouble | "infinite" {
  const negative = value < 0n;
  let magnitude = negative ? -value : value;
  let power = exponent;
  const excess = bitLength(magnitude) - mantissaBits;
  if (excess > 0) {
    const shift = BigInt(excess);
    const half = 1n << (shift - 1n);
    const rest = magnitude & ((1n << shift) - 1n);
    magnitude >>= shift;
    power += excess;
    if (rest > half || (rest === half && (sticky || (magnitude & 1n) === 1n))) magnitude += 1n;
  }
  if (magnitude !== 0n) {
    const top = bitLength(magnitude) + power;
    if (top > overflowBits) return "infinite";
    if (top < underflowBits) magnitude = 0n;
  }
  return { mantissa: negative ? -magnitude : magnitude, exponent: magnitude === 0n ? 0 : power };
}

const decimalForm = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/;
const infiniteForm = /^[+-]?inf(?:inity)?$/i;

/** @returns null for what is no number (NaN included). */
export function parseLongDouble(bytes: Uint8Array, start: number, end: number): ParsedFloat {
  if (end - start < 1 || end - start >= longestText) return null;
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  if (infiniteForm.test(text)) return "infinite";
  const parts = decimalForm.exec(text);
  if (parts === null) return null;
  const fraction = parts[3] ?? parts[4] ?? "";
  const digits = BigInt((parts[2] ?? "") + fraction);
  if (digits === 0n) return { mantissa: 0n, exponent: 0 };
  const signed = parts[1] === "-" ? -digits : digits;
  const written = Math.max(-1e6, Math.min(1e6, Number(parts[5] ?? "0")));
  const power = written - fraction.length;
  if (power > 10_000) return null;
  if (power < -20_000) return null;
  let result: LongDouble | "infinite";
  if (power >= 0) result = rounded(signed * 10n ** BigInt(power), 0, false);
  else {
    // Enough bits that the quotient has more than 64, and the remainder only decides a tie.
    const divisor = 10n ** BigInt(-power);
    const shift = Math.max(0, bitLength(divisor) - bitLength(digits) + mantissaBits + 2);
    const dividend = digits << BigInt(shift);
    const quotient = dividend / divisor;
    const sticky = dividend % divisor !== 0n;
    result = rounded(signed < 0n ? -quotient : quotient, -shift, sticky);
  }
  // As strtold's ERANGE: what is too large or too small is no valid float.
  return result === "infinite" || result.mantissa === 0n ? null : result;
}

export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | "infinite" {
  if (a.mantissa === 0n) return b;
  if (b.mantissa === 0n) return a;
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  return rounded(sum, exponent, false);
}

/** "%.17Lf" without trailing zeros. */
export function formatLongDouble(value: LongDouble): string {
  const negative = value.mantissa < 0n;
  const scaled = (negative ? -value.mantissa : value.mantissa) * 10n ** BigInt(fractionDigits);
  let fixed: bigint;
  if (value.exponent >= 0) fixed = scaled << BigInt(value.exponent);
  else {
    const shift = BigInt(-value.exponent);
    const rest = scaled & ((1n << shift) - 1n);
    const half = 1n << (shift - 1n);
    fixed = scaled >> shift;
    if (rest > half || (rest === half && (fixed & 1n) === 1n)) fixed += 1n;
  }
  if (fixed === 0n) return "0";
  const digits = fixed.toString().padStart(fractionDigits + 1, "0");
  const whole = digits.slice(0, -fractionDigits);
  const fraction = digits.slice(-fractionDigits).replace(/0+$/, "");
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
