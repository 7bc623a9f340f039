import type { ReplyValue } from "../../commands/reply-codec.js";
import {
  bytesIn,
  bytesItems,
  bytesList,
  bytesNamed,
  field,
  flag,
  floating,
  floatText,
  inPairs,
  integer,
  isOne,
  isSet,
  items,
  key,
  type Message,
  nothing,
  type Rpc,
  rpc,
  scanArgs,
  scanned,
  several,
  text,
  value,
} from "./rpc-fields.js";

function fieldValue(name: ReplyValue, found: ReplyValue): Message {
  return { field: bytesIn(name), value: bytesIn(found) };
}

function setArgs(request: Message): Uint8Array[] {
  const pairs = several(request, "fields") as readonly Message[];
  return [key(request), ...pairs.flatMap((pair) => [bytesNamed(pair, "field"), bytesNamed(pair, "value")])];
}

/** Absent fields come without a value. */
function gotMany(reply: ReplyValue, request: Message): Message {
  const names = request.fields as readonly Uint8Array[];
  return { fields: items(reply).map((found, i) => ({ field: names[i], ...field("value")(found) })) };
}

function drawArgs(request: Message): Uint8Array[] {
  const args = [key(request), isSet(request, "count") ? integer(request, "count") : text("1")];
  if (request.withValues === true) args.push(text("WITHVALUES"));
  return args;
}

function drawn(reply: ReplyValue): Message {
  if (reply.type === "pairs") return { fields: reply.pairs.map(([name, found]) => fieldValue(name, found)) };
  return { fields: items(reply).map((name) => ({ field: bytesIn(name) })) };
}

function all(reply: ReplyValue): Message {
  return {
    fields: reply.type === "map" ? reply.entries.map(([name, found]) => fieldValue(name, found)) : [],
  };
}

/** Hashes. */
export const hashRpcs: Readonly<Record<string, Rpc>> = {
  HSet: rpc("HSET", setArgs, field("count")),
  HMSet: rpc("HMSET", setArgs, nothing),
  HSetNx: rpc("HSETNX", (r) => [key(r), bytesNamed(r, "field"), value(r)], flag),
  HGet: rpc("HGET", (r) => [key(r), bytesNamed(r, "field")], field("value")),
  HMGet: { command: "HMGET", args: (r) => [key(r), ...bytesList(r, "fields")], response: gotMany },
  HGetAll: rpc("HGETALL", (r) => [key(r)], all),
  HKeys: rpc("HKEYS", (r) => [key(r)], bytesItems("fields")),
  HVals: rpc("HVALS", (r) => [key(r)], bytesItems("values")),
  HDel: rpc("HDEL", (r) => [key(r), ...bytesList(r, "fields")], field("count")),
  HLen: rpc("HLEN", (r) => [key(r)], field("count")),
  HStrLen: rpc("HSTRLEN", (r) => [key(r), bytesNamed(r, "field")], field("length")),
  HExists: rpc(
    "HEXISTS",
    (r) => [key(r), bytesNamed(r, "field")],
    (reply) => ({ exists: isOne(reply) }),
  ),
  HIncrBy: rpc("HINCRBY", (r) => [key(r), bytesNamed(r, "field"), integer(r, "increment")], field("value")),
  HIncrByFloat: rpc(
    "HINCRBYFLOAT",
    (r) => [key(r), bytesNamed(r, "field"), floatText(r.increment)],
    floating,
  ),
  HRandField: rpc("HRANDFIELD", drawArgs, drawn),
  HScan: rpc(
    "HSCAN",
    (r) => [key(r), ...scanArgs(r)],
    scanned("fields", (found) => inPairs(found, fieldValue)),
  ),
};
