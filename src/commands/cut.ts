import type { ByteWriter } from "../base/bytes.js";
import type { ErrorKind } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { slotOf } from "../base/slot.js";
import type { Slot } from "../base/units.js";
import { type CommandHeader, type CommandView, writeCommandHeader } from "./command-codec.js";
import type { CommandDefinition } from "./define-command.js";
import { parsedNumber, parseInteger } from "./integer.js";
import { cursorSlot, readCursor } from "./key-cursor.js";
import type { KeyPositions } from "./key-specs.js";

/**
 * Number of keys of a command; a checked one (`commandError` null) has all of them. Where a count of keys is
 * malformed or more than there are, none of those counts: `run` refuses it.
 */
export function keyCount(definition: CommandDefinition, view: CommandView): number {
  const keys = definition.keys;
  if (keys === null) return 0;
  const placed = placedKeys(keys, view.count);
  const { countAt } = keys;
  if (countAt === undefined || countAt > view.count) return placed;
  const counts = parseInteger(view.bytes, view.start(countAt - 1), view.end(countAt - 1));
  if (!counts || parsedNumber < 1 || parsedNumber > view.count - countAt) return placed;
  return placed + parsedNumber;
}

/** How many keys have a position of their own, among `count` arguments. */
export function placedKeys(keys: KeyPositions, count: number): number {
  if (keys.first === 0) return 0;
  const last = keys.last < 0 ? count + keys.last + 1 : Math.min(keys.last, count);
  return last < keys.first ? 0 : Math.floor((last - keys.first) / keys.step) + 1;
}

/** Argument index (from 0, the name excluded) of key `n`. */
export function keyArgument(definition: CommandDefinition, n: number): number {
  const keys = definition.keys!;
  if (keys.countAt === undefined) return keys.first - 1 + n * keys.step;
  const placed = keys.first === 0 ? 0 : keys.last;
  return n < placed ? keys.first - 1 + n : keys.countAt + n - placed;
}

export function keySlot(definition: CommandDefinition, view: CommandView, n: number): Slot {
  const argument = keyArgument(definition, n);
  return slotOf(view.bytes, view.start(argument), view.end(argument));
}

/** Slot of the first key: what a command is routed and recorded by. -1 without keys. */
export function firstKeySlot(definition: CommandDefinition, view: CommandView): Slot | -1 {
  return keyCount(definition, view) === 0 ? -1 : keySlot(definition, view, 0);
}

/**
 * The slot that all keys share, or -1: several slots, or runs on several ranges. What names no key (OBJECT HELP, a
 * malformed number of keys) may run anywhere: 0.
 */
export function sameSlot(definition: CommandDefinition, view: CommandView): Slot | -1 {
  const count = keyCount(definition, view);
  if (count === 0) return definition.cutting === "none" ? 0 : -1;
  const slot = keySlot(definition, view, 0);
  for (let n = 1; n < count; n++) if (keySlot(definition, view, n) !== slot) return -1;
  return slot;
}

/**
 * Writes the command with only the keys `keys[0 .. count)` (numbers of keys, as in `keyArgument`), each with what
 * follows it up to the next key (MSET's value), and with the arguments before the first and after the last key.
 * `header` is often the view itself.
 */
export function writePart(
  out: ByteWriter,
  definition: CommandDefinition,
  view: CommandView,
  header: CommandHeader,
  keys: ArrayLike<number>,
  count = keys.length,
): void {
  const { first, step } = definition.keys!;
  const before = first - 1;
  const behind = Math.min(view.count, before + keyCount(definition, view) * step);
  writeCommandHeader(out, header, before + count * step + (view.count - behind));
  for (let i = 0; i < before; i++) writeArgument(out, view, i);
  for (let i = 0; i < count; i++) {
    const at = keyArgument(definition, keys[i]!);
    for (let j = at; j < at + step; j++) writeArgument(out, view, j);
  }
  for (let i = behind; i < view.count; i++) writeArgument(out, view, i);
}

function writeArgument(out: ByteWriter, view: CommandView, i: number): void {
  const length = view.length(i);
  out.varint(length);
  out.copy(view.bytes, view.start(i), length);
}

/** The slot from which a command with a cursor goes on; 0 where the cursor is malformed, which `run` refuses. */
export function slotOfCursor(view: CommandView): Slot {
  return readCursor(view, 0) ? cursorSlot() : 0;
}

/** An error that needs no state to be seen. */
export interface CommandError {
  readonly kind: ErrorKind;
  readonly message: string | null;
}

/** Redis's text for a wrong number of arguments, without the code. */
export function arityMessage(definition: CommandDefinition): string {
  return `wrong number of arguments for '${definition.name.toLowerCase()}' command`;
}

export const valueTooLargeMessage = "string exceeds maximum allowed size (proto-max-bulk-len)";

/** Checks what can be checked before proposing: number of arguments, lengths of keys and values. */
export function commandError(
  definition: CommandDefinition,
  view: CommandView,
  valueLimitBytes: number = limits.maxValueBytes,
): CommandError | null {
  const count = view.count + 1;
  const { arity, keys } = definition;
  if (arity >= 0 ? count !== arity : count < -arity)
    return { kind: "wrong-arity", message: arityMessage(definition) };
  if (keys !== null) {
    if (keys.last === -1 && (view.count - keys.first + 1) % keys.step !== 0)
      return { kind: "wrong-arity", message: arityMessage(definition) };
    const keysHere = keyCount(definition, view);
    for (let n = 0; n < keysHere; n++) {
      if (view.length(keyArgument(definition, n)) > limits.keyBytes)
        return { kind: "too-large", message: `key exceeds maximum allowed size (${limits.keyBytes} bytes)` };
    }
  }
  for (let i = 0; i < view.count; i++)
    if (view.length(i) > valueLimitBytes) return { kind: "too-large", message: valueTooLargeMessage };
  return null;
}
