/**
 * The catalogue of errors: each kind once, with the form it takes in every protocol.
 *
 * `outcome`: "definite" means that the command did not and will never take effect.
 * `retry`: "safe" the same command may be sent again; "session" only inside its session;
 * "no" the same command will be refused again.
 */
interface ErrorForm {
  /** Number on the wire of the reply codec; never reused. */
  readonly code: number;
  readonly outcome: "definite" | "unknown";
  readonly retry: "safe" | "session" | "no";
  /** google.rpc.Code. */
  readonly grpc: number;
  readonly http: number;
  /** First word of a RESP error. */
  readonly resp: string;
  /** Text after the first word where the raiser gives none. */
  readonly message: string;
}

const definite = "definite" as const;
const unknown = "unknown" as const;

export const errorCatalogue = {
  "wrong-type": {
    code: 1,
    outcome: definite,
    retry: "no",
    grpc: 9,
    http: 400,
    resp: "WRONGTYPE",
    message: "Operation against a key holding the wrong kind of value",
  },
  syntax: {
    code: 2,
    outcome: definite,
    retry: "no",
    grpc: 3,
    http: 400,
    resp: "ERR",
    message: "syntax error",
  },
  "not-integer": {
    code: 3,
    outcome: definite,
    retry: "no",
    grpc: 9,
    http: 400,
    resp: "ERR",
    message: "value is not an integer or out of range",
  },
  "not-float": {
    code: 4,
    outcome: definite,
    retry: "no",
    grpc: 9,
    http: 400,
    resp: "ERR",
    message: "value is not a valid float",
  },
  overflow: {
    code: 5,
    outcome: definite,
    retry: "no",
    grpc: 11,
    http: 400,
    resp: "ERR",
    message: "increment or decrement would overflow",
  },
  "invalid-argument": {
    code: 6,
    outcome: definite,
    retry: "no",
    grpc: 3,
    http: 400,
    resp: "ERR",
    message: "invalid argument",
  },
  "wrong-arity": {
    code: 7,
    outcome: definite,
    retry: "no",
    grpc: 3,
    http: 400,
    resp: "ERR",
    message: "wrong number of arguments",
  },
  "unknown-command": {
    code: 8,
    outcome: definite,
    retry: "no",
    grpc: 12,
    http: 404,
    resp: "ERR",
    message: "unknown command",
  },
  "out-of-memory": {
    code: 9,
    outcome: definite,
    retry: "safe",
    grpc: 8,
    http: 503,
    resp: "OOM",
    message: "command not allowed when used memory > 'maxmemory'.",
  },
  "too-large": {
    code: 10,
    outcome: definite,
    retry: "no",
    grpc: 8,
    http: 413,
    resp: "ERR",
    message: "string exceeds maximum allowed size",
  },
  "cross-slot": {
    code: 11,
    outcome: definite,
    retry: "no",
    grpc: 3,
    http: 400,
    resp: "CROSSSLOT",
    message: "Keys in request don't hash to the same slot",
  },
  busy: {
    code: 12,
    outcome: definite,
    retry: "safe",
    grpc: 8,
    http: 503,
    resp: "TRYAGAIN",
    message: "too many commands are waiting for this range",
  },
  "no-leader": {
    code: 13,
    outcome: definite,
    retry: "safe",
    grpc: 14,
    http: 503,
    resp: "CLUSTERDOWN",
    message: "the range has no leader",
  },
  "not-leader": {
    code: 14,
    outcome: definite,
    retry: "safe",
    grpc: 9,
    http: 503,
    resp: "CLUSTERDOWN",
    message: "this node doesn't lead the range",
  },
  "outcome-unknown": {
    code: 15,
    outcome: unknown,
    retry: "session",
    grpc: 2,
    http: 503,
    resp: "OUTCOMEUNKNOWN",
    message: "the command may or may not take effect",
  },
  "session-expired": {
    code: 16,
    outcome: definite,
    retry: "no",
    grpc: 9,
    http: 400,
    resp: "SESSIONEXPIRED",
    message: "the range no longer knows this session",
  },
  "sequence-pruned": {
    code: 17,
    outcome: definite,
    retry: "no",
    grpc: 9,
    http: 400,
    resp: "SESSIONEXPIRED",
    message: "the reply to this sequence was acknowledged and dropped",
  },
  "wrong-range": {
    code: 18,
    outcome: definite,
    retry: "safe",
    grpc: 9,
    http: 503,
    resp: "TRYAGAIN",
    message: "the key moved to another range",
  },
  deadline: {
    code: 19,
    outcome: definite,
    retry: "safe",
    grpc: 4,
    http: 503,
    resp: "TRYAGAIN",
    message: "the deadline passed before the command was proposed",
  },
  "too-stale": {
    code: 20,
    outcome: definite,
    retry: "safe",
    grpc: 9,
    http: 503,
    resp: "TRYAGAIN",
    message: "no replica here is as fresh as the read asks for",
  },
  unauthenticated: {
    code: 21,
    outcome: definite,
    retry: "no",
    grpc: 16,
    http: 401,
    resp: "NOAUTH",
    message: "Authentication required.",
  },
  denied: {
    code: 22,
    outcome: definite,
    retry: "no",
    grpc: 7,
    http: 403,
    resp: "NOPERM",
    message: "this user has no permissions to run the command",
  },
  "reply-too-large": {
    code: 23,
    outcome: definite,
    retry: "no",
    grpc: 8,
    http: 413,
    resp: "ERR",
    message: "the reply exceeds what a session may record",
  },
  "window-full": {
    code: 24,
    outcome: definite,
    retry: "safe",
    grpc: 8,
    http: 503,
    resp: "TRYAGAIN",
    message: "too many commands of this session are outstanding",
  },
  "shutting-down": {
    code: 25,
    outcome: definite,
    retry: "safe",
    grpc: 14,
    http: 503,
    resp: "CLUSTERDOWN",
    message: "the node is stopping",
  },
  unsupported: {
    code: 26,
    outcome: definite,
    retry: "no",
    grpc: 12,
    http: 400,
    resp: "ERR",
    message: "not supported",
  },
  "revision-mismatch": {
    code: 27,
    outcome: definite,
    retry: "no",
    grpc: 10,
    http: 409,
    resp: "ERR",
    message: "the key has another revision",
  },
  "out-of-range": {
    code: 28,
    outcome: definite,
    retry: "no",
    grpc: 11,
    http: 400,
    resp: "ERR",
    message: "offset is out of range",
  },
  "no-such-key": {
    code: 29,
    outcome: definite,
    retry: "no",
    grpc: 5,
    http: 404,
    resp: "ERR",
    message: "no such key",
  },
} as const satisfies Record<string, ErrorForm>;

export type ErrorKind = keyof typeof errorCatalogue;

const kindByCode = new Map<number, ErrorKind>();
for (const kind of Object.keys(errorCatalogue) as ErrorKind[])
  kindByCode.set(errorCatalogue[kind].code, kind);

/** The form of a kind, with the widened types that protocol code wants. */
export function errorForm(kind: ErrorKind): ErrorForm {
  return errorCatalogue[kind];
}

/** @returns null for a code that this version does not know. */
export function errorKindOf(code: number): ErrorKind | null {
  return kindByCode.get(code) ?? null;
}

/** The RESP form of an error, without the leading `-`: "ERR syntax error". */
export function respErrorText(kind: ErrorKind, message: string | null): string {
  const form = errorForm(kind);
  return `${form.resp} ${message ?? form.message}`;
}
