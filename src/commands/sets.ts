import { elementBytes } from "../store/charge.js";
import type { Handle, Keyspace } from "../store/keyspace.js";
import {
  collectionAt,
  findKind,
  notPositive,
  readAtLeast,
  readSignedCount,
  replySlice,
  roomForElements,
} from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { drawIndex, drawIndexes } from "./draws.js";
import { replyDrawnElements, replyOneDrawn } from "./element-draw.js";
import { scanElements } from "./element-scan.js";
import { parsedNumber } from "./integer.js";
import { keyAt } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";

/** Sets: members, and members at random. */

const set = {
  group: "set",
  keySpecs: [keyAt(1, "RO access")],
} as const;

const reading = {
  ...set,
  access: "read",
  fast: true,
  errors: ["wrong-type"],
} as const;

const removing = {
  ...set,
  access: "write",
  fast: true,
} as const;

const sadd = defineCommand({
  ...set,
  name: "SADD",
  opcode: 180,
  access: "write",
  fast: true,
  complexity: "O(N) in members named",
  summary: "Adds members to a set.",
  syntax: "key member [member ...]",
  keySpecs: [keyAt(1, "RW insert")],
  reply: "how many are new",
  errors: ["wrong-type", "out-of-memory"],
  run(keyspace, args, reply) {
    let handle = findKind(keyspace, args, 0, "set", reply);
    if (handle < 0) return;
    let bytes = 0;
    for (let i = 1; i < args.count; i++) bytes += elementBytes("set", args.length(i));
    if (!roomForElements(keyspace, args, 0, "set", handle, args.count - 1, bytes, reply)) return;
    handle = collectionAt(keyspace, args, 0, "set", handle);
    let added = 0;
    for (let i = 1; i < args.count; i++)
      if (keyspace.setAdd(handle, args.bytes, args.start(i), args.end(i))) added++;
    reply.integer(added);
  },
});

const srem = defineCommand({
  ...removing,
  name: "SREM",
  opcode: 181,
  complexity: "O(N) in members named",
  summary: "Removes members; the key goes with the last one.",
  syntax: "key member [member ...]",
  keySpecs: [keyAt(1, "RW delete")],
  reply: "how many were there",
  errors: ["wrong-type"],
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "set", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.integer(0);
    let removed = 0;
    for (let i = 1; i < args.count; i++)
      if (keyspace.setRemove(handle, args.bytes, args.start(i), args.end(i))) removed++;
    if (removed > 0) keyspace.dropIfEmpty(handle);
    reply.integer(removed);
  },
});

function has(keyspace: Keyspace, handle: Handle, args: CommandView, i: number): boolean {
  return handle !== 0 && keyspace.setHas(handle, args.bytes, args.start(i), args.end(i));
}

const sismember = defineCommand({
  ...reading,
  name: "SISMEMBER",
  opcode: 182,
  complexity: "O(1)",
  summary: "Tells whether something is a member.",
  syntax: "key member",
  keySpecs: [keyAt(1, "RO")],
  reply: "1 or 0",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "set", reply);
    if (handle >= 0) reply.integer(has(keyspace, handle, args, 1) ? 1 : 0);
  },
});

const smismember = defineCommand({
  ...reading,
  name: "SMISMEMBER",
  opcode: 183,
  complexity: "O(N) in members asked for",
  summary: "Tells of several things whether they are members.",
  syntax: "key member [member ...]",
  reply: "array of 1 and 0",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "set", reply);
    if (handle < 0) return;
    reply.array(args.count - 1);
    for (let i = 1; i < args.count; i++) reply.integer(has(keyspace, handle, args, i) ? 1 : 0);
  },
});

const scard = defineCommand({
  ...reading,
  name: "SCARD",
  opcode: 184,
  complexity: "O(1)",
  summary: "Counts the members.",
  syntax: "key",
  keySpecs: [keyAt(1, "RO")],
  reply: "number of members, 0 when absent",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "set", reply);
    if (handle >= 0) reply.integer(handle === 0 ? 0 : keyspace.lengthOf(handle));
  },
});

/** Replies all members of a set, 0 for none. */
export function replyMembers(keyspace: Keyspace, handle: Handle, reply: ReplySink): void {
  reply.set(handle === 0 ? 0 : keyspace.lengthOf(handle));
  if (handle === 0) return;
  const cursor = keyspace.elements(handle, 0, false);
  while (cursor.next()) replySlice(cursor.member, reply);
}

const smembers = defineCommand({
  ...reading,
  name: "SMEMBERS",
  opcode: 185,
  fast: false,
  complexity: "O(N) in members",
  summary: "Returns all members, in no order.",
  syntax: "key",
  reply: "set of members",
  tips: ["nondeterministic_output_order"],
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "set", reply);
    if (handle >= 0) replyMembers(keyspace, handle, reply);
  },
});

/** Replies and removes the members at these rising indexes. */
function popMembers(keyspace: Keyspace, handle: Handle, indexes: readonly number[], reply: ReplySink): void {
  const members = indexes.map((index) => {
    const cursor = keyspace.elements(handle, index, false);
    cursor.next();
    const { bytes, offset, length } = cursor.member;
    return bytes.slice(offset, offset + length);
  });
  for (const member of members) reply.bulk(member, 0, member.length);
  for (const member of members) keyspace.setRemove(handle, member, 0, member.length);
  keyspace.dropIfEmpty(handle);
}

const spop = defineCommand({
  ...removing,
  name: "SPOP",
  opcode: 186,
  complexity: "O(N) in members returned",
  summary: "Removes and returns members at random; the same ones on every replica.",
  syntax: "key [count]",
  keySpecs: [keyAt(1, "RW access delete")],
  reply: "the member or nil; with a count a set of them",
  errors: ["syntax", "out-of-range", "wrong-type"],
  tips: ["nondeterministic_output"],
  run(keyspace, args, reply) {
    if (args.count > 2) return reply.error("syntax", null);
    if (args.count === 2 && !readAtLeast(args, 1, 0, notPositive, reply)) return;
    const wanted = parsedNumber;
    const handle = findKind(keyspace, args, 0, "set", reply);
    if (handle < 0) return;
    const size = handle === 0 ? 0 : keyspace.lengthOf(handle);
    if (args.count === 1) {
      if (handle === 0) reply.nil();
      else popMembers(keyspace, handle, [drawIndex(keyspace, size)], reply);
      return;
    }
    const count = Math.min(wanted, size);
    if (count === 0) return reply.set(0);
    if (count === size) {
      replyMembers(keyspace, handle, reply);
      keyspace.remove(handle);
      return;
    }
    reply.set(count);
    popMembers(keyspace, handle, drawIndexes(keyspace, count, size), reply);
  },
});

const srandmember = defineCommand({
  ...reading,
  name: "SRANDMEMBER",
  opcode: 187,
  fast: false,
  complexity: "O(N) in members returned",
  summary: "Returns members at random: one, or count different ones, or for a negative count any.",
  syntax: "key [count]",
  reply: "the member or nil; with a count an array of them",
  errors: ["syntax", "not-integer", "out-of-range", "wrong-type", "reply-too-large"],
  tips: ["nondeterministic_output"],
  run(keyspace, args, reply) {
    if (args.count > 2) return reply.error("syntax", null);
    if (args.count === 2 && !readSignedCount(args, 1, reply)) return;
    const count = parsedNumber;
    const handle = findKind(keyspace, args, 0, "set", reply);
    if (handle < 0) return;
    if (args.count === 1) replyOneDrawn(keyspace, handle, reply);
    else replyDrawnElements(keyspace, handle, count, "none", reply);
  },
});

const smove = defineCommand({
  ...set,
  name: "SMOVE",
  opcode: 188,
  access: "write",
  fast: true,
  complexity: "O(1)",
  summary: "Moves a member from one set to another.",
  syntax: "source destination member",
  keySpecs: [keyAt(1, "RW access delete"), keyAt(2, "RW insert")],
  reply: "1 when it was there, else 0",
  errors: ["wrong-type", "out-of-memory"],
  denyoom: false,
  run(keyspace, args, reply) {
    const source = findKind(keyspace, args, 0, "set", reply);
    if (source < 0) return;
    if (source === 0) return reply.integer(0);
    const target = findKind(keyspace, args, 1, "set", reply);
    if (target < 0) return;
    const isThere = has(keyspace, source, args, 2);
    if (!isThere || source === target) return reply.integer(isThere ? 1 : 0);
    const growth = keyspace.growthOf("set", target, args.length(1), 1, elementBytes("set", args.length(2)));
    if (!keyspace.makeRoom(growth, source, target)) return reply.error("out-of-memory", null);
    if (target !== 0) keyspace.setAdd(target, args.bytes, args.start(2), args.end(2));
    keyspace.setRemove(source, args.bytes, args.start(2), args.end(2));
    keyspace.dropIfEmpty(source);
    // A new key comes last: it may void the handle of the source.
    if (target === 0)
      keyspace.setAdd(collectionAt(keyspace, args, 1, "set", 0), args.bytes, args.start(2), args.end(2));
    reply.integer(1);
  },
});

const sscan = defineCommand({
  ...reading,
  name: "SSCAN",
  opcode: 189,
  fast: false,
  complexity: "O(count) a call",
  summary: "Goes over the members in steps; those there all the time are seen, some perhaps twice.",
  syntax: "key cursor [MATCH pattern] [COUNT count]",
  reply: "the next cursor, 0 at the end, and an array of members",
  errors: ["invalid-argument", "wrong-type", "not-integer", "syntax"],
  tips: ["nondeterministic_output"],
  run: (keyspace, args, reply) => scanElements("set", keyspace, args, reply),
});

export const setCommands: readonly CommandDefinition[] = [
  sadd,
  srem,
  sismember,
  smismember,
  scard,
  smembers,
  spop,
  srandmember,
  smove,
  sscan,
];
