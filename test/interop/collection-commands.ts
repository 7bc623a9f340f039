import { type ArgumentMaker, type CommandBuilders, fewMembers, floats } from "./argument-maker.js";

/** Commands of lists, hashes and sets. */
export function collectionCommands(make: ArgumentMaker): CommandBuilders {
  return {
    // Lists.
    LPUSH: () => [make.key("list"), ...make.many(() => make.member())],
    RPUSH: () => [make.key("list"), ...make.many(() => make.member(), 30)],
    LPUSHX: () => [make.key("list"), ...make.many(() => make.member())],
    RPUSHX: () => [make.key("list"), ...make.many(() => make.member())],
    LPOP: () => [make.key("list"), ...make.maybe([make.integer()])],
    RPOP: () => [make.key("list"), ...make.maybe([make.integer()])],
    LLEN: () => [make.key("list")],
    LINDEX: () => [make.key("list"), make.integer()],
    LSET: () => [make.key("list"), make.integer(), make.value()],
    LINSERT: () => [
      make.key("list"),
      make.cased(make.pick(["BEFORE", "AFTER", "BEFORE", "AFTER", "BEYOND"])),
      make.member(),
      make.member(),
    ],
    LREM: () => [make.key("list"), make.integer(), make.member()],
    LRANGE: () => [make.key("list"), make.integer(), make.integer()],
    LTRIM: () => [
      make.key("list"),
      make.pick(["0", "1", "0", "-50", "x"]),
      make.pick(["-1", "-2", "100", "3", "x"]),
    ],
    LPOS: () => [
      make.key("list"),
      make.member(),
      ...make
        .shuffled([
          // Negating -2^63 is undefined in C.
          make.maybe(["RANK", make.integer().replace("-9223372036854775808", "-7")]),
          make.maybe(["COUNT", make.integer()]),
          make.maybe(["MAXLEN", make.integer()], 4),
        ])
        .flat(),
    ],
    LMOVE: () => [make.key("list"), make.key("list"), end(make), end(make)],
    RPOPLPUSH: () => [make.key("list"), make.key("list")],
    LMPOP: () => [...make.counted(() => make.key("list")), end(make), ...make.maybe(["COUNT", make.count()])],
    // Hashes.
    HSET: () => [
      make.key("hash"),
      ...make.many(() => [make.member(), make.value()] as never as string).flat(),
    ],
    HMSET: () => [
      make.key("hash"),
      ...make.many(() => [make.member(), make.value()] as never as string, 20).flat(),
    ],
    HSETNX: () => [make.key("hash"), make.member(), make.value()],
    HGET: () => [make.key("hash"), make.member()],
    HMGET: () => [make.key("hash"), ...make.many(() => make.member())],
    HGETALL: () => [make.key("hash")],
    HKEYS: () => [make.key("hash")],
    HVALS: () => [make.key("hash")],
    HDEL: () => [make.key("hash"), ...make.many(() => make.member(), 10)],
    HLEN: () => [make.key("hash")],
    HSTRLEN: () => [make.key("hash"), make.member()],
    HEXISTS: () => [make.key("hash"), make.member()],
    HINCRBY: () => [make.key("hash"), make.pick(fewMembers), make.integer()],
    HINCRBYFLOAT: () => [make.key("hash"), make.pick(fewMembers), make.pick(floats)],
    HRANDFIELD: () => [
      make.key("hash"),
      ...make.maybe([make.drawCount(), ...make.maybe([make.pick(["WITHVALUES", "WITHVALUES", "BAD"])])]),
    ],
    HSCAN: () => [make.key("hash"), ...make.scanOptions()],
    // Sets.
    SADD: () => [make.key("set"), ...make.many(() => make.member(), 20)],
    SREM: () => [make.key("set"), ...make.many(() => make.member(), 10)],
    SISMEMBER: () => [make.key("set"), make.member()],
    SMISMEMBER: () => [make.key("set"), ...make.many(() => make.member())],
    SCARD: () => [make.key("set")],
    SMEMBERS: () => [make.key("set")],
    SPOP: () => [make.key("set"), ...make.maybe([make.integer()])],
    SRANDMEMBER: () => [make.key("set"), ...make.maybe([make.drawCount()])],
    SMOVE: () => [make.key("set"), make.key("set"), make.member()],
    SSCAN: () => [make.key("set"), ...make.scanOptions()],
    SINTER: () => make.many(() => make.key("set"), 3),
    SUNION: () => make.many(() => make.key("set"), 3),
    SDIFF: () => make.many(() => make.key("set"), 3),
    SINTERSTORE: () => [make.key("set"), ...make.many(() => make.key("set"), 3)],
    SUNIONSTORE: () => [make.key("set"), ...make.many(() => make.key("set"), 3)],
    SDIFFSTORE: () => [make.key("set"), ...make.many(() => make.key("set"), 3)],
    SINTERCARD: () => [
      ...make.counted(() => make.key("set")),
      ...make.maybe(["LIMIT", make.pick(["0", "1", "3", "-1", "x"])]),
    ],
  };
}

function end(make: ArgumentMaker): string {
  return make.cased(make.pick(["LEFT", "RIGHT", "LEFT", "RIGHT", "LEFT", "RIGHT", "MIDDLE"]));
}
