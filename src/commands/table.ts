import { assert } from "../base/assert.js";
import { bitCommands } from "./bits.js";
import type { CommandDefinition } from "./define-command.js";
import { hashEditCommands } from "./hash-edits.js";
import { hashCommands } from "./hashes.js";
import { keySpaceCommands } from "./key-space.js";
import { keyCommands } from "./keys.js";
import { listEditCommands } from "./list-edits.js";
import { listCommands } from "./lists.js";
import { revisionCommands } from "./revisions.js";
import { serverCommands } from "./server-commands.js";
import { setAlgebraCommands } from "./set-algebra.js";
import { setCommands } from "./sets.js";
import { sortedSetAlgebraCommands } from "./sorted-set-algebra.js";
import { sortedSetRangeCommands } from "./sorted-set-ranges.js";
import { sortedSetCommands } from "./sorted-sets.js";
import { stringEditCommands } from "./string-edits.js";
import { stringCommands } from "./strings.js";

/** Every command that a range runs, by rising opcode: protocols, documents and rights derive from it. */
export const commandTable: readonly CommandDefinition[] = [
  ...stringCommands,
  ...stringEditCommands,
  ...bitCommands,
  ...keyCommands,
  ...keySpaceCommands,
  ...serverCommands,
  ...revisionCommands,
  ...listCommands,
  ...listEditCommands,
  ...hashCommands,
  ...hashEditCommands,
  ...setCommands,
  ...setAlgebraCommands,
  ...sortedSetCommands,
  ...sortedSetRangeCommands,
  ...sortedSetAlgebraCommands,
];

const byOpcode: (CommandDefinition | null)[] = [];
const byName = new Map<string, CommandDefinition>();
let longestName = 0;
for (const definition of commandTable) {
  assert((byOpcode[definition.opcode] ?? null) === null, `opcode ${definition.opcode} is used once`);
  while (byOpcode.length <= definition.opcode) byOpcode.push(null);
  byOpcode[definition.opcode] = definition;
  byName.set(definition.name, definition);
  longestName = Math.max(longestName, definition.name.length);
}

export function commandByOpcode(opcode: number): CommandDefinition | null {
  return byOpcode[opcode] ?? null;
}

/** In any case. */
export function commandByName(name: string): CommandDefinition | null {
  return byName.get(name.toUpperCase()) ?? null;
}

interface HashedName {
  readonly name: Uint8Array;
  readonly definition: CommandDefinition;
}

/** Open hash table over upper-cased names, so that finding one makes no string. */
const nameTable: (HashedName | null)[] = new Array<HashedName | null>(512).fill(null);
for (const definition of commandTable) {
  const name = Uint8Array.from(definition.name, (letter) => letter.charCodeAt(0));
  let place = nameHash(name, 0, name.length);
  while (nameTable[place] !== null) place = (place + 1) & (nameTable.length - 1);
  nameTable[place] = { name, definition };
}

function upper(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte;
}

function nameHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ upper(bytes[i]!), 0x0100_0193);
  return (hash ^ (hash >>> 15)) & 511;
}

/** Finds a command by the bytes of its name, in any case. */
export function findCommand(bytes: Uint8Array, start: number, end: number): CommandDefinition | null {
  if (end - start > longestName) return null;
  let place = nameHash(bytes, start, end);
  for (let entry = nameTable[place]; entry; entry = nameTable[place]) {
    if (sameName(entry.name, bytes, start, end)) return entry.definition;
    place = (place + 1) & (nameTable.length - 1);
  }
  return null;
}

function sameName(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== upper(bytes[start + i]!)) return false;
  return true;
}
