import {
  bytesIn,
  bytesItems,
  bytesNamed,
  field,
  flag,
  key,
  keyNamed,
  keys,
  type Message,
  nothing,
  type Rpc,
  rpc,
  scanArgs,
  scanned,
  text,
  textOf,
} from "./rpc-fields.js";

function copyArgs(request: Message): Uint8Array[] {
  const args = [keyNamed(request, "source"), keyNamed(request, "destination")];
  if (request.replace === true) args.push(text("REPLACE"));
  return args;
}

function scanKeysArgs(request: Message): Uint8Array[] {
  const args = scanArgs(request);
  if (request.type !== "") args.push(text("TYPE"), text(String(request.type)));
  return args;
}

function about(subcommand: string): Rpc["args"] {
  return (request) => [text(subcommand), key(request)];
}

/** Keys of any type. */
export const keySpaceRpcs: Readonly<Record<string, Rpc>> = {
  Copy: rpc("COPY", copyArgs, flag),
  Rename: rpc("RENAME", (r) => [key(r), keyNamed(r, "newKey")], nothing),
  RenameNx: rpc("RENAMENX", (r) => [key(r), keyNamed(r, "newKey")], flag),
  Touch: rpc("TOUCH", keys, field("count")),
  RandomKey: rpc("RANDOMKEY", () => [], field("key")),
  Keys: rpc("KEYS", (r) => [bytesNamed(r, "pattern")], bytesItems("keys")),
  Scan: rpc(
    "SCAN",
    scanKeysArgs,
    scanned("keys", (found) => found.map(bytesIn)),
  ),
  ObjectEncoding: rpc("OBJECT", about("ENCODING"), (reply) =>
    reply.type === "nil" ? {} : { encoding: textOf(reply) },
  ),
  ObjectFreq: rpc("OBJECT", about("FREQ"), field("frequency")),
  ObjectIdleTime: rpc("OBJECT", about("IDLETIME"), field("idleSeconds")),
  ObjectRefCount: rpc("OBJECT", about("REFCOUNT"), field("references")),
  MemoryUsage: rpc("MEMORY", about("USAGE"), field("chargedBytes")),
};
