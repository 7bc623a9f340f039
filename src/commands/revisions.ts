import { noDeadline } from "../store/keyspace.js";
import {
  deadlineMs,
  findKey,
  isStringOrAbsent,
  isValueLength,
  isWord,
  readDeadline,
  readInteger,
  remainingMs,
  roomForString,
  store,
} from "./arguments.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { parsedBig, parsedNumber } from "./integer.js";
import { keyAt } from "./key-specs.js";

/** Our own commands on revisions: compare-and-set for every protocol that has one. */

const cas = defineCommand({
  name: "QUORATE.CAS",
  opcode: 100,
  group: "string",
  access: "write",
  fast: true,
  complexity: "O(1)",
  summary: "Sets the value of a key when its revision is the given one; 0 stands for an absent key.",
  syntax: "key revision value [PX milliseconds | KEEPTTL]",
  keySpecs: [keyAt(1, "RW update")],
  reply: "the key's new revision",
  errors: [
    "syntax",
    "not-integer",
    "invalid-argument",
    "revision-mismatch",
    "wrong-type",
    "too-large",
    "out-of-memory",
  ],
  run(keyspace, args, reply) {
    const keep = args.count === 4 && isWord(args, 3, "KEEPTTL");
    const expires = args.count === 5 && isWord(args, 3, "PX");
    if (args.count > 3 && !keep && !expires) return reply.error("syntax", null);
    if (!readInteger(args, 1, reply)) return;
    const expected = parsedBig === null ? parsedNumber : -1;
    if (expires && !readDeadline(cas, args, 4, 1, keyspace.nowMs, false, reply)) return;
    if (!isValueLength(keyspace, args.length(2), reply)) return;
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    if ((handle === 0 ? 0 : keyspace.revisionOf(handle)) !== expected)
      return reply.error("revision-mismatch", null);
    if (!roomForString(keyspace, args, 0, handle, args.length(2), reply)) return;
    let deadline = noDeadline;
    if (expires) deadline = deadlineMs;
    else if (keep && handle !== 0) deadline = keyspace.deadlineOf(handle);
    const stored = store(keyspace, args, 0, 2, deadline);
    reply.integer(keyspace.revisionOf(stored));
  },
});

const cad = defineCommand({
  name: "QUORATE.CAD",
  opcode: 101,
  group: "keyspace",
  access: "write",
  fast: true,
  complexity: "O(1)",
  summary: "Removes a key when its revision is the given one.",
  syntax: "key revision",
  keySpecs: [keyAt(1, "RW delete")],
  reply: "1",
  errors: ["not-integer", "revision-mismatch"],
  run(keyspace, args, reply) {
    if (!readInteger(args, 1, reply)) return;
    const expected = parsedBig === null ? parsedNumber : -1;
    const handle = findKey(keyspace, args, 0);
    if (handle === 0 || keyspace.revisionOf(handle) !== expected)
      return reply.error("revision-mismatch", null);
    keyspace.remove(handle);
    reply.integer(1);
  },
});

const getrev = defineCommand({
  name: "QUORATE.GETREV",
  opcode: 102,
  group: "string",
  access: "read",
  fast: true,
  complexity: "O(1)",
  summary: "Returns a key's value, revision and what is left of its time to live.",
  syntax: "key",
  keySpecs: [keyAt(1, "RO access")],
  reply: "array of value, revision, milliseconds or -1; a nil array when absent",
  errors: ["wrong-type"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (!isStringOrAbsent(keyspace, handle, reply)) return;
    if (handle === 0) return reply.nilArray();
    const value = keyspace.stringOf(handle);
    reply.array(3);
    reply.bulk(value.bytes, value.offset, value.length);
    reply.integer(keyspace.revisionOf(handle));
    reply.integer(remainingMs(keyspace, handle));
  },
});

export const revisionCommands: readonly CommandDefinition[] = [cas, cad, getrev];
