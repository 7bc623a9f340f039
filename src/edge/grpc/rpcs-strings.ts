import type { ReplyValue } from "../../commands/reply-codec.js";
import {
  condition,
  expiry,
  field,
  flag,
  floating,
  integer,
  items,
  key,
  keys,
  type Message,
  nothing,
  pairs,
  type Rpc,
  rpc,
  text,
  textOf,
  value,
} from "./rpc-fields.js";

/** Strings, keys, deadlines and revisions. */
export const stringRpcs: Readonly<Record<string, Rpc>> = {
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
