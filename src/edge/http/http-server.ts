import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { limits } from "../../base/limits.js";
import type { Service } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";
import { CacheRoutes } from "./cache-routes.js";
import { HttpAnswer } from "./http-answer.js";
import { HttpCommands } from "./http-commands.js";

export interface HttpServerOptions {
  readonly service: Service;
  readonly telemetry: Telemetry;
  /** Prometheus's text. */
  readonly renderMetrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  readonly valueLimitBytes?: number;
  readonly maxConnections?: number;
}

export interface HttpServer {
  /** Calls back once, with the error's text or null. */
  listen(host: string, port: number, done: (error: string | null) => void): void;
  address(): { readonly host: string; readonly port: number } | null;
  /** Listens no more, answers what it has, closes (after 5 s in any case). */
  close(done: () => void): void;
}

/** A key of 64 KiB, percent-encoded, and some room for headers. */
const maxHeaderBytes = 256 * 1024;
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
const keepAliveTimeoutMs = 65_000;
const closeGraceMs = 5000;

/** The HTTP/JSON door: single keys, batches, health and metrics. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { service, telemetry } = options;
  const commands = new HttpCommands(service, telemetry);
  const routes = new CacheRoutes(commands, telemetry, options.valueLimitBytes ?? limits.valueBytes);
  let closing = false;

  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: 2000,
      noDelay: true,
    },
    handle,
  );
  server.maxConnections = options.maxConnections ?? 10_000;
  // A client that asks first learns that its body is too large before it sends it.
  server.on("checkContinue", handle);
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) =>
    refuseMalformed(error.code ?? "", socket),
  );

  function handle(request: IncomingMessage, response: ServerResponse): void {
    if (closing) response.setHeader("Connection", "close");
    // A broken connection is no error of ours; the answer finds it closed.
    response.on("error", () => response.destroy());
    const answer = new HttpAnswer(response, telemetry);
    route(request, answer);
    // Bodies nobody asked for are thrown away; otherwise they'd block the connection.
    if (request.listenerCount("data") === 0) request.resume();
  }

  function route(request: IncomingMessage, answer: HttpAnswer): void {
    const url = request.url ?? "/";
    const queryStart = url.indexOf("?");
    const path = queryStart < 0 ? url : url.slice(0, queryStart);
    const method = request.method ?? "";
    if (path.startsWith("/cache/")) {
      const query = new URLSearchParams(queryStart < 0 ? "" : url.slice(queryStart + 1));
      routeCache(method, path.slice("/cache/".length), { request, answer, query });
      return;
    }
    const page = pages.get(path);
    if (page === undefined) answer.refuse(404, "not-found", "there is nothing at this path");
    else if (method !== "GET" && method !== "HEAD") refuseMethod(answer, "GET, HEAD");
    else page(answer);
  }

  function routeCache(method: string, segment: string, call: Parameters<CacheRoutes["get"]>[0]): void {
    if (segment.includes("/")) {
      call.answer.refuse(404, "not-found", "a slash in a key is written %2F");
      return;
    }
    switch (method) {
      case "GET":
      case "HEAD":
        routes.get(call, segment);
        break;
      case "PUT":
        routes.put(call, segment);
        break;
      case "DELETE":
        routes.delete(call, segment);
        break;
      case "POST":
        if (segment === "batch") {
          routes.batch(call);
          break;
        }
        refuseMethod(call.answer, "GET, HEAD, PUT, DELETE");
        break;
      default:
        refuseMethod(call.answer, `GET, HEAD, PUT, DELETE${segment === "batch" ? ", POST" : ""}`);
    }
  }

  const pages = new Map<string, (answer: HttpAnswer) => void>([
    ["/healthz", (answer) => answer.json(200, { alive: true })],
    [
      "/readyz",
      (answer) => {
        if (service.ready() && !closing) answer.json(200, { ready: true });
        else answer.json(503, { ready: false }, { "Retry-After": "1" });
      },
    ],
    ["/metrics", answerMetrics],
  ]);

  function answerMetrics(answer: HttpAnswer): void {
    options.renderMetrics().then(
      ({ contentType, body }) => answer.bytes(200, contentType, Buffer.from(body)),
      (error: unknown) => {
        telemetry.log.error({ error: String(error) }, "metrics");
        answer.refuse(500, "internal", "the metrics could not be collected");
      },
    );
  }

  return {
    listen(host, port, done) {
      const failed = (error: Error): void => done(error.message);
      server.once("error", failed);
      server.listen({ host, port, backlog: 511 }, () => {
        server.removeListener("error", failed);
        server.on("error", (error) => telemetry.log.error({ error: error.message }, "http listener"));
        done(null);
      });
    },
    address() {
      const bound: AddressInfo | string | null = server.address();
      return bound === null || typeof bound === "string" ? null : { host: bound.address, port: bound.port };
    },
    close(done) {
      closing = true;
      const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
      server.close(() => {
        clearTimeout(timer);
        commands.close();
        done();
      });
      server.closeIdleConnections();
    },
  };
}

function refuseMethod(answer: HttpAnswer, allow: string): void {
  answer.refuse(405, "method-not-allowed", `allowed: ${allow}`, { Allow: allow });
}

/** Bytes that are no HTTP request: one answer, then the end. */
function refuseMalformed(code: string, socket: Socket): void {
  if (!socket.writable || socket.destroyed) {
    socket.destroy();
    return;
  }
  const status = code === "HPE_HEADER_OVERFLOW" ? 431 : code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  const message = STATUS_CODES[status] ?? "Bad Request";
  const body = JSON.stringify({ error: { kind: "malformed-request", message, outcome: "definite" } });
  socket.end(
    `HTTP/1.1 ${status} ${message}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
