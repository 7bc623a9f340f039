import { performance } from "node:perf_hooks";
import type { LocalCall } from "./local-catalogue.js";
import { refuseArity, refuseSubcommand } from "./refusals.js";
import type { ClientState } from "./resp-context.js";

const arities = new Map([
  ["ID", 2],
  ["SETNAME", 3],
  ["GETNAME", 2],
  ["SETINFO", 4],
  ["INFO", 2],
  ["LIST", -2],
  ["NO-EVICT", 3],
  ["NO-TOUCH", 3],
]);

/** Printable ASCII without spaces, as CLIENT LIST needs it. */
export function isClientName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return true;
}

export function runClient(call: LocalCall): void {
  const { args, client, context, sink } = call;
  const subcommand = args[1]!.toUpperCase();
  const arity = arities.get(subcommand);
  if (arity === undefined) {
    refuseSubcommand(sink, "CLIENT", args[1]!);
    return;
  }
  if (arity >= 0 ? args.length !== arity : args.length < -arity) {
    refuseArity(sink, `client|${subcommand}`);
    return;
  }
  switch (subcommand) {
    case "ID":
      sink.integer(client.id);
      break;
    case "SETNAME":
      if (!isClientName(args[2]!)) refuseName(call);
      else {
        client.name = args[2]!;
        sink.status("OK");
      }
      break;
    case "GETNAME":
      if (client.name === "") sink.nil();
      else sink.text(client.name);
      break;
    case "SETINFO":
      setLibrary(call);
      break;
    case "INFO":
      sink.verbatim(`${describe(client)}\n`);
      break;
    case "LIST":
      sink.verbatim(list(call, [...context.clients.values()]));
      break;
    case "NO-EVICT":
    case "NO-TOUCH": {
      const value = args[2]!.toUpperCase();
      if (value !== "ON" && value !== "OFF") {
        sink.error("syntax", null);
        return;
      }
      if (subcommand === "NO-EVICT") client.noEvict = value === "ON";
      else client.noTouch = value === "ON";
      sink.status("OK");
      break;
    }
  }
}

function refuseName({ sink }: LocalCall): void {
  sink.errorText(
    "ERR Client names cannot contain spaces, newlines or special characters.",
    "invalid-argument",
  );
}

/** Redis 7.2's, which newer client libraries send to any server. */
function setLibrary({ args, client, sink }: LocalCall): void {
  const attribute = args[2]!.toUpperCase();
  const value = args[3]!;
  if (attribute !== "LIB-NAME" && attribute !== "LIB-VER") {
    sink.errorLatin1(`ERR Unrecognized option '${args[2]}'`, "invalid-argument");
    return;
  }
  if (!isClientName(value)) {
    sink.errorText(
      `ERR ${attribute.toLowerCase()} cannot contain spaces, newlines or special characters.`,
      "invalid-argument",
    );
    return;
  }
  if (attribute === "LIB-NAME") client.libraryName = value;
  else client.libraryVersion = value;
  sink.status("OK");
}

/** CLIENT LIST [ID id ...]: every client is of type normal. */
function list({ args }: LocalCall, clients: readonly ClientState[]): string {
  const chosen =
    args[2]?.toUpperCase() === "ID"
      ? clients.filter((client) => args.includes(String(client.id), 3))
      : clients;
  return chosen.map((client) => `${describe(client)}\n`).join("");
}

function describe(client: ClientState): string {
  const nowMs = performance.now();
  const fields: readonly [string, string | number][] = [
    ["id", client.id],
    ["addr", client.address],
    ["laddr", client.localAddress],
    ["fd", client.id],
    ["name", client.name],
    ["age", Math.floor((nowMs - client.createdMs) / 1000)],
    ["idle", Math.floor((nowMs - client.activeMs) / 1000)],
    ["flags", client.noEvict ? "e" : "N"],
    ["db", 0],
    ["sub", 0],
    ["psub", 0],
    ["ssub", 0],
    ["multi", -1],
    ["qbuf", client.inputBytes],
    ["qbuf-free", 0],
    ["argv-mem", 0],
    ["multi-mem", 0],
    ["rbs", 0],
    ["rbp", 0],
    ["obl", 0],
    ["oll", 0],
    ["omem", client.outputBytes],
    ["tot-mem", client.inputBytes + client.outputBytes],
    ["events", "r"],
    ["cmd", client.lastCommand === "" ? "NULL" : client.lastCommand],
    ["user", "default"],
    ["redir", -1],
    ["resp", client.resp3 ? 3 : 2],
    ["lib-name", client.libraryName],
    ["lib-ver", client.libraryVersion],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(" ");
}
