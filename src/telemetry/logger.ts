import { mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { type DestinationStream, destination, type Level, pino, stdTimeFunctions } from "pino";
import type { Logger } from "../ports/telemetry.js";

export interface LoggerOptions {
  /** Appended to; stdout when not given. */
  readonly file?: string;
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  /** The node's name, in each line. */
  readonly name: string;
}

export interface NodeLogger extends Logger {
  /** Writes out what is buffered, synchronously; the process's exit does it too. */
  flush(): void;
}

/** Lines that the file doesn't take in time are dropped above this (safety 65). */
const bufferLimitBytes = 16 * 1024 * 1024;

/**
 * JSON lines. Writing never blocks the event loop; a crash by an exception loses no line. Throws when the file can't
 * be opened.
 */
export function createLogger(options: LoggerOptions): NodeLogger {
  // Opened at once, so that the lines of a node that dies while it starts aren't lost.
  const file = options.file === undefined ? 1 : openForAppend(options.file);
  const sink = destination({ dest: file, sync: false, maxLength: bufferLimitBytes });
  let told = false;
  sink.on("error", (error: Error) => {
    // A full disk must not end the node, and there is nowhere else to say it.
    if (!told) process.stderr.write(`log: ${error.message}\n`);
    told = true;
  });
  const flush = (): void => {
    try {
      sink.flushSync();
    } catch {
      // Closed, or the disk is full: nothing can be written.
    }
  };
  process.on("exit", flush);
  return wrap(sink, options, flush);
}

function openForAppend(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, "a", 0o640);
}

function wrap(sink: DestinationStream, options: LoggerOptions, flush: () => void): NodeLogger {
  const lines = pino(
    {
      name: options.name,
      level: options.level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    },
    sink,
  );
  const at =
    (level: Level) =>
    (fields: object, message: string): void =>
      lines[level](fields, message);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), flush };
}
