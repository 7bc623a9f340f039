import { latin1Bytes } from "../../base/bytes.js";
import { formatNodeId } from "../../base/units.js";
import { consistencyLevels } from "../../commands/command-codec.js";
import { isClientName, runClient } from "./client-command.js";
import { runCommand } from "./command-command.js";
import { runConfig } from "./config-command.js";
import { runInfo } from "./info-command.js";
import { type LocalCall, localCatalogue } from "./local-catalogue.js";
import { refuseArity } from "./refusals.js";
import type { ClientState, RespContext } from "./resp-context.js";
import { strictInteger } from "./resp-parser.js";

/** The Redis whose replies and texts the door speaks. */
const redisVersion = "7.0.15";

const arities = new Map(localCatalogue.map((command) => [command.name, command.arity]));

const runs = new Map<string, (call: LocalCall) => void>([
  ["AUTH", runAuth],
  ["CLIENT", runClient],
  ["CLUSTER", refuseCluster],
  ["COMMAND", runCommand],
  ["CONFIG", runConfig],
  ["ECHO", ({ args, sink }) => bulkLatin1(sink, args[1]!)],
  ["HELLO", runHello],
  ["INFO", runInfo],
  ["PING", runPing],
  ["QUIT", runQuit],
  ["QUORATE.READ", runRead],
  ["READONLY", refuseCluster],
  ["READWRITE", refuseCluster],
  ["RESET", runReset],
  ["SELECT", runSelect],
  ["TIME", runTime],
]);

/** Runs a command of the door and writes its one reply; false, with nothing written, when there is none of that name. */
export function runLocalCommand(args: readonly string[], client: ClientState, context: RespContext): boolean {
  const name = args[0]!.toUpperCase();
  const run = runs.get(name);
  const arity = arities.get(name);
  if (run === undefined || arity === undefined) return false;
  if (arity >= 0 ? args.length !== arity : args.length < -arity) {
    refuseArity(context.sink, name);
    return true;
  }
  client.lastCommand = name === "CLIENT" ? `client|${(args[1] ?? "").toLowerCase()}` : name.toLowerCase();
  run({ args, client, context, sink: context.sink });
  return true;
}

function bulkLatin1(sink: LocalCall["sink"], text: string): void {
  const bytes = latin1Bytes(text);
  sink.bulk(bytes, 0, bytes.length);
}

function runPing({ args, sink }: LocalCall): void {
  if (args.length > 2) refuseArity(sink, "ping");
  else if (args.length === 2) bulkLatin1(sink, args[1]!);
  else sink.status("PONG");
}

function runQuit({ client, sink }: LocalCall): void {
  sink.status("OK");
  client.closeAfterReplies();
}

/** There are no passwords here: the default user may do everything. */
function runAuth({ args, sink }: LocalCall): void {
  if (args.length > 3) sink.error("syntax", null);
  else if (args.length === 2)
    sink.errorText(
      "ERR AUTH <password> called without any password configured for the default user. " +
        "Are you sure your configuration is correct?",
      "invalid-argument",
    );
  else if (args[1] === "default") sink.status("OK");
  else refusePassword(sink);
}

function refusePassword(sink: LocalCall["sink"]): void {
  sink.errorText("WRONGPASS invalid username-password pair or user is disabled.", "unauthenticated");
}

function runHello({ args, client, context, sink }: LocalCall): void {
  let version = 0;
  if (args.length >= 2) {
    version = integerOf(args[1]!);
    if (Number.isNaN(version)) {
      sink.errorText("ERR Protocol version is not an integer or out of range", "not-integer");
      return;
    }
    if (version < 2 || version > 3) {
      sink.errorText("NOPROTO unsupported protocol version", "unsupported");
      return;
    }
  }
  for (let i = 2; i < args.length; i++) {
    const option = args[i]!.toUpperCase();
    const more = args.length - 1 - i;
    if (option === "AUTH" && more >= 2) {
      if (args[i + 1] !== "default") {
        refusePassword(sink);
        return;
      }
      i += 2;
    } else if (option === "SETNAME" && more >= 1) {
      if (!isClientName(args[i + 1]!)) {
        sink.errorText(
          "ERR Client names cannot contain spaces, newlines or special characters.",
          "invalid-argument",
        );
        return;
      }
      client.name = args[i + 1]!;
      i++;
    } else {
      sink.errorLatin1(`ERR Syntax error in HELLO option '${args[i]}'`, "syntax");
      return;
    }
  }
  if (version !== 0) setProtocol(client, version === 3);
  sink.speak(client.resp3);
  sink.map(7);
  sink.text("server");
  sink.text("redis");
  sink.text("version");
  sink.text(redisVersion);
  sink.text("proto");
  sink.integer(client.resp3 ? 3 : 2);
  sink.text("id");
  sink.integer(client.id);
  sink.text("mode");
  sink.text("standalone");
  sink.text("role");
  sink.text("master");
  sink.text("modules");
  sink.array(0);
  context.telemetry.log.debug(
    { client: client.id, node: formatNodeId(context.info.nodeId), resp3: client.resp3 },
    "hello",
  );
}

/** RESP2 can't say that a read was stale, so going back to it ends weaker reads. */
function setProtocol(client: ClientState, resp3: boolean): void {
  client.resp3 = resp3;
  if (!resp3) client.setReadLevel(consistencyLevels.linearizable, 0);
}

function runReset({ client, sink }: LocalCall): void {
  setProtocol(client, false);
  client.name = "";
  client.noEvict = false;
  client.noTouch = false;
  sink.status("RESET");
}

function runSelect({ args, sink }: LocalCall): void {
  const database = integerOf(args[1]!);
  if (Number.isNaN(database) || Math.abs(database) > 0x7fff_ffff) sink.error("not-integer", null);
  else if (database !== 0) sink.errorText("ERR DB index is out of range", "out-of-range");
  else sink.status("OK");
}

function runTime({ context, sink }: LocalCall): void {
  const estimateMs = context.service.estimateMs();
  const seconds = Math.floor(estimateMs / 1000);
  sink.array(2);
  sink.text(String(seconds));
  sink.text(String(Math.floor((estimateMs - seconds * 1000) * 1000)));
}

function refuseCluster({ sink }: LocalCall): void {
  sink.errorText("ERR This instance has cluster support disabled", "unsupported");
}

function runRead({ args, client, sink }: LocalCall): void {
  const level = args[1]!.toLowerCase();
  if (args.length !== (level === "bounded" ? 3 : 2)) {
    if (level === "bounded") refuseArity(sink, "quorate.read");
    else sink.error("syntax", null);
    return;
  }
  if (level !== "linearizable" && !client.resp3) {
    sink.errorText(
      "ERR QUORATE.READ needs RESP3, in which replies can say that they are stale",
      "unsupported",
    );
    return;
  }
  switch (level) {
    case "linearizable":
    case "session":
    case "any":
      client.setReadLevel(consistencyLevels[level], 0);
      break;
    case "bounded": {
      const boundMs = integerOf(args[2]!);
      if (!(boundMs >= 0 && Number.isSafeInteger(boundMs))) {
        sink.error("not-integer", null);
        return;
      }
      client.setReadLevel(consistencyLevels.bounded, boundMs);
      break;
    }
    default:
      sink.error("syntax", null);
      return;
  }
  sink.status("OK");
}

function integerOf(text: string): number {
  return strictInteger(latin1Bytes(text), 0, text.length);
}
