import type { ServerResponse } from "node:http";
import { type ErrorKind, errorForm } from "../../base/errors.js";
import type { ReadFreshness } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";

export type HeaderList = Readonly<Record<string, string>>;

const retryAfterSeconds = "1";

/** The one answer of a request: the first call wins, and none comes after the client has gone. */
export class HttpAnswer {
  constructor(
    private readonly response: ServerResponse,
    private readonly telemetry: Telemetry,
  ) {}

  /** False once answered, or when nobody listens any more. */
  get isOpen(): boolean {
    return !this.response.headersSent && !this.response.destroyed && !this.response.writableEnded;
  }

  /** Tells a client that waits before it sends its body to go on. */
  inviteBody(): void {
    if (this.isOpen) this.response.writeContinue();
  }

  json(status: number, body: unknown, headers: HeaderList = {}): void {
    this.bytes(status, "application/json; charset=utf-8", Buffer.from(JSON.stringify(body)), headers);
  }

  bytes(status: number, contentType: string, body: Uint8Array, headers: HeaderList = {}): void {
    if (!this.isOpen) return;
    this.telemetry.bytesOut("http", body.length);
    this.response.writeHead(status, {
      "Content-Type": contentType,
      "Content-Length": body.length,
      "Cache-Control": "no-store",
      ...headers,
    });
    this.response.end(body);
  }

  empty(status: number, headers: HeaderList = {}): void {
    if (!this.isOpen) return;
    this.response.writeHead(status, { "Cache-Control": "no-store", ...headers });
    this.response.end();
  }

  /** An error of the catalogue. */
  error(kind: ErrorKind, message: string | null, headers: HeaderList = {}): void {
    const form = errorForm(kind);
    const retry: HeaderList = form.http === 503 ? { "Retry-After": retryAfterSeconds } : {};
    this.json(
      form.http,
      { error: { kind, message: message ?? form.message, outcome: form.outcome } },
      { ...retry, ...headers },
    );
  }

  /** An error of HTTP itself: always before anything was done. */
  refuse(status: number, kind: string, message: string, headers: HeaderList = {}): void {
    this.json(status, { error: { kind, message, outcome: "definite" } }, headers);
  }

  /** Refuses a body that won't be read: the connection can't be used any further. */
  refuseBody(message: string): void {
    this.error("too-large", message, { Connection: "close" });
  }
}

/** How a reply that isn't linearizable was read. */
export function freshnessHeaders(freshness: ReadFreshness | null): HeaderList {
  if (freshness === null) return {};
  return {
    "Quorate-Stale": String(freshness.stale),
    "Quorate-Age-Ms": freshness.ageMs === null ? "unknown" : String(Math.ceil(freshness.ageMs)),
    "Quorate-Index": String(freshness.appliedIndex),
    "Quorate-Session": `${freshness.revision}.${Math.floor(freshness.logTimeMs)}`,
  };
}
