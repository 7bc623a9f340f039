import type { ReplyValue } from "../commands/reply-codec.js";

/** A key or a value; strings are UTF-8. */
export type Bytes = string | Uint8Array;

export function listOf(keys: Bytes | readonly Bytes[]): readonly Bytes[] {
  return typeof keys === "string" || keys instanceof Uint8Array ? [keys] : keys;
}

export function bytesOf(value: Bytes | number | bigint): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(String(value), "utf8");
}

function unexpected(reply: ReplyValue): never {
  throw new TypeError(`unexpected reply of type ${reply.type}`);
}

/** A safe integer as a number, a larger one as a bigint. */
export function integerOf(reply: ReplyValue): number | bigint {
  if (reply.type !== "integer") return unexpected(reply);
  const { value } = reply;
  if (typeof value === "number") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function countOf(reply: ReplyValue): number {
  return Number(integerOf(reply));
}

export function flagOf(reply: ReplyValue): boolean {
  return countOf(reply) > 0;
}

export function bufferOf(reply: ReplyValue): Buffer | null {
  if (reply.type === "nil") return null;
  if (reply.type !== "bulk") return unexpected(reply);
  const { buffer, byteOffset, byteLength } = reply.bytes;
  return Buffer.from(buffer, byteOffset, byteLength);
}

export function textOf(reply: ReplyValue): string | null {
  if (reply.type === "status") return reply.text;
  return bufferOf(reply)?.toString("utf8") ?? null;
}

export function itemsOf(reply: ReplyValue): readonly ReplyValue[] {
  return reply.type === "array" || reply.type === "set" ? reply.items : unexpected(reply);
}

/** Any reply as plain JavaScript: what `command()` answers. */
export type PlainReply =
  | null
  | string
  | number
  | bigint
  | Buffer
  | PlainReply[]
  | Map<PlainReply, PlainReply>;

export function plainOf(reply: ReplyValue): PlainReply {
  switch (reply.type) {
    case "nil":
    case "nil-array":
      return null;
    case "status":
      return reply.text;
    case "integer":
      return integerOf(reply);
    case "double":
      return reply.value;
    case "bulk":
      return bufferOf(reply);
    case "array":
    case "set":
      return reply.items.map(plainOf);
    case "pairs":
      return reply.pairs.map(([first, second]) => [plainOf(first), plainOf(second)]);
    case "map":
      return new Map(reply.entries.map(([key, value]) => [plainOf(key), plainOf(value)]));
    case "error":
      return unexpected(reply);
  }
}
