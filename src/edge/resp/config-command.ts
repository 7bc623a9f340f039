import { type EvictionPolicy, policyByName, policyNames } from "../../store/eviction/policies.js";
import { matchesGlob } from "./glob.js";
import type { LocalCall } from "./local-catalogue.js";
import { refuseArity, refuseSubcommand } from "./refusals.js";
import type { RespContext } from "./resp-context.js";

const policySetting = "maxmemory-policy";

const arities = new Map([
  ["GET", -3],
  ["SET", -4],
  ["RESETSTAT", 2],
  ["REWRITE", 2],
]);

/** The settings that clients and tools ask a Redis for, with what is true here. */
function settings(context: RespContext): readonly (readonly [string, string])[] {
  return [
    ["appendfsync", "always"],
    ["appendonly", "yes"],
    ["cluster-enabled", "no"],
    ["databases", "1"],
    ["maxclients", String(context.maxClients)],
    ["maxmemory", String(context.service.statistics().limitBytes)],
    [policySetting, context.service.evictionPolicy],
    ["notify-keyspace-events", ""],
    ["port", String(context.port())],
    ["proto-max-bulk-len", String(context.parserLimits.bulkBytes)],
    ["requirepass", ""],
    ["save", ""],
    ["tcp-keepalive", "300"],
    ["timeout", "0"],
  ];
}

export function runConfig(call: LocalCall): void {
  const { args, sink } = call;
  const subcommand = args[1]!.toUpperCase();
  const arity = arities.get(subcommand);
  if (arity === undefined) {
    refuseSubcommand(sink, "CONFIG", args[1]!);
    return;
  }
  if (arity >= 0 ? args.length !== arity : args.length < -arity) {
    refuseArity(sink, `config|${subcommand}`);
    return;
  }
  switch (subcommand) {
    case "GET":
      get(call);
      break;
    case "SET":
      set(call);
      break;
    case "RESETSTAT":
      sink.status("OK");
      break;
    case "REWRITE":
      sink.errorText("ERR The server is running without a config file", "unsupported");
      break;
  }
}

function get({ args, context, sink }: LocalCall): void {
  const patterns = args.slice(2);
  const chosen = settings(context).filter(([name]) => patterns.some((pattern) => matchesGlob(pattern, name)));
  sink.map(chosen.length);
  for (const [name, value] of chosen) {
    sink.text(name);
    sink.text(value);
  }
}

/** CONFIG SET of the eviction policy alone: the policy, or null when it is anything else. The whole cluster follows. */
export function policyChange(args: readonly string[]): EvictionPolicy | null {
  if (args.length !== 4 || args[0]!.toUpperCase() !== "CONFIG" || args[1]!.toUpperCase() !== "SET")
    return null;
  return args[2]!.toLowerCase() === policySetting ? policyByName(args[3]!.toLowerCase()) : null;
}

/**
 * Settings belong to the cluster, not to a connection's node: besides the eviction policy, only what is already so may be
 * set.
 */
function set({ args, context, sink }: LocalCall): void {
  if (args.length % 2 !== 0) {
    sink.error("syntax", null);
    return;
  }
  const current = new Map(settings(context));
  for (let i = 2; i < args.length; i += 2) {
    const name = args[i]!.toLowerCase();
    const value = current.get(name);
    if (value === undefined) {
      sink.errorLatin1(
        `ERR Unknown option or number of arguments for CONFIG SET - '${args[i]}'`,
        "invalid-argument",
      );
      return;
    }
    if (name === policySetting && policyByName(args[i + 1]!.toLowerCase()) === null) {
      sink.errorText(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - ` +
          `argument must be one of the following: ${policyNames.join(", ")}`,
        "invalid-argument",
      );
      return;
    }
    if (value !== args[i + 1]) {
      sink.errorText(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - can't set immutable config`,
        "unsupported",
      );
      return;
    }
  }
  sink.status("OK");
}
