import { utf8Bytes } from "../base/bytes.js";
import type { ByteSlice, Handle, Keyspace } from "../store/keyspace.js";
import { findKey, isWord, quoted, readInteger, replySlice, sameBytes } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import { matchesPattern, readScanOptions, replyCursor, scanOptions } from "./element-scan.js";
import { parsedNumber } from "./integer.js";
import { cursor as cursorRead, readCursor } from "./key-cursor.js";
import { keyAt, keysFrom } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";

/** Keys of any type: moving and copying, going over all of them, looking inside. */

/** Makes room for the value of `source` under key argument 1, or replies out-of-memory. */
function roomForValue(keyspace: Keyspace, args: CommandView, source: number, reply: ReplySink): boolean {
  const target = findKey(keyspace, args, 1);
  const growth =
    keyspace.chargeUnderKey(source, args.length(1)) - (target === 0 ? 0 : keyspace.chargeOf(target));
  if (keyspace.makeRoom(growth, source, target)) return true;
  reply.error("out-of-memory", null);
  return false;
}

function sameKeys(args: CommandView): boolean {
  keySlice.bytes = args.bytes;
  keySlice.offset = args.start(0);
  keySlice.length = args.length(0);
  return sameBytes(keySlice, args, 1);
}
const keySlice: ByteSlice = { bytes: new Uint8Array(0), offset: 0, length: 0 };

const copy = defineCommand({
  name: "COPY",
  opcode: 53,
  group: "keyspace",
  access: "write",
  complexity: "O(N) in the size of the value",
  summary: "Copies a value and its deadline to another key.",
  syntax: "source destination [DB destination-db] [REPLACE]",
  keySpecs: [keyAt(1, "RO access"), keyAt(2, "OW update")],
  reply: "1 when it was copied; 0 without the source, or when the destination exists",
  errors: ["syntax", "not-integer", "out-of-range", "invalid-argument", "out-of-memory"],
  run(keyspace, args, reply) {
    let replace = false;
    for (let i = 2; i < args.count; i++) {
      if (isWord(args, i, "REPLACE")) replace = true;
      else if (isWord(args, i, "DB") && i + 1 < args.count) {
        if (!readInteger(args, ++i, reply)) return;
        if (Math.abs(parsedNumber) > 0x7fff_ffff) return reply.error("not-integer", null);
        if (parsedNumber !== 0) return reply.error("out-of-range", "DB index is out of range");
      } else return reply.error("syntax", null);
    }
    if (sameKeys(args)) return reply.error("invalid-argument", "source and destination objects are the same");
    const source = findKey(keyspace, args, 0);
    if (source === 0) return reply.integer(0);
    if (!replace && findKey(keyspace, args, 1) !== 0) return reply.integer(0);
    if (!roomForValue(keyspace, args, source, reply)) return;
    keyspace.copy(source, args.bytes, args.start(1), args.end(1));
    reply.integer(1);
  },
});

function rename(onlyIfAbsent: boolean, keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  const source = findKey(keyspace, args, 0);
  if (source === 0) {
    reply.error("no-such-key", null);
    return;
  }
  const same = sameKeys(args);
  if (!same) {
    if (onlyIfAbsent && findKey(keyspace, args, 1) !== 0) {
      reply.integer(0);
      return;
    }
    // Both old entries go in the same change, so only what it is charged more under its new name needs room.
    const target = findKey(keyspace, args, 1);
    const freed = keyspace.chargeOf(source) + (target === 0 ? 0 : keyspace.chargeOf(target));
    if (!keyspace.makeRoom(keyspace.chargeUnderKey(source, args.length(1)) - freed, source, target)) {
      reply.error("out-of-memory", null);
      return;
    }
    keyspace.rename(source, args.bytes, args.start(1), args.end(1));
  }
  if (!onlyIfAbsent) reply.status("OK");
  else reply.integer(same ? 0 : 1);
}

const renaming = {
  group: "keyspace",
  access: "write",
  complexity: "O(1)",
  syntax: "key newkey",
  errors: ["no-such-key", "out-of-memory"],
  denyoom: false,
} as const;

const renameKey = defineCommand({
  ...renaming,
  name: "RENAME",
  opcode: 54,
  summary: "Gives a value another key, whatever that held; the deadline goes along.",
  keySpecs: [keyAt(1, "RW access delete"), keyAt(2, "OW update")],
  reply: "OK",
  run: (keyspace, args, reply) => rename(false, keyspace, args, reply),
});

const renamenx = defineCommand({
  ...renaming,
  name: "RENAMENX",
  opcode: 55,
  fast: true,
  summary: "Gives a value another key that is absent.",
  keySpecs: [keyAt(1, "RW access delete"), keyAt(2, "OW insert")],
  reply: "1 when it was renamed, 0 when the new key exists",
  run: (keyspace, args, reply) => rename(true, keyspace, args, reply),
});

const touch = defineCommand({
  name: "TOUCH",
  opcode: 56,
  group: "keyspace",
  access: "read",
  fast: true,
  complexity: "O(N) in keys",
  summary: "Counts which keys are there, and marks them as used.",
  syntax: "key [key ...]",
  keySpecs: [keysFrom(1, "RO")],
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

const randomkey = defineCommand({
  name: "RANDOMKEY",
  opcode: 57,
  group: "keyspace",
  access: "read",
  complexity: "O(ranges)",
  summary: "Returns a key at random.",
  syntax: "",
  keySpecs: [],
  cutting: "any-reply",
  reply: "a key; nil when there is none",
  errors: [],
  tips: ["request_policy:all_shards", "nondeterministic_output"],
  run(keyspace, _args, reply) {
    const handle = keyspace.randomKey();
    if (handle === 0) reply.nil();
    else replySlice(keyspace.keyOf(handle), reply);
  },
});

const keys = defineCommand({
  name: "KEYS",
  opcode: 58,
  group: "keyspace",
  access: "read",
  dangerous: true,
  complexity: "O(N) in all keys",
  summary: "Returns the keys that match a pattern; SCAN does it without holding up others.",
  syntax: "pattern",
  keySpecs: [],
  cutting: "every-range",
  reply: "array of keys",
  errors: [],
  tips: ["request_policy:all_shards", "nondeterministic_output_order"],
  run(keyspace, args, reply) {
    scanOptions.pattern = 0;
    const matching: Handle[] = [];
    const cursor = keyspace.keysFrom(0);
    while (cursor.next())
      if (matchesPattern(args, cursor.key.bytes, cursor.key.offset, cursor.key.length))
        matching.push(cursor.handle);
    reply.array(matching.length);
    for (const handle of matching) replySlice(keyspace.keyOf(handle), reply);
  },
});

/** Whether the key matches pattern and type, as far as these were given. */
function isWanted(
  keyspace: Keyspace,
  args: CommandView,
  handle: number,
  key: { readonly bytes: Uint8Array; readonly offset: number; readonly length: number },
): boolean {
  if (!matchesPattern(args, key.bytes, key.offset, key.length)) return false;
  return scanOptions.type < 0 || isWord(args, scanOptions.type, keyspace.kindOf(handle).toUpperCase());
}

const scan = defineCommand({
  name: "SCAN",
  opcode: 59,
  group: "keyspace",
  access: "read",
  complexity: "O(count) a call",
  summary:
    "Goes over all keys in steps, one range after the other; those there all the time are seen, some perhaps twice.",
  syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
  keySpecs: [],
  cutting: "cursor",
  reply: "the next cursor, 0 at the end, and an array of keys",
  errors: ["invalid-argument", "not-integer", "syntax"],
  tips: ["nondeterministic_output", "request_policy:special"],
  run(keyspace, args, reply) {
    if (!readCursor(args, 0)) return reply.error("invalid-argument", "invalid cursor");
    const from = cursorRead;
    if (!readScanOptions(args, 1, true, reply)) return;
    const { count } = scanOptions;
    const past = from > Number.MAX_SAFE_INTEGER;
    let seen = 0;
    let matching = 0;
    let next = 0;
    let cursor = keyspace.keysFrom(from);
    for (let last = -1; !past && cursor.next(); last = cursor.position) {
      if (seen >= count && cursor.position !== last) {
        next = last + 1;
        break;
      }
      seen++;
      if (isWanted(keyspace, args, cursor.handle, cursor.key)) matching++;
    }
    reply.array(2);
    replyCursor(next, reply);
    reply.array(matching);
    if (matching === 0) return;
    cursor = keyspace.keysFrom(from);
    for (let i = 0; i < seen && cursor.next(); i++)
      if (isWanted(keyspace, args, cursor.handle, cursor.key)) replySlice(cursor.key, reply);
  },
});

function refuseSubcommand(container: string, args: CommandView, reply: ReplySink): void {
  reply.error("unknown-command", `unknown subcommand '${quoted(args, 0)}'. Try ${container} HELP.`);
}

function replyLines(lines: readonly string[], reply: ReplySink): void {
  reply.array(lines.length);
  for (const line of lines) reply.status(line);
}

const subcommands = ["ENCODING", "FREQ", "IDLETIME", "REFCOUNT", "HELP"] as const;
const adjust =
  "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
const frequencyNeedsLfu = `An LFU maxmemory policy is not selected, access frequency not tracked. ${adjust}`;
const idleTimeNeedsNoLfu = `An LFU maxmemory policy is selected, idle time not tracked. ${adjust}`;

function replyUse(keyspace: Keyspace, handle: Handle, wantsFrequency: boolean, reply: ReplySink): void {
  const frequency = keyspace.frequencyOf(handle);
  if (wantsFrequency && frequency !== null) reply.integer(frequency);
  else if (wantsFrequency) reply.error("invalid-argument", frequencyNeedsLfu);
  else if (frequency !== null) reply.error("invalid-argument", idleTimeNeedsNoLfu);
  else reply.integer(Math.floor(keyspace.idleMsOf(handle) / 1000));
}

const object = defineCommand({
  name: "OBJECT",
  opcode: 60,
  group: "keyspace",
  access: "read",
  complexity: "O(1)",
  summary: "Tells how a value is stored.",
  syntax: "<ENCODING key | FREQ key | IDLETIME key | REFCOUNT key | HELP>",
  arity: -2,
  keySpecs: [keyAt(2, "RO")],
  subcommands: [
    { name: "encoding", arity: 3, hasKey: true },
    { name: "freq", arity: 3, hasKey: true },
    { name: "idletime", arity: 3, hasKey: true },
    { name: "refcount", arity: 3, hasKey: true },
    { name: "help", arity: 2, hasKey: false },
  ],
  looks: true,
  reply: "the encoding's name, or an integer; nil without the key",
  errors: ["unknown-command", "wrong-arity", "invalid-argument"],
  tips: ["nondeterministic_output"],
  run(keyspace, args, reply) {
    const subcommand = subcommands.find((word) => isWord(args, 0, word));
    if (subcommand === undefined) return refuseSubcommand("OBJECT", args, reply);
    if (args.count !== (subcommand === "HELP" ? 1 : 2)) {
      const name = `object|${subcommand.toLowerCase()}`;
      return reply.error("wrong-arity", `wrong number of arguments for '${name}' command`);
    }
    if (subcommand === "HELP")
      return replyLines(
        [
          "OBJECT <subcommand> [<arg>]. Subcommands are:",
          "ENCODING <key>",
          "    The form in which the value is stored.",
          "FREQ <key>",
          "    How often the key is used, under an LFU policy.",
          "IDLETIME <key>",
          "    Seconds since the key was last used.",
          "REFCOUNT <key>",
          "    1: values are not shared.",
          "HELP",
          "    This list.",
        ],
        reply,
      );
    const handle = findKey(keyspace, args, 1);
    if (handle === 0) return reply.nil();
    if (subcommand === "ENCODING") {
      const name = utf8Bytes(keyspace.encodingOf(handle));
      reply.bulk(name, 0, name.length);
    } else if (subcommand === "REFCOUNT") reply.integer(1);
    else replyUse(keyspace, handle, subcommand === "FREQ", reply);
  },
});

const memory = defineCommand({
  name: "MEMORY",
  opcode: 61,
  access: "read",
  complexity: "O(1)",
  summary: "Tells what a key is charged against the memory limit.",
  syntax: "<USAGE key [SAMPLES count] | HELP>",
  arity: -2,
  keySpecs: [keyAt(2, "RO")],
  subcommands: [
    { name: "usage", arity: -3, hasKey: true },
    { name: "help", arity: 2, hasKey: false },
  ],
  looks: true,
  reply: "bytes, nil without the key",
  errors: ["unknown-command", "wrong-arity", "syntax", "not-integer"],
  run(keyspace, args, reply) {
    if (isWord(args, 0, "HELP") && args.count === 1)
      return replyLines(
        [
          "MEMORY <subcommand> [<arg>]. Subcommands are:",
          "USAGE <key> [SAMPLES <count>]",
          "    What the key is charged in bytes; exact, so the samples don't matter.",
          "HELP",
          "    This list.",
        ],
        reply,
      );
    if (!isWord(args, 0, "USAGE")) return refuseSubcommand("MEMORY", args, reply);
    if (args.count < 2)
      return reply.error("wrong-arity", "wrong number of arguments for 'memory|usage' command");
    for (let i = 2; i < args.count; i += 2) {
      if (!isWord(args, i, "SAMPLES") || i + 1 === args.count) return reply.error("syntax", null);
      if (!readInteger(args, i + 1, reply)) return;
      if (parsedNumber < 0) return reply.error("syntax", null);
    }
    const handle = findKey(keyspace, args, 1);
    if (handle === 0) reply.nil();
    else reply.integer(keyspace.chargeOf(handle));
  },
});

export const keySpaceCommands: readonly CommandDefinition[] = [
  copy,
  renameKey,
  renamenx,
  touch,
  randomkey,
  keys,
  scan,
  object,
  memory,
];
