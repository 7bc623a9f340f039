import { slotCount } from "../base/slot.js";
import type { Slot } from "../base/units.js";
import type { CommandView } from "./command-codec.js";

/**
 * Cursors of SCAN and its like, read as Redis reads them. SCAN's are positions of `KeyCursor`: slot * 2^39 + the first
 * 39 bits of a key's hash, so they mean the same on every replica, after growth, snapshots and restarts.
 */
const slotScale = 2 ** 39;

/** The last cursor that `readCursor` read; above 2^53 - 1 it is 2^53. */
export let cursor = 0;

/** Reads argument i as strtoul does: an empty one is 0, a sign is taken. @returns false for "invalid cursor". */
export function readCursor(view: CommandView, i: number): boolean {
  const end = view.end(i);
  let at = view.start(i);
  let negative = false;
  cursor = 0;
  if (at === end) return true;
  const sign = view.bytes[at];
  if (sign === 0x2d || sign === 0x2b) {
    negative = sign === 0x2d;
    at++;
  }
  if (at === end) return false;
  let exact = 0n;
  for (; at < end; at++) {
    const digit = view.bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    if (cursor < 1e14) cursor = cursor * 10 + digit;
    else {
      if (exact === 0n) exact = BigInt(cursor);
      exact = exact * 10n + BigInt(digit);
      if (exact >= 2n ** 64n) return false;
      cursor = Number(exact);
    }
  }
  if ((negative && cursor > 0) || cursor > Number.MAX_SAFE_INTEGER) cursor = 2 ** 53;
  return true;
}

/** The slot of the last cursor read; the last slot where the cursor is past the end. */
export function cursorSlot(): Slot {
  return Math.min(slotCount - 1, Math.floor(cursor / slotScale));
}

/** The cursor from which a slot begins. */
export function slotCursor(slot: Slot): number {
  return slot * slotScale;
}
