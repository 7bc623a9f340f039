import { type ArgumentMaker, type CommandBuilders, typedKeys } from "./argument-maker.js";

const scores = [
  "0",
  "1",
  "2",
  "3",
  "-1",
  "1.5",
  "-2.25",
  "0.1",
  "1e3",
  "1e17",
  "1e21",
  "3.14159265358979",
  "123456789012345680",
  "9007199254740993",
  "1e-7",
  "5e-324",
  "1.7976931348623157e308",
  "inf",
  "-inf",
  "+inf",
  "-0",
];
const oddScores = [
  "nan",
  "-nan",
  "",
  " 1",
  "1 ",
  "1e400",
  "-1e400",
  "1e-400",
  "0e-400",
  "1e-310",
  "0x10",
  "0x1.8p3",
  "0x",
  "infinit",
  "infinity",
  "1_0",
  "+",
  "x",
  "1\u00002",
];

/** Commands of sorted sets. */
export function sortedSetCommands(make: ArgumentMaker): CommandBuilders {
  return {
    ZADD: () =>
      make.below(6) === 0
        ? [make.pick(typedKeys.lex), ...make.many(() => ["0", make.member()] as never as string, 10).flat()]
        : [
            make.key("zset"),
            ...make.some(["NX", "XX", "GT", "LT", "CH", "INCR"], 2).map((word) => make.cased(word)),
            ...make
              .many(() => [score(make), make.member()] as never as string, make.below(2) === 0 ? 1 : 8)
              .flat(),
          ],
    ZINCRBY: () => [make.key("zset"), score(make), make.member()],
    ZREM: () => [make.key("zset"), ...make.many(() => make.member(), 8)],
    ZSCORE: () => [make.key("zset"), make.member()],
    ZMSCORE: () => [make.key("zset"), ...make.many(() => make.member())],
    ZRANK: () => [make.key("zset"), make.member()],
    ZREVRANK: () => [make.key("zset"), make.member()],
    ZCARD: () => [make.key("zset")],
    ZCOUNT: () => [make.key("zset"), bound(make), bound(make)],
    ZLEXCOUNT: () => [make.pick(typedKeys.lex), lexBound(make), lexBound(make)],
    ZRANGE: () =>
      make.below(4) === 0
        ? [
            make.pick(typedKeys.lex),
            lexBound(make),
            lexBound(make),
            ...make.shuffled([[make.cased("BYLEX")], make.maybe(["REV"]), limit(make)]).flat(),
            ...make.maybe(["WITHSCORES"], 12),
          ]
        : [...rangeArguments(make, make.key("zset")), ...make.maybe(["WITHSCORES"])],
    ZREVRANGE: () => [
      make.key("zset"),
      make.integer(),
      make.integer(),
      ...make.maybe(["WITHSCORES"]),
      ...make.maybe(["LIMIT", "0", "1"], 20),
    ],
    ZRANGEBYSCORE: () => [
      make.key("zset"),
      bound(make),
      bound(make),
      ...make.shuffled([make.maybe(["WITHSCORES"]), limit(make)]).flat(),
    ],
    ZREVRANGEBYSCORE: () => [
      make.key("zset"),
      bound(make),
      bound(make),
      ...make.shuffled([make.maybe(["WITHSCORES"]), limit(make)]).flat(),
    ],
    ZRANGEBYLEX: () => [make.pick(typedKeys.lex), lexBound(make), lexBound(make), ...limit(make)],
    ZREVRANGEBYLEX: () => [make.pick(typedKeys.lex), lexBound(make), lexBound(make), ...limit(make)],
    ZRANGESTORE: () => [make.key("zset"), ...rangeArguments(make, make.key("zset"))],
    ZREMRANGEBYRANK: () => [make.key("zset"), make.integer(), make.pick(["0", "1", "-5", "x", "3"])],
    ZREMRANGEBYSCORE: () => [make.key("zset"), bound(make), bound(make)],
    ZREMRANGEBYLEX: () => [make.pick(typedKeys.lex), lexBound(make), lexBound(make)],
    ZPOPMIN: () => [make.key("zset"), ...make.maybe([make.integer()])],
    ZPOPMAX: () => [make.key("zset"), ...make.maybe([make.integer()])],
    ZMPOP: () => [
      ...make.counted(() => make.key("zset")),
      make.cased(make.pick(["MIN", "MAX", "MIN", "MAX", "MID"])),
      ...make.maybe(["COUNT", make.count()]),
    ],
    ZRANDMEMBER: () => [
      make.key("zset"),
      ...make.maybe([make.drawCount(), ...make.maybe([make.pick(["WITHSCORES", "WITHSCORES", "BAD"])])]),
    ],
    ZSCAN: () => [make.key("zset"), ...make.scanOptions()],
    ZUNION: () => algebra(make, true),
    ZINTER: () => algebra(make, true),
    ZDIFF: () => [
      ...make.counted(() => make.key("zset")),
      ...make.maybe(["WITHSCORES"]),
      ...make.maybe(["WEIGHTS"], 9),
    ],
    ZUNIONSTORE: () => [make.key("zset"), ...algebra(make, false)],
    ZINTERSTORE: () => [make.key("zset"), ...algebra(make, false)],
    ZDIFFSTORE: () => [make.key("zset"), ...make.counted(() => make.key("zset"))],
    ZINTERCARD: () => [
      ...make.counted(() => make.key("zset")),
      ...make.maybe(["LIMIT", make.pick(["0", "1", "3", "-1", "x"])]),
    ],
  };
}

function score(make: ArgumentMaker): string {
  const draw = make.below(12);
  if (draw === 0) return make.pick(oddScores);
  return draw < 6 ? String(make.below(40) - 10) : make.pick(scores);
}

function bound(make: ArgumentMaker): string {
  const end = score(make);
  return make.below(3) === 0 ? `(${end}` : end;
}

function lexBound(make: ArgumentMaker): string {
  const draw = make.below(10);
  if (draw === 0) return make.pick(["", "a", "+x", "-x", "(", "[", "+\u0000x"]);
  if (draw < 3) return make.pick(["-", "+"]);
  return make.pick(["[", "("]) + make.member();
}

function algebra(make: ArgumentMaker, withScores: boolean): readonly string[] {
  const keys = make.counted(() => make.key(make.below(4) === 0 ? "set" : "zset"));
  const weights = Array.from({ length: make.below(8) === 0 ? make.below(4) : keys.length - 1 }, () =>
    score(make),
  );
  return [
    ...keys,
    ...make
      .shuffled([
        make.maybe(["WEIGHTS", ...weights], 3),
        make.maybe(["AGGREGATE", make.pick(["SUM", "MIN", "MAX", "MIN", "AVG"])], 3),
        withScores ? make.maybe(["WITHSCORES"]) : [],
      ])
      .flat(),
  ];
}

function limit(make: ArgumentMaker): readonly string[] {
  return make.maybe(["LIMIT", make.integer(), make.integer()], 3);
}

function rangeArguments(make: ArgumentMaker, key: string): string[] {
  const by = make.below(2) === 0 ? "BYSCORE" : "";
  const ends = by === "BYSCORE" ? [bound(make), bound(make)] : [make.integer(), make.integer()];
  return [
    key,
    ...ends,
    ...make
      .shuffled([
        by === "" ? [] : [make.cased(by)],
        make.maybe(["REV"]),
        make.maybe(["LIMIT", make.integer(), make.integer()], by === "" ? 15 : 2),
      ])
      .flat(),
  ];
}
