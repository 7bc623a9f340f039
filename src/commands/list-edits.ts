import { elementBytes } from "../store/charge.js";
import type { Keyspace } from "../store/keyspace.js";
import {
  collectionAt,
  findKind,
  isWord,
  readAtLeast,
  readInteger,
  roomForElements,
  sameBytes,
} from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { keyCount } from "./cut.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { parsedNumber } from "./integer.js";
import { countedKeys, keyAt } from "./key-specs.js";
import { popElements } from "./lists.js";
import type { ReplySink } from "./reply-sink.js";

/** Lists: finding elements by value, and moving them between lists. */

const list = {
  group: "list",
  keySpecs: [keyAt(1, "RW access delete"), keyAt(2, "RW insert")],
} as const;

const linsert = defineCommand({
  ...list,
  name: "LINSERT",
  opcode: 131,
  access: "write",
  complexity: "O(N) in elements before the pivot",
  summary: "Inserts an element before or after the first one that equals the pivot.",
  syntax: "key <BEFORE | AFTER> pivot element",
  keySpecs: [keyAt(1, "RW insert")],
  reply: "length after it; -1 without the pivot, 0 without the list",
  errors: ["syntax", "wrong-type", "out-of-memory"],
  run(keyspace, args, reply) {
    const after = isWord(args, 1, "AFTER");
    if (!after && !isWord(args, 1, "BEFORE")) return reply.error("syntax", null);
    const handle = findKind(keyspace, args, 0, "list", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.integer(0);
    const cursor = keyspace.elements(handle, 0, false);
    let index = 0;
    for (;;) {
      if (!cursor.next()) return reply.integer(-1);
      if (sameBytes(cursor.member, args, 2)) break;
      index++;
    }
    const bytes = elementBytes("list", args.length(3));
    if (!roomForElements(keyspace, args, 0, "list", handle, 1, bytes, reply)) return;
    keyspace.listInsert(handle, after ? index + 1 : index, args.bytes, args.start(3), args.end(3));
    reply.integer(keyspace.lengthOf(handle));
  },
});

const lrem = defineCommand({
  ...list,
  name: "LREM",
  opcode: 132,
  access: "write",
  complexity: "O(N) in elements",
  summary: "Removes elements that equal a value: the first count, the last for a negative one, all for 0.",
  syntax: "key count element",
  keySpecs: [keyAt(1, "RW delete")],
  reply: "how many were removed",
  errors: ["not-integer", "wrong-type"],
  run(keyspace, args, reply) {
    if (!readInteger(args, 1, reply)) return;
    const backwards = parsedNumber < 0;
    const most = parsedNumber === 0 ? Number.POSITIVE_INFINITY : Math.abs(parsedNumber);
    const handle = findKind(keyspace, args, 0, "list", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.integer(0);
    const last = keyspace.lengthOf(handle) - 1;
    const cursor = keyspace.elements(handle, backwards ? last : 0, backwards);
    const found: number[] = [];
    for (let step = 0; found.length < most && cursor.next(); step++)
      if (sameBytes(cursor.member, args, 2)) found.push(backwards ? last - step : step);
    if (!backwards) found.reverse();
    for (const index of found) keyspace.listRemove(handle, index, 1);
    if (found.length > 0) keyspace.dropIfEmpty(handle);
    reply.integer(found.length);
  },
});

/** The options of LPOS, reused from call to call. */
const search = { rank: 1, count: -1, mostCompared: 0 };
const zeroRank =
  "RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
  "or use negative to start from the end of the list";

function readSearch(args: CommandView, reply: ReplySink): boolean {
  search.rank = 1;
  search.count = -1;
  search.mostCompared = 0;
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 === args.count) {
      reply.error("syntax", null);
      return false;
    }
    if (isWord(args, i, "RANK")) {
      if (!readInteger(args, i + 1, reply)) return false;
      search.rank = parsedNumber;
      if (search.rank === 0) {
        reply.error("invalid-argument", zeroRank);
        return false;
      }
    } else if (isWord(args, i, "COUNT")) {
      if (!readAtLeast(args, i + 1, 0, "COUNT can't be negative", reply)) return false;
      search.count = parsedNumber;
    } else if (isWord(args, i, "MAXLEN")) {
      if (!readAtLeast(args, i + 1, 0, "MAXLEN can't be negative", reply)) return false;
      search.mostCompared = parsedNumber;
    } else {
      reply.error("syntax", null);
      return false;
    }
  }
  return true;
}

const lpos = defineCommand({
  ...list,
  name: "LPOS",
  opcode: 133,
  access: "read",
  complexity: "O(N) in elements compared",
  summary: "Finds the index of an element: the first match, the rank-th, or several.",
  syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
  keySpecs: [keyAt(1, "RO access")],
  reply: "the index or nil; with COUNT an array of them",
  errors: ["syntax", "not-integer", "out-of-range", "invalid-argument", "wrong-type"],
  run(keyspace, args, reply) {
    if (!readSearch(args, reply)) return;
    const { mostCompared, count } = search;
    const backwards = search.rank < 0;
    const rank = Math.abs(search.rank);
    const handle = findKind(keyspace, args, 0, "list", reply);
    if (handle < 0) return;
    const found: number[] = [];
    if (handle !== 0) {
      const last = keyspace.lengthOf(handle) - 1;
      const wanted = count < 0 ? 1 : count === 0 ? Number.POSITIVE_INFINITY : count;
      const cursor = keyspace.elements(handle, backwards ? last : 0, backwards);
      let matches = 0;
      for (let step = 0; (mostCompared === 0 || step < mostCompared) && cursor.next(); step++) {
        if (!sameBytes(cursor.member, args, 1) || ++matches < rank) continue;
        found.push(backwards ? last - step : step);
        if (found.length === wanted) break;
      }
    }
    if (count >= 0) {
      reply.array(found.length);
      for (const index of found) reply.integer(index);
    } else if (found.length > 0) reply.integer(found[0]!);
    else reply.nil();
  },
});

/** Whether argument i says the head; null after replying a syntax error. */
function readEnd(args: CommandView, i: number, reply: ReplySink): boolean | null {
  if (isWord(args, i, "LEFT")) return true;
  if (isWord(args, i, "RIGHT")) return false;
  reply.error("syntax", null);
  return null;
}

/** Moves an element from one end of the list under argument 0 to one end of that under argument 1. */
function move(
  fromHead: boolean,
  toHead: boolean,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): void {
  const source = findKind(keyspace, args, 0, "list", reply);
  if (source < 0) return;
  if (source === 0) {
    reply.nil();
    return;
  }
  const target = findKind(keyspace, args, 1, "list", reply);
  if (target < 0) return;
  const length = keyspace.lengthOf(source);
  const index = fromHead ? 0 : length - 1;
  const cursor = keyspace.elements(source, index, false);
  cursor.next();
  const { bytes, offset, length: size } = cursor.member;
  const element = bytes.slice(offset, offset + size);
  if (source === target) {
    reply.bulk(element, 0, size);
    keyspace.listRemove(source, index, 1);
    keyspace.listPush(source, toHead, element, 0, size);
    return;
  }
  const growth = keyspace.growthOf("list", target, args.length(1), 1, elementBytes("list", size));
  if (!keyspace.makeRoom(growth, source, target)) {
    reply.error("out-of-memory", null);
    return;
  }
  reply.bulk(element, 0, size);
  if (target !== 0) keyspace.listPush(target, toHead, element, 0, size);
  keyspace.listRemove(source, index, 1);
  keyspace.dropIfEmpty(source);
  // A new key comes last: it may void the handle of the source.
  if (target === 0) keyspace.listPush(collectionAt(keyspace, args, 1, "list", 0), toHead, element, 0, size);
}

const moving = {
  ...list,
  access: "write",
  complexity: "O(1)",
  reply: "the element, or nil",
  errors: ["syntax", "wrong-type", "out-of-memory"],
} as const;

const lmove = defineCommand({
  ...moving,
  name: "LMOVE",
  opcode: 134,
  summary: "Moves an element from one end of a list to one end of another, or of the same.",
  syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
  run(keyspace, args, reply) {
    const fromHead = readEnd(args, 2, reply);
    if (fromHead === null) return;
    const toHead = readEnd(args, 3, reply);
    if (toHead !== null) move(fromHead, toHead, keyspace, args, reply);
  },
});

const rpoplpush = defineCommand({
  ...moving,
  name: "RPOPLPUSH",
  opcode: 135,
  summary: "Moves the tail of a list to the head of another: LMOVE with RIGHT LEFT.",
  syntax: "source destination",
  errors: ["wrong-type", "out-of-memory"],
  run: (keyspace, args, reply) => move(false, true, keyspace, args, reply),
});

const lmpop = defineCommand({
  ...list,
  name: "LMPOP",
  opcode: 136,
  access: "write",
  complexity: "O(N + M) in keys and elements returned",
  summary: "Removes and returns elements from one end of the first list that isn't empty.",
  syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
  keySpecs: [countedKeys(1, "RW access delete")],
  reply: "the key and an array of elements; a nil array when all are empty",
  errors: ["out-of-range", "syntax", "wrong-type"],
  run(keyspace, args, reply) {
    if (!readAtLeast(args, 0, 1, "numkeys should be greater than 0", reply)) return;
    const keys = keyCount(lmpop, args);
    if (keys === 0 || keys + 1 >= args.count) return reply.error("syntax", null);
    const atHead = readEnd(args, keys + 1, reply);
    if (atHead === null) return;
    let most = 1;
    if (args.count > keys + 2) {
      if (args.count < keys + 4 || !isWord(args, keys + 2, "COUNT")) return reply.error("syntax", null);
      if (!readAtLeast(args, keys + 3, 1, "count should be greater than 0", reply)) return;
      if (args.count > keys + 4) return reply.error("syntax", null);
      most = parsedNumber;
    }
    for (let i = 1; i <= keys; i++) {
      const handle = findKind(keyspace, args, i, "list", reply);
      if (handle < 0) return;
      if (handle === 0) continue;
      const count = Math.min(most, keyspace.lengthOf(handle));
      reply.array(2);
      reply.bulk(args.bytes, args.start(i), args.length(i));
      reply.array(count);
      popElements(keyspace, handle, atHead, count, reply);
      return;
    }
    reply.nilArray();
  },
});

export const listEditCommands: readonly CommandDefinition[] = [linsert, lrem, lpos, lmove, rpoplpush, lmpop];
