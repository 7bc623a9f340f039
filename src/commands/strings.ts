import type { Handle, Keyspace } from "../store/keyspace.js";
import { noDeadline } from "../store/keyspace.js";
import {
  deadlineMs,
  findKey,
  isStringOrAbsent,
  isValueLength,
  readDeadline,
  refuseArity,
  replyString,
  roomForString,
  store,
} from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { keyAt, keysFrom } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";
import { readStringOptions } from "./string-options.js";

/**
 * Strings: reading and writing whole values. Where a write answers with a value, the answer is written before
 * the first change: a bounded sink may refuse it, and then nothing has happened.
 */

const get = defineCommand({
  name: "GET",
  opcode: 1,
  group: "string",
  access: "read",
  fast: true,
  complexity: "O(1)",
  summary: "Returns the value of a key.",
  syntax: "key",
  keySpecs: [keyAt(1, "RO access")],
  reply: "the value, or nil",
  errors: ["wrong-type"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (isStringOrAbsent(keyspace, handle, reply)) replyString(keyspace, handle, reply);
  },
});

const set = defineCommand({
  name: "SET",
  opcode: 2,
  group: "string",
  access: "write",
  complexity: "O(1)",
  summary: "Sets the value of a key, whatever it held; its deadline goes unless KEEPTTL is given.",
  syntax:
    "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
  keySpecs: [keyAt(1, "RW access update variable_flags")],
  reply: "OK; nil when NX or XX refused; with GET the old value or nil",
  errors: ["syntax", "not-integer", "invalid-argument", "wrong-type", "out-of-memory", "too-large"],
  run(keyspace, args, reply) {
    const options = readStringOptions(args, 2, "set");
    if (options === null) return reply.error("syntax", null);
    if (options.expiry >= 0) {
      const baseMs = options.absolute ? 0 : keyspace.nowMs;
      if (!readDeadline(set, args, options.expiry, options.unitMs, baseMs, false, reply)) return;
    }
    if (!isValueLength(keyspace, args.length(1), reply)) return;
    const handle = findKey(keyspace, args, 0);
    if (options.returnOld && !isStringOrAbsent(keyspace, handle, reply)) return;
    if (handle === 0 ? options.onlyIfPresent : options.onlyIfAbsent) {
      if (options.returnOld) replyString(keyspace, handle, reply);
      else reply.nil();
      return;
    }
    if (!roomForString(keyspace, args, 0, handle, args.length(1), reply)) return;
    let deadline = noDeadline;
    if (options.expiry >= 0) deadline = deadlineMs;
    else if (options.keepDeadline && handle !== 0) deadline = keyspace.deadlineOf(handle);
    if (options.returnOld) replyString(keyspace, handle, reply);
    store(keyspace, args, 0, 1, deadline);
    if (!options.returnOld) reply.status("OK");
  },
});

const setnx = defineCommand({
  name: "SETNX",
  opcode: 3,
  group: "string",
  access: "write",
  fast: true,
  complexity: "O(1)",
  summary: "Sets the value of a key only when it is absent.",
  syntax: "key value",
  keySpecs: [keyAt(1, "OW insert")],
  reply: "1 when it was set, else 0",
  errors: ["out-of-memory", "too-large"],
  run(keyspace, args, reply) {
    if (!isValueLength(keyspace, args.length(1), reply)) return;
    if (findKey(keyspace, args, 0) !== 0) return reply.integer(0);
    if (!roomForString(keyspace, args, 0, 0, args.length(1), reply)) return;
    store(keyspace, args, 0, 1, noDeadline);
    reply.integer(1);
  },
});

function setWithDeadline(
  definition: CommandDefinition,
  unitMs: 1 | 1000,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): void {
  if (!readDeadline(definition, args, 1, unitMs, keyspace.nowMs, false, reply)) return;
  if (!isValueLength(keyspace, args.length(2), reply)) return;
  const handle = findKey(keyspace, args, 0);
  if (!roomForString(keyspace, args, 0, handle, args.length(2), reply)) return;
  store(keyspace, args, 0, 2, deadlineMs);
  reply.status("OK");
}

const setex = defineCommand({
  name: "SETEX",
  opcode: 4,
  group: "string",
  access: "write",
  complexity: "O(1)",
  summary: "Sets the value of a key and its time to live in seconds.",
  syntax: "key seconds value",
  keySpecs: [keyAt(1, "OW update")],
  reply: "OK",
  errors: ["not-integer", "invalid-argument", "out-of-memory", "too-large"],
  run: (keyspace, args, reply) => setWithDeadline(setex, 1000, keyspace, args, reply),
});

const psetex = defineCommand({
  name: "PSETEX",
  opcode: 5,
  group: "string",
  access: "write",
  complexity: "O(1)",
  summary: "Sets the value of a key and its time to live in milliseconds.",
  syntax: "key milliseconds value",
  keySpecs: [keyAt(1, "OW update")],
  reply: "OK",
  errors: ["not-integer", "invalid-argument", "out-of-memory", "too-large"],
  run: (keyspace, args, reply) => setWithDeadline(psetex, 1, keyspace, args, reply),
});

const getset = defineCommand({
  name: "GETSET",
  opcode: 6,
  group: "string",
  access: "write",
  fast: true,
  complexity: "O(1)",
  summary: "Sets the value of a key and returns the old one; the deadline goes.",
  syntax: "key value",
  keySpecs: [keyAt(1, "RW access update")],
  reply: "the old value, or nil",
  errors: ["wrong-type", "out-of-memory", "too-large"],
  run(keyspace, args, reply) {
    if (!isValueLength(keyspace, args.length(1), reply)) return;
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    if (!roomForString(keyspace, args, 0, handle, args.length(1), reply)) return;
    replyString(keyspace, handle, reply);
    store(keyspace, args, 0, 1, noDeadline);
  },
});

const getdel = defineCommand({
  name: "GETDEL",
  opcode: 7,
  group: "string",
  access: "write",
  fast: true,
  complexity: "O(1)",
  summary: "Returns the value of a key and removes the key.",
  syntax: "key",
  keySpecs: [keyAt(1, "RW access delete")],
  reply: "the value, or nil",
  errors: ["wrong-type"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    replyString(keyspace, handle, reply);
    if (handle !== 0) keyspace.remove(handle);
  },
});

const getex = defineCommand({
  name: "GETEX",
  opcode: 8,
  group: "string",
  access: "write",
  fast: true,
  complexity: "O(1)",
  summary: "Returns the value of a key, and may set or clear its deadline.",
  syntax:
    "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
  keySpecs: [keyAt(1, "RW access update")],
  reply: "the value, or nil",
  errors: ["syntax", "not-integer", "invalid-argument", "wrong-type"],
  run(keyspace, args, reply) {
    const options = readStringOptions(args, 1, "getex");
    if (options === null) return reply.error("syntax", null);
    const handle = findKey(keyspace, args, 0);
    if (handle === 0) return reply.nil();
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    if (options.expiry >= 0) {
      const baseMs = options.absolute ? 0 : keyspace.nowMs;
      if (!readDeadline(getex, args, options.expiry, options.unitMs, baseMs, false, reply)) return;
    }
    replyString(keyspace, handle, reply);
    if (options.expiry >= 0) {
      if (deadlineMs <= keyspace.nowMs) keyspace.remove(handle);
      else keyspace.setDeadline(handle, deadlineMs);
    } else if (options.persist && keyspace.deadlineOf(handle) !== noDeadline)
      keyspace.setDeadline(handle, noDeadline);
  },
});

const mget = defineCommand({
  name: "MGET",
  opcode: 9,
  group: "string",
  access: "read",
  fast: true,
  complexity: "O(N) in keys",
  summary: "Returns the values of keys.",
  syntax: "key [key ...]",
  keySpecs: [keysFrom(1, "RO access")],
  cutting: "array",
  reply: "array of values, nil for each absent key or other type",
  errors: [],
  tips: ["request_policy:multi_shard"],
  run(keyspace, args, reply) {
    reply.array(args.count);
    for (let i = 0; i < args.count; i++) {
      const handle = findKey(keyspace, args, i);
      if (handle !== 0 && keyspace.kindOf(handle) !== "string") reply.nil();
      else replyString(keyspace, handle, reply);
    }
  },
});

/**
 * Checks sizes and makes room for all pairs. What each pair saves over the old value isn't set against the growth
 * of others: a key given twice would be credited twice.
 */
function roomForPairs(keyspace: Keyspace, args: CommandView, reply: ReplySink): boolean {
  for (let i = 0; i < args.count; i += 2)
    if (!isValueLength(keyspace, args.length(i + 1), reply)) return false;
  // A key that was to be overwritten may be evicted for it, and then needs all of its room: until none goes any more.
  for (;;) {
    const { revision } = keyspace;
    if (!keyspace.makeRoom(growthOfPairs(keyspace, args), 0)) {
      reply.error("out-of-memory", null);
      return false;
    }
    if (keyspace.revision === revision) return true;
  }
}

function growthOfPairs(keyspace: Keyspace, args: CommandView): number {
  let growth = 0;
  for (let i = 0; i < args.count; i += 2) {
    const handle: Handle = findKey(keyspace, args, i);
    const charge = keyspace.stringCharge(args.length(i), args.length(i + 1), false);
    growth += handle === 0 ? charge : Math.max(0, charge - keyspace.chargeOf(handle));
  }
  return growth;
}

const mset = defineCommand({
  name: "MSET",
  opcode: 10,
  group: "string",
  access: "write",
  complexity: "O(N) in keys",
  summary: "Sets the values of keys.",
  syntax: "key value [key value ...]",
  keySpecs: [keysFrom(1, "OW update", 2)],
  cutting: "status",
  reply: "OK",
  errors: ["wrong-arity", "out-of-memory", "too-large"],
  tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
  run(keyspace, args, reply) {
    if (args.count % 2 !== 0) return refuseArity(mset, reply);
    if (!roomForPairs(keyspace, args, reply)) return;
    for (let i = 0; i < args.count; i += 2) store(keyspace, args, i, i + 1, noDeadline);
    reply.status("OK");
  },
});

const msetnx = defineCommand({
  name: "MSETNX",
  opcode: 11,
  group: "string",
  access: "write",
  complexity: "O(N) in keys",
  summary: "Sets the values of keys only when none of them is there.",
  syntax: "key value [key value ...]",
  keySpecs: [keysFrom(1, "OW insert", 2)],
  reply: "1 when all were set, 0 when none was",
  errors: ["wrong-arity", "out-of-memory", "too-large", "cross-slot"],
  tips: ["request_policy:multi_shard", "response_policy:agg_min"],
  run(keyspace, args, reply) {
    if (args.count % 2 !== 0) return refuseArity(msetnx, reply);
    for (let i = 0; i < args.count; i += 2) if (findKey(keyspace, args, i) !== 0) return reply.integer(0);
    if (!roomForPairs(keyspace, args, reply)) return;
    for (let i = 0; i < args.count; i += 2) store(keyspace, args, i, i + 1, noDeadline);
    reply.integer(1);
  },
});

export const stringCommands: readonly CommandDefinition[] = [
  get,
  set,
  setnx,
  setex,
  psetex,
  getset,
  getdel,
  getex,
  mget,
  mset,
  msetnx,
];
