import { join } from "node:path";
import { type Client, credentials, loadPackageDefinition, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { projectRoot } from "../cluster/project-root.js";
import {
  type Door,
  type Outcome,
  ok,
  type Plain,
  type RunOptions,
  type StatedAge,
  type Words,
} from "./door.js";

interface Response {
  readonly [field: string]: unknown;
  readonly context?: { readonly stale?: boolean; readonly ageMs?: number };
}
type Unary = (
  request: object,
  options: { readonly deadline: number },
  done: (error: ServiceError | null, response: Response) => void,
) => void;
type Stub = Client & Readonly<Record<string, Unary>>;
type StubType = new (address: string, secrets: unknown, options: object) => Stub;

const definition = loadSync(["quorate/v1/cache.proto", "quorate/v1/errors.proto"], {
  includeDirs: [join(projectRoot, "proto")],
  longs: Number,
  enums: String,
});
const { CacheService } = (
  loadPackageDefinition(definition) as unknown as { quorate: { v1: { CacheService: StubType } } }
).quorate.v1;
const decodeDetail = (
  definition["quorate.v1.ErrorDetail"] as unknown as {
    type: unknown;
    deserialize?: (bytes: Buffer) => { kind?: string; message?: string; outcome?: string };
  }
).deserialize;

/** How a command becomes a typed call, and its response a reply. */
interface TypedCall {
  readonly method: string;
  readonly request: (args: readonly Buffer[]) => object;
  readonly reply: (response: Response) => Plain;
}

const keyOnly = ([key]: readonly Buffer[]): object => ({ key });
const keyValue = ([key, value]: readonly Buffer[]): object => ({ key, value });
const pairs = (args: readonly Buffer[]): object => ({
  pairs: args.flatMap((key, i) => (i % 2 === 0 ? [{ key, value: args[i + 1] }] : [])),
});
const numberOf = (bytes: Buffer | undefined): number => Number(String(bytes));
const text = (value: unknown): string | null => (Buffer.isBuffer(value) ? value.toString("utf8") : null);
const count = (field: string) => (response: Response) => Number(response[field] ?? 0);

const calls: Readonly<Record<string, TypedCall>> = {
  GET: { method: "Get", request: keyOnly, reply: ({ value }) => text(value) },
  SET: {
    method: "Set",
    request: ([key, value, unit, ttl]) => ({
      key,
      value,
      ...(String(unit) === "PX" ? { ttlMs: numberOf(ttl) } : {}),
    }),
    reply: () => "OK",
  },
  APPEND: { method: "Append", request: keyValue, reply: count("length") },
  INCR: { method: "Incr", request: keyOnly, reply: count("value") },
  DEL: { method: "Del", request: (keys) => ({ keys }), reply: count("count") },
  MGET: {
    method: "MGet",
    request: (keys) => ({ keys }),
    reply: ({ values }) => (values as { value?: Buffer }[]).map(({ value }) => text(value)),
  },
  MSET: { method: "MSet", request: pairs, reply: () => "OK" },
  MSETNX: { method: "MSetNx", request: pairs, reply: ({ applied }) => (applied === true ? 1 : 0) },
  "QUORATE.GETREV": {
    method: "GetRevision",
    request: keyOnly,
    reply: ({ value, revision, ttlMs }) =>
      value === undefined ? null : [text(value), Number(revision), Number(ttlMs)],
  },
  "QUORATE.CAS": {
    method: "CompareAndSet",
    request: ([key, revision, value, unit, ttl]) => ({
      key,
      revision: numberOf(revision),
      value,
      ...(String(unit) === "PX" ? { ttlMs: numberOf(ttl) } : {}),
    }),
    reply: count("revision"),
  },
  "QUORATE.CAD": {
    method: "CompareAndDelete",
    request: ([key, revision]) => ({ key, revision: numberOf(revision) }),
    reply: () => 1,
  },
};

const channelOptions = {
  // Doors to one address would share a connection, and its fate.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.enable_retries": 0,
};

/** The typed unary calls, outside a session and without retries. */
export class GrpcDoor implements Door {
  readonly protocol = "grpc";
  private readonly stub: Stub;

  constructor(
    readonly node: string,
    address: string,
  ) {
    this.stub = new CacheService(address, credentials.createInsecure(), channelOptions);
  }

  has(command: string): boolean {
    return command in calls;
  }

  run([name, ...args]: Words, options: RunOptions): Promise<Outcome> {
    const call = calls[String(name)]!;
    const request = { ...call.request(args.map((arg) => Buffer.from(String(arg)))), context: level(options) };
    return new Promise((resolve) => {
      this.stub[call.method]!(request, { deadline: Date.now() + options.deadlineMs }, (error, response) => {
        if (error === null) resolve(ok(call.reply(response), ageOf(response)));
        else resolve(refusal(error));
      });
    });
  }

  close(): void {
    this.stub.close();
  }
}

function level({ consistency }: RunOptions): object {
  if (consistency === undefined || consistency === "linearizable") return {};
  if (typeof consistency === "object")
    return { consistency: "CONSISTENCY_LEVEL_BOUNDED", maxAgeMs: consistency.boundedMs };
  return { consistency: `CONSISTENCY_LEVEL_${consistency.toUpperCase()}` };
}

/** What grpc-js says of a call for which it never had a connection. */
const unsent = /^No connection established/;

/** Else only the server's own word makes an error definite: a status that grpc-js made up proves nothing. */
function refusal(error: ServiceError): Outcome {
  const [bytes] = error.metadata?.get("quorate-error-bin") ?? [];
  if (!Buffer.isBuffer(bytes) || decodeDetail === undefined)
    return { type: unsent.test(error.details) ? "fail" : "info", error: error.details || error.message };
  const detail = decodeDetail(bytes);
  return {
    type: detail.outcome === "OUTCOME_DEFINITE" ? "fail" : "info",
    error: `${detail.kind}: ${detail.message}`,
  };
}

function ageOf({ context }: Response): StatedAge | undefined {
  if (context === undefined || context === null) return undefined;
  return { stale: context.stale === true, ageMs: context.ageMs ?? null };
}
