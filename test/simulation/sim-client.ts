import { assert } from "../../src/base/assert.js";
import { ByteWriter, utf8Bytes } from "../../src/base/bytes.js";
import type { ErrorKind } from "../../src/base/errors.js";
import { type CommandHeader, plainHeader, writeCommand } from "../../src/commands/command-codec.js";
import { decodeReply, RecordingSink, type ReplyValue } from "../../src/commands/reply-codec.js";
import type { ReplySink } from "../../src/commands/reply-sink.js";
import { commandByName } from "../../src/commands/table.js";
import type { ReadFreshness, ReplyTarget, Service, ServiceConnection } from "../../src/node/service.js";
import { show } from "./shown.js";
import type { SimHost, SimScheduler } from "./sim-clock.js";
import type { Shown } from "./workloads/workload.js";

export interface SendOptions extends Partial<Omit<CommandHeader, "opcode" | "principal">> {
  readonly deadlineMs?: number;
}

/** A command and, once it came, its reply. */
export class Sent {
  readonly text: string;
  readonly sentAtMs: number;
  doneAtMs = 0;
  value: ReplyValue | null = null;
  freshness: ReadFreshness | null = null;
  /** The connection ended before a reply came. */
  lost = false;

  constructor(text: string, sentAtMs: number) {
    this.text = text;
    this.sentAtMs = sentAtMs;
  }

  get done(): boolean {
    return this.value !== null || this.lost;
  }
  get error(): ErrorKind | null {
    return this.value?.type === "error" ? this.value.kind : null;
  }
  get ok(): boolean {
    return this.value !== null && this.value.type !== "error";
  }
  /** The reply as a plain value; errors as "!kind", a lost one as "!lost", none as "...". */
  get shown(): Shown {
    if (this.lost) return "!lost";
    return this.value === null ? "..." : shownOf(this.value);
  }
  get tookMs(): number {
    assert(this.done, `${this.text} was not answered`);
    return this.doneAtMs - this.sentAtMs;
  }
}

/** A client's connection to one node; commands by name. What is sent in one go arrives in one turn. */
export class SimClient implements ReplyTarget {
  flushes = 0;
  private readonly connection: ServiceConnection;
  private readonly host: SimHost;
  private readonly scheduler: SimScheduler;
  private readonly waiting = new Map<number, Sent>();
  private readonly out = new ByteWriter(256);
  private readonly recorded = new ByteWriter(256);
  private nextToken = 1;
  private answering = 0;

  constructor(service: Service, host: SimHost, scheduler: SimScheduler, ordered: boolean) {
    this.host = host;
    this.scheduler = scheduler;
    this.connection = service.connect("resp", this, ordered);
  }

  send(name: string, ...args: readonly (string | number | Uint8Array)[]): Sent {
    return this.sendWith({}, name, ...args);
  }

  sendWith(options: SendOptions, name: string, ...args: readonly (string | number | Uint8Array)[]): Sent {
    const { deadlineMs = 0, ...header } = options;
    const definition = commandByName(name)!;
    this.out.clear();
    const bytes = args.map((arg) => (arg instanceof Uint8Array ? arg : utf8Bytes(String(arg))));
    writeCommand(this.out, { ...plainHeader(definition.opcode), ...header }, bytes);
    const frame = this.out.take();
    const token = this.nextToken++;
    const sent = new Sent(
      [name, ...args.map((arg) => String(arg).slice(0, 20))].join(" "),
      this.scheduler.nowMs,
    );
    this.waiting.set(token, sent);
    this.host.run(() => this.connection.execute(frame, 0, frame.length, token, deadlineMs));
    return sent;
  }

  get unanswered(): number {
    return this.waiting.size;
  }

  close(): void {
    this.connection.close();
    this.connectionLost();
  }

  connectionLost(): void {
    for (const sent of this.waiting.values()) {
      sent.lost = true;
      sent.doneAtMs = this.scheduler.nowMs;
    }
    this.waiting.clear();
  }

  // What the service calls ----------------------------------------------------------------------------------------

  reply(token: number): ReplySink {
    assert(this.waiting.has(token), `a reply to ${token}, which waits for none`);
    assert(this.answering === 0, `a reply to ${token}, while that to ${this.answering} isn't done`);
    this.answering = token;
    this.recorded.clear();
    return new RecordingSink(this.recorded);
  }

  done(token: number, freshness: ReadFreshness | null): void {
    const sent = this.waiting.get(token);
    assert(sent !== undefined && this.answering === token, `done of ${token} without its reply`);
    this.waiting.delete(token);
    this.answering = 0;
    sent.value = decodeReply(this.recorded.take());
    sent.freshness = freshness;
    sent.doneAtMs = this.scheduler.nowMs;
  }

  flush(): void {
    this.flushes++;
  }
}

function shownOf(value: ReplyValue): Shown {
  return value.type === "error" ? `!${value.kind}` : show(value);
}
