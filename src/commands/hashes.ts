import { elementBytes } from "../store/charge.js";
import type { Handle, Keyspace } from "../store/keyspace.js";
import { collectionAt, findKind, refuseArity, replySlice, roomForElements } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { keyAt } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";

/** Hashes: reading and writing fields. */

const hash = {
  group: "hash",
  keySpecs: [keyAt(1, "RO access")],
} as const;

const reading = {
  ...hash,
  access: "read",
  fast: true,
  errors: ["wrong-type"],
} as const;

const readingAll = {
  ...reading,
  fast: false,
  complexity: "O(N) in fields",
  syntax: "key",
} as const;

const writing = {
  ...hash,
  access: "write",
  fast: true,
  keySpecs: [keyAt(1, "RW update")],
  errors: ["wrong-type", "out-of-memory"],
} as const;

/**
 * Sets the fields and values that begin at argument 1.
 * @returns how many fields are new, or -1 after replying an error.
 */
function setFields(keyspace: Keyspace, args: CommandView, reply: ReplySink): number {
  let handle = findKind(keyspace, args, 0, "hash", reply);
  if (handle < 0) return -1;
  const { bytes } = args;
  let elements = 0;
  let growth = 0;
  for (let i = 1; i < args.count; i += 2) {
    const wanted = elementBytes("hash", args.length(i), args.length(i + 1));
    const old = handle === 0 ? null : keyspace.hashGet(handle, bytes, args.start(i), args.end(i));
    if (old !== null) growth += Math.max(0, wanted - elementBytes("hash", args.length(i), old.length));
    else {
      elements++;
      growth += wanted;
    }
  }
  if (!roomForElements(keyspace, args, 0, "hash", handle, elements, growth, reply)) return -1;
  handle = collectionAt(keyspace, args, 0, "hash", handle);
  let added = 0;
  for (let i = 1; i < args.count; i += 2)
    if (
      keyspace.hashSet(handle, bytes, args.start(i), args.end(i), bytes, args.start(i + 1), args.end(i + 1))
    )
      added++;
  return added;
}

const hset = defineCommand({
  ...writing,
  name: "HSET",
  opcode: 150,
  complexity: "O(N) in fields",
  summary: "Sets fields of a hash.",
  syntax: "key field value [field value ...]",
  reply: "how many fields are new",
  errors: ["wrong-arity", ...writing.errors],
  run(keyspace, args, reply) {
    if (args.count % 2 === 0) return refuseArity(hset, reply);
    const added = setFields(keyspace, args, reply);
    if (added >= 0) reply.integer(added);
  },
});

const hmset = defineCommand({
  ...hset,
  name: "HMSET",
  opcode: 151,
  summary: "Sets fields of a hash, as HSET does.",
  reply: "OK",
  run(keyspace, args, reply) {
    if (args.count % 2 === 0) return refuseArity(hmset, reply);
    if (setFields(keyspace, args, reply) >= 0) reply.status("OK");
  },
});

const hsetnx = defineCommand({
  ...writing,
  name: "HSETNX",
  opcode: 152,
  complexity: "O(1)",
  summary: "Sets a field only when it is absent.",
  syntax: "key field value",
  keySpecs: [keyAt(1, "RW insert")],
  reply: "1 when it was set, else 0",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    if (handle !== 0 && keyspace.hashGet(handle, args.bytes, args.start(1), args.end(1)) !== null)
      return reply.integer(0);
    if (setFields(keyspace, args, reply) >= 0) reply.integer(1);
  },
});

function replyField(
  keyspace: Keyspace,
  handle: Handle,
  args: CommandView,
  i: number,
  reply: ReplySink,
): void {
  const value = handle === 0 ? null : keyspace.hashGet(handle, args.bytes, args.start(i), args.end(i));
  if (value === null) reply.nil();
  else replySlice(value, reply);
}

const hget = defineCommand({
  ...reading,
  name: "HGET",
  opcode: 153,
  complexity: "O(1)",
  summary: "Returns the value of a field.",
  syntax: "key field",
  reply: "the value, or nil",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle >= 0) replyField(keyspace, handle, args, 1, reply);
  },
});

const hmget = defineCommand({
  ...reading,
  name: "HMGET",
  opcode: 154,
  complexity: "O(N) in fields asked for",
  summary: "Returns the values of several fields.",
  syntax: "key field [field ...]",
  reply: "array of values and nils, in the order of the fields",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    reply.array(args.count - 1);
    for (let i = 1; i < args.count; i++) replyField(keyspace, handle, args, i, reply);
  },
});

const hgetall = defineCommand({
  ...readingAll,
  name: "HGETALL",
  opcode: 155,
  summary: "Returns all fields with their values, in no order.",
  reply: "map of fields to values; in RESP2 an array of both in turns",
  tips: ["nondeterministic_output_order"],
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    reply.map(handle === 0 ? 0 : keyspace.lengthOf(handle));
    if (handle === 0) return;
    const cursor = keyspace.elements(handle, 0, false);
    while (cursor.next()) {
      replySlice(cursor.member, reply);
      replySlice(cursor.value, reply);
    }
  },
});

function replyAll(part: "member" | "value", keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  const handle = findKind(keyspace, args, 0, "hash", reply);
  if (handle < 0) return;
  reply.array(handle === 0 ? 0 : keyspace.lengthOf(handle));
  if (handle === 0) return;
  const cursor = keyspace.elements(handle, 0, false);
  while (cursor.next()) replySlice(cursor[part], reply);
}

const hkeys = defineCommand({
  ...readingAll,
  name: "HKEYS",
  opcode: 156,
  summary: "Returns all fields, in no order.",
  reply: "array of fields",
  tips: ["nondeterministic_output_order"],
  run: (keyspace, args, reply) => replyAll("member", keyspace, args, reply),
});

const hvals = defineCommand({
  ...readingAll,
  name: "HVALS",
  opcode: 157,
  summary: "Returns all values, in the order in which HKEYS returns their fields.",
  reply: "array of values",
  tips: ["nondeterministic_output_order"],
  run: (keyspace, args, reply) => replyAll("value", keyspace, args, reply),
});

const hdel = defineCommand({
  ...hash,
  name: "HDEL",
  opcode: 158,
  access: "write",
  fast: true,
  complexity: "O(N) in fields named",
  summary: "Removes fields; the key goes with the last one.",
  syntax: "key field [field ...]",
  keySpecs: [keyAt(1, "RW delete")],
  reply: "how many were there",
  errors: ["wrong-type"],
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.integer(0);
    let removed = 0;
    for (let i = 1; i < args.count; i++)
      if (keyspace.hashRemove(handle, args.bytes, args.start(i), args.end(i))) removed++;
    if (removed > 0) keyspace.dropIfEmpty(handle);
    reply.integer(removed);
  },
});

const hlen = defineCommand({
  ...reading,
  name: "HLEN",
  opcode: 159,
  complexity: "O(1)",
  summary: "Counts the fields.",
  syntax: "key",
  keySpecs: [keyAt(1, "RO")],
  reply: "number of fields, 0 when absent",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle >= 0) reply.integer(handle === 0 ? 0 : keyspace.lengthOf(handle));
  },
});

const hstrlen = defineCommand({
  ...reading,
  name: "HSTRLEN",
  opcode: 160,
  complexity: "O(1)",
  summary: "Returns the length of a field's value.",
  syntax: "key field",
  keySpecs: [keyAt(1, "RO")],
  reply: "length in bytes, 0 when absent",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.integer(0);
    reply.integer(keyspace.hashGet(handle, args.bytes, args.start(1), args.end(1))?.length ?? 0);
  },
});

const hexists = defineCommand({
  ...reading,
  name: "HEXISTS",
  opcode: 161,
  complexity: "O(1)",
  summary: "Tells whether a field is there.",
  syntax: "key field",
  keySpecs: [keyAt(1, "RO")],
  reply: "1 or 0",
  run(keyspace, args, reply) {
    const handle = findKind(keyspace, args, 0, "hash", reply);
    if (handle < 0) return;
    if (handle === 0) return reply.integer(0);
    reply.integer(keyspace.hashGet(handle, args.bytes, args.start(1), args.end(1)) === null ? 0 : 1);
  },
});

export const hashCommands: readonly CommandDefinition[] = [
  hset,
  hmset,
  hsetnx,
  hget,
  hmget,
  hgetall,
  hkeys,
  hvals,
  hdel,
  hlen,
  hstrlen,
  hexists,
];
