import type { Handle, Keyspace } from "../store/keyspace.js";
import { findKind, isWord, readAtLeast, storeDetached } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { keyCount } from "./cut.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { parsedNumber } from "./integer.js";
import { countedKeys, keyAt, keysFrom } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";
import { replyMembers } from "./sets.js";

/** Sets: intersection, union and difference. */

type Operation = "intersect" | "unite" | "subtract";

/** The sets of the last `findSets`, 0 where absent; reused from call to call. */
const sets: Handle[] = [];

/** Finds the sets under arguments [from, to), or replies WRONGTYPE. */
function findSets(
  keyspace: Keyspace,
  args: CommandView,
  from: number,
  to: number,
  reply: ReplySink,
): boolean {
  sets.length = 0;
  for (let i = from; i < to; i++) {
    const handle = findKind(keyspace, args, i, "set", reply);
    if (handle < 0) return false;
    sets.push(handle);
  }
  return true;
}

/** Moves the smallest set to the front, from where an intersection starts; false when one is absent. */
function startWithSmallest(keyspace: Keyspace): boolean {
  let smallest = 0;
  for (let i = 0; i < sets.length; i++) {
    if (sets[i] === 0) return false;
    if (keyspace.lengthOf(sets[i]!) < keyspace.lengthOf(sets[smallest]!)) smallest = i;
  }
  const first = sets[0]!;
  sets[0] = sets[smallest]!;
  sets[smallest] = first;
  return true;
}

/** Whether a member of the first set is in all others, or with `wanted` false in none of them. */
function othersHave(
  keyspace: Keyspace,
  bytes: Uint8Array,
  start: number,
  end: number,
  wanted: boolean,
): boolean {
  for (let i = 1; i < sets.length; i++) {
    const other = sets[i]!;
    const has = other !== 0 && (other === sets[0] || keyspace.setHas(other, bytes, start, end));
    if (has !== wanted) return false;
  }
  return true;
}

/** The result of an operation on `sets`, as a detached set. */
function compute(keyspace: Keyspace, operation: Operation): Handle {
  switch (operation) {
    case "intersect":
      return filtered(keyspace, startWithSmallest(keyspace) ? sets[0]! : 0, true);
    case "unite":
      return united(keyspace);
    case "subtract":
      return subtracted(keyspace);
  }
}

/** Those of a set that all others have, or none of them. */
function filtered(keyspace: Keyspace, source: Handle, wanted: boolean): Handle {
  const result = keyspace.createDetached("set");
  if (source === 0) return result;
  const cursor = keyspace.elements(source, 0, false);
  while (cursor.next()) {
    const { bytes, offset, length } = cursor.member;
    const end = offset + length;
    if (othersHave(keyspace, bytes, offset, end, wanted)) keyspace.setAdd(result, bytes, offset, end);
  }
  return result;
}

/** Adds to a copy of the largest set what the others have. */
function united(keyspace: Keyspace): Handle {
  let largest = 0;
  for (const set of sets) if (lengthOf(keyspace, set) > lengthOf(keyspace, largest)) largest = set;
  if (largest === 0) return keyspace.createDetached("set");
  const result = keyspace.copyDetached(largest);
  for (const source of sets) {
    if (source === 0 || source === largest) continue;
    const cursor = keyspace.elements(source, 0, false);
    while (cursor.next()) {
      const { bytes, offset, length } = cursor.member;
      keyspace.setAdd(result, bytes, offset, offset + length);
    }
  }
  return result;
}

/** Takes out of a copy of the first set what the others have, where that is less than to go through the first one. */
function subtracted(keyspace: Keyspace): Handle {
  const [first, ...others] = sets;
  let steps = 0;
  for (const other of others) steps += other === first ? Number.POSITIVE_INFINITY : lengthOf(keyspace, other);
  if (steps >= lengthOf(keyspace, first!)) return filtered(keyspace, first!, false);
  const result = keyspace.copyDetached(first!);
  for (const other of others) {
    if (other === 0) continue;
    const cursor = keyspace.elements(other, 0, false);
    while (cursor.next()) {
      const { bytes, offset, length } = cursor.member;
      keyspace.setRemove(result, bytes, offset, offset + length);
    }
  }
  return result;
}

function lengthOf(keyspace: Keyspace, handle: Handle): number {
  return handle === 0 ? 0 : keyspace.lengthOf(handle);
}

function answer(operation: Operation, keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  if (!findSets(keyspace, args, 0, args.count, reply)) return;
  const result = compute(keyspace, operation);
  try {
    replyMembers(keyspace, result, reply);
  } finally {
    keyspace.discard(result);
  }
}

function store(operation: Operation, keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  if (findSets(keyspace, args, 1, args.count, reply))
    storeDetached(keyspace, args, 0, compute(keyspace, operation), reply);
}

const answering = {
  group: "set",
  access: "read",
  syntax: "key [key ...]",
  keySpecs: [keysFrom(1, "RO access")],
  reply: "set of members",
  errors: ["wrong-type"],
} as const;

const storing = {
  ...answering,
  access: "write",
  syntax: "destination key [key ...]",
  keySpecs: [keyAt(1, "OW update"), keysFrom(2, "RO access")],
  reply: "number of members of the result; an empty one removes the destination",
  errors: ["wrong-type", "out-of-memory"],
} as const;

const sinter = defineCommand({
  ...answering,
  name: "SINTER",
  opcode: 190,
  complexity: "O(N * M) in the smallest set and the number of sets",
  summary: "Returns what all sets have in common.",
  tips: ["nondeterministic_output_order"],
  run: (keyspace, args, reply) => answer("intersect", keyspace, args, reply),
});

const sinterstore = defineCommand({
  ...storing,
  name: "SINTERSTORE",
  opcode: 191,
  complexity: "O(N * M) in the smallest set and the number of sets",
  summary: "Stores what all sets have in common.",
  keySpecs: [keyAt(1, "RW update"), keysFrom(2, "RO access")],
  run: (keyspace, args, reply) => store("intersect", keyspace, args, reply),
});

const sunion = defineCommand({
  ...answering,
  name: "SUNION",
  opcode: 192,
  complexity: "O(N) in all members",
  summary: "Returns what any of the sets has.",
  tips: ["nondeterministic_output_order"],
  run: (keyspace, args, reply) => answer("unite", keyspace, args, reply),
});

const sunionstore = defineCommand({
  ...storing,
  name: "SUNIONSTORE",
  opcode: 193,
  complexity: "O(N) in all members",
  summary: "Stores what any of the sets has.",
  run: (keyspace, args, reply) => store("unite", keyspace, args, reply),
});

const sdiff = defineCommand({
  ...answering,
  name: "SDIFF",
  opcode: 194,
  complexity: "O(N * M) in the first set and the number of sets",
  summary: "Returns what the first set has and the others don't.",
  tips: ["nondeterministic_output_order"],
  run: (keyspace, args, reply) => answer("subtract", keyspace, args, reply),
});

const sdiffstore = defineCommand({
  ...storing,
  name: "SDIFFSTORE",
  opcode: 195,
  complexity: "O(N * M) in the first set and the number of sets",
  summary: "Stores what the first set has and the others don't.",
  run: (keyspace, args, reply) => store("subtract", keyspace, args, reply),
});

const sintercard = defineCommand({
  ...answering,
  name: "SINTERCARD",
  opcode: 196,
  complexity: "O(N * M) in the smallest set and the number of sets",
  summary: "Counts what all sets have in common, up to a limit; 0 is none.",
  syntax: "numkeys key [key ...] [LIMIT limit]",
  keySpecs: [countedKeys(1, "RO access")],
  reply: "number of members",
  errors: ["out-of-range", "invalid-argument", "syntax", "wrong-type"],
  run(keyspace, args, reply) {
    if (!readAtLeast(args, 0, 1, "numkeys should be greater than 0", reply)) return;
    const keys = keyCount(sintercard, args);
    if (keys === 0)
      return reply.error("invalid-argument", "Number of keys can't be greater than number of args");
    let limit = Number.POSITIVE_INFINITY;
    for (let i = keys + 1; i < args.count; i += 2) {
      if (i + 1 === args.count || !isWord(args, i, "LIMIT")) return reply.error("syntax", null);
      if (!readAtLeast(args, i + 1, 0, "LIMIT can't be negative", reply)) return;
      limit = parsedNumber === 0 ? Number.POSITIVE_INFINITY : parsedNumber;
    }
    if (!findSets(keyspace, args, 1, keys + 1, reply)) return;
    if (!startWithSmallest(keyspace)) return reply.integer(0);
    let count = 0;
    const cursor = keyspace.elements(sets[0]!, 0, false);
    while (count < limit && cursor.next()) {
      const { bytes, offset, length } = cursor.member;
      if (othersHave(keyspace, bytes, offset, offset + length, true)) count++;
    }
    reply.integer(count);
  },
});

export const setAlgebraCommands: readonly CommandDefinition[] = [
  sinter,
  sinterstore,
  sunion,
  sunionstore,
  sdiff,
  sdiffstore,
  sintercard,
];
