import { limits } from "../base/limits.js";
import { consistencyLevels } from "../commands/command-codec.js";
import type { ReplyValue } from "../commands/reply-codec.js";
import { commandByName } from "../commands/table.js";
import { readClusterStatus } from "./cluster-status.js";
import { Connections } from "./connections.js";
import { errorOf, OutcomeUnknownError, QuorateError } from "./errors.js";
import type { CallOptions, ReadOptions } from "./options.js";
import type { CallResult } from "./part.js";
import type { TopologyMessage } from "./proto.js";
import { TypedCommands } from "./typed-commands.js";
import { type Bytes, bytesOf, type PlainReply, plainOf } from "./values.js";

export type { CallOptions, Consistency, ReadOptions, SetOptions } from "./options.js";
export type { Bytes, PlainReply } from "./values.js";

export interface QuorateOptions {
  /** gRPC addresses (host:port) of a few nodes; the others are learned from them. */
  readonly seeds: readonly string[];
  /** Patience per call in ms. Default 5000. */
  readonly deadlineMs?: number;
  /** Patience of `connect` in ms. Default 5000. */
  readonly connectDeadlineMs?: number;
  /**
   * Default true: writes are retried, and take effect exactly once. false: a write whose connection broke rejects as
   * unknown.
   */
  readonly session?: boolean;
  /** Where to dial in place of a gRPC address that a node announces: behind NAT, or a proxy. */
  readonly natMap?: Readonly<Record<string, string>>;
  /** Bytes of commands that may be outstanding; above it calls reject as busy. Default 64 MiB. */
  readonly pendingLimitBytes?: number;
}

/** A connected client. Calls made in one turn of the event loop share one batch per node. */
export class QuorateClient extends TypedCommands {
  private readonly session: boolean;
  private readonly deadlineMs: number;
  private readonly pendingLimitBytes: number;
  private pendingBytes = 0;
  private closed = false;

  /** Use `Quorate.connect`. */
  constructor(
    private readonly connections: Connections,
    options: QuorateOptions,
  ) {
    super();
    this.session = options.session ?? true;
    this.deadlineMs = options.deadlineMs ?? limits.commandDeadlineMs;
    this.pendingLimitBytes = options.pendingLimitBytes ?? 64 * 1024 * 1024;
  }

  /** Any command of the reference: `client.command("SET", "key", "value")`. */
  async command(name: string, ...args: (Bytes | number | bigint)[]): Promise<PlainReply> {
    return plainOf(await this.run(name, args, {}));
  }

  /** The same with options. */
  async commandWith(
    options: ReadOptions,
    name: string,
    ...args: (Bytes | number | bigint)[]
  ): Promise<PlainReply> {
    return plainOf(await this.run(name, args, options));
  }

  /** What the cluster looked like when a node last told. */
  topology(): TopologyMessage | null {
    return this.connections.topology;
  }

  /** Outstanding calls reject with kind "closed". */
  close(): void {
    this.closed = true;
    this.connections.close();
  }

  protected override run(
    name: string,
    args: readonly (Bytes | number | bigint)[],
    options: ReadOptions,
  ): Promise<ReplyValue> {
    return new Promise((resolve, reject) => {
      const refuse = (kind: Parameters<typeof errorOf>[0]["kind"], message: string | null): void =>
        reject(errorOf({ kind, message, outcome: "definite" }));
      const shape = commandByName(name);
      if (shape === null) return refuse("unknown-command", `unknown command '${name}'`);
      if (this.closed) return refuse("closed", "the client was closed");
      const { signal } = options;
      if (signal?.aborted === true) return refuse("aborted", "the call was aborted");
      const encoded = args.map(bytesOf);
      const size = encoded.reduce((sum, arg) => sum + arg.length, 64);
      // One oversize command may stand alone.
      if (this.pendingBytes > 0 && this.pendingBytes + size > this.pendingLimitBytes)
        return refuse("busy", "too many commands of this client are outstanding");
      this.pendingBytes += size;

      const level = levelOf(options);
      const request = {
        shape,
        args: encoded,
        deadlineAtMs: this.connections.nowMs() + (options.deadlineMs ?? this.deadlineMs),
        inSession: this.session,
        level: shape.access === "read" ? level : 0,
        maxAgeMs: typeof options.consistency === "object" ? options.consistency.boundedMs : 0,
      } as const;
      let abort: (() => void) | null = null;
      const call = this.connections.submit(request, (result: CallResult) => {
        this.pendingBytes -= size;
        if (abort !== null) signal?.removeEventListener("abort", abort);
        if (!result.ok) reject(errorOf(result.error));
        else if (result.value.type === "error") refuse(result.value.kind, result.value.message);
        else resolve(result.value);
      });
      if (signal === undefined) return;
      abort = () => this.connections.cancel(call, "aborted", "the call was aborted");
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}

function levelOf({ consistency }: ReadOptions): 0 | 1 | 2 | 3 {
  if (consistency === undefined) return 0;
  return typeof consistency === "object" ? consistencyLevels.bounded : consistencyLevels[consistency];
}

export const Quorate = {
  /** What every rejected call is an instance of. */
  Error: QuorateError,
  /** What a call whose outcome is unknown is an instance of. */
  OutcomeUnknownError,
  /** The state of every range and replica, asked of every node. */
  status: readClusterStatus,
  /** Connects to a cluster by its seeds. Rejects with kind "deadline" when none answers in time. */
  connect(options: QuorateOptions & Pick<CallOptions, "signal">): Promise<QuorateClient> {
    if (options.seeds.length === 0) throw new TypeError("seeds must name at least one node");
    const { seeds, natMap = {} } = options;
    const connections = new Connections({ seeds, natMap: new Map(Object.entries(natMap)) });
    return new Promise((resolve, reject) => {
      const give = (kind: "deadline" | "aborted", message: string): void => {
        connections.close();
        reject(errorOf({ kind, message, outcome: "definite" }));
      };
      const timer = setTimeout(
        () => give("deadline", `no node answered: ${options.seeds.join(", ")}`),
        options.connectDeadlineMs ?? limits.commandDeadlineMs,
      );
      const abort = (): void => give("aborted", "the connect was aborted");
      options.signal?.addEventListener("abort", abort, { once: true });
      connections.whenReady(() => {
        clearTimeout(timer);
        options.signal?.removeEventListener("abort", abort);
        resolve(new QuorateClient(connections, options));
      });
    });
  },
};
