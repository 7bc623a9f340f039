import type { ChannelOptions, ServerOptions, ServiceDefinition } from "@grpc/grpc-js";
import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { limits } from "../base/limits.js";
import type { NodeId } from "../base/units.js";
import type { Lane } from "../ports/transport.js";

/**
 * What peers say to each other. The *receiver* of frames opens a stream and frames come as responses: grpc-js lets a
 * client choose its receive window and message limit, while a server's window stays at 64 KiB.
 *
 *   receiver → sender   greeting, then one byte "accepted"
 *   sender → receiver   greeting, then messages of records (`frame-writer.ts`)
 */
export const paths = {
  raft: "/quorate.peer.v1.Peer/Frames",
  forward: "/quorate.peer.v1.Peer/Forward",
  call: "/quorate.peer.v1.Peer/Call",
  snapshot: "/quorate.peer.v1.Peer/Snapshot",
} as const;

/** A stream between two nodes: "raft" carries the lanes raft and bulk. */
export type StreamKind = "raft" | "forward";

export function streamOf(lane: Lane): StreamKind {
  return lane === "forward" ? "forward" : "raft";
}

export function identity(bytes: Buffer): Buffer {
  return bytes;
}

const codec = {
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};

export const peerService: ServiceDefinition = {
  frames: { path: paths.raft, requestStream: true, responseStream: true, ...codec },
  forward: { path: paths.forward, requestStream: true, responseStream: true, ...codec },
  call: { path: paths.call, requestStream: false, responseStream: false, ...codec },
  snapshot: { path: paths.snapshot, requestStream: false, responseStream: true, ...codec },
};

/** A message is at most this, records of one frame more; larger frames are cut. */
export const fragmentBytes = 256 * 1024;
/** Messages of streams are far below; single calls and snapshot chunks with one large element may be large. */
const maxMessageBytes = limits.maxValueBytes + 16 * 1024 * 1024;
/** What may be under way to a slow receiver: it bounds how long a heartbeat waits behind bulk in the network. */
const receiveWindowBytes = 1024 * 1024;

export const channelOptions: ChannelOptions = {
  // Channels to one address share a TCP connection unless each has a pool of its own.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc-node.flow_control_window": receiveWindowBytes,
  "grpc.enable_retries": 0,
  // Peers are reached directly, whatever the environment says about proxies for the web.
  "grpc.enable_http_proxy": 0,
  "grpc.service_config_disable_resolution": 1,
};

export const serverOptions: ServerOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
};

/** How both ends of a stream introduce themselves. */
export interface Greeting {
  readonly id: NodeId;
  /** Another one for each process of the node. */
  readonly process: number;
  /** host:port where this node can be dialled. */
  readonly address: string;
  /** The handler's own, opaque. */
  readonly hello: Uint8Array;
}

const greetingVersion = 2;

export function encodeGreeting(greeting: Greeting): Buffer {
  const writer = new ByteWriter(64 + greeting.hello.length);
  writer.u8(greetingVersion);
  writer.u53(greeting.id);
  writer.u53(greeting.process);
  writer.text(greeting.address);
  writer.block(greeting.hello);
  return asBuffer(writer.take());
}

/** @returns null for bytes that are no greeting of a version known here. */
export function decodeGreeting(bytes: Buffer): Greeting | null {
  try {
    const reader = new ByteReader(asBytes(bytes));
    if (reader.u8() !== greetingVersion) return null;
    return {
      id: reader.u53(),
      process: reader.u53(),
      address: reader.text(),
      hello: reader.block().slice(),
    };
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

/** The same memory as a Buffer, which grpc-js wants. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The same memory as a plain Uint8Array: a Buffer's `slice` is a view where a Uint8Array's is a copy. */
export function asBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
