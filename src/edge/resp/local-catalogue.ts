import type { ClientState, RespContext } from "./resp-context.js";
import type { RespSink } from "./resp-sink.js";

/** One call of a command that the door answers itself. */
export interface LocalCall {
  /** The client's bytes as code units 0..255, the name first. */
  readonly args: readonly string[];
  readonly client: ClientState;
  readonly context: RespContext;
  readonly sink: RespSink;
}

export interface LocalCommand {
  readonly name: string;
  /** Redis's arity, the name included; negative: at least. */
  readonly arity: number;
  readonly group: "connection" | "server" | "cluster";
  readonly summary: string;
  /** Redis's command flags; none for what has subcommands. */
  readonly flags: readonly string[];
  /** Redis's ACL categories without "@". */
  readonly categories: readonly string[];
  /** Redis's command tips. */
  readonly tips?: readonly string[];
}

const quick = { flags: ["loading", "stale", "fast"], categories: ["fast", "connection"] };
const always = {
  flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
  categories: ["fast", "connection"],
};
const container = { flags: [], categories: ["slow"] };
const refusedCluster = "Refused: any node serves any key.";

/** What the door answers without the cluster: connection and introspection. */
export const localCatalogue: readonly LocalCommand[] = [
  { ...always, name: "AUTH", arity: -2, group: "connection", summary: "Authenticates the connection." },
  { ...container, name: "CLIENT", arity: -2, group: "connection", summary: "Names and lists connections." },
  { ...container, name: "CLUSTER", arity: -2, group: "cluster", summary: refusedCluster },
  {
    name: "COMMAND",
    arity: -1,
    group: "server",
    summary: "Describes the commands.",
    flags: ["loading", "stale"],
    categories: ["slow", "connection"],
    tips: ["nondeterministic_output_order"],
  },
  { ...container, name: "CONFIG", arity: -2, group: "server", summary: "Reads and changes settings." },
  { ...quick, name: "ECHO", arity: 2, group: "connection", summary: "Returns its argument." },
  { ...always, name: "HELLO", arity: -1, group: "connection", summary: "Chooses RESP2 or RESP3." },
  {
    name: "INFO",
    arity: -1,
    group: "server",
    summary: "Tells about the node.",
    flags: ["loading", "stale"],
    categories: ["slow", "dangerous"],
    tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
  },
  {
    name: "PING",
    arity: -1,
    group: "connection",
    summary: "Answers PONG.",
    flags: ["fast"],
    categories: ["fast", "connection"],
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
  },
  {
    ...always,
    name: "QUIT",
    arity: -1,
    group: "connection",
    summary: "Closes the connection after its replies.",
  },
  {
    ...quick,
    name: "QUORATE.READ",
    arity: -2,
    group: "connection",
    summary: "Chooses how fresh reads must be: linearizable, session, bounded <ms> or any.",
  },
  { ...quick, name: "READONLY", arity: 1, group: "cluster", summary: refusedCluster },
  { ...quick, name: "READWRITE", arity: 1, group: "cluster", summary: refusedCluster },
  {
    ...always,
    name: "RESET",
    arity: 1,
    group: "connection",
    summary: "Puts the connection back to its start.",
  },
  {
    ...quick,
    name: "SELECT",
    arity: 2,
    group: "connection",
    summary: "Chooses the database: there is only 0.",
  },
  {
    name: "TIME",
    arity: 1,
    group: "server",
    summary: "Tells the time of the replicated clock.",
    flags: ["loading", "stale", "fast"],
    categories: ["fast"],
    tips: ["nondeterministic_output"],
  },
];
