import { unreachable } from "../base/assert.js";
import { ByteWriter, latin1Bytes } from "../base/bytes.js";
import { type ErrorKind, errorForm } from "../base/errors.js";
import { slotCount } from "../base/slot.js";
import type { Slot } from "../base/units.js";
import type { CommandView } from "../commands/command-codec.js";
import { keyCount, keySlot, slotOfCursor, writePart } from "../commands/cut.js";
import type { CommandDefinition } from "../commands/define-command.js";
import { slotCursor } from "../commands/key-cursor.js";
import { decodeReply, RecordingSink, type ReplyValue } from "../commands/reply-codec.js";
import type { ReplySink } from "../commands/reply-sink.js";
import type { RangeRoute, RoutingTable } from "./routing-table.js";
import type { ReadFreshness } from "./service.js";

/** One part of a command: its range, and which of the command's keys it holds. */
export interface Part {
  readonly route: RangeRoute;
  /** Positions among the command's keys, rising. */
  readonly keys: number[];
  write(out: ByteWriter): void;
}

/**
 * Cuts a command whose keys lie in several ranges: by range, inside a session by slot (a part is what a session
 * records). null: it can't be cut, its keys must share a range.
 */
export function planParts(
  definition: CommandDefinition,
  view: CommandView,
  routing: RoutingTable,
): readonly Part[] | null {
  if (definition.cutting === "cursor") return [cursorPart(view, routing)];
  if (definition.cutting === "every-range" || definition.cutting === "any-reply")
    return [...routing.routes.values()].map((route) => ({
      route,
      keys: [],
      write: (out) => out.raw(view.bytes.subarray(view.commandStart, view.commandEnd)),
    }));
  const bySlot = view.session > 0 && definition.access === "write";
  const parts = new Map<number, { route: RangeRoute; keys: number[] }>();
  for (let position = 0; position < keyCount(definition, view); position++) {
    const slot = keySlot(definition, view, position);
    const route = routing.ofSlot(slot);
    if (route === null) return null;
    const id = bySlot ? slot : route.id;
    const part = parts.get(id);
    if (part === undefined) parts.set(id, { route, keys: [position] });
    else part.keys.push(position);
  }
  if (definition.cutting === "none") {
    const routes = new Set([...parts.values()].map((part) => part.route));
    if (routes.size > 1 || parts.size === 0) return null;
    const [route] = routes;
    return [
      {
        route: route!,
        keys: [],
        write: (out) => out.raw(view.bytes.subarray(view.commandStart, view.commandEnd)),
      },
    ];
  }
  if (parts.size === 0) return null;
  return [...parts.values()].map(({ route, keys }) => ({
    route,
    keys,
    write: (out) => writePart(out, definition, view, view, keys),
  }));
}

/** What goes on from a cursor runs on the range in which the cursor lies. */
function cursorPart(view: CommandView, routing: RoutingTable): Part {
  return {
    route: routing.ofSlot(slotOfCursor(view))!,
    keys: [],
    write: (out) => out.raw(view.bytes.subarray(view.commandStart, view.commandEnd)),
  };
}

/** Collects the parts' replies and joins them by position. */
export class Gather {
  token = 0;
  freshness: ReadFreshness | null = null;
  private readonly definition: CommandDefinition;
  private readonly keysInAll: number;
  private readonly keys: readonly (readonly number[])[];
  private readonly replies: ByteWriter[];
  private readonly values: (ReplyValue | null)[];
  private readonly lastSlot: Slot;
  private readonly draw: number;
  private left: number;

  /** `draw`, any integer, decides which of several replies is taken where one is drawn. */
  constructor(definition: CommandDefinition, view: CommandView, parts: readonly Part[], draw: number) {
    this.draw = draw;
    this.lastSlot = parts[0]!.route.to;
    this.definition = definition;
    this.keysInAll = keyCount(definition, view);
    this.keys = parts.map((part) => part.keys);
    this.replies = parts.map(() => new ByteWriter(64));
    this.values = parts.map(() => null);
    this.left = parts.length;
  }

  sink(part: number): ReplySink {
    this.replies[part]!.clear();
    return new RecordingSink(this.replies[part]!);
  }

  /** @returns true when it was the last one. */
  partDone(part: number, freshness: ReadFreshness | null): boolean {
    this.values[part] = decodeReply(this.replies[part]!.take());
    if (freshness !== null && (this.freshness === null || older(freshness, this.freshness)))
      this.freshness = freshness;
    return --this.left === 0;
  }

  join(sink: ReplySink): void {
    const values = this.values as ReplyValue[];
    const failed = values.filter((value) => value.type === "error");
    if (failed.length > 0) {
      this.joinErrors(sink, failed.length);
      return;
    }
    if (this.definition.cutting === "cursor") {
      this.passOn(sink, values[0]!);
      return;
    }
    if (values.length === 1 && this.keys[0]!.length === 0) {
      writeReply(sink, values[0]!);
      return;
    }
    if (this.definition.cutting === "array") this.joinArrays(sink, values);
    else if (this.definition.cutting === "any-reply") {
      const found = values.filter((value) => value.type !== "nil");
      writeReply(sink, found.length === 0 ? values[0]! : found[this.draw % found.length]!);
    } else if (values[0]!.type === "array") joinLists(sink, values);
    else if (values[0]!.type === "integer") {
      let sum = 0;
      for (const value of values) if (value.type === "integer") sum += Number(value.value);
      sink.integer(sum);
    } else writeReply(sink, values[0]!);
  }

  /** A scan that is done with one range goes on in the next one. */
  private passOn(sink: ReplySink, value: ReplyValue): void {
    const [next, found] = value.type === "array" ? value.items : [];
    const done = next?.type === "bulk" && next.bytes.length === 1 && next.bytes[0] === 0x30;
    if (!done || this.lastSlot === slotCount - 1) {
      writeReply(sink, value);
      return;
    }
    const cursor = latin1Bytes(String(slotCursor(this.lastSlot + 1)));
    sink.array(2);
    sink.bulk(cursor, 0, cursor.length);
    writeReply(sink, found!);
  }

  private joinArrays(sink: ReplySink, values: readonly ReplyValue[]): void {
    const joined: ReplyValue[] = new Array<ReplyValue>(this.keysInAll);
    values.forEach((value, part) => {
      if (value.type === "array")
        this.keys[part]!.forEach((position, i) => {
          joined[position] = value.items[i]!;
        });
    });
    sink.array(this.keysInAll);
    for (const value of joined) writeReply(sink, value);
  }

  /** One part applied or unknown and another not: the whole is unknown. A read has no outcome to be unsure of. */
  private joinErrors(sink: ReplySink, failedCount: number): void {
    const errors = this.values.filter((value) => value?.type === "error");
    const first = errors[0]!;
    if (first.type !== "error") return;
    const kind: ErrorKind = first.kind;
    const mixed = failedCount < this.values.length;
    const unknown = errors.some(
      (value) => value?.type === "error" && errorForm(value.kind).outcome === "unknown",
    );
    if (this.definition.access === "write" && (mixed || unknown))
      sink.error("outcome-unknown", "a part of the command took effect or may have, another did not");
    else sink.error(kind, first.message);
  }
}

function joinLists(sink: ReplySink, values: readonly ReplyValue[]): void {
  const items = values.flatMap((value) => (value.type === "array" ? value.items : []));
  sink.array(items.length);
  for (const item of items) writeReply(sink, item);
}

function older(a: ReadFreshness, b: ReadFreshness): boolean {
  return a.ageMs === null || (b.ageMs !== null && a.ageMs > b.ageMs);
}

function writeReply(sink: ReplySink, value: ReplyValue): void {
  switch (value.type) {
    case "status":
      sink.status(value.text);
      break;
    case "integer":
      if (typeof value.value === "bigint") sink.bigInteger(value.value);
      else sink.integer(value.value);
      break;
    case "double":
      sink.double(value.value);
      break;
    case "bulk":
      sink.bulk(value.bytes, 0, value.bytes.length);
      break;
    case "nil":
      sink.nil();
      break;
    case "nil-array":
      sink.nilArray();
      break;
    case "array":
      sink.array(value.items.length);
      for (const item of value.items) writeReply(sink, item);
      break;
    case "set":
      sink.set(value.items.length);
      for (const item of value.items) writeReply(sink, item);
      break;
    case "pairs":
      sink.pairs(value.pairs.length);
      for (const [first, second] of value.pairs) {
        sink.pair();
        writeReply(sink, first);
        writeReply(sink, second);
      }
      break;
    case "map":
      sink.map(value.entries.length);
      for (const [key, entry] of value.entries) {
        writeReply(sink, key);
        writeReply(sink, entry);
      }
      break;
    case "error":
      sink.error(value.kind, value.message);
      break;
    default:
      unreachable(value);
  }
}
