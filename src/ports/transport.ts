import type { NodeId } from "../base/units.js";

/**
 * "raft": one frame per turn and peer; frames above 256 KiB are cut by the transport into fragments between which
 * smaller frames pass, so heartbeats never wait behind bulk. Order is kept among frames of one lane.
 * "bulk": a raft frame that holds entries and may be overtaken by the "raft" lane. "forward": commands and their replies.
 */
export type Lane = "raft" | "bulk" | "forward";

/** A peer as it is dialled. `id` 0 while only its address is known. */
export interface PeerAddress {
  readonly id: NodeId;
  /** host:port. */
  readonly address: string;
}

export interface TransportHandler {
  /** Opaque greeting, exchanged both ways when a stream starts; asked anew for each stream. */
  hello(): Uint8Array;
  /** The peer's greeting; false refuses the stream (another cluster, an old identity). */
  onHello(from: NodeId, address: string, hello: Uint8Array): boolean;
  /**
   * Streams in both directions work / one doesn't any more. Each change once. What a process of the peer sent that has ended
   * never comes after the `onUp` of the next one.
   */
  onUp(peer: NodeId): void;
  onDown(peer: NodeId): void;
  /** `frame` is the handler's to keep. */
  onFrame(from: NodeId, lane: Lane, frame: Uint8Array): void;
  /** A single call from a peer that may not have an identity yet (bootstrap, join). Answer exactly once. */
  onCall(body: Uint8Array, reply: (body: Uint8Array) => void): void;
  /** A peer pulls a snapshot; null: there is none as asked for. */
  openSnapshot(from: NodeId, request: Uint8Array): SnapshotSource | null;
}

/** Pull-driven, so that a slow receiver bounds what is in memory. */
export interface SnapshotSource {
  next(done: (error: string | null, chunk: Uint8Array | null) => void): void;
  close(): void;
}

export interface SnapshotReceiver {
  /** Call `more` when the chunk was taken care of. */
  onChunk(chunk: Uint8Array, more: () => void): void;
  /** Once: null after the last chunk. */
  onEnd(error: string | null): void;
}

export interface Transport {
  /** Listens and starts dialling; calls back with the error of the listener, or null. */
  start(self: NodeId, handler: TransportHandler, done: (error: string | null) => void): void;
  /** Whom to keep streams with. Those that are not named any more are closed. */
  setPeers(peers: readonly PeerAddress[]): void;
  /**
   * Queues one frame; the transport owns it from now on.
   * @returns false when it was dropped: no stream, or the lane's queue is above its byte bound (safety 65).
   */
  send(to: NodeId, lane: Lane, frame: Uint8Array): boolean;
  /** A single call to an address. Calls back exactly once; every error, the deadline too, as text. */
  call(
    address: string,
    body: Uint8Array,
    deadlineMs: number,
    done: (error: string | null, body: Uint8Array | null) => void,
  ): void;
  /** Pulls a snapshot over a channel of its own. Returns a cancel function. */
  pullSnapshot(from: NodeId, request: Uint8Array, receiver: SnapshotReceiver): () => void;
  isUp(peer: NodeId): boolean;
  queuedBytes(peer: NodeId): number;
  close(done: () => void): void;
}
