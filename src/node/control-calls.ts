import { type ByteReader, utf8Bytes, utf8Text } from "../base/bytes.js";
import type { MonotonicMs, NodeId } from "../base/units.js";
import type { Transport } from "../ports/transport.js";
import { forwardTypes, writeControl } from "./forward-codec.js";

/** What nodes ask one another beside commands; rare, so bodies are JSON or opaque bytes. */
export const controlKinds = { propose: 1, statistics: 2, tables: 3, draining: 4, confirmTables: 5 } as const;

type Answer = (error: string | null, body: Uint8Array) => void;

interface Waiting {
  readonly peer: NodeId;
  readonly deadlineMs: MonotonicMs;
  readonly done: Answer;
}

/** Calls between nodes on the forward stream. Every call is answered exactly once, by its deadline at the latest. */
export class ControlCalls {
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private readonly transport: Transport;
  private readonly answer: (from: NodeId, kind: number, body: Uint8Array, reply: Answer) => void;

  constructor(
    transport: Transport,
    answer: (from: NodeId, kind: number, body: Uint8Array, reply: Answer) => void,
  ) {
    this.transport = transport;
    this.answer = answer;
  }

  call(peer: NodeId, kind: number, body: Uint8Array, deadlineMs: MonotonicMs, done: Answer): void {
    const id = this.nextId++;
    if (!this.transport.send(peer, "forward", writeControl(forwardTypes.request, id, kind, body))) {
      done("the node can't be reached", new Uint8Array(0));
      return;
    }
    this.waiting.set(id, { peer, deadlineMs, done });
  }

  /** Tells without expecting an answer. */
  tell(peer: NodeId, kind: number, body: Uint8Array): void {
    this.transport.send(peer, "forward", writeControl(forwardTypes.request, 0, kind, body));
  }

  onRequest(peer: NodeId, reader: ByteReader): void {
    const id = reader.u53();
    const kind = reader.u8();
    const body = reader.block().slice();
    this.answer(peer, kind, body, (error, reply) => {
      if (id === 0) return;
      const bytes = error === null ? reply : utf8Bytes(error);
      this.transport.send(
        peer,
        "forward",
        writeControl(forwardTypes.response, id, error === null ? 1 : 0, bytes),
      );
    });
  }

  onResponse(reader: ByteReader): void {
    const id = reader.u53();
    const good = reader.u8() === 1;
    const body = reader.block();
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    waiting?.done(good ? null : utf8Text(body), body);
  }

  peerDown(peer: NodeId): void {
    this.end((waiting) => waiting.peer === peer, "the connection was lost");
  }

  expire(nowMs: MonotonicMs): void {
    this.end((waiting) => waiting.deadlineMs <= nowMs, "no answer in time");
  }

  stop(): void {
    this.end(() => true, "the node is stopping");
  }

  private end(which: (waiting: Waiting) => boolean, error: string): void {
    for (const [id, waiting] of this.waiting) {
      if (!which(waiting)) continue;
      this.waiting.delete(id);
      waiting.done(error, new Uint8Array(0));
    }
  }
}
