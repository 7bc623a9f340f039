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

/** The calls of CacheService by their name in the .proto. */
export const rpcTable: Readonly<Record<string, Rpc>> = {
  Get: rpc("GET", (r) => [key(r)], field("value")),
  Set: { command: "SET", args: setArgs, response: setResponse },
  SetNx: rpc("SETNX", (r) => [key(r), value(r)], flag),
  SetEx: rpc("SETEX", (r) => [key(r), integer(r, "ttlSeconds"), value(r)], nothing),
  PSetEx: rpc("PSETEX", (r) => [key(r), integer(r, "ttlMs"), value(r)], nothing),
  GetSet: rpc("GETSET", (r) => [key(r), value(r)], field("previous")),
  GetDel: rpc("GETDEL", (r) => [key(r)], field("value")),
  GetEx: rpc("GETEX", (r) => [key(r), ...expiry(r)], field("value")),
  MGet: rpc("MGET", keys, (reply) => ({ values: items(reply).map(field("value")) })),
  MSet: rpc("MSET", pairs, nothing),
  MSetNx: rpc("MSETNX", pairs, flag),
  Append: rpc("APPEND", (r) => [key(r), value(r)], field("length")),
  StrLen: rpc("STRLEN", (r) => [key(r)], field("length")),
  SetRange: rpc("SETRANGE", (r) => [key(r), integer(r, "offset"), value(r)], field("length")),
  GetRange: rpc("GETRANGE", (r) => [key(r), integer(r, "start"), integer(r, "end")], field("value")),
  Incr: rpc("INCR", (r) => [key(r)], field("value")),
  Decr: rpc("DECR", (r) => [key(r)], field("value")),
  IncrBy: rpc("INCRBY", (r) => [key(r), integer(r, "increment")], field("value")),
  DecrBy: rpc("DECRBY", (r) => [key(r), integer(r, "decrement")], field("value")),
  IncrByFloat: rpc("INCRBYFLOAT", (r) => [key(r), text(String(r.increment))], floating),
  Del: rpc("DEL", keys, field("count")),
  Unlink: rpc("UNLINK", keys, field("count")),
  Exists: rpc("EXISTS", keys, field("count")),
  Type: rpc(
    "TYPE",
    (r) => [key(r)],
    (reply) => ({ type: textOf(reply) }),
  ),
  Expire: rpc("EXPIRE", (r) => [key(r), integer(r, "ttlSeconds"), ...deadlineCondition(r)], flag),
  PExpire: rpc("PEXPIRE", (r) => [key(r), integer(r, "ttlMs"), ...deadlineCondition(r)], flag),
  ExpireAt: rpc("EXPIREAT", (r) => [key(r), integer(r, "unixSeconds"), ...deadlineCondition(r)], flag),
  PExpireAt: rpc("PEXPIREAT", (r) => [key(r), integer(r, "unixMs"), ...deadlineCondition(r)], flag),
  ExpireTime: rpc("EXPIRETIME", (r) => [key(r)], field("unixSeconds")),
  PExpireTime: rpc("PEXPIRETIME", (r) => [key(r)], field("unixMs")),
  Ttl: rpc("TTL", (r) => [key(r)], field("ttlSeconds")),
  PTtl: rpc("PTTL", (r) => [key(r)], field("ttlMs")),
  Persist: rpc("PERSIST", (r) => [key(r)], flag),
  GetRevision: rpc("QUORATE.GETREV", (r) => [key(r)], revisionResponse),
  CompareAndSet: rpc("QUORATE.CAS", compareAndSetArgs, field("revision")),
  CompareAndDelete: rpc("QUORATE.CAD", (r) => [key(r), integer(r, "revision")], flag),
  DbSize: rpc("DBSIZE", () => [], field("keys")),
  FlushAll: rpc("FLUSHALL", () => [], nothing),
};

function rpc(command: string, args: Rpc["args"], response: (reply: ReplyValue) => Message): Rpc {
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

function text(word: string): Uint8Array {
  return Buffer.from(word, "latin1");
}

function bytesOf(field: unknown, name: string): Uint8Array {
  if (!(field instanceof Uint8Array)) throw new RequestError(`${name} is missing`);
  return field;
}

function key(request: Message): Uint8Array {
  const bytes = bytesOf(request.key, "key");
  if (bytes.length === 0) throw new RequestError("key is missing");
  return bytes;
}

function value(request: Message): Uint8Array {
  return bytesOf(request.value, "value");
}

function keys(request: Message): Uint8Array[] {
  const list = request.keys;
  if (!Array.isArray(list) || list.length === 0) throw new RequestError("keys are missing");
  return list.map((each: unknown) => key({ key: each }));
}

function pairs(request: Message): Uint8Array[] {
  const list = request.pairs;
  if (!Array.isArray(list) || list.length === 0) throw new RequestError("pairs are missing");
  return list.flatMap((pair: Message) => [key(pair), value(pair)]);
}

/** An int64, which proto-loader gives as a decimal string. */
function integer(request: Message, name: string): Uint8Array {
  return text(String(request[name]));
}

/** The option words of the oneof `expiry`; its members are named alike in every request. */
function expiry(request: Message): Uint8Array[] {
  const chosen = request.expiry as keyof typeof words | undefined;
  if (chosen === undefined) return [];
  if (chosen === "keepTtl" || chosen === "persist")
    return request[chosen] === true ? [text(words[chosen])] : [];
  return [text(words[chosen]), integer(request, chosen)];
}

function condition(request: Message): Uint8Array[] {
  const word = conditionWords[String(request.condition)];
  return word === undefined ? [] : [text(word)];
}

function deadlineCondition(request: Message): Uint8Array[] {
  return condition(request);
}

function setArgs(request: Message): Uint8Array[] {
  const args = [key(request), value(request), ...condition(request), ...expiry(request)];
  if (request.get === true) args.push(text("GET"));
  return args;
}

function compareAndSetArgs(request: Message): Uint8Array[] {
  return [key(request), integer(request, "revision"), value(request), ...expiry(request)];
}

// Responses.

function unexpected(reply: ReplyValue): never {
  throw new TypeError(`unexpected reply of type ${reply.type}`);
}

function nothing(): Message {
  return {};
}

function flag(reply: ReplyValue): Message {
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

function field(name: string): (reply: ReplyValue) => Message {
  return (reply) => {
    const value = fieldOf(reply);
    return value === undefined ? {} : { [name]: value };
  };
}

function items(reply: ReplyValue): readonly ReplyValue[] {
  return reply.type === "array" ? reply.items : unexpected(reply);
}

function textOf(reply: ReplyValue): string {
  if (reply.type === "bulk") return latin1Text(reply.bytes);
  return reply.type === "status" ? reply.text : unexpected(reply);
}

function floating(reply: ReplyValue): Message {
  const exact = reply.type === "double" ? String(reply.value) : textOf(reply);
  return { value: Number(exact), text: exact };
}

/** OK, or nil where a condition refused; with GET the previous value instead. */
function setResponse(reply: ReplyValue, request: Message): Message {
  const isNil = reply.type === "nil";
  if (request.get !== true) return { applied: !isNil };
  const applied =
    request.condition === "EXISTENCE_CONDITION_ABSENT"
      ? isNil
      : request.condition !== "EXISTENCE_CONDITION_PRESENT" || !isNil;
  return { applied, ...field("previous")(reply) };
}

function revisionResponse(reply: ReplyValue): Message {
  if (reply.type === "nil" || reply.type === "nil-array") return { revision: 0, ttlMs: -2 };
  const [found, revision, ttlMs] = items(reply);
  return { ...field("value")(found!), ...field("revision")(revision!), ...field("ttlMs")(ttlMs!) };
}
