import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { ByteWriter, latin1Text } from "../../base/bytes.js";
import { type ConsistencyLevel, writeCommandHeader } from "../../commands/command-codec.js";
import { nullSink, type ReplySink } from "../../commands/reply-sink.js";
import { findCommand } from "../../commands/table.js";
import type { ReadFreshness, ReplyTarget, ServiceConnection } from "../../node/service.js";
import type { EvictionPolicy } from "../../store/eviction/policies.js";
import { policyChange } from "./config-command.js";
import { runLocalCommand } from "./local-commands.js";
import { ReadConsistency } from "./read-consistency.js";
import { refuseArity, refuseUnknown } from "./refusals.js";
import { ReplyRing } from "./reply-ring.js";
import type { ClientState, RespContext, Scheduled } from "./resp-context.js";
import { RespParser } from "./resp-parser.js";
import { freshnessAttribute } from "./resp-sink.js";

/** How long a connection that we ended is still read (and thrown away), so that the client can read our last words. */
const lingerMs = 1000;
/** How large the next reply is taken to be, before any was seen and at least. */
const firstReplyBytes = 64 * 1024;
const leastReplyBytes = 2 * 1024;
/** Commands' buffers above this are not kept. */
const keptCommandBytes = 1024 * 1024;

/**
 * One client: socket bytes in, command bytes to the service, replies in order out. What the door answers itself takes a
 * place in the same order. At most one write to the socket per turn.
 */
export class RespConnection implements ReplyTarget, ClientState, Scheduled {
  isScheduled = false;
  readonly createdMs = performance.now();
  activeMs = this.createdMs;
  name = "";
  libraryName = "";
  libraryVersion = "";
  lastCommand = "";
  noEvict = false;
  noTouch = false;
  resp3 = false;
  readonly address: string;
  readonly localAddress: string;

  private readonly reads: ReadConsistency;
  private readonly parser: RespParser;
  private readonly ring: ReplyRing;
  private readonly commands: ServiceConnection;
  /** Buffers that the socket has not taken yet, oldest first. */
  private readonly sending: ByteWriter[] = [];
  private current = -1;
  /** Decaying largest reply, in bytes: high at first, so that a first burst can't ask for everything at once. */
  private largeReplyBytes = firstReplyBytes;
  /** The socket's timeout runs because bytes wait to be taken. */
  private stallTimed = false;
  private paused = false;
  /** A setting of the cluster is being changed: later commands of the connection see it changed. */
  private changing = false;
  private inputEnded = false;
  private closing = false;
  private ended = false;
  private closed = false;

  constructor(
    private readonly context: RespContext,
    private readonly socket: Socket,
    readonly id: number,
  ) {
    this.parser = new RespParser(context.parserLimits, context.budget);
    this.ring = new ReplyRing(context.pool);
    this.reads = new ReadConsistency(context.service);
    this.address = `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`;
    this.localAddress = `${socket.localAddress ?? ""}:${socket.localPort ?? 0}`;
    this.commands = context.service.connect("resp", this, true);
    socket.on("data", this.onData);
    socket.on("end", this.onEnd);
    socket.on("timeout", this.destroy);
    // "close" always follows, and does the work.
    socket.on("error", this.destroy);
  }

  get inputBytes(): number {
    return this.parser.unreadBytes;
  }
  get outputBytes(): number {
    return this.ring.heldBytes + this.socket.writableLength;
  }

  setReadLevel(level: ConsistencyLevel, boundMs: number): void {
    this.reads.choose(level, boundMs);
  }

  closeAfterReplies(): void {
    this.closing = true;
  }

  readonly destroy = (): void => {
    this.socket.destroy();
    this.markClosed();
  };

  /** The server calls it when the socket has closed. */
  markClosed(): void {
    if (this.closed) return;
    this.closed = true;
    this.commands.close();
    this.parser.close();
    this.ring.close();
  }

  /** Answers what was received, then closes. */
  stop(): void {
    this.closing = true;
    this.context.schedule(this);
  }

  // ReplyTarget

  reply(token: number): ReplySink {
    if (this.closed) return nullSink;
    this.current = token;
    const sink = this.context.sink;
    sink.point(this.ring.begin(token), this.ring.isResp3(token));
    return sink;
  }

  done(token: number, freshness: ReadFreshness | null): void {
    if (this.closed || this.current !== token) return;
    const ring = this.ring;
    const resp3 = ring.isResp3(token);
    if (freshness !== null) this.reads.remember(ring.slotOf(token), freshness);
    const startMs = ring.startMsOf(token);
    const opcode = ring.opcodeOf(token);
    this.finish(freshness !== null && resp3 ? freshnessAttribute(freshness) : null);
    this.context.telemetry.commandDone("resp", opcode, performance.now() - startMs);
  }

  flush(): void {
    if (this.closed) return;
    const out = this.ring.takeOutput();
    if (out !== null) {
      this.context.telemetry.bytesOut("resp", out.length);
      this.sending.push(out);
      this.socket.write(out.written(), this.onWritten);
      if (!this.stallTimed && !this.ended && this.socket.writableLength > 0) {
        this.stallTimed = true;
        this.socket.setTimeout(this.context.bounds.stallMs);
      }
    }
    if (this.paused) this.context.schedule(this);
    else this.endWhenDone();
  }

  /** End of a turn in which the door itself had something to write, or may read again. */
  turn(): void {
    if (this.closed) return;
    if (this.ring.hasOutput) this.flush();
    if (this.paused && !this.isBlocked(0.5)) {
      this.paused = false;
      this.read();
      if (!this.paused) this.socket.resume();
    }
    this.endWhenDone();
  }

  private finish(prefix: Uint8Array | null): void {
    const bytes = this.ring.end(prefix);
    this.current = -1;
    this.largeReplyBytes = Math.max(bytes, this.largeReplyBytes * 0.98, leastReplyBytes);
    const failure = this.context.sink.failure;
    if (failure !== null) this.context.telemetry.commandFailed("resp", failure);
    if (this.outputBytes > this.context.bounds.hardUnsentBytes) {
      this.context.telemetry.log.warn({ client: this.id }, "closed a client that does not read its replies");
      this.destroy();
    }
  }

  // Socket

  private readonly onData = (chunk: Uint8Array): void => {
    if (this.closed || this.closing) return;
    this.context.telemetry.bytesIn("resp", chunk.length);
    this.activeMs = performance.now();
    this.parser.feed(chunk);
    this.read();
    if (this.ring.hasOutput || this.closing) this.context.schedule(this);
  };

  private readonly onEnd = (): void => {
    this.inputEnded = true;
    this.context.schedule(this);
  };

  private readonly onWritten = (): void => {
    const sent = this.sending.shift();
    if (sent !== undefined) this.context.pool.give(sent);
    if (this.stallTimed && !this.ended && this.sending.length === 0) {
      this.stallTimed = false;
      this.socket.setTimeout(0);
    }
    if (this.paused) this.context.schedule(this);
  };

  /** Above a bound (times `share`), or while a setting changes: no further command is taken. */
  private isBlocked(share: number): boolean {
    const bounds = this.context.bounds;
    const outstanding = this.ring.outstanding;
    return (
      this.changing ||
      outstanding >= bounds.outstandingCommands * share ||
      outstanding * this.largeReplyBytes > bounds.expectedReplyBytes * share ||
      this.outputBytes > bounds.unsentBytes * share ||
      this.commands.pendingBytes > bounds.pendingBytes * share
    );
  }

  private read(): void {
    const parser = this.parser;
    while (!this.closing && !this.closed) {
      if (this.isBlocked(1)) {
        this.paused = true;
        this.socket.pause();
        this.context.schedule(this);
        break;
      }
      const outcome = parser.next();
      if (outcome === "incomplete") break;
      if (outcome === "error") {
        this.refuseProtocol(parser.error);
        break;
      }
      this.dispatch();
    }
    if (!this.closed) parser.settle();
  }

  private dispatch(): void {
    const { parser, context } = this;
    context.counters.commands++;
    const definition = findCommand(parser.bytes, parser.start(0), parser.end(0));
    if (definition === null) {
      this.answer();
      return;
    }
    this.lastCommand = definition.name;
    const arity = definition.arity;
    if (arity >= 0 ? parser.count !== arity : parser.count < -arity) {
      this.open();
      refuseArity(context.sink, definition.name);
      this.finish(null);
      return;
    }
    const header = context.header;
    header.opcode = definition.opcode;
    const slot = this.reads.prepare(definition, parser, header);
    const token = this.ring.push(definition.opcode, slot, this.resp3, this.activeMs);
    let command = context.command;
    command.clear();
    writeCommandHeader(command, header, parser.count - 1);
    for (let i = 1; i < parser.count; i++) {
      const start = parser.start(i);
      const length = parser.end(i) - start;
      command.varint(length);
      command.copy(parser.bytes, start, length);
    }
    this.commands.execute(command.bytes, 0, command.length, token, 0);
    if (command.bytes.length > keptCommandBytes) {
      command = new ByteWriter(64 * 1024);
      context.command = command;
    }
  }

  /** A command that is not in the table: the door's own, or unknown. */
  private answer(): void {
    const { parser, context } = this;
    if (parser.count === 1 && isPing(parser)) {
      this.lastCommand = "ping";
      this.open();
      context.sink.status("PONG");
      this.finish(null);
      return;
    }
    const args: string[] = [];
    for (let i = 0; i < parser.count; i++)
      args.push(latin1Text(parser.bytes, parser.start(i), parser.end(i)));
    if (isHttp(args[0]!)) {
      context.telemetry.log.warn(
        { client: this.id, address: this.address },
        "closed a client that speaks HTTP",
      );
      this.destroy();
      return;
    }
    const policy = policyChange(args);
    if (policy !== null) {
      this.changePolicy(policy);
      return;
    }
    this.open();
    if (!runLocalCommand(args, this, context)) refuseUnknown(context.sink, args);
    if (!this.closed) this.finish(null);
  }

  /** Answered once meta has it. */
  private changePolicy(policy: EvictionPolicy): void {
    const { context } = this;
    const token = this.ring.push(0, -1, this.resp3, this.activeMs);
    this.lastCommand = "config|set";
    this.changing = true;
    context.service.changeEvictionPolicy(policy, (error) => {
      this.changing = false;
      const sink = this.reply(token);
      if (this.closed) return;
      if (error === null) sink.status("OK");
      else sink.error(error, null);
      this.finish(null);
      if (!this.closed) context.schedule(this);
    });
  }

  /** Takes the next place in the order and points the sink at it. */
  private open(): void {
    const token = this.ring.push(0, -1, this.resp3, this.activeMs);
    this.current = token;
    this.context.sink.point(this.ring.begin(token), this.resp3);
  }

  private refuseProtocol(text: string): void {
    this.open();
    this.context.sink.errorLatin1(`ERR ${text}`, "syntax");
    this.finish(null);
    this.closing = true;
  }

  /** Ends the connection once everything that was received is answered and written. */
  private endWhenDone(): void {
    if (this.closed || this.ended || !(this.closing || (this.inputEnded && !this.paused))) return;
    if (this.ring.outstanding > 0 || this.ring.hasOutput) return;
    this.ended = true;
    this.closing = true;
    this.socket.end();
    this.socket.setTimeout(lingerMs);
    this.socket.resume();
  }
}

/**
 * What a browser's request to this port begins with. Its body could hold commands, so nothing after it is read: Redis
 * closes such connections too.
 */
function isHttp(name: string): boolean {
  const upper = name.toUpperCase();
  return upper === "POST" || upper === "HOST:";
}

/** PING alone is frequent enough to be recognised without making a string. */
function isPing(parser: RespParser): boolean {
  const at = parser.start(0);
  const bytes = parser.bytes;
  return (
    parser.end(0) - at === 4 &&
    (bytes[at]! | 0x20) === 0x70 &&
    (bytes[at + 1]! | 0x20) === 0x69 &&
    (bytes[at + 2]! | 0x20) === 0x6e &&
    (bytes[at + 3]! | 0x20) === 0x67
  );
}
