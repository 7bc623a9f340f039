import type { RespSink } from "./resp-sink.js";

/** Redis quotes at most this much of what it did not understand. */
const quotedBytes = 128;

/** `name` as the table spells it; "config|get" for a subcommand. */
export function refuseArity(sink: RespSink, name: string): void {
  sink.errorText(`ERR wrong number of arguments for '${name.toLowerCase()}' command`, "wrong-arity");
}

/** `args` are the client's bytes as code units 0..255, the name first. */
export function refuseUnknown(sink: RespSink, args: readonly string[]): void {
  let quoted = "";
  for (let i = 1; i < args.length && quoted.length < quotedBytes; i++)
    quoted += `'${cText(args[i]!, quotedBytes - quoted.length)}' `;
  sink.errorLatin1(
    `ERR unknown command '${cText(args[0]!, quotedBytes)}', with args beginning with: ${quoted}`,
    "unknown-command",
  );
}

export function refuseSubcommand(sink: RespSink, container: string, subcommand: string): void {
  sink.errorLatin1(
    `ERR unknown subcommand '${cText(subcommand, quotedBytes)}'. Try ${container} HELP.`,
    "unknown-command",
  );
}

/** As printf's `%.*s` writes it: up to a NUL, at most `length` bytes. */
function cText(text: string, length: number): string {
  const nul = text.indexOf("\0");
  return text.slice(0, nul >= 0 && nul < length ? nul : length);
}
