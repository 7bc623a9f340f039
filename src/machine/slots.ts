import { assert } from "../base/assert.js";
import { slotCount } from "../base/slot.js";
import type { Slot } from "../base/units.js";
import type { CommandView } from "../commands/command-codec.js";
import { keyCount, keySlot } from "../commands/cut.js";
import type { CommandDefinition } from "../commands/define-command.js";

/** A run of slots, both ends included. */
export type SlotSpan = readonly [Slot, Slot];

/** What a command without keys is recorded under. */
export const noSlot = slotCount;

export function assertSpan(slots: SlotSpan): void {
  const [first, last] = slots;
  assert(first >= 0 && first <= last && last < slotCount, `slots ${first}..${last} are a run`);
}

/** Whether every key of the command lies in the range; so does a command without keys. */
export function keysLieIn(slots: SlotSpan, definition: CommandDefinition, view: CommandView): boolean {
  const count = keyCount(definition, view);
  for (let n = 0; n < count; n++) {
    const slot = keySlot(definition, view, n);
    if (slot < slots[0] || slot > slots[1]) return false;
  }
  return true;
}
