import { latin1Bytes } from "../../base/bytes.js";
import type { CommandDefinition } from "../../commands/define-command.js";
import { commandTable, findCommand } from "../../commands/table.js";
import { matchesGlob } from "./glob.js";
import { type LocalCall, type LocalCommand, localCatalogue } from "./local-catalogue.js";
import { refuseArity, refuseSubcommand } from "./refusals.js";
import type { RespSink } from "./resp-sink.js";

type Known =
  | { readonly kind: "table"; readonly command: CommandDefinition }
  | { readonly kind: "local"; readonly command: LocalCommand };

const known: readonly Known[] = [
  ...commandTable.map((command): Known => ({ kind: "table", command })),
  ...localCatalogue.map((command): Known => ({ kind: "local", command })),
];

const minimumArguments = new Map([
  ["COUNT", 2],
  ["INFO", 2],
  ["DOCS", 2],
  ["LIST", 2],
  ["GETKEYS", 4],
]);

/** COMMAND and its subcommands: what clients and redis-cli learn the commands from. */
export function runCommand(call: LocalCall): void {
  const { args, sink } = call;
  if (args.length === 1) {
    sink.array(known.length);
    for (const entry of known) describe(sink, entry);
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
      sink.integer(known.length);
      break;
    case "INFO":
      info(call);
      break;
    case "DOCS":
      docs(call);
      break;
    case "LIST":
      list(call);
      break;
    case "GETKEYS":
      getKeys(call);
      break;
  }
}

function find(name: string): Known | undefined {
  const upper = name.toUpperCase();
  return known.find((entry) => entry.command.name === upper);
}

function info({ args, sink }: LocalCall): void {
  if (args.length === 2) {
    sink.array(known.length);
    for (const entry of known) describe(sink, entry);
    return;
  }
  sink.array(args.length - 2);
  for (const name of args.slice(2)) {
    const entry = find(name);
    if (entry === undefined) sink.nil();
    else describe(sink, entry);
  }
}

/** The ten fields of Redis 7's COMMAND INFO. */
function describe(sink: RespSink, entry: Known): void {
  const { command } = entry;
  const keys = entry.kind === "table" ? entry.command.keys : null;
  sink.array(10);
  sink.text(command.name.toLowerCase());
  sink.integer(command.arity);
  statuses(sink, entry.kind === "table" ? entry.command.flags : ["loading", "stale", "fast"]);
  sink.integer(keys?.first ?? 0);
  sink.integer(keys?.last ?? 0);
  sink.integer(keys?.step ?? 0);
  statuses(
    sink,
    (entry.kind === "table" ? entry.command.categories : [entry.command.group]).map((name) => `@${name}`),
  );
  sink.array(0);
  if (entry.kind === "table") keySpecifications(sink, entry.command);
  else sink.array(0);
  sink.array(0);
}

function statuses(sink: RespSink, texts: readonly string[]): void {
  sink.set(texts.length);
  for (const text of texts) sink.status(text);
}

function keySpecifications(sink: RespSink, command: CommandDefinition): void {
  const keys = command.keys;
  sink.array(keys === null ? 0 : 1);
  if (keys === null) return;
  sink.map(3);
  sink.text("flags");
  statuses(sink, command.access === "read" ? ["RO", "access"] : ["RW", "update"]);
  sink.text("begin_search");
  sink.map(2);
  sink.text("type");
  sink.text("index");
  sink.text("spec");
  sink.map(1);
  sink.text("index");
  sink.integer(keys.first);
  sink.text("find_keys");
  sink.map(2);
  sink.text("type");
  sink.text("range");
  sink.text("spec");
  sink.map(3);
  sink.text("lastkey");
  sink.integer(keys.last < 0 ? keys.last : keys.last - keys.first);
  sink.text("keystep");
  sink.integer(keys.step);
  sink.text("limit");
  sink.integer(0);
}

/** A name that isn't known is left out. */
function docs({ args, sink }: LocalCall): void {
  const chosen =
    args.length === 2
      ? known
      : args
          .slice(2)
          .map(find)
          .filter((entry) => entry !== undefined);
  sink.map(chosen.length);
  for (const entry of chosen) {
    sink.text(entry.command.name.toLowerCase());
    sink.map(4);
    sink.text("summary");
    sink.text(entry.command.summary);
    sink.text("since");
    sink.text(entry.kind === "table" ? entry.command.since : "0.1.0");
    sink.text("group");
    sink.text(groupOf(entry));
    sink.text("complexity");
    sink.text(entry.kind === "table" ? entry.command.complexity : "O(1)");
  }
}

const dataTypes = ["string", "list", "hash", "set", "sortedset", "bitmap", "hyperloglog", "geo", "stream"];

/** Redis's group of a command: its data type, or generic. */
function groupOf(entry: Known): string {
  if (entry.kind === "local") return entry.command.group;
  const { categories, cutting } = entry.command;
  const type = categories.find((category) => dataTypes.includes(category));
  if (type !== undefined) return type === "sortedset" ? "sorted-set" : type;
  return cutting === "every-range" ? "server" : "generic";
}

function list({ args, sink }: LocalCall): void {
  let chosen = known;
  if (args.length > 2) {
    const [filter = "", by = "", value = ""] = args.slice(2).map((arg) => arg.toLowerCase());
    if (args.length !== 5 || filter !== "filterby") {
      sink.error("syntax", null);
      return;
    }
    if (by === "module") chosen = [];
    else if (by === "aclcat")
      chosen = known.filter((entry) =>
        entry.kind === "table" ? entry.command.categories.includes(value) : entry.command.group === value,
      );
    else if (by === "pattern") chosen = known.filter((entry) => matchesGlob(value, entry.command.name));
    else {
      sink.error("syntax", null);
      return;
    }
  }
  sink.array(chosen.length);
  for (const entry of chosen) sink.text(entry.command.name.toLowerCase());
}

function getKeys({ args, sink }: LocalCall): void {
  const inner = args.slice(2);
  const name = latin1Bytes(inner[0]!);
  const command = findCommand(name, 0, name.length);
  if (command === null && find(inner[0]!) === undefined) {
    sink.errorText("ERR Invalid command specified", "unknown-command");
    return;
  }
  if (command === null || command.keys === null) {
    sink.errorText("ERR The command has no key arguments", "invalid-argument");
    return;
  }
  const arity = command.arity;
  if (arity >= 0 ? inner.length !== arity : inner.length < -arity) {
    sink.errorText("ERR Invalid number of arguments specified for command", "wrong-arity");
    return;
  }
  const { first, last, step } = command.keys;
  const end = last < 0 ? inner.length + last : last;
  const found: string[] = [];
  for (let i = first; i <= end && i < inner.length; i += step) found.push(inner[i]!);
  sink.array(found.length);
  for (const key of found) {
    const bytes = latin1Bytes(key);
    sink.bulk(bytes, 0, bytes.length);
  }
}
