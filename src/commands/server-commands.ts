import type { Keyspace } from "../store/keyspace.js";
import { isWord } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import type { ReplySink } from "./reply-sink.js";

/** Commands without keys: they run on every range, atomically on each. */

const dbsize = defineCommand({
  name: "DBSIZE",
  opcode: 80,
  access: "read",
  since: "0.1.0",
  complexity: "O(ranges)",
  summary: "Counts the keys, expired ones included until they are swept.",
  syntax: "",
  arity: 1,
  keys: null,
  cutting: "every-range",
  reply: "number of keys",
  errors: [],
  flags: ["readonly", "fast"],
  categories: ["keyspace", "read", "fast"],
  run: (keyspace, _args, reply) => reply.integer(keyspace.size),
});

function flush(keyspace: Keyspace, args: CommandView, reply: ReplySink): void {
  if (args.count > 1 || (args.count === 1 && !isWord(args, 0, "ASYNC") && !isWord(args, 0, "SYNC"))) {
    reply.error("syntax", null);
    return;
  }
  if (keyspace.size > 0) keyspace.clear();
  reply.status("OK");
}

const flushall = defineCommand({
  name: "FLUSHALL",
  opcode: 81,
  access: "write",
  since: "0.1.0",
  complexity: "O(ranges)",
  summary: "Removes every key.",
  syntax: "[ASYNC | SYNC]",
  arity: -1,
  keys: null,
  cutting: "every-range",
  reply: "OK",
  errors: ["syntax"],
  flags: ["write"],
  categories: ["keyspace", "write", "slow", "dangerous"],
  frees: true,
  run: flush,
});

const flushdb = defineCommand({
  ...flushall,
  name: "FLUSHDB",
  opcode: 82,
  summary: "Removes every key; there is one database.",
});

export const serverCommands: readonly CommandDefinition[] = [dbsize, flushall, flushdb];
