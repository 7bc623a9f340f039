import type { Keyspace } from "../store/keyspace.js";
import { isWord } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { type CommandDefinition, defineCommand } from "./define-command.js";
import type { ReplySink } from "./reply-sink.js";

/** Commands without keys: they run on every range, atomically on each. */

const dbsize = defineCommand({
  name: "DBSIZE",
  opcode: 80,
  group: "keyspace",
  access: "read",
  fast: true,
  complexity: "O(ranges)",
  summary: "Counts the keys, expired ones included until they are swept.",
  syntax: "",
  keySpecs: [],
  cutting: "every-range",
  reply: "number of keys",
  errors: [],
  tips: ["request_policy:all_shards", "response_policy:agg_sum"],
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
  group: "keyspace",
  access: "write",
  dangerous: true,
  complexity: "O(ranges)",
  summary: "Removes every key.",
  syntax: "[ASYNC | SYNC]",
  keySpecs: [],
  cutting: "every-range",
  reply: "OK",
  errors: ["syntax"],
  tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
  run: flush,
});

const flushdb = defineCommand({
  ...flushall,
  name: "FLUSHDB",
  opcode: 82,
  summary: "Removes every key; there is one database.",
});

export const serverCommands: readonly CommandDefinition[] = [dbsize, flushall, flushdb];
