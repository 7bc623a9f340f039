/**
 * Redis's glob patterns (`*`, `?`, `[a-z]`, `[^a]`, `\x`) over bytes. Only the last `*` is ever tried again, so the work
 * is at most pattern times text (safety 76). An empty text matches an empty pattern only, as in Redis.
 */
export function matchesBytes(
  pattern: Uint8Array,
  patternStart: number,
  patternEnd: number,
  text: Uint8Array,
  textStart: number,
  textEnd: number,
): boolean {
  if (textStart === textEnd) return patternStart === patternEnd;
  let at = textStart;
  let p = patternStart;
  let starPattern = -1;
  let starText = 0;
  while (at < textEnd) {
    if (p < patternEnd && pattern[p] === star) {
      starPattern = ++p;
      starText = at;
      continue;
    }
    const next = matchOne(pattern, p, patternEnd, text[at]!);
    if (next > p) {
      p = next;
      at++;
      continue;
    }
    if (starPattern < 0) return false;
    p = starPattern;
    at = ++starText;
  }
  while (p < patternEnd && pattern[p] === star) p++;
  return p >= patternEnd;
}

const star = 0x2a;
const backslash = 0x5c;

/** As C's char, which ranges compare. */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/** Position in the pattern after the element at `p`, or `p` itself when it doesn't match. */
function matchOne(pattern: Uint8Array, p: number, end: number, byte: number): number {
  if (p >= end) return p;
  const element = pattern[p];
  if (element === 0x3f) return p + 1;
  if (element === backslash && p + 1 < end) return pattern[p + 1] === byte ? p + 2 : p;
  if (element !== 0x5b) return element === byte ? p + 1 : p;
  let at = p + 1;
  const negated = at < end && pattern[at] === 0x5e;
  if (negated) at++;
  let matched = false;
  while (at < end && pattern[at] !== 0x5d) {
    const first = pattern[at]!;
    if (first === backslash && at + 1 < end) {
      if (pattern[at + 1] === byte) matched = true;
      at += 2;
    } else if (at + 2 < end && pattern[at + 1] === 0x2d) {
      const low = Math.min(signed(first), signed(pattern[at + 2]!));
      const high = Math.max(signed(first), signed(pattern[at + 2]!));
      if (low <= signed(byte) && signed(byte) <= high) matched = true;
      at += 3;
    } else {
      if (first === byte) matched = true;
      at++;
    }
  }
  const next = at < end ? at + 1 : at;
  return matched !== negated ? next : p;
}
