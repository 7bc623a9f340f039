import { latin1Text } from "../../base/bytes.js";
import type { ReplyValue } from "../../commands/reply-codec.js";

/** A decoded request or response message, as proto-loader gives and takes it. */
export type Message = Readonly<Record<string, unknown>>;

/** A request that no command can be made of: INVALID_ARGUMENT. */
export class RequestError extends Error {
  override readonly name = "RequestError";
}

/** How one typed call becomes a command, and the command's reply the call's response. */
export interface Rpc {
  readonly command: string;
  args(request: Message): Uint8Array[];
  response(reply: ReplyValue, request: Message): Message;
}

export function rpc(command: string, args: Rpc["args"], response: (reply: ReplyValue) => Message): Rpc {
  return { command, args, response };
}

// Requests.

const words = {
  ttlSeconds: "EX",
  ttlMs: "PX",
  unixSeconds: "EXAT",
  unixMs: "PXAT",
  keepTtl: "KEEPTTL",
  persist: "PERSIST",
} as const;

const conditionWords: Readonly<Record<string, string>> = {
  EXISTENCE_CONDITION_ABSENT: "NX",
  EXISTENCE_CONDITION_PRESENT: "XX",
  DEADLINE_CONDITION_NONE: "NX",
  DEADLINE_CONDITION_SOME: "XX",
  DEADLINE_CONDITION_LATER: "GT",
  DEADLINE_CONDITION_EARLIER: "LT",
};

export function text(word: string): Uint8Array {
  return Buffer.from(word, "latin1");
}

function bytesOf(field: unknown, name: string): Uint8Array {
  if (!(field instanceof Uint8Array)) throw new RequestError(`${name} is missing`);
  return field;
}

export function key(request: Message): Uint8Array {
  const bytes = bytesOf(request.key, "key");
  if (bytes.length === 0) throw new RequestError("key is missing");
  return bytes;
}

export function value(request: Message): Uint8Array {
  return bytesOf(request.value, "value");
}

export function keys(request: Message): Uint8Array[] {
  const list = request.keys;
  if (!Array.isArray(list) || list.length === 0) throw new RequestError("keys are missing");
  return list.map((each: unknown) => key({ key: each }));
}

export function pairs(request: Message): Uint8Array[] {
  const list = request.pairs;
  if (!Array.isArray(list) || list.length === 0) throw new RequestError("pairs are missing");
  return list.flatMap((pair: Message) => [key(pair), value(pair)]);
}

/** An int64, which proto-loader gives as a decimal string. */
export function integer(request: Message, name: string): Uint8Array {
  return text(String(request[name]));
}

/** The option words of the oneof `expiry`; its members are named alike in every request. */
export function expiry(request: Message): Uint8Array[] {
  const chosen = request.expiry as keyof typeof words | undefined;
  if (chosen === undefined) return [];
  if (chosen === "keepTtl" || chosen === "persist")
    return request[chosen] === true ? [text(words[chosen])] : [];
  return [text(words[chosen]), integer(request, chosen)];
}

export function condition(request: Message): Uint8Array[] {
  const word = conditionWords[String(request.condition)];
  return word === undefined ? [] : [text(word)];
}

// Responses.

function unexpected(reply: ReplyValue): never {
  throw new TypeError(`unexpected reply of type ${reply.type}`);
}

export function nothing(): Message {
  return {};
}

export function flag(reply: ReplyValue): Message {
  return { applied: reply.type === "integer" && reply.value > 0 };
}

/** A field as proto-loader takes it; undefined leaves it out. */
function fieldOf(reply: ReplyValue): Uint8Array | number | string | undefined {
  switch (reply.type) {
    case "nil":
      return undefined;
    case "bulk":
      return reply.bytes;
    case "integer":
      return typeof reply.value === "bigint" ? String(reply.value) : reply.value;
    default:
      return unexpected(reply);
  }
}

export function field(name: string): (reply: ReplyValue) => Message {
  return (reply) => {
    const value = fieldOf(reply);
    return value === undefined ? {} : { [name]: value };
  };
}

export function items(reply: ReplyValue): readonly ReplyValue[] {
  return reply.type === "array" || reply.type === "set" ? reply.items : unexpected(reply);
}

export function textOf(reply: ReplyValue): string {
  if (reply.type === "bulk") return latin1Text(reply.bytes);
  return reply.type === "status" ? reply.text : unexpected(reply);
}

export function floating(reply: ReplyValue): Message {
  const exact = reply.type === "double" ? String(reply.value) : textOf(reply);
  return { value: Number(exact), text: exact };
}

/** A bytes field by its name. */
export function bytesNamed(request: Message, name: string): Uint8Array {
  return bytesOf(request[name], name);
}

/** A key under another name than `key`. */
export function keyNamed(request: Message, name: string): Uint8Array {
  const bytes = bytesOf(request[name], name);
  if (bytes.length === 0) throw new RequestError(`${name} is missing`);
  return bytes;
}

/** A repeated field of at least one value. */
export function several(request: Message, name: string): readonly unknown[] {
  const list = request[name];
  if (!Array.isArray(list) || list.length === 0) throw new RequestError(`${name} are missing`);
  return list;
}

export function bytesList(request: Message, name: string): Uint8Array[] {
  return several(request, name).map((each) => bytesOf(each, name));
}

/** A message field that must be there. */
export function part(request: Message, name: string): Message {
  const found = request[name];
  if (found === null || found === undefined) throw new RequestError(`${name} is missing`);
  return found as Message;
}

/** Whether an `optional` field was set. */
export function isSet(request: Message, name: string): boolean {
  return request[`_${name}`] === name;
}

/** The integer of an `optional` field, or nothing. */
export function optionalInteger(request: Message, name: string): Uint8Array[] {
  return isSet(request, name) ? [integer(request, name)] : [];
}

/** A double as the commands read it. */
export function floatText(value: unknown): Uint8Array {
  const number = Number(value);
  if (Number.isNaN(number)) throw new RequestError("NaN is no number here");
  if (Number.isFinite(number)) return text(Object.is(number, -0) ? "-0" : String(number));
  return text(number > 0 ? "inf" : "-inf");
}

/** A cursor's options: a pattern and a count, where they are given. */
export function scanArgs(request: Message): Uint8Array[] {
  const args = [integer(request, "cursor")];
  if (isSet(request, "match")) args.push(text("MATCH"), bytesNamed(request, "match"));
  if (Number(request.count) !== 0) args.push(text("COUNT"), integer(request, "count"));
  return args;
}

/** The number of keys and the keys. */
export function countedKeys(request: Message): Uint8Array[] {
  const list = keys(request);
  return [text(String(list.length)), ...list];
}

/** The word that an enum's value stands for. */
export function wordOf(request: Message, name: string, words: Readonly<Record<string, string>>): Uint8Array {
  const word = words[String(request[name])];
  if (word === undefined) throw new RequestError(`${name} is missing`);
  return text(word);
}

/** Bytes of a reply that must have some. */
export function bytesIn(reply: ReplyValue): Uint8Array {
  return reply.type === "bulk" ? reply.bytes : unexpected(reply);
}

export function bytesItems(name: string): (reply: ReplyValue) => Message {
  return (reply) => ({ [name]: items(reply).map(bytesIn) });
}

/** One value, several, or none, as a list. */
export function oneOrMore(name: string): (reply: ReplyValue) => Message {
  return (reply) => {
    if (reply.type === "nil" || reply.type === "nil-array") return {};
    return { [name]: reply.type === "bulk" ? [reply.bytes] : items(reply).map(bytesIn) };
  };
}

export function isOne(reply: ReplyValue): boolean {
  return reply.type === "integer" && Number(reply.value) === 1;
}

/** A score: a double, or its text where a scan shows it. */
export function scoreOf(reply: ReplyValue): number {
  if (reply.type === "double") return reply.value;
  const shown = textOf(reply);
  if (shown === "inf") return Number.POSITIVE_INFINITY;
  return shown === "-inf" ? Number.NEGATIVE_INFINITY : Number(shown);
}

/** The cursor, and what a scan found, as `collect` takes it. */
export function scanned(name: string, collect: (found: readonly ReplyValue[]) => unknown[]) {
  return (reply: ReplyValue): Message => {
    const [cursor, found] = items(reply);
    return { cursor: textOf(cursor!), [name]: collect(items(found!)) };
  };
}

/** Values in turns, such as fields and values, two by two. */
export function inPairs<T>(
  found: readonly ReplyValue[],
  make: (first: ReplyValue, second: ReplyValue) => T,
): T[] {
  const pairs: T[] = [];
  for (let i = 0; i + 1 < found.length; i += 2) pairs.push(make(found[i]!, found[i + 1]!));
  return pairs;
}
