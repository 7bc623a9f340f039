import type { ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import { ByteWriter } from "../../base/bytes.js";
import type { ErrorKind } from "../../base/errors.js";
import { slotOf } from "../../base/slot.js";
import {
  type CommandHeader,
  type ConsistencyLevel,
  plainHeader,
  writeCommand,
} from "../../commands/command-codec.js";
import type { CommandDefinition } from "../../commands/define-command.js";
import { ValueSink } from "../../commands/reply-codec.js";
import { nullSink, type ReplySink } from "../../commands/reply-sink.js";
import { commandByName } from "../../commands/table.js";
import type { ReadFreshness, ReplyTarget, Service, ServiceConnection, Topology } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";
import { type Message, RequestError, type Rpc } from "./rpc-fields.js";
import { rpcTable } from "./rpc-table.js";
import { grpcStatus } from "./status.js";

interface PendingCall {
  readonly rpc: Rpc;
  readonly request: Message;
  readonly opcode: number;
  readonly startMs: number;
  /** The first key's bytes, for the leader hint. */
  readonly key: Uint8Array | null;
  readonly answer: sendUnaryData<Message>;
}

type UnaryCall = ServerUnaryCall<Message, Message>;

/** All typed calls of a server: independent of one another, over one connection to the service. */
export class TypedCalls implements ReplyTarget {
  private readonly connection: ServiceConnection;
  private readonly pending = new Map<number, PendingCall>();
  /** Of the reply being given. */
  private sink = new ValueSink();
  private readonly out = new ByteWriter(1024);
  private nextToken = 1;

  constructor(
    private readonly service: Service,
    private readonly telemetry: Telemetry,
    private readonly pendingLimitBytes: number,
  ) {
    this.connection = service.connect("grpc", this, false);
  }

  /** The handlers of CacheService. */
  implementation(): UntypedServiceImplementation {
    const handlers: UntypedServiceImplementation = {};
    for (const [name, rpc] of Object.entries(rpcTable)) {
      const definition = commandByName(rpc.command);
      handlers[name] = (call: UnaryCall, answer: sendUnaryData<Message>) => {
        if (definition === null) answer(grpcStatus("unknown-command", `unknown command '${rpc.command}'`));
        else this.run(rpc, definition, call, answer);
      };
    }
    return handlers;
  }

  close(): void {
    this.connection.close();
    for (const call of this.pending.values())
      call.answer(grpcStatus("outcome-unknown", "the node is stopping"));
    this.pending.clear();
  }

  reply(token: number): ReplySink {
    if (!this.pending.has(token)) return nullSink;
    this.sink = new ValueSink();
    return this.sink;
  }

  done(token: number, freshness: ReadFreshness | null): void {
    const call = this.pending.get(token);
    // A cancelled call: nobody waits for it.
    if (call === undefined) return;
    this.pending.delete(token);
    const value = this.sink.value();
    this.telemetry.commandDone("grpc", call.opcode, performance.now() - call.startMs);
    if (value.type === "error") {
      this.telemetry.commandFailed("grpc", value.kind);
      const hint =
        value.kind === "not-leader" || value.kind === "wrong-range" ? this.leaderHint(call.key) : "";
      call.answer(grpcStatus(value.kind, value.message, hint));
      return;
    }
    const response = call.rpc.response(value, call.request);
    call.answer(null, freshness === null ? response : { ...response, context: contextMessage(freshness) });
  }

  flush(): void {
    // grpc-js writes by itself.
  }

  private run(
    rpc: Rpc,
    definition: CommandDefinition,
    call: UnaryCall,
    answer: sendUnaryData<Message>,
  ): void {
    const deadlineMs = remainingMs(call.getDeadline());
    const refuse = (kind: ErrorKind, message: string | null = null): void =>
      answer(grpcStatus(kind, message));
    if (deadlineMs < 0) {
      refuse("deadline");
      return;
    }
    if (this.connection.pendingBytes > this.pendingLimitBytes) {
      refuse("busy");
      return;
    }
    let args: Uint8Array[];
    this.out.clear();
    try {
      args = rpc.args(call.request);
      writeCommand(this.out, headerOf(definition.opcode, call.request.context), args);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      refuse("invalid-argument", error.message);
      return;
    }
    const token = this.nextToken++;
    const key = definition.keys === null ? null : (args[0] ?? null);
    const { request } = call;
    const startMs = performance.now();
    this.pending.set(token, { rpc, request, opcode: definition.opcode, startMs, key, answer });
    call.on("cancelled", () => this.pending.delete(token));
    this.connection.execute(this.out.bytes, 0, this.out.length, token, deadlineMs);
  }

  private leaderHint(key: Uint8Array | null): string {
    return key === null ? "" : leaderAddress(this.service.topology(), slotOf(key));
  }
}

/** The gRPC address of a slot's leader, or "". */
function leaderAddress(topology: Topology, slot: number): string {
  const range = topology.ranges.find(({ slots }) => slots[0] <= slot && slot <= slots[1]);
  return topology.members.find(({ id }) => id === range?.leader)?.ports.grpc ?? "";
}

/** What is left of a call's deadline; 0 without one, -1 when it has passed. */
function remainingMs(deadline: Date | number): number {
  const until = Number(deadline);
  if (!Number.isFinite(until)) return 0;
  const left = Math.ceil(until - Date.now());
  return left > 0 ? left : -1;
}

const levels: Readonly<Record<string, ConsistencyLevel>> = {
  CONSISTENCY_LEVEL_UNSPECIFIED: 0,
  CONSISTENCY_LEVEL_LINEARIZABLE: 0,
  CONSISTENCY_LEVEL_SESSION: 1,
  CONSISTENCY_LEVEL_BOUNDED: 2,
  CONSISTENCY_LEVEL_ANY: 3,
};

/** The header that a RequestContext asks for. */
function headerOf(opcode: number, context: unknown): CommandHeader {
  const plain = plainHeader(opcode);
  if (context === null || context === undefined) return plain;
  const fields = context as Message;
  const level = levels[String(fields.consistency)];
  if (level === undefined) throw new RequestError(`unknown consistency level ${String(fields.consistency)}`);
  const session = fields.session as Message | null | undefined;
  const seen = fields.seen as Message | null | undefined;
  const header: CommandHeader = {
    ...plain,
    level,
    levelA: level === 1 ? count(seen?.revision) : level === 2 ? count(fields.maxAgeMs) : 0,
    levelB: level === 1 ? count(seen?.logTimeMs) : 0,
    session: count(session?.id),
    sequence: count(session?.sequence),
    acked: count(session?.acked),
  };
  if (header.session > 0 && header.sequence <= header.acked)
    throw new RequestError("sequence must be above acked");
  return header;
}

/** A uint64 below 2^53, which proto-loader gives as a decimal string. */
function count(field: unknown): number {
  const number = Number(field ?? 0);
  if (!Number.isSafeInteger(number)) throw new RequestError("number above 2^53");
  return number;
}

function contextMessage(freshness: ReadFreshness): Message {
  return {
    appliedIndex: freshness.appliedIndex,
    ...(freshness.ageMs === null ? {} : { ageMs: Math.ceil(freshness.ageMs) }),
    stale: freshness.stale,
    revision: freshness.revision,
    logTimeMs: Math.floor(freshness.logTimeMs),
  };
}
