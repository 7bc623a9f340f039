import type { ReplyValue } from "../../commands/reply-codec.js";
import {
  bytesIn,
  bytesItems,
  bytesList,
  bytesNamed,
  countedKeys,
  field,
  integer,
  isSet,
  items,
  key,
  keyNamed,
  type Message,
  nothing,
  oneOrMore,
  optionalInteger,
  type Rpc,
  rpc,
  text,
  value,
  wordOf,
} from "./rpc-fields.js";

const ends = { LIST_END_LEFT: "LEFT", LIST_END_RIGHT: "RIGHT" };

function pushArgs(request: Message): Uint8Array[] {
  return [key(request), ...bytesList(request, "values")];
}

function partArgs(request: Message): Uint8Array[] {
  return [key(request), integer(request, "start"), integer(request, "stop")];
}

function posArgs(request: Message): Uint8Array[] {
  const args = [key(request), value(request)];
  if (isSet(request, "rank")) args.push(text("RANK"), integer(request, "rank"));
  args.push(text("COUNT"), isSet(request, "count") ? integer(request, "count") : text("1"));
  if (Number(request.maxLength) !== 0) args.push(text("MAXLEN"), integer(request, "maxLength"));
  return args;
}

function popManyArgs(request: Message): Uint8Array[] {
  const args = [...countedKeys(request), wordOf(request, "end", ends)];
  if (Number(request.count) !== 0) args.push(text("COUNT"), integer(request, "count"));
  return args;
}

function popped(reply: ReplyValue): Message {
  if (reply.type === "nil-array" || reply.type === "nil") return {};
  const [from, values] = items(reply);
  return { key: bytesIn(from!), values: items(values!).map(bytesIn) };
}

/** Lists. */
export const listRpcs: Readonly<Record<string, Rpc>> = {
  LPush: rpc("LPUSH", pushArgs, field("length")),
  RPush: rpc("RPUSH", pushArgs, field("length")),
  LPushX: rpc("LPUSHX", pushArgs, field("length")),
  RPushX: rpc("RPUSHX", pushArgs, field("length")),
  LPop: rpc("LPOP", (r) => [key(r), ...optionalInteger(r, "count")], oneOrMore("values")),
  RPop: rpc("RPOP", (r) => [key(r), ...optionalInteger(r, "count")], oneOrMore("values")),
  LLen: rpc("LLEN", (r) => [key(r)], field("length")),
  LIndex: rpc("LINDEX", (r) => [key(r), integer(r, "index")], field("value")),
  LSet: rpc("LSET", (r) => [key(r), integer(r, "index"), value(r)], nothing),
  LRange: rpc("LRANGE", partArgs, bytesItems("values")),
  LTrim: rpc("LTRIM", partArgs, nothing),
  LInsert: rpc(
    "LINSERT",
    (r) => [key(r), text(r.after === true ? "AFTER" : "BEFORE"), bytesNamed(r, "pivot"), value(r)],
    field("length"),
  ),
  LRem: rpc("LREM", (r) => [key(r), integer(r, "count"), value(r)], field("count")),
  LPos: rpc("LPOS", posArgs, (reply) => ({
    positions: items(reply).map((each) => field("position")(each).position),
  })),
  LMove: rpc(
    "LMOVE",
    (r) => [
      keyNamed(r, "source"),
      keyNamed(r, "destination"),
      wordOf(r, "from", ends),
      wordOf(r, "to", ends),
    ],
    field("value"),
  ),
  RPopLPush: rpc("RPOPLPUSH", (r) => [keyNamed(r, "source"), keyNamed(r, "destination")], field("value")),
  LMPop: rpc("LMPOP", popManyArgs, popped),
};
