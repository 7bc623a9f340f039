/**
 * Redis's glob patterns (`*`, `?`, `[a-z]`, `[^a]`, `\x`) over text, without regard to the case of ASCII letters.
 * Only the last `*` is ever tried again, so the work is at most pattern times text (safety 76).
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const lowerPattern = pattern.toLowerCase();
  const lowerText = text.toLowerCase();
  let at = 0;
  let p = 0;
  let starPattern = -1;
  let starText = 0;
  while (at < lowerText.length) {
    if (lowerPattern[p] === "*") {
      starPattern = ++p;
      starText = at;
      continue;
    }
    const next = matchOne(lowerPattern, p, lowerText[at]!);
    if (next > p) {
      p = next;
      at++;
      continue;
    }
    if (starPattern < 0) return false;
    p = starPattern;
    at = ++starText;
  }
  while (lowerPattern[p] === "*") p++;
  return p >= lowerPattern.length;
}

/** Position in the pattern after the element at `p`, or `p` itself when it doesn't match. */
function matchOne(pattern: string, p: number, character: string): number {
  const element = pattern[p];
  if (element === undefined) return p;
  if (element === "?") return p + 1;
  if (element === "\\" && p + 1 < pattern.length) return pattern[p + 1] === character ? p + 2 : p;
  if (element !== "[") return element === character ? p + 1 : p;
  let at = p + 1;
  const negated = pattern[at] === "^";
  if (negated) at++;
  let matched = false;
  while (at < pattern.length && pattern[at] !== "]") {
    if (pattern[at] === "\\" && at + 1 < pattern.length) at++;
    const low = pattern[at]!;
    if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      const high = pattern[at + 2]!;
      if ((low <= character && character <= high) || (high <= character && character <= low)) matched = true;
      at += 3;
    } else {
      if (low === character) matched = true;
      at++;
    }
  }
  const next = at < pattern.length ? at + 1 : at;
  return matched !== negated ? next : p;
}
