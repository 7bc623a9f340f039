import { isWord } from "./arguments.js";
import type { CommandView } from "./command-codec.js";

/** The options of SET and GETEX, reused from call to call. */
export interface StringOptions {
  onlyIfAbsent: boolean;
  onlyIfPresent: boolean;
  returnOld: boolean;
  keepDeadline: boolean;
  persist: boolean;
  /** Argument of the expiry, -1 none. */
  expiry: number;
  unitMs: 1 | 1000;
  absolute: boolean;
}

const options: StringOptions = {
  onlyIfAbsent: false,
  onlyIfPresent: false,
  returnOld: false,
  keepDeadline: false,
  persist: false,
  expiry: -1,
  unitMs: 1,
  absolute: false,
};

/**
 * Reads options from argument `from` on; which of them exclude one another is Redis 7.0's
 * parseExtendedStringArgumentsOrReply. An expiry of the same unit may be given twice: the last counts.
 * @returns null for a syntax error.
 */
export function readStringOptions(
  view: CommandView,
  from: number,
  command: "set" | "getex",
): StringOptions | null {
  const set = command === "set";
  options.onlyIfAbsent = false;
  options.onlyIfPresent = false;
  options.returnOld = false;
  options.keepDeadline = false;
  options.persist = false;
  options.expiry = -1;
  for (let i = from; i < view.count; i++) {
    if (set && !options.onlyIfPresent && isWord(view, i, "NX")) options.onlyIfAbsent = true;
    else if (set && !options.onlyIfAbsent && isWord(view, i, "XX")) options.onlyIfPresent = true;
    else if (set && isWord(view, i, "GET")) options.returnOld = true;
    else if (set && options.expiry < 0 && isWord(view, i, "KEEPTTL")) options.keepDeadline = true;
    else if (!set && options.expiry < 0 && isWord(view, i, "PERSIST")) options.persist = true;
    else if (options.keepDeadline || options.persist || i + 1 >= view.count) return null;
    else if (isWord(view, i, "EX") && useExpiry(1000, false, i + 1)) i++;
    else if (isWord(view, i, "PX") && useExpiry(1, false, i + 1)) i++;
    else if (isWord(view, i, "EXAT") && useExpiry(1000, true, i + 1)) i++;
    else if (isWord(view, i, "PXAT") && useExpiry(1, true, i + 1)) i++;
    else return null;
  }
  return options;
}

/** False when an expiry of another unit was given before. */
function useExpiry(unitMs: 1 | 1000, absolute: boolean, argument: number): boolean {
  if (options.expiry >= 0 && (options.unitMs !== unitMs || options.absolute !== absolute)) return false;
  options.expiry = argument;
  options.unitMs = unitMs;
  options.absolute = absolute;
  return true;
}
