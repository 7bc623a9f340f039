import { latin1Bytes } from "../../base/bytes.js";
import type { KeySpec } from "../../commands/key-specs.js";
import { type DescribedCommand, describedCommands, findDescribed, keysIn } from "./described-commands.js";
import { matchesGlob } from "./glob.js";
import type { LocalCall } from "./local-catalogue.js";
import { refuseArity, refuseSubcommand } from "./refusals.js";
import type { RespSink } from "./resp-sink.js";

const minimumArguments = new Map([
  ["COUNT", 2],
  ["INFO", 2],
  ["DOCS", 2],
  ["LIST", 2],
  ["GETKEYS", 4],
  ["GETKEYSANDFLAGS", 4],
]);

/** COMMAND and its subcommands: what clients and redis-cli learn the commands from. */
export function runCommand(call: LocalCall): void {
  const { args, sink } = call;
  if (args.length === 1) {
    describeAll(sink, describedCommands);
    return;
  }
  const subcommand = args[1]!.toUpperCase();
  const minimum = minimumArguments.get(subcommand);
  if (minimum === undefined) {
    refuseSubcommand(sink, "COMMAND", args[1]!);
    return;
  }
  if (args.length < minimum || (subcommand === "COUNT" && args.length !== 2)) {
    refuseArity(sink, `command|${subcommand}`);
    return;
  }
  switch (subcommand) {
    case "COUNT":
      sink.integer(describedCommands.length);
      break;
    case "INFO":
      describeAll(sink, args.length === 2 ? describedCommands : args.slice(2).map(findDescribed));
      break;
    case "DOCS":
      docs(call);
      break;
    case "LIST":
      list(call);
      break;
    case "GETKEYS":
      getKeys(call, false);
      break;
    case "GETKEYSANDFLAGS":
      getKeys(call, true);
      break;
  }
}

function describeAll(sink: RespSink, commands: readonly (DescribedCommand | undefined)[]): void {
  sink.array(commands.length);
  for (const command of commands) {
    if (command === undefined) sink.nil();
    else describe(sink, command);
  }
}

/** The ten fields of Redis 7's COMMAND INFO. */
function describe(sink: RespSink, command: DescribedCommand): void {
  sink.array(10);
  sink.text(command.name);
  sink.integer(command.arity);
  statuses(sink, command.flags);
  sink.integer(command.keys?.first ?? 0);
  sink.integer(command.keys?.last ?? 0);
  sink.integer(command.keys?.step ?? 0);
  statuses(
    sink,
    command.categories.map((name) => `@${name}`),
  );
  sink.set(command.tips.length);
  for (const tip of command.tips) sink.text(tip);
  sink.set(command.keySpecs.length);
  for (const spec of command.keySpecs) describeKeys(sink, spec);
  // As Redis does it: none are an empty set, some are an array.
  if (command.subcommands.length === 0) sink.set(0);
  else describeAll(sink, command.subcommands);
}

function statuses(sink: RespSink, texts: readonly string[]): void {
  sink.set(texts.length);
  for (const text of texts) sink.status(text);
}

/** Redis's flags and both searches: from where keys are looked for, and how many there are. */
function describeKeys(sink: RespSink, spec: KeySpec): void {
  sink.map(3);
  sink.text("flags");
  statuses(sink, spec.use.split(" "));
  sink.text("begin_search");
  search(sink, "index", [["index", spec.at]]);
  sink.text("find_keys");
  if (spec.keys === "counted") {
    search(sink, "keynum", [
      ["keynumidx", 0],
      ["firstkey", 1],
      ["keystep", spec.step],
    ]);
    return;
  }
  search(sink, "range", [
    ["lastkey", spec.keys === "one" ? 0 : -1],
    ["keystep", spec.step],
    ["limit", 0],
  ]);
}

function search(sink: RespSink, type: string, fields: readonly (readonly [string, number])[]): void {
  sink.map(2);
  sink.text("type");
  sink.text(type);
  sink.text("spec");
  sink.map(fields.length);
  for (const [name, value] of fields) {
    sink.text(name);
    sink.integer(value);
  }
}

/** A name that isn't known is left out. */
function docs({ args, sink }: LocalCall): void {
  const chosen = args.length === 2 ? describedCommands : args.slice(2).map(findDescribed);
  const found = chosen.filter((command) => command !== undefined);
  sink.map(found.length);
  for (const command of found) {
    sink.text(command.name);
    sink.map(4);
    for (const field of ["summary", "since", "group", "complexity"] as const) {
      sink.text(field);
      sink.text(command[field]);
    }
  }
}

function list({ args, sink }: LocalCall): void {
  let chosen = describedCommands;
  if (args.length > 2) {
    const [filter = "", by = "", value = ""] = args.slice(2).map((arg) => arg.toLowerCase());
    if (args.length !== 5 || filter !== "filterby") {
      sink.error("syntax", null);
      return;
    }
    if (by === "module") chosen = [];
    else if (by === "aclcat") chosen = chosen.filter(({ categories }) => categories.includes(value));
    else if (by === "pattern") chosen = chosen.filter(({ name }) => matchesGlob(value, name));
    else {
      sink.error("syntax", null);
      return;
    }
  }
  sink.array(chosen.length);
  for (const { name } of chosen) sink.text(name);
}

function getKeys({ args, sink }: LocalCall, withFlags: boolean): void {
  const words = args.slice(2);
  let command = findDescribed(words[0]!);
  if (command !== undefined && command.subcommands.length > 0)
    command = findDescribed(`${words[0]}|${words[1]}`);
  if (command === undefined) {
    sink.errorText("ERR Invalid command specified", "unknown-command");
    return;
  }
  if (command.keySpecs.length === 0) {
    sink.errorText("ERR The command has no key arguments", "invalid-argument");
    return;
  }
  const { arity } = command;
  if (arity >= 0 ? words.length !== arity : words.length < -arity) {
    sink.errorText("ERR Invalid number of arguments specified for command", "wrong-arity");
    return;
  }
  const found = keysIn(command, words);
  if (found === null) {
    sink.errorText("ERR Invalid arguments specified for command", "invalid-argument");
    return;
  }
  sink.array(found.length);
  for (const { key, use } of found) {
    const bytes = latin1Bytes(key);
    if (withFlags) sink.array(2);
    sink.bulk(bytes, 0, bytes.length);
    if (withFlags) statuses(sink, use.split(" "));
  }
}
