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
}

/** What the door answers without the cluster: connection and introspection. */
export const localCatalogue: readonly LocalCommand[] = [
  { name: "AUTH", arity: -2, group: "connection", summary: "Authenticates the connection." },
  { name: "CLIENT", arity: -2, group: "connection", summary: "Names and lists connections." },
  { name: "CLUSTER", arity: -2, group: "cluster", summary: "Refused: any node serves any key." },
  { name: "COMMAND", arity: -1, group: "server", summary: "Describes the commands." },
  { name: "CONFIG", arity: -2, group: "server", summary: "Reads the settings that clients ask for." },
  { name: "ECHO", arity: 2, group: "connection", summary: "Returns its argument." },
  { name: "HELLO", arity: -1, group: "connection", summary: "Chooses RESP2 or RESP3." },
  { name: "INFO", arity: -1, group: "server", summary: "Tells about the node." },
  { name: "PING", arity: -1, group: "connection", summary: "Answers PONG." },
  { name: "QUIT", arity: -1, group: "connection", summary: "Closes the connection after its replies." },
  {
    name: "QUORATE.READ",
    arity: -2,
    group: "connection",
    summary: "Chooses how fresh reads must be: linearizable, session, bounded <ms> or any.",
  },
  { name: "READONLY", arity: 1, group: "cluster", summary: "Refused: any node serves any key." },
  { name: "READWRITE", arity: 1, group: "cluster", summary: "Refused: any node serves any key." },
  { name: "RESET", arity: 1, group: "connection", summary: "Puts the connection back to its start." },
  { name: "SELECT", arity: 2, group: "connection", summary: "Chooses the database: there is only 0." },
  { name: "TIME", arity: 1, group: "server", summary: "Tells the time of the replicated clock." },
];
