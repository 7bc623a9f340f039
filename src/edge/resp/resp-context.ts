import type { ByteWriter } from "../../base/bytes.js";
import type { NodeId } from "../../base/units.js";
import type { CommandHeader, ConsistencyLevel } from "../../commands/command-codec.js";
import type { Service } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";
import type { BufferPool } from "./reply-ring.js";
import type { InputBudget, ParserLimits } from "./resp-parser.js";
import type { RespSink } from "./resp-sink.js";

/** What the door says of its node in INFO, HELLO and CONFIG GET. */
export interface ServerInfo {
  /** Quorate's version. */
  readonly version: string;
  readonly nodeId: NodeId;
}

/** Bounds of one connection (safety 65, 73). Above any of them it is not read until half is done. */
export interface ConnectionBounds {
  /** Commands without a reply in the output. */
  readonly outstandingCommands: number;
  /** Bytes of commands at the service. */
  readonly pendingBytes: number;
  /** Finished bytes that the socket has not taken. */
  readonly unsentBytes: number;
  /** Outstanding commands times the size of recent large replies. */
  readonly expectedReplyBytes: number;
  /** A connection with more unsent bytes than this is closed. */
  readonly hardUnsentBytes: number;
  /** A connection that has taken none of its unsent bytes for this long is closed. */
  readonly stallMs: number;
}

/** A client as the local commands see it. */
export interface ClientState {
  readonly id: number;
  readonly address: string;
  readonly localAddress: string;
  readonly createdMs: number;
  /** When the last command was read. */
  activeMs: number;
  name: string;
  libraryName: string;
  libraryVersion: string;
  lastCommand: string;
  noEvict: boolean;
  noTouch: boolean;
  resp3: boolean;
  readonly inputBytes: number;
  readonly outputBytes: number;
  setReadLevel(level: ConsistencyLevel, boundMs: number): void;
  /** Reads no further command; closes once everything was written. */
  closeAfterReplies(): void;
}

/** Something that has work at the end of this turn of the event loop. */
export interface Scheduled {
  isScheduled: boolean;
  turn(): void;
}

export type MutableHeader = { -readonly [field in keyof CommandHeader]: CommandHeader[field] };

/** What the connections of one server share. */
export interface RespContext {
  readonly service: Service;
  readonly telemetry: Telemetry;
  readonly info: ServerInfo;
  readonly sink: RespSink;
  readonly pool: BufferPool;
  readonly budget: InputBudget;
  readonly parserLimits: ParserLimits;
  readonly bounds: ConnectionBounds;
  readonly maxClients: number;
  /** The command being encoded; `execute` copies it. */
  command: ByteWriter;
  /** Its header: reused. */
  readonly header: MutableHeader;
  readonly clients: ReadonlyMap<number, ClientState>;
  readonly counters: { connections: number; commands: number; rejected: number };
  /** The port that is listened on, 0 before. */
  port(): number;
  /** Calls `turn()` of the connection at the end of this turn of the event loop, once. */
  schedule(connection: Scheduled): void;
}
