import { elementBytes } from "../store/charge.js";
import type { Keyspace } from "../store/keyspace.js";
import {
  collectionAt,
  findKind,
  notPositive,
  readAtLeast,
  readInteger,
  refuseArity,
  replySlice,
  roomForElements,
} from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { parsedNumber } from "./integer.js";
import { keyAt } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";

/** Lists: their ends, and reading by index. */

const list = {
  group: "list",
  keySpecs: [keyAt(1, "RW insert")],
} as const;

function push(
  atHead: boolean,
  onlyIfPresent: boolean,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): void {
  let handle = findKind(keyspace, args, 0, "list", reply);
  if (handle < 0) return;
  if (handle === 0 && onlyIfPresent) {
    reply.integer(0);
    return;
  }
  let bytes = 0;
  for (let i = 1; i < args.count; i++) bytes += elementBytes("list", args.length(i));
  if (!roomForElements(keyspace, args, 0, "list", handle, args.count - 1, bytes, reply)) return;
  handle = collectionAt(keyspace, args, 0, "list", handle);
  for (let i = 1; i < args.count; i++)
    keyspace.listPush(handle, atHead, args.bytes, args.start(i), args.end(i));
  reply.integer(keyspace.lengthOf(handle));
}

const pushing = {
  ...list,
  access: "write",
  fast: true,
  complexity: "O(N) in elements",
  syntax: "key element [element ...]",
  reply: "length after it",
  errors: ["wrong-type", "out-of-memory"],
} as const;

const lpush = defineCommand({
  ...pushing,
  name: "LPUSH",
  opcode: 120,
  summary: "Puts elements before a list, one after the other: the last becomes the head.",
  run: (keyspace, args, reply) => push(true, false, keyspace, args, reply),
});

const rpush = defineCommand({
  ...pushing,
  name: "RPUSH",
  opcode: 121,
  summary: "Puts elements behind a list.",
  run: (keyspace, args, reply) => push(false, false, keyspace, args, reply),
});

const lpushx = defineCommand({
  ...pushing,
  name: "LPUSHX",
  opcode: 122,
  summary: "Puts elements before a list that exists.",
  reply: "length after it, 0 without the list",
  run: (keyspace, args, reply) => push(true, true, keyspace, args, reply),
});

const rpushx = defineCommand({
  ...pushing,
  name: "RPUSHX",
  opcode: 123,
  summary: "Puts elements behind a list that exists.",
  reply: "length after it, 0 without the list",
  run: (keyspace, args, reply) => push(false, true, keyspace, args, reply),
});

/** Replies and removes `count` elements from one end of a list; the key goes with the last one. */
export function popElements(
  keyspace: Keyspace,
  handle: number,
  atHead: boolean,
  count: number,
  reply: ReplySink,
): void {
  const length = keyspace.lengthOf(handle);
  const cursor = keyspace.elements(handle, atHead ? 0 : length - 1, !atHead);
  for (let i = 0; i < count && cursor.next(); i++) replySlice(cursor.member, reply);
  keyspace.listRemove(handle, atHead ? 0 : length - count, count);
  keyspace.dropIfEmpty(handle);
}

function pop(
  definition: CommandDefinition,
  atHead: boolean,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): void {
  if (args.count > 2) {
    refuseArity(definition, reply);
    return;
  }
  const counted = args.count === 2;
  if (counted && !readAtLeast(args, 1, 0, notPositive, reply)) return;
  const wanted = counted ? parsedNumber : 1;
  const handle = findKind(keyspace, args, 0, "list", reply);
  if (handle < 0) return;
  if (handle === 0) {
    if (counted) reply.nilArray();
    else reply.nil();
    return;
  }
  const count = Math.min(wanted, keyspace.lengthOf(handle));
  if (counted) reply.array(count);
  if (count > 0) popElements(keyspace, handle, atHead, count, reply);
}

const popping = {
  ...list,
  access: "write",
  fast: true,
  complexity: "O(N) in elements returned",
  syntax: "key [count]",
  keySpecs: [keyAt(1, "RW access delete")],
  reply: "the element or nil; with a count an array of them",
  errors: ["wrong-arity", "out-of-range", "wrong-type"],
} as const;

const lpop = defineCommand({
  ...popping,
  name: "LPOP",
  opcode: 124,
  summary: "Removes and returns the head of a list, or several from there on.",
  run: (keyspace, args, reply) => pop(lpop, true, keyspace, args, reply),
});

const rpop = defineCommand({
  ...popping,
  name: "RPOP",
  opcode: 125,
  summary: "Removes and returns the tail of a list, or several from there back.",
  run: (keyspace, args, reply) => pop(rpop, false, keyspace, args, reply),
});

const llen = defineCommand({
  ...list,
  name: "LLEN",
  opcode: 126,
  access: "read",
  fast: true,
  complexity: "O(1)",
  summary: "Returns the length of a list.",
  syntax: "key",
  keySpecs: [keyAt(1, "RO")],
  reply: "number of elements, 0 when absent",
  errors: ["wrong-type"],
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "list", reply);
    if (handle >= 0) reply.integer(handle === 0 ? 0 : keyspace.lengthOf(handle));
  },
});

const lindex = defineCommand({
  ...list,
  name: "LINDEX",
  opcode: 127,
  access: "read",
  complexity: "O(log N)",
  summary: "Returns the element at an index; negative ones count from the tail.",
  syntax: "key index",
  keySpecs: [keyAt(1, "RO access")],
  reply: "the element, or nil",
  errors: ["wrong-type", "not-integer"],
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "list", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.nil();
    if (!readInteger(args, 1, reply)) return;
    const length = keyspace.lengthOf(handle);
    const index = parsedNumber < 0 ? length + parsedNumber : parsedNumber;
    if (index < 0 || index >= length) return reply.nil();
    const cursor = keyspace.elements(handle, index, false);
    cursor.next();
    replySlice(cursor.member, reply);
  },
});

const lset = defineCommand({
  ...list,
  name: "LSET",
  opcode: 128,
  access: "write",
  complexity: "O(log N)",
  summary: "Replaces the element at an index.",
  syntax: "key index element",
  keySpecs: [keyAt(1, "RW update")],
  reply: "OK",
  errors: ["no-such-key", "wrong-type", "not-integer", "out-of-range", "out-of-memory"],
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "list", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.error("no-such-key", null);
    if (!readInteger(args, 1, reply)) return;
    const length = keyspace.lengthOf(handle);
    const index = parsedNumber < 0 ? length + parsedNumber : parsedNumber;
    if (index < 0 || index >= length) return reply.error("out-of-range", "index out of range");
    const cursor = keyspace.elements(handle, index, false);
    cursor.next();
    const more = elementBytes("list", args.length(2)) - elementBytes("list", cursor.member.length);
    if (more > 0 && !roomForElements(keyspace, args, 0, "list", handle, 0, more, reply)) return;
    keyspace.listSet(handle, index, args.bytes, args.start(2), args.end(2));
    reply.status("OK");
  },
});

/** The part from argument 1 to argument 2, both included and from the end where negative. */
let partStart = 0;
let partEnd = 0;

function readPart(args: CommandView, reply: ReplySink): boolean {
  if (!readInteger(args, 1, reply)) return false;
  partStart = parsedNumber;
  if (!readInteger(args, 2, reply)) return false;
  partEnd = parsedNumber;
  return true;
}

/** Brings the part into a list of `length`; the number of its elements. */
function fitPart(length: number): number {
  if (partStart < 0) partStart = Math.max(0, length + partStart);
  if (partEnd < 0) partEnd = length + partEnd;
  partEnd = Math.min(partEnd, length - 1);
  return Math.max(0, partEnd - partStart + 1);
}

const lrange = defineCommand({
  ...list,
  name: "LRANGE",
  opcode: 129,
  access: "read",
  complexity: "O(log N + M) in elements returned",
  summary: "Returns the elements from start to stop; negative positions count from the tail.",
  syntax: "key start stop",
  keySpecs: [keyAt(1, "RO access")],
  reply: "array of elements",
  errors: ["not-integer", "wrong-type"],
  run(keyspace, args, reply) {
    if (!readPart(args, reply)) return;
    const handle = findKind(keyspace, args, 0, "list", reply);
    if (handle < 0) return;
    const count = handle === 0 ? 0 : fitPart(keyspace.lengthOf(handle));
    reply.array(count);
    if (count === 0) return;
    const cursor = keyspace.elements(handle, partStart, false);
    for (let i = 0; i < count && cursor.next(); i++) replySlice(cursor.member, reply);
  },
});

const ltrim = defineCommand({
  ...list,
  name: "LTRIM",
  opcode: 130,
  access: "write",
  complexity: "O(N) in elements removed",
  summary: "Keeps only the elements from start to stop.",
  syntax: "key start stop",
  keySpecs: [keyAt(1, "RW delete")],
  reply: "OK",
  errors: ["not-integer", "wrong-type"],
  run(keyspace, args, reply) {
    if (!readPart(args, reply)) return;
    const handle = findKind(keyspace, args, 0, "list", reply);
    if (handle < 0) return;
    if (handle !== 0) {
      const length = keyspace.lengthOf(handle);
      const kept = fitPart(length);
      if (kept === 0) keyspace.remove(handle);
      else {
        const behind = length - 1 - partEnd;
        if (behind > 0) keyspace.listRemove(handle, partEnd + 1, behind);
        if (partStart > 0) keyspace.listRemove(handle, 0, partStart);
      }
    }
    reply.status("OK");
  },
});

export const listCommands: readonly CommandDefinition[] = [
  lpush,
  rpush,
  lpushx,
  rpushx,
  lpop,
  rpop,
  llen,
  lindex,
  lset,
  lrange,
  ltrim,
];
