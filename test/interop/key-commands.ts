import { type ArgumentMaker, allKeys, type CommandBuilders, far, typedKeys } from "./argument-maker.js";

/** Commands of keys whatever they hold: deadlines, names, scans. */
export function keyCommands(make: ArgumentMaker): CommandBuilders {
  return {
    DEL: () => make.many(() => make.pick([...allKeys, ...typedKeys.lex]), 2),
    UNLINK: () => make.many(() => make.pick(allKeys), 2),
    EXISTS: () => make.many(() => make.pick(allKeys)),
    TOUCH: () => make.many(() => make.pick(allKeys)),
    TYPE: () => [make.pick(allKeys)],
    EXPIREAT: () => [
      make.pick(allKeys),
      make.pick([far, "4000000001", far, "-5", "1", "x", "9007199254740"]),
      ...conditions(make),
    ],
    PEXPIREAT: () => [
      make.pick(allKeys),
      make.pick(["4000000000500", "4000000000499", "-5", "x"]),
      ...conditions(make),
    ],
    EXPIRE: () => [
      make.pick(allKeys),
      make.pick(["-5", "x", "9223372036854775807", "-9223372036854775808", ""]),
      ...conditions(make),
    ],
    PEXPIRE: () => [make.pick(allKeys), make.pick(["0", "x", "9223372036854775807"]), ...conditions(make)],
    EXPIRETIME: () => [make.pick(allKeys)],
    PEXPIRETIME: () => [make.pick(allKeys)],
    TTL: () => ["no such key"],
    PTTL: () => ["no such key"],
    PERSIST: () => [make.pick(allKeys)],
    COPY: () => [
      make.pick(allKeys),
      make.pick(allKeys),
      ...make
        .shuffled([make.maybe(["REPLACE"]), make.maybe(["DB", make.pick(["0", "0", "99", "x"])], 6)])
        .flat(),
    ],
    RENAME: () => [make.pick(allKeys), make.pick(allKeys)],
    RENAMENX: () => [make.pick(allKeys), make.pick(allKeys)],
    RANDOMKEY: () => [],
    KEYS: () => [
      make.pick(["*", "s*", "?1", "[a-l]*", "[^s]*", "", "nothing", "{?}3", "*\u0000*", "\\z1", "**"]),
    ],
    SCAN: () => [
      ...make.scanOptions(),
      ...make.maybe(["TYPE", make.pick(["string", "list", "hash", "set", "zset", "ZSET", "stream"])], 3),
    ],
    OBJECT: () => [
      make.cased(make.pick(["ENCODING", "FREQ", "IDLETIME", "REFCOUNT", "NOTHING"])),
      ...make.maybe(["no such key"], 1).map(() => "no such key"),
    ],
    MEMORY: () => [
      "USAGE",
      make.pick(["no such key", ...allKeys]),
      ...make.maybe(["SAMPLES", make.pick(["0", "5", "x", "-1"])], 4),
    ],
    DBSIZE: () => [],
  };
}

function conditions(make: ArgumentMaker): string[] {
  return make.some(["NX", "XX", "GT", "LT", "zz"], 2).map((word) => make.cased(word));
}
