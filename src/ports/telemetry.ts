import type { ErrorKind } from "../base/errors.js";

/** Structured logging; `fields` never hold secrets or values. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type Protocol = "resp" | "grpc" | "http" | "pipeline" | "peer";

/** Counters that the hot path bumps: nothing is allocated per call. */
export interface Telemetry {
  readonly log: Logger;
  /** A command was answered: its wire number, and how long it took since it was read. */
  commandDone(protocol: Protocol, opcode: number, durationMs: number): void;
  commandFailed(protocol: Protocol, kind: ErrorKind): void;
  bytesIn(protocol: Protocol, count: number): void;
  bytesOut(protocol: Protocol, count: number): void;
}
