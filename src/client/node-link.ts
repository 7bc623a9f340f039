import type { Client, ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { decodeReply, type ReplyValue } from "../commands/reply-codec.js";
import { callUnary, openChannel } from "./channel.js";
import type { Part } from "./part.js";
import { clusterMethods, type TopologyMessage } from "./proto.js";
import { type Freshness, packCommand, readResponse, writeBatch } from "./wire.js";

/** What a link tells of. */
export interface LinkEvents {
  up(link: NodeLink): void;
  /** After it, the link's attempts follow as lost or unsent. */
  down(link: NodeLink): void;
  replied(part: Part, attempt: number, value: ReplyValue, freshness: Freshness | null): void;
  lost(part: Part, attempt: number): void;
  unsent(part: Part, attempt: number): void;
  topology(topology: TopologyMessage): void;
  /** Where a read in the part's session must have come; null: it must be linearizable. */
  position(part: Part): { readonly revision: number; readonly logTimeMs: number } | null;
}

interface Attempt {
  readonly part: Part;
  readonly attempt: number;
}

interface OpenBatch {
  readonly attempts: (Attempt | null)[];
  left: number;
}

const connectWatchdogMs = 1000;
/** A batch is cut here; a larger command stands alone. */
const batchBytes = 1024 * 1024;
/** With commands outstanding and nothing heard for so long, the node is asked for a sign of life. */
const quietMs = 500;
const firstBackoffMs = 50;
const backoffLimitMs = 500;
const pipelinePath = "/quorate.v1.PipelineService/Pipeline";
const sameBytes = (message: Buffer): Buffer => message;

/** One node: a channel, a Pipeline stream with its open batches, and a watch of the topology. It comes back by itself. */
export class NodeLink {
  private client: Client | null = null;
  private stream: ClientDuplexStream<Buffer, Buffer> | null = null;
  private watch: ClientReadableStream<{ readonly topology: TopologyMessage }> | null = null;
  private readonly batches = new Map<number, OpenBatch>();
  private unflushed: Attempt[] = [];
  private nextBatch = 1;
  private blocked = false;
  private failures = 0;
  private reconnect: NodeJS.Timeout | null = null;
  private closed = false;
  private heardAtMs = 0;
  private pingedAtMs = 0;
  private readonly packed = new ByteWriter(4096);
  private readonly scratch = new ByteWriter(1024);
  private readonly message = new ByteWriter(4096);
  private readonly reader = new ByteReader(new Uint8Array(0));

  constructor(
    readonly id: string,
    readonly address: string,
    private readonly events: LinkEvents,
    private readonly nowMs: () => number,
  ) {
    this.connect();
  }

  get isUp(): boolean {
    return this.stream !== null;
  }

  /** Adds an attempt to the batch of this tick. */
  send(part: Part): void {
    this.unflushed.push({ part, attempt: part.attempt });
  }

  /** Writes the batch of this tick. */
  flush(): void {
    if (this.unflushed.length === 0 || this.blocked || this.stream === null) return;
    const nowMs = this.nowMs();
    // The silence before these commands says nothing of the node.
    if (this.batches.size === 0) this.heardAtMs = nowMs;
    const attempts = this.unflushed;
    this.unflushed = [];
    let batch: OpenBatch = { attempts: [], left: 0 };
    for (const attempt of attempts) {
      const { part } = attempt;
      if (part.settled || part.attempt !== attempt.attempt) continue;
      const { request } = part.call;
      const position = request.level === 1 ? this.events.position(part) : null;
      const levelA = request.level === 1 ? (position?.revision ?? 0) : request.maxAgeMs;
      const linearizable = request.level === 1 && position === null;
      const deadlineMs = Math.max(1, Math.floor(request.deadlineAtMs - nowMs));
      packCommand(
        this.packed,
        this.scratch,
        part,
        deadlineMs,
        levelA,
        position?.logTimeMs ?? 0,
        linearizable,
      );
      batch.attempts.push(attempt);
      batch.left++;
      if (this.packed.length >= batchBytes) {
        this.write(batch);
        batch = { attempts: [], left: 0 };
      }
    }
    if (batch.left > 0) this.write(batch);
  }

  /** Breaks a link whose node keeps silent: a stopped process keeps its connections. */
  check(): void {
    const nowMs = this.nowMs();
    if (this.stream === null || this.batches.size === 0 || nowMs - this.heardAtMs < quietMs) return;
    if (this.pingedAtMs <= this.heardAtMs) {
      this.pingedAtMs = nowMs;
      // A batch without commands is answered at once.
      this.write({ attempts: [], left: 0 });
    } else if (nowMs - this.pingedAtMs > quietMs) this.fail();
  }

  openSession(deadlineMs: number, done: (error: Error | null, session: number) => void): void {
    if (this.client === null) {
      done(new Error("not connected"), 0);
      return;
    }
    callUnary(this.client, clusterMethods().OpenSession, {}, deadlineMs, (error, response) =>
      done(error, response?.session ?? 0),
    );
  }

  askTopology(): void {
    if (this.client === null) return;
    callUnary(this.client, clusterMethods().GetTopology, {}, connectWatchdogMs, (error, response) => {
      if (error === null && response !== undefined) this.events.topology(response.topology);
    });
  }

  close(): void {
    this.closed = true;
    if (this.reconnect !== null) clearTimeout(this.reconnect);
    this.fail();
  }

  private write(batch: OpenBatch): void {
    const id = this.nextBatch++;
    this.batches.set(id, batch);
    this.message.clear();
    writeBatch(this.message, id, this.packed);
    this.packed.clear();
    // grpc-js keeps the message until the socket takes it, so it gets its own copy.
    if (!this.stream!.write(Buffer.from(this.message.written()))) this.blocked = true;
  }

  private connect(): void {
    this.reconnect = null;
    const client = openChannel(this.address);
    this.client = client;
    // grpc-js has no connect timeout: calls would wait for ever on an address that doesn't answer.
    client.waitForReady(Date.now() + connectWatchdogMs, (error) => {
      if (this.client !== client) return;
      if (error === undefined || error === null) this.opened(client);
      else this.fail();
    });
  }

  private opened(client: Client): void {
    const stream = client.makeBidiStreamRequest<Buffer, Buffer>(pipelinePath, sameBytes, sameBytes);
    this.stream = stream;
    this.heardAtMs = this.nowMs();
    const broken = (): void => {
      if (this.stream === stream) this.fail();
    };
    stream.on("data", (message: Buffer) => {
      if (this.stream === stream) this.read(message);
    });
    stream.on("drain", () => {
      if (this.stream !== stream) return;
      this.blocked = false;
      this.flush();
    });
    for (const event of ["error", "end", "close"]) stream.on(event, broken);

    const { path, requestSerialize, responseDeserialize } = clusterMethods().WatchTopology;
    const watch = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {});
    this.watch = watch;
    watch.on("data", (response: { readonly topology: TopologyMessage }) => {
      if (this.watch !== watch) return;
      this.failures = 0;
      this.events.topology(response.topology);
    });
    for (const event of ["error", "end"]) watch.on(event, broken);
    this.events.up(this);
  }

  private read(message: Buffer): void {
    this.heardAtMs = this.nowMs();
    this.reader.reset(message);
    try {
      readResponse(this.reader, this.endBatch, this.answer);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.fail();
    }
  }

  private readonly answer = (
    id: number,
    position: number,
    freshness: Freshness | null,
    start: number,
    end: number,
  ): void => {
    const batch = this.batches.get(id);
    const attempt = batch?.attempts[position];
    if (batch === undefined || attempt === null || attempt === undefined) return;
    batch.attempts[position] = null;
    batch.left--;
    this.events.replied(attempt.part, attempt.attempt, decodeReply(this.reader.bytes, start, end), freshness);
  };

  private readonly endBatch = (id: number): void => {
    if (this.batches.get(id)?.left === 0) this.batches.delete(id);
  };

  /** Gives up the connection, and tells what became of each attempt. */
  private fail(): void {
    const { client, stream, watch } = this;
    this.client = null;
    this.stream = null;
    this.watch = null;
    this.blocked = false;
    // Cancelling emits an error, which nobody needs to hear.
    stream?.on("error", () => {});
    stream?.cancel();
    watch?.on("error", () => {});
    watch?.cancel();
    client?.close();
    if (stream !== null) this.events.down(this);
    const lost = [...this.batches.values()];
    this.batches.clear();
    const unsent = this.unflushed;
    this.unflushed = [];
    for (const { attempts } of lost)
      for (const attempt of attempts) if (attempt !== null) this.events.lost(attempt.part, attempt.attempt);
    for (const { part, attempt } of unsent) this.events.unsent(part, attempt);
    if (this.closed || this.reconnect !== null) return;
    const longest = Math.min(backoffLimitMs, firstBackoffMs * 2 ** Math.min(this.failures++, 8));
    this.reconnect = setTimeout(() => this.connect(), longest * (0.5 + Math.random() / 2));
  }
}
