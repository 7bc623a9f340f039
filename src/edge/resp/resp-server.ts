import { type AddressInfo, createServer, type Socket } from "node:net";
import { ByteWriter } from "../../base/bytes.js";
import { limits } from "../../base/limits.js";
import { plainHeader } from "../../commands/command-codec.js";
import type { Service } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";
import { BufferPool } from "./reply-ring.js";
import { RespConnection } from "./resp-connection.js";
import type { ConnectionBounds, RespContext, Scheduled, ServerInfo } from "./resp-context.js";
import type { ParserLimits } from "./resp-parser.js";
import { RespSink } from "./resp-sink.js";

export interface RespServerOptions {
  readonly service: Service;
  readonly telemetry: Telemetry;
  readonly serverInfo: ServerInfo;
  /** Longest argument: the cluster's value limit. */
  readonly valueLimitBytes?: number;
  readonly maxClients?: number;
  readonly bounds?: Partial<ConnectionBounds>;
  /** Bytes of half-received commands of all connections. */
  readonly inputBudgetBytes?: number;
}

export interface RespServer {
  /** Calls back once, with the error's text or null. */
  listen(host: string, port: number, done: (error: string | null) => void): void;
  address(): { readonly host: string; readonly port: number } | null;
  /** Listens no more, answers what was received, closes every connection (after 5 s in any case). */
  close(done: () => void): void;
}

const mebibyte = 1024 * 1024;
const closeGraceMs = 5000;
const rejectLingerMs = 1000;
const keepAliveMs = 300_000;

const defaultBounds: ConnectionBounds = {
  outstandingCommands: 16 * 1024,
  pendingBytes: 8 * mebibyte,
  unsentBytes: mebibyte,
  expectedReplyBytes: 16 * mebibyte,
  hardUnsentBytes: 256 * mebibyte,
  stallMs: 120_000,
};

/** The RESP2/RESP3 door: Redis's protocol over `service.execute`. */
export function createRespServer(options: RespServerOptions): RespServer {
  const bulkBytes = options.valueLimitBytes ?? limits.valueBytes;
  const parserLimits: ParserLimits = {
    bulkBytes,
    arguments: limits.commandArguments,
    commandBytes: Math.max(64 * mebibyte, bulkBytes + mebibyte),
  };
  const clients = new Map<number, RespConnection>();
  let scheduled: Scheduled[] = [];
  let runs = false;
  let nextId = 1;
  let closing = false;

  const runScheduled = (): void => {
    runs = false;
    const due = scheduled;
    scheduled = [];
    for (const connection of due) {
      connection.isScheduled = false;
      connection.turn();
    }
  };

  const context: RespContext = {
    service: options.service,
    telemetry: options.telemetry,
    info: options.serverInfo,
    sink: new RespSink(),
    pool: new BufferPool(4 * 1024, 256 * 1024, 256),
    budget: { usedBytes: 0, limitBytes: options.inputBudgetBytes ?? 256 * mebibyte },
    parserLimits,
    bounds: { ...defaultBounds, ...options.bounds },
    maxClients: options.maxClients ?? 10_000,
    command: new ByteWriter(64 * 1024),
    header: plainHeader(0),
    clients,
    counters: { connections: 0, commands: 0, rejected: 0 },
    port: () => address()?.port ?? 0,
    schedule(connection) {
      if (connection.isScheduled) return;
      connection.isScheduled = true;
      scheduled.push(connection);
      if (runs) return;
      runs = true;
      setImmediate(runScheduled);
    },
  };

  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs },
    accept,
  );

  function accept(socket: Socket): void {
    context.counters.connections++;
    if (closing || clients.size >= context.maxClients) {
      context.counters.rejected++;
      socket.on("error", () => socket.destroy());
      // Read on for a moment: closing with unread bytes resets the connection before the error is seen.
      socket.setTimeout(rejectLingerMs, () => socket.destroy());
      socket.resume();
      socket.end(closing ? "" : "-ERR max number of clients reached\r\n");
      return;
    }
    const id = nextId++;
    const connection = new RespConnection(context, socket, id);
    clients.set(id, connection);
    socket.on("close", () => {
      clients.delete(id);
      connection.markClosed();
    });
  }

  function address(): { readonly host: string; readonly port: number } | null {
    const bound: AddressInfo | string | null = server.address();
    return bound === null || typeof bound === "string" ? null : { host: bound.address, port: bound.port };
  }

  return {
    listen(host, port, done) {
      const failed = (error: Error): void => done(error.message);
      server.once("error", failed);
      server.listen({ host, port, backlog: 511 }, () => {
        server.removeListener("error", failed);
        server.on("error", (error) => options.telemetry.log.error({ error: error.message }, "resp listener"));
        done(null);
      });
    },
    address,
    close(done) {
      closing = true;
      const timer = setTimeout(() => {
        for (const connection of clients.values()) connection.destroy();
      }, closeGraceMs);
      server.close(() => {
        clearTimeout(timer);
        done();
      });
      for (const connection of clients.values()) connection.stop();
    },
  };
}
