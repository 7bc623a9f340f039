import { performance } from "node:perf_hooks";
import { ByteWriter } from "../../base/bytes.js";
import { type CommandHeader, plainHeader, writeCommand } from "../../commands/command-codec.js";
import type { CommandDefinition } from "../../commands/define-command.js";
import { type ReplyValue, ValueSink } from "../../commands/reply-codec.js";
import { nullSink, type ReplySink } from "../../commands/reply-sink.js";
import { commandByName } from "../../commands/table.js";
import type { ReadFreshness, ReplyTarget, Service, ServiceConnection } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";

const keptCommandBytes = 1024 * 1024;
/** Above this many bytes of unanswered commands of all requests, further ones are refused (safety 65). */
const pendingBytes = 64 * 1024 * 1024;

/** How fresh a read must be, as the command header says it. */
export type Consistency = Pick<CommandHeader, "level" | "levelA" | "levelB">;

export type Answered = (reply: ReplyValue, freshness: ReadFreshness | null) => void;

interface Outstanding {
  readonly opcode: number;
  readonly startMs: number;
  readonly done: Answered;
  readonly sink: ValueSink;
}

/** The end of a connection to the service that all HTTP requests share: they are independent of one another. */
export class HttpCommands implements ReplyTarget {
  private readonly connection: ServiceConnection;
  private readonly outstanding = new Map<number, Outstanding>();
  private command = new ByteWriter(4096);
  private nextToken = 1;

  constructor(
    service: Service,
    private readonly telemetry: Telemetry,
  ) {
    this.connection = service.connect("http", this, false);
  }

  /** Runs a command; `done` is called exactly once, unless the door closes first. `deadlineMs` 0: the default. */
  run(
    definition: CommandDefinition,
    args: readonly Uint8Array[],
    consistency: Consistency | null,
    deadlineMs: number,
    done: Answered,
  ): void {
    if (this.connection.pendingBytes > pendingBytes) {
      this.telemetry.commandFailed("http", "busy");
      done({ type: "error", kind: "busy", message: "too many HTTP requests are waiting" }, null);
      return;
    }
    const token = this.nextToken++;
    this.outstanding.set(token, {
      opcode: definition.opcode,
      startMs: performance.now(),
      done,
      sink: new ValueSink(),
    });
    const command = this.command;
    command.clear();
    writeCommand(command, { ...plainHeader(definition.opcode), ...consistency }, args);
    if (command.bytes.length > keptCommandBytes) this.command = new ByteWriter(4096);
    this.connection.execute(command.bytes, 0, command.length, token, deadlineMs);
  }

  reply(token: number): ReplySink {
    return this.outstanding.get(token)?.sink ?? nullSink;
  }

  done(token: number, freshness: ReadFreshness | null): void {
    const entry = this.outstanding.get(token);
    if (entry === undefined) return;
    this.outstanding.delete(token);
    const reply = entry.sink.value();
    this.telemetry.commandDone("http", entry.opcode, performance.now() - entry.startMs);
    if (reply.type === "error") this.telemetry.commandFailed("http", reply.kind);
    entry.done(reply, freshness);
  }

  /** Each answer is written when it is done. */
  flush(): void {}

  close(): void {
    this.outstanding.clear();
    this.connection.close();
  }
}

/** A command that this door is built on. */
export function tableCommand(name: string): CommandDefinition {
  const definition = commandByName(name);
  if (definition === null) throw new Error(`no command ${name} in the table`);
  return definition;
}
