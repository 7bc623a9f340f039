import type { Operation } from "../checker/operation.js";

export type EventType = "invoke" | "ok" | "fail" | "info";

/** One line of a history file; see HISTORY.md. */
export interface HistoryEvent {
  readonly index: number;
  /** ns since any moment, one clock for the whole file. */
  readonly time: number;
  readonly process: number;
  readonly type: EventType;
  readonly f: string;
  readonly key: string | null;
  readonly value: unknown;
  readonly node?: string;
  readonly error?: string;
}

/** The file isn't a history; the message names the line. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

/** @throws HistoryError */
export function parseHistory(text: string): readonly HistoryEvent[] {
  const events: HistoryEvent[] = [];
  for (const [i, line] of text.split("\n").entries())
    if (line.trim() !== "") events.push(parseLine(line, i + 1));
  return events;
}

export function writeHistory(events: readonly HistoryEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

function parseLine(line: string, number: number): HistoryEvent {
  const refuse = (why: string): never => {
    throw new HistoryError(`line ${number}: ${why}`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return refuse("not JSON");
  }
  if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) return refuse("not an object");
  const members = parsed as Readonly<Record<string, unknown>>;
  const { index, time, type, f, key, value, node, error } = members;
  const worker = members.process;
  const isEventType = (word: unknown): word is EventType =>
    word === "invoke" || word === "ok" || word === "fail" || word === "info";
  if (typeof index !== "number" || !Number.isSafeInteger(index)) return refuse("index is not a whole number");
  if (typeof time !== "number") return refuse("time is not a number (ns)");
  if (typeof worker !== "number") return refuse("process is not a number");
  if (!isEventType(type)) return refuse("type is not invoke, ok, fail or info");
  if (typeof f !== "string") return refuse("f is not a string");
  if (key !== undefined && key !== null && typeof key !== "string")
    return refuse("key is not a string or null");
  if (node !== undefined && typeof node !== "string") return refuse("node is not a string");
  if (error !== undefined && typeof error !== "string") return refuse("error is not a string");
  return {
    index,
    time,
    process: worker,
    type,
    f,
    key: key ?? null,
    value: value ?? null,
    ...(node === undefined ? {} : { node }),
    ...(error === undefined ? {} : { error }),
  };
}

/**
 * Pairs invocations with their ends. A process has one operation under way; what never ended is unknown.
 * @throws HistoryError for an end without its invocation, or an invocation before the last one of its process ended.
 */
export function pairEvents(events: readonly HistoryEvent[]): readonly Operation[] {
  const open = new Map<number, HistoryEvent>();
  const operations: Operation[] = [];
  for (const event of [...events].sort((a, b) => a.index - b.index)) {
    const begun = open.get(event.process);
    if (event.type === "invoke") {
      if (begun !== undefined)
        throw new HistoryError(
          `index ${event.index}: process ${event.process} is still in ${begun.f} (index ${begun.index})`,
        );
      open.set(event.process, event);
      continue;
    }
    if (begun === undefined || begun.f !== event.f || begun.key !== event.key)
      throw new HistoryError(
        `index ${event.index}: ${event.type} of ${event.f}, which process ${event.process} hasn't invoked`,
      );
    if (event.time < begun.time) throw new HistoryError(`index ${event.index}: ends before it was invoked`);
    open.delete(event.process);
    operations.push(operationOf(begun, event));
  }
  for (const begun of open.values()) operations.push(operationOf(begun, null));
  return operations;
}

function operationOf(begun: HistoryEvent, end: HistoryEvent | null): Operation {
  const { f, key, value, time, node } = begun;
  const outcome = end === null || end.type === "invoke" ? "info" : end.type;
  return {
    process: begun.process,
    f,
    key,
    input: value,
    output: outcome === "ok" ? (end?.value ?? null) : null,
    invokedNs: time,
    completedNs: outcome === "info" ? null : (end?.time ?? null),
    outcome,
    ...(node === undefined ? {} : { node }),
    ...(end?.error === undefined ? {} : { error: end.error }),
  };
}
