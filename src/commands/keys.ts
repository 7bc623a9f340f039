import type { Keyspace } from "../store/keyspace.js";
import { noDeadline } from "../store/keyspace.js";
import { deadlineMs, findKey, isWord, quoted, readDeadline, remainingMs } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { keyAt, keysFrom } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";

/** Keys of any type: removing, testing, deadlines. */

function removeAll(keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  let removed = 0;
  for (let i = 0; i < args.count; i++) {
    const handle = findKey(keyspace, args, i);
    if (handle === 0) continue;
    keyspace.remove(handle);
    removed++;
  }
  reply.integer(removed);
}

const del = defineCommand({
  name: "DEL",
  opcode: 40,
  group: "keyspace",
  access: "write",
  complexity: "O(N) in keys",
  summary: "Removes keys.",
  syntax: "key [key ...]",
  keySpecs: [keysFrom(1, "RM delete")],
  cutting: "sum",
  reply: "how many were there",
  errors: [],
  tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
  run: removeAll,
});

const unlink = defineCommand({
  ...del,
  name: "UNLINK",
  opcode: 41,
  fast: true,
  summary: "Removes keys, as DEL does.",
});

const exists = defineCommand({
  name: "EXISTS",
  opcode: 42,
  group: "keyspace",
  access: "read",
  fast: true,
  complexity: "O(N) in keys",
  summary: "Counts which keys are there; one named twice counts twice.",
  syntax: "key [key ...]",
  keySpecs: [keysFrom(1, "RO")],
  looks: true,
  cutting: "sum",
  reply: "how many are there",
  errors: [],
  tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
  run(keyspace, args, reply) {
    let found = 0;
    for (let i = 0; i < args.count; i++) if (findKey(keyspace, args, i) !== 0) found++;
    reply.integer(found);
  },
});

const type = defineCommand({
  name: "TYPE",
  opcode: 43,
  group: "keyspace",
  access: "read",
  fast: true,
  complexity: "O(1)",
  summary: "Returns the type of a key's value.",
  syntax: "key",
  keySpecs: [keyAt(1, "RO")],
  looks: true,
  reply: "string, list, hash, set, zset or none",
  errors: [],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    reply.status(handle === 0 ? "none" : keyspace.kindOf(handle));
  },
});

/** Which of NX, XX, GT and LT were given. */
const conditions = { absent: 1, present: 2, greater: 4, less: 8 } as const;

/** @returns the conditions from argument `from` on, or -1 after replying an error. */
function readConditions(args: CommandView, from: number, reply: ReplySink): number {
  let flags = 0;
  for (let i = from; i < args.count; i++) {
    if (isWord(args, i, "NX")) flags |= conditions.absent;
    else if (isWord(args, i, "XX")) flags |= conditions.present;
    else if (isWord(args, i, "GT")) flags |= conditions.greater;
    else if (isWord(args, i, "LT")) flags |= conditions.less;
    else {
      reply.error("invalid-argument", `Unsupported option ${quoted(args, i)}`);
      return -1;
    }
  }
  const others = conditions.present | conditions.greater | conditions.less;
  if (flags & conditions.absent && flags & others) {
    reply.error("invalid-argument", "NX and XX, GT or LT options at the same time are not compatible");
    return -1;
  }
  if (flags & conditions.greater && flags & conditions.less) {
    reply.error("invalid-argument", "GT and LT options at the same time are not compatible");
    return -1;
  }
  return flags;
}

function expireKey(
  definition: CommandDefinition,
  unitMs: 1 | 1000,
  absolute: boolean,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): void {
  const flags = readConditions(args, 2, reply);
  if (flags < 0) return;
  if (!readDeadline(definition, args, 1, unitMs, absolute ? 0 : keyspace.nowMs, true, reply)) return;
  const handle = findKey(keyspace, args, 0);
  if (handle === 0) {
    reply.integer(0);
    return;
  }
  const current = keyspace.deadlineOf(handle);
  // No deadline counts as infinitely late: never below GT, always above LT.
  const refused =
    (flags & conditions.absent && current !== noDeadline) ||
    (flags & conditions.present && current === noDeadline) ||
    (flags & conditions.greater && (current === noDeadline || deadlineMs <= current)) ||
    (flags & conditions.less && current !== noDeadline && deadlineMs >= current);
  if (refused) {
    reply.integer(0);
    return;
  }
  if (deadlineMs <= keyspace.nowMs) keyspace.remove(handle);
  else keyspace.setDeadline(handle, deadlineMs);
  reply.integer(1);
}

const expiring = {
  group: "keyspace",
  access: "write",
  fast: true,
  complexity: "O(1)",
  keySpecs: [keyAt(1, "RW update")],
  reply: "1 when the deadline was set or the key removed, else 0",
  errors: ["not-integer", "invalid-argument"],
} as const;

const expire = defineCommand({
  ...expiring,
  name: "EXPIRE",
  opcode: 44,
  summary: "Sets a key's time to live in seconds; one that is past removes the key.",
  syntax: "key seconds [NX | XX | GT | LT]",
  run: (keyspace, args, reply) => expireKey(expire, 1000, false, keyspace, args, reply),
});

const pexpire = defineCommand({
  ...expiring,
  name: "PEXPIRE",
  opcode: 45,
  summary: "Sets a key's time to live in milliseconds.",
  syntax: "key milliseconds [NX | XX | GT | LT]",
  run: (keyspace, args, reply) => expireKey(pexpire, 1, false, keyspace, args, reply),
});

const expireat = defineCommand({
  ...expiring,
  name: "EXPIREAT",
  opcode: 46,
  summary: "Sets a key's deadline as unix time in seconds.",
  syntax: "key unix-time-seconds [NX | XX | GT | LT]",
  run: (keyspace, args, reply) => expireKey(expireat, 1000, true, keyspace, args, reply),
});

const pexpireat = defineCommand({
  ...expiring,
  name: "PEXPIREAT",
  opcode: 47,
  summary: "Sets a key's deadline as unix time in milliseconds.",
  syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
  run: (keyspace, args, reply) => expireKey(pexpireat, 1, true, keyspace, args, reply),
});

const asking = {
  group: "keyspace",
  access: "read",
  fast: true,
  complexity: "O(1)",
  syntax: "key",
  keySpecs: [keyAt(1, "RO access")],
  looks: true,
  errors: [],
} as const;

/** Redis's rounding: to the nearest second. */
function seconds(milliseconds: number): number {
  return Math.floor((milliseconds + 500) / 1000);
}

const expiretime = defineCommand({
  ...asking,
  name: "EXPIRETIME",
  opcode: 48,
  summary: "Returns a key's deadline as unix time in seconds.",
  reply: "unix time in seconds; -1 without a deadline, -2 without the key",
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (handle === 0) return reply.integer(-2);
    const deadline = keyspace.deadlineOf(handle);
    reply.integer(deadline === noDeadline ? -1 : seconds(deadline));
  },
});

const pexpiretime = defineCommand({
  ...asking,
  name: "PEXPIRETIME",
  opcode: 49,
  summary: "Returns a key's deadline as unix time in milliseconds.",
  reply: "unix time in milliseconds; -1 without a deadline, -2 without the key",
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (handle === 0) return reply.integer(-2);
    const deadline = keyspace.deadlineOf(handle);
    reply.integer(deadline === noDeadline ? -1 : deadline);
  },
});

const ttl = defineCommand({
  ...asking,
  name: "TTL",
  opcode: 50,
  summary: "Returns what is left of a key's time to live in seconds, at least 1.",
  reply: "seconds; -1 without a deadline, -2 without the key",
  tips: ["nondeterministic_output"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (handle === 0) return reply.integer(-2);
    const left = remainingMs(keyspace, handle);
    reply.integer(left < 0 ? -1 : Math.max(1, seconds(left)));
  },
});

const pttl = defineCommand({
  ...asking,
  name: "PTTL",
  opcode: 51,
  summary: "Returns what is left of a key's time to live in milliseconds, at least 1.",
  reply: "milliseconds; -1 without a deadline, -2 without the key",
  tips: ["nondeterministic_output"],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    reply.integer(handle === 0 ? -2 : remainingMs(keyspace, handle));
  },
});

const persist = defineCommand({
  ...expiring,
  name: "PERSIST",
  opcode: 52,
  summary: "Clears a key's deadline.",
  syntax: "key",
  reply: "1 when there was one, else 0",
  errors: [],
  run(keyspace, args, reply) {
    const handle = findKey(keyspace, args, 0);
    if (handle === 0 || keyspace.deadlineOf(handle) === noDeadline) return reply.integer(0);
    keyspace.setDeadline(handle, noDeadline);
    reply.integer(1);
  },
});

export const keyCommands: readonly CommandDefinition[] = [
  del,
  unlink,
  exists,
  type,
  expire,
  pexpire,
  expireat,
  pexpireat,
  expiretime,
  pexpiretime,
  ttl,
  pttl,
  persist,
];
