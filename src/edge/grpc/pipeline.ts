import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { ByteReader, ByteWriter, DecodeError, latin1Text } from "../../base/bytes.js";
import { type ErrorKind, errorKindOf } from "../../base/errors.js";
import { type CommandHeader, CommandView, writeCommandHeader } from "../../commands/command-codec.js";
import { RecordingSink, replyTags } from "../../commands/reply-codec.js";
import type { ReplySink } from "../../commands/reply-sink.js";
import { findCommand } from "../../commands/table.js";
import type { ReadFreshness, ReplyTarget, Service, ServiceConnection } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";
import { BatchQueue, OpenBatch } from "./batch-queue.js";
import { ProtobufSink } from "./protobuf-sink.js";
import { BatchView, CommandFields, readPipelineRequest } from "./wire.js";

export type PipelineCall = ServerDuplexStream<Buffer, Buffer>;

export interface PipelineOptions {
  readonly service: Service;
  readonly telemetry: Telemetry;
  /** Above so many bytes of unanswered commands and unread replies the stream isn't read. */
  readonly pauseBytes: number;
  readonly ended: (stream: PipelineStream) => void;
}

/** Finished replies are cut into messages of about this size. */
const responseBytes = 1024 * 1024;

type MutableHeader = { -readonly [Field in keyof CommandHeader]: CommandHeader[Field] };

/** One Pipeline stream: its batches become commands of one ordered connection. Nothing is allocated per command. */
export class PipelineStream implements ReplyTarget {
  private readonly connection: ServiceConnection;
  private readonly reader = new ByteReader(new Uint8Array(0));
  private readonly batch = new BatchView();
  private readonly fields = new CommandFields();
  private readonly view = new CommandView();
  private readonly header: MutableHeader = {
    opcode: 0,
    principal: 0,
    session: 0,
    sequence: 0,
    acked: 0,
    level: 0,
    levelA: 0,
    levelB: 0,
  };
  private readonly command = new ByteWriter(1024);
  private readonly recorded = new ByteWriter(1024);
  private readonly recordingSink = new RecordingSink(this.recorded);
  private readonly protobufSink = new ProtobufSink();
  private readonly queue = new BatchQueue();
  /** Batches with replies to be written. */
  private touched: OpenBatch[] = [];
  private readonly response = new ByteWriter(4096);
  private nextToken = 1;
  private replyStart = 0;
  private unsentBytes = 0;
  /** The client reads too slowly: replies wait for the stream to drain. */
  private blocked = false;
  private paused = false;
  private inputEnded = false;
  private closed = false;

  constructor(
    private readonly call: PipelineCall,
    private readonly options: PipelineOptions,
  ) {
    this.connection = options.service.connect("pipeline", this, true);
    call.on("data", (message: Buffer) => this.read(message));
    call.on("end", () => this.finish());
    call.on("drain", () => {
      this.blocked = false;
      this.flush();
    });
    for (const event of ["cancelled", "error", "close"]) call.on(event, () => this.close());
  }

  /** Answers what was read, then ends the stream. */
  finish(): void {
    this.inputEnded = true;
    this.endWhenIdle();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.connection.close();
    this.options.ended(this);
  }

  reply(token: number): ReplySink {
    const batch = this.queue.find(token);
    if (batch.packed) {
      this.recorded.clear();
      return this.recordingSink;
    }
    this.replyStart = batch.replies.length;
    this.protobufSink.begin(batch.replies);
    return this.protobufSink;
  }

  done(token: number, freshness: ReadFreshness | null): void {
    const batch = this.queue.find(token);
    const before = batch.replies.length;
    this.count(batch, token);
    if (batch.packed) {
      batch.addPacked(token, this.recorded, freshness);
      this.unsentBytes += batch.replies.length - before;
    } else {
      if (freshness !== null) this.protobufSink.context(freshness);
      batch.addReply(token, this.replyStart);
      this.unsentBytes += batch.replies.length - this.replyStart;
    }
    if (batch.touched) return;
    batch.touched = true;
    this.touched.push(batch);
  }

  private count(batch: OpenBatch, token: number): void {
    const { telemetry } = this.options;
    const opcode = batch.opcodes[token - batch.firstToken]!;
    if (opcode !== 0) telemetry.commandDone("pipeline", opcode, performance.now() - batch.startMs);
    let failure = this.protobufSink.failure;
    if (batch.packed) {
      // An error's code, which the recorder wrote as a varint below 128, follows its tag.
      const { bytes } = this.recorded;
      failure = bytes[0] === replyTags.error ? errorKindOf(bytes[1]!) : null;
    }
    if (failure !== null) telemetry.commandFailed("pipeline", failure);
  }

  /** Everything that finished in this turn goes out as one message, or a few where it is large. */
  flush(): void {
    if (this.closed || this.blocked) return;
    const out = this.response;
    let kept = 0;
    for (let i = 0; i < this.touched.length; i++) {
      const batch = this.touched[i]!;
      if (this.blocked || !batch.writable) {
        this.touched[kept++] = batch;
        continue;
      }
      this.unsentBytes -= batch.replies.length;
      batch.write(out);
      // A batch that isn't wholly answered comes again with its next reply.
      batch.touched = false;
      if (out.length >= responseBytes) this.send();
    }
    this.touched.length = kept;
    this.send();
    this.queue.trim();
    this.control();
    this.endWhenIdle();
  }

  private send(): void {
    const out = this.response;
    if (out.length === 0) return;
    this.options.telemetry.bytesOut("pipeline", out.length);
    // grpc-js may keep the message until the socket takes it, so it gets its own copy.
    const message = Buffer.from(out.written());
    out.clear();
    if (!this.call.write(message)) this.blocked = true;
  }

  private read(message: Buffer): void {
    if (this.closed || this.inputEnded) return;
    this.options.telemetry.bytesIn("pipeline", message.length);
    this.reader.reset(message);
    try {
      readPipelineRequest(this.reader, this.batch, () => this.runBatch());
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.call.emit("error", { code: status.INVALID_ARGUMENT, details: error.message });
      this.close();
      return;
    }
    // What was refused here was answered outside any turn of the service.
    if (this.touched.length > 0) this.flush();
    this.control();
  }

  private runBatch(): void {
    const { batch } = this;
    if (batch.packedEnd > batch.packedStart) this.runPacked();
    else this.runCommands();
  }

  private runPacked(): void {
    const { batch, reader, view } = this;
    // Twice over the batch: first all of it is checked, so that malformed bytes run nothing.
    let count = 0;
    reader.reset(reader.bytes, batch.packedStart, batch.packedEnd);
    while (reader.remaining > 0) {
      reader.varint();
      const length = reader.varint();
      const end = reader.offset + length;
      if (length > reader.remaining) throw new DecodeError("a command crosses the end of its batch");
      reader.reset(reader.bytes, reader.offset, end);
      view.decode(reader);
      if (view.principal !== 0) throw new DecodeError("a principal can't be chosen");
      reader.reset(reader.bytes, end, batch.packedEnd);
      count++;
    }
    const opened = this.open(count, true);
    const token = opened.firstToken;
    reader.reset(reader.bytes, batch.packedStart, batch.packedEnd);
    for (let i = 0; i < count; i++) {
      const deadlineMs = reader.varint();
      const length = reader.varint();
      const start = reader.offset;
      reader.skip(length);
      opened.opcodes[i] = reader.bytes[start]! | (reader.bytes[start + 1]! << 8);
      this.connection.execute(reader.bytes, start, start + length, token + i, deadlineMs);
    }
  }

  private runCommands(): void {
    const { batch, reader, fields, header, command } = this;
    const count = batch.commandCount;
    for (let i = 0; i < count; i++) {
      reader.reset(reader.bytes, batch.commandStart(i), batch.commandEnd(i));
      fields.read(reader, batch.commandEnd(i));
    }
    const opened = this.open(count, false);
    const token = opened.firstToken;
    header.level = batch.level;
    header.levelA = batch.level === 1 ? batch.seenRevision : batch.level === 2 ? batch.maxAgeMs : 0;
    header.levelB = batch.level === 1 ? batch.seenLogTimeMs : 0;
    header.acked = batch.acked;
    for (let i = 0; i < count; i++) {
      reader.reset(reader.bytes, batch.commandStart(i), batch.commandEnd(i));
      fields.read(reader, batch.commandEnd(i));
      const definition = findCommand(reader.bytes, fields.nameStart, fields.nameEnd);
      if (definition === null) {
        const name = latin1Text(
          reader.bytes,
          fields.nameStart,
          Math.min(fields.nameEnd, fields.nameStart + 128),
        );
        this.refuse(token + i, "unknown-command", `unknown command '${name}'`);
        continue;
      }
      header.opcode = definition.opcode;
      opened.opcodes[i] = definition.opcode;
      header.session = fields.sequence > 0 ? batch.session : 0;
      header.sequence = fields.sequence;
      command.clear();
      writeCommandHeader(command, header, fields.argumentCount);
      for (let k = 0; k < fields.argumentCount; k++) {
        const start = fields.argumentStart(k);
        const length = fields.argumentEnd(k) - start;
        command.varint(length);
        command.copy(reader.bytes, start, length);
      }
      this.connection.execute(command.bytes, 0, command.length, token + i, batch.deadlineMs);
    }
  }

  private open(count: number, packed: boolean): OpenBatch {
    const batch = new OpenBatch(this.batch.id, this.nextToken, count, packed, performance.now());
    this.nextToken += count;
    if (count > 0) this.queue.push(batch);
    else {
      batch.touched = true;
      this.touched.push(batch);
    }
    return batch;
  }

  private refuse(token: number, kind: ErrorKind, message: string): void {
    this.reply(token).error(kind, message);
    this.done(token, null);
  }

  private control(): void {
    const held = this.connection.pendingBytes + this.unsentBytes;
    if (!this.paused && (held > this.options.pauseBytes || this.blocked)) {
      this.paused = true;
      this.call.pause();
    } else if (this.paused && !this.blocked && held * 2 < this.options.pauseBytes) {
      this.paused = false;
      this.call.resume();
    }
  }

  private endWhenIdle(): void {
    if (this.closed || !this.inputEnded || this.blocked) return;
    if (!this.queue.empty || this.touched.length > 0) return;
    this.call.end();
    this.close();
  }
}
