import type { ReplyValue } from "../../commands/reply-codec.js";
import {
  bytesIn,
  bytesList,
  bytesNamed,
  countedKeys,
  field,
  floatText,
  inPairs,
  integer,
  isSet,
  items,
  key,
  keyNamed,
  type Message,
  optionalInteger,
  part,
  RequestError,
  type Rpc,
  rpc,
  scanArgs,
  scanned,
  scoreOf,
  several,
  text,
  wordOf,
} from "./rpc-fields.js";
import { cardinalityArgs } from "./rpcs-sets.js";

const scoreEnds = { SCORE_END_LOWEST: "MIN", SCORE_END_HIGHEST: "MAX" };
const aggregates = {
  SCORE_AGGREGATE_UNSPECIFIED: "SUM",
  SCORE_AGGREGATE_SUM: "SUM",
  SCORE_AGGREGATE_LEAST: "MIN",
  SCORE_AGGREGATE_GREATEST: "MAX",
};
const conditionWords: Readonly<Record<string, string>> = {
  MEMBER_CONDITION_ABSENT: "NX",
  MEMBER_CONDITION_PRESENT: "XX",
  SCORE_CONDITION_GREATER: "GT",
  SCORE_CONDITION_LESS: "LT",
};

// Requests.

function conditions(request: Message): Uint8Array[] {
  return [request.condition, request.scoreCondition]
    .map((each) => conditionWords[String(each)])
    .filter((word) => word !== undefined)
    .map(text);
}

function addArgs(request: Message): Uint8Array[] {
  const members = several(request, "members") as readonly Message[];
  return [
    key(request),
    ...conditions(request),
    ...(request.changed === true ? [text("CH")] : []),
    ...members.flatMap((each) => [floatText(each.score), bytesNamed(each, "member")]),
  ];
}

function incrementArgs(request: Message): Uint8Array[] {
  const words = [...conditions(request), text("INCR")];
  return [key(request), ...words, floatText(request.increment), bytesNamed(request, "member")];
}

function membersArgs(request: Message): Uint8Array[] {
  return [key(request), ...bytesList(request, "members")];
}

function memberArgs(request: Message): Uint8Array[] {
  return [key(request), bytesNamed(request, "member")];
}

type Ends = readonly [Uint8Array, Uint8Array];

function rankEnds(range: Message): Ends {
  return [integer(range, "start"), integer(range, "stop")];
}

function scoreEnd(range: Message, name: "min" | "max"): Uint8Array {
  if (!isSet(range, name)) return text(name === "min" ? "-inf" : "+inf");
  const shown = floatText(range[name]);
  return range[`${name}Excluded`] === true ? Buffer.concat([text("("), shown]) : shown;
}

function scoreEndsOf(range: Message): Ends {
  return [scoreEnd(range, "min"), scoreEnd(range, "max")];
}

function lexEnd(range: Message, name: "min" | "max"): Uint8Array {
  if (!isSet(range, name)) return text(name === "min" ? "-" : "+");
  return Buffer.concat([text(range[`${name}Excluded`] === true ? "(" : "["), bytesNamed(range, name)]);
}

function lexEnds(range: Message): Ends {
  return [lexEnd(range, "min"), lexEnd(range, "max")];
}

function limit(request: Message): Uint8Array[] {
  const found = request.limit as Message | null | undefined;
  if (found === null || found === undefined) return [];
  return [text("LIMIT"), integer(found, "offset"), integer(found, "count")];
}

function withScores(request: Message): Uint8Array[] {
  return request.withScores === true ? [text("WITHSCORES")] : [];
}

/** Ends and words of ZRANGE's three kinds of ranges; from the highest, scores and bytes are given the other way round. */
function rangeArgs(request: Message): Uint8Array[] {
  const reverse = request.reverse === true;
  const words = reverse ? [text("REV")] : [];
  const inOrder = ([low, high]: Ends): Uint8Array[] => (reverse ? [high, low] : [low, high]);
  switch (request.range) {
    case "ranks":
      return [...rankEnds(part(request, "ranks")), ...words, ...limit(request)];
    case "scores":
      return [...inOrder(scoreEndsOf(part(request, "scores"))), text("BYSCORE"), ...words, ...limit(request)];
    case "lex":
      return [...inOrder(lexEnds(part(request, "lex"))), text("BYLEX"), ...words, ...limit(request)];
    default:
      throw new RequestError("range is missing");
  }
}

/** The key and the ends, for the commands that have one kind of range. */
function ends(read: (range: Message) => Ends, reverse = false): Rpc["args"] {
  return (request) => {
    const [low, high] = read(part(request, "range"));
    return [
      key(request),
      ...(reverse ? [high, low] : [low, high]),
      ...withScores(request),
      ...limit(request),
    ];
  };
}

function algebraArgs(request: Message): Uint8Array[] {
  const args = countedKeys(request);
  const weights = (request.weights ?? []) as readonly number[];
  if (weights.length > 0) args.push(text("WEIGHTS"), ...weights.map(floatText));
  if (request.aggregate !== undefined) args.push(text("AGGREGATE"), wordOf(request, "aggregate", aggregates));
  return args;
}

function answering(request: Message): Uint8Array[] {
  return [...algebraArgs(request), text("WITHSCORES")];
}

function storing(request: Message): Uint8Array[] {
  return [keyNamed(request, "destination"), ...algebraArgs(request)];
}

function popManyArgs(request: Message): Uint8Array[] {
  const args = [...countedKeys(request), wordOf(request, "end", scoreEnds)];
  if (Number(request.count) !== 0) args.push(text("COUNT"), integer(request, "count"));
  return args;
}

function drawArgs(request: Message): Uint8Array[] {
  return [
    key(request),
    isSet(request, "count") ? integer(request, "count") : text("1"),
    ...withScores(request),
  ];
}

// Responses.

function scored(member: ReplyValue, score: ReplyValue): Message {
  return { member: bytesIn(member), score: scoreOf(score) };
}

/** Members with their scores, or without. */
function membersOf(reply: ReplyValue): Message[] {
  if (reply.type === "pairs") return reply.pairs.map(([member, score]) => scored(member, score));
  const found = items(reply);
  // ZPOPMIN without a count answers one member and its score side by side.
  if (found.length === 2 && found[1]!.type === "double") return [scored(found[0]!, found[1]!)];
  return found.map((member) => ({ member: bytesIn(member) }));
}

function members(reply: ReplyValue): Message {
  return { members: membersOf(reply) };
}

function optionalScore(reply: ReplyValue): Message {
  return reply.type === "nil" ? {} : { score: scoreOf(reply) };
}

function gotMany(reply: ReplyValue, request: Message): Message {
  const names = request.members as readonly Uint8Array[];
  return { members: items(reply).map((score, i) => ({ member: names[i], ...optionalScore(score) })) };
}

function popped(reply: ReplyValue): Message {
  if (reply.type === "nil-array" || reply.type === "nil") return {};
  const [from, found] = items(reply);
  return {
    key: bytesIn(from!),
    members: items(found!).map((pair) => scored(items(pair)[0]!, items(pair)[1]!)),
  };
}

/** Sorted sets. */
export const sortedSetRpcs: Readonly<Record<string, Rpc>> = {
  ZAdd: rpc("ZADD", addArgs, field("count")),
  ZAddIncr: rpc("ZADD", incrementArgs, optionalScore),
  ZIncrBy: rpc("ZINCRBY", (r) => [key(r), floatText(r.increment), bytesNamed(r, "member")], optionalScore),
  ZRem: rpc("ZREM", membersArgs, field("count")),
  ZScore: rpc("ZSCORE", memberArgs, optionalScore),
  ZMScore: { command: "ZMSCORE", args: membersArgs, response: gotMany },
  ZRank: rpc("ZRANK", memberArgs, field("rank")),
  ZRevRank: rpc("ZREVRANK", memberArgs, field("rank")),
  ZCard: rpc("ZCARD", (r) => [key(r)], field("count")),
  ZCount: rpc("ZCOUNT", ends(scoreEndsOf), field("count")),
  ZLexCount: rpc("ZLEXCOUNT", ends(lexEnds), field("count")),
  ZRange: rpc("ZRANGE", (r) => [key(r), ...rangeArgs(r), ...withScores(r)], members),
  ZRangeStore: rpc(
    "ZRANGESTORE",
    (r) => [keyNamed(r, "destination"), keyNamed(r, "source"), ...rangeArgs(r)],
    field("count"),
  ),
  ZRevRange: rpc("ZREVRANGE", ends(rankEnds), members),
  ZRangeByScore: rpc("ZRANGEBYSCORE", ends(scoreEndsOf), members),
  ZRevRangeByScore: rpc("ZREVRANGEBYSCORE", ends(scoreEndsOf, true), members),
  ZRangeByLex: rpc("ZRANGEBYLEX", ends(lexEnds), members),
  ZRevRangeByLex: rpc("ZREVRANGEBYLEX", ends(lexEnds, true), members),
  ZRemRangeByRank: rpc("ZREMRANGEBYRANK", ends(rankEnds), field("count")),
  ZRemRangeByScore: rpc("ZREMRANGEBYSCORE", ends(scoreEndsOf), field("count")),
  ZRemRangeByLex: rpc("ZREMRANGEBYLEX", ends(lexEnds), field("count")),
  ZPopMin: rpc("ZPOPMIN", (r) => [key(r), ...optionalInteger(r, "count")], members),
  ZPopMax: rpc("ZPOPMAX", (r) => [key(r), ...optionalInteger(r, "count")], members),
  ZMPop: rpc("ZMPOP", popManyArgs, popped),
  ZRandMember: rpc("ZRANDMEMBER", drawArgs, members),
  ZScan: rpc(
    "ZSCAN",
    (r) => [key(r), ...scanArgs(r)],
    scanned("members", (found) => inPairs(found, scored)),
  ),
  ZUnion: rpc("ZUNION", answering, members),
  ZUnionStore: rpc("ZUNIONSTORE", storing, field("count")),
  ZInter: rpc("ZINTER", answering, members),
  ZInterStore: rpc("ZINTERSTORE", storing, field("count")),
  ZDiff: rpc("ZDIFF", answering, members),
  ZDiffStore: rpc("ZDIFFSTORE", storing, field("count")),
  ZInterCard: rpc("ZINTERCARD", cardinalityArgs, field("count")),
};
