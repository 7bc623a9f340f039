import {
  bytesIn,
  bytesItems,
  bytesList,
  bytesNamed,
  countedKeys,
  field,
  flag,
  integer,
  isOne,
  items,
  key,
  keyNamed,
  keys,
  type Message,
  oneOrMore,
  optionalInteger,
  type Rpc,
  rpc,
  scanArgs,
  scanned,
  text,
} from "./rpc-fields.js";

function membersArgs(request: Message): Uint8Array[] {
  return [key(request), ...bytesList(request, "members")];
}

function storeArgs(request: Message): Uint8Array[] {
  return [keyNamed(request, "destination"), ...keys(request)];
}

/** For SINTERCARD and ZINTERCARD. */
export function cardinalityArgs(request: Message): Uint8Array[] {
  return [...countedKeys(request), text("LIMIT"), integer(request, "limit")];
}

/** Sets. */
export const setRpcs: Readonly<Record<string, Rpc>> = {
  SAdd: rpc("SADD", membersArgs, field("count")),
  SRem: rpc("SREM", membersArgs, field("count")),
  SIsMember: rpc(
    "SISMEMBER",
    (r) => [key(r), bytesNamed(r, "member")],
    (reply) => ({ exists: isOne(reply) }),
  ),
  SMIsMember: rpc("SMISMEMBER", membersArgs, (reply) => ({ exist: items(reply).map(isOne) })),
  SCard: rpc("SCARD", (r) => [key(r)], field("count")),
  SMembers: rpc("SMEMBERS", (r) => [key(r)], bytesItems("members")),
  SPop: rpc("SPOP", (r) => [key(r), ...optionalInteger(r, "count")], oneOrMore("members")),
  SRandMember: rpc("SRANDMEMBER", (r) => [key(r), ...optionalInteger(r, "count")], oneOrMore("members")),
  SMove: rpc(
    "SMOVE",
    (r) => [keyNamed(r, "source"), keyNamed(r, "destination"), bytesNamed(r, "member")],
    flag,
  ),
  SInter: rpc("SINTER", keys, bytesItems("members")),
  SInterStore: rpc("SINTERSTORE", storeArgs, field("count")),
  SUnion: rpc("SUNION", keys, bytesItems("members")),
  SUnionStore: rpc("SUNIONSTORE", storeArgs, field("count")),
  SDiff: rpc("SDIFF", keys, bytesItems("members")),
  SDiffStore: rpc("SDIFFSTORE", storeArgs, field("count")),
  SInterCard: rpc("SINTERCARD", cardinalityArgs, field("count")),
  SScan: rpc(
    "SSCAN",
    (r) => [key(r), ...scanArgs(r)],
    scanned("members", (found) => found.map(bytesIn)),
  ),
};
