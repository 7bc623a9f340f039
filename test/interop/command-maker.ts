import { below, SeededRandom } from "../../src/base/random.js";

/**
 * Random commands over all types, with the edges of each: empty, binary and long arguments, 64-bit limits, odd numbers,
 * wrong types, options in any order and any case, wrong numbers of arguments. Left out is what shows the clock, what
 * Redis answers by a value's history, and what deviates on purpose.
 */

const integers = [
  "0",
  "1",
  "2",
  "-1",
  "-2",
  "3",
  "7",
  "-3",
  "10",
  "100",
  "01",
  "+1",
  "-0",
  "",
  " 1",
  "1 ",
  "1.0",
  "9007199254740991",
  "9007199254740993",
  "-9007199254740993",
  "9223372036854775807",
  "-9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "99999999999999999999",
  "x",
];
const usualIntegers = ["0", "1", "-1", "2", "-2", "3", "5", "-5", "10", "-10", "50", "1000"];
const floats = [
  "0.1",
  "-0.1",
  "10.5",
  "3.0e3",
  "1e-5",
  "1e-18",
  ".5",
  "5.",
  "-0",
  "+2.5",
  "1234567.1",
  "123456789012345678",
  "1e20",
  "1e4000",
  "-1e4000",
  "1e5000",
  "1e-5000",
  "inf",
  "-inf",
  "+inf",
  "Infinity",
  "nan",
  "1.5x",
  " 1",
  "",
  "e5",
  "0.30000000000000004",
  "99999999999999999999.99999999999",
];
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
const far = "4000000000";
const fewMembers = ["a", "b", "c", "d", "e", "f", "1", "2", "3", "-4", "", "\u0000\u00ff", "A", "aa", "ab"];
const long = "a longer value that takes some bytes, more than the sixty-four that a packed element may have";

type Type = "string" | "list" | "hash" | "set" | "zset" | "lex";
const typedKeys: Record<Type, readonly string[]> = {
  string: ["s1", "s2", "{s}3", "__proto__"],
  list: ["l1", "l2", "{l}3"],
  hash: ["h1", "h2", ""],
  set: ["t1", "t2", "t3", "t\u00004"],
  zset: ["z1", "z2", "z3"],
  lex: ["x1", "x2"],
};
const allKeys = Object.entries(typedKeys).flatMap(([type, keys]) => (type === "lex" ? [] : keys));

/** How a reply is compared. */
export type Comparison = "bytes" | "unordered" | "drawn" | "shape" | "popped";

export interface MadeCommand {
  readonly words: readonly string[];
  readonly comparison: Comparison;
}

const unordered = new Set(["SMEMBERS", "SINTER", "SUNION", "SDIFF", "HGETALL", "HKEYS", "HVALS", "KEYS"]);
const scans = new Set(["SCAN", "HSCAN", "SSCAN", "ZSCAN"]);
const drawing = new Set(["SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "RANDOMKEY"]);

export class CommandMaker {
  private readonly random: SeededRandom;
  private readonly names: readonly string[];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.names = Object.keys(this.builders);
  }

  /** Names that are made, for the check that none is forgotten. */
  get made(): readonly string[] {
    return [...this.names, "FLUSHALL", "FLUSHDB"];
  }

  /** The next command; several for one whose picks need what to pick from. */
  next(): MadeCommand[] {
    if (this.below(4000) === 0) {
      const words = [this.pick(["FLUSHALL", "FLUSHDB"]), ...this.some(["ASYNC", "SYNC", "NOW"], 2)];
      return [{ words, comparison: "bytes" }];
    }
    const name = this.pick(this.names);
    let words = [this.cased(name), ...this.builders[name]!().map(String)];
    // What goes over a hash table from a cursor, mixes scores under keys of one score, or might expire meanwhile has no
    // one answer.
    // Redis would draw 2^63 - 1 elements, were it asked to.
    const fragile =
      name === "OBJECT" ||
      scans.has(name) ||
      drawing.has(name) ||
      words.some((word) => /^(p?ex|p?expire|p?setex|db)$/i.test(word));
    if (!fragile && !words.some((word) => typedKeys.lex.includes(word))) words = this.damaged(words);
    if (unordered.has(name)) return [{ words, comparison: "unordered" }];
    if (scans.has(name)) return [{ words, comparison: "unordered" }];
    if (name === "SPOP") return [{ words, comparison: "popped" }];
    if (name === "MEMORY") return [{ words, comparison: "shape" }];
    if (drawing.has(name)) return this.withSource(name, words);
    return [{ words, comparison: "bytes" }];
  }

  private withSource(name: string, words: readonly string[]): MadeCommand[] {
    const key = words[1] ?? "";
    const source =
      name === "RANDOMKEY"
        ? ["KEYS", "*"]
        : name === "SRANDMEMBER"
          ? ["SMEMBERS", key]
          : name === "HRANDFIELD"
            ? ["HGETALL", key]
            : ["ZRANGE", key, "0", "-1", "WITHSCORES"];
    return [
      { words: source, comparison: "unordered" },
      { words, comparison: "drawn" },
    ];
  }

  private below(bound: number): number {
    return below(this.random, bound);
  }
  private pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
  private some<T>(items: readonly T[], most: number): T[] {
    return Array.from({ length: this.below(most + 1) }, () => this.pick(items));
  }
  private many(make: () => string, most = 4): string[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }
  private maybe(words: readonly string[], chance = 2): readonly string[] {
    return this.below(chance) === 0 ? words.map((word) => this.cased(word)) : [];
  }
  private cased(word: string): string {
    const draw = this.below(8);
    if (draw === 0) return word.toLowerCase();
    return draw === 1 ? word.charAt(0).toLowerCase() + word.slice(1) : word;
  }
  private shuffled<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }

  /** Now and then arguments too few, too many, or strange. */
  private damaged(words: string[]): string[] {
    const draw = this.below(60);
    if (draw === 0) return words.slice(0, 1 + this.below(words.length));
    if (draw === 1) return [...words, this.pick([...integers, "NX", "COUNT", "LIMIT", "WITHSCORES"])];
    if (draw === 2 && words.length > 2) {
      const damaged = [...words];
      damaged[1 + this.below(words.length - 1)] = this.pick([...usualIntegers, "", "zz", "-inf", "(1", "[a"]);
      return damaged;
    }
    return words;
  }

  private key(type: Type): string {
    return this.below(12) === 0 ? this.pick(allKeys) : this.pick(typedKeys[type]);
  }
  private integer(): string {
    return this.below(4) === 0 ? this.pick(integers) : this.pick(usualIntegers);
  }
  private value(): string {
    const draw = this.below(20);
    if (draw < 4) return this.pick(integers);
    if (draw < 7) return this.pick(floats);
    if (draw === 7) return long;
    if (draw === 8) return "\u0000\u00ff\r\n$5\r\n".repeat(1 + this.below(30));
    if (draw === 9) return "z".repeat(this.below(3000));
    return this.pick(["hello", "world", "", "foo", "42"]);
  }
  private member(): string {
    const draw = this.below(40);
    if (draw === 0) return long + String(this.below(3));
    if (draw < 10) return `m${this.below(900)}`;
    if (draw < 16) return String(this.below(700) - 50);
    return this.pick(fewMembers);
  }
  private score(): string {
    const draw = this.below(12);
    if (draw === 0) return this.pick(oddScores);
    return draw < 6 ? String(this.below(40) - 10) : this.pick(scores);
  }
  private bound(): string {
    const score = this.score();
    return this.below(3) === 0 ? `(${score}` : score;
  }
  private lexBound(): string {
    const draw = this.below(10);
    if (draw === 0) return this.pick(["", "a", "+x", "-x", "(", "[", "+\u0000x"]);
    if (draw < 3) return this.pick(["-", "+"]);
    return this.pick(["[", "("]) + this.member();
  }
  private count(): string {
    return this.below(5) === 0
      ? this.pick(["0", "-1", "x", "", "-9223372036854775808", "5"])
      : this.pick(["1", "2", "3"]);
  }
  private conditions(): string[] {
    return this.some(["NX", "XX", "GT", "LT", "zz"], 2).map((word) => this.cased(word));
  }
  private expiry(): string[][] {
    return [
      ["EX", "x"],
      ["EX", "0"],
      ["PX", "-1"],
      ["EX", "9223372036854775807"],
      ["EX", "9223372036854775"],
      ["PX", "9223372036854775807"],
      ["EXAT", far],
      ["PXAT", "4000000000123"],
      ["EXAT", "0"],
      ["KEEPTTL"],
      ["PERSIST"],
      ["EX"],
    ];
  }
  /** Keys with their number before them, which is wrong now and then. */
  private counted(make: () => string): string[] {
    const keys = this.many(make, 3);
    const draw = this.below(20);
    if (draw === 0) return [this.pick(["0", "-1", "x", "", "9", "9223372036854775807"]), ...keys];
    if (draw === 1) return [String(keys.length + 1), ...keys];
    return [String(keys.length), ...keys];
  }
  private algebra(withScores: boolean): readonly string[] {
    const keys = this.counted(() => this.key(this.below(4) === 0 ? "set" : "zset"));
    const weights = Array.from({ length: this.below(8) === 0 ? this.below(4) : keys.length - 1 }, () =>
      this.score(),
    );
    return [
      ...keys,
      ...this.shuffled([
        this.maybe(["WEIGHTS", ...weights], 3),
        this.maybe(["AGGREGATE", this.pick(["SUM", "MIN", "MAX", "MIN", "AVG"])], 3),
        withScores ? this.maybe(["WITHSCORES"]) : [],
      ]).flat(),
    ];
  }
  private limit(): readonly string[] {
    return this.maybe(["LIMIT", this.integer(), this.integer()], 3);
  }
  private rangeArguments(key: string): string[] {
    const by = this.below(2) === 0 ? "BYSCORE" : "";
    const ends = by === "BYSCORE" ? [this.bound(), this.bound()] : [this.integer(), this.integer()];
    return [
      key,
      ...ends,
      ...this.shuffled([
        by === "" ? [] : [this.cased(by)],
        this.maybe(["REV"]),
        this.maybe(["LIMIT", this.integer(), this.integer()], by === "" ? 15 : 2),
      ]).flat(),
    ];
  }
  private scanOptions(): string[] {
    const pattern = this.pick(["*", "a*", "?", "m1*", "*1", "[a-c]", "[^a]", "\\a", "**", "", "m[0-3]?"]);
    return [
      this.below(12) === 0 ? this.pick(["x", "", " 0", "0x", "18446744073709551616", "-"]) : "0",
      "COUNT",
      this.below(12) === 0 ? this.pick(["0", "-1", "x"]) : "100000",
      ...this.maybe(["MATCH", pattern]),
      ...(this.below(15) === 0 ? ["COUNT"] : []),
    ];
  }
  private end(): string {
    return this.cased(this.pick(["LEFT", "RIGHT", "LEFT", "RIGHT", "LEFT", "RIGHT", "MIDDLE"]));
  }
  private drawCount(): string {
    return this.pick(["0", "1", "2", "-3", "5", "-10", "1000", "x", "", "-9223372036854775808", "1.5"]);
  }
  private bits(): string {
    return this.below(10) === 0
      ? this.pick(["-1", "x", "4294967296", "9223372036854775807", "1.5", ""])
      : String(this.below(200));
  }

  private readonly builders: Record<string, () => readonly string[]> = {
    // Strings.
    GET: () => [this.key("string")],
    SET: () => [
      this.key("string"),
      this.value(),
      ...this.some([["NX"], ["XX"], ["GET"], ...this.expiry(), ["bad"]], this.below(3))
        .flat()
        .map((word) => this.cased(word)),
    ],
    SETNX: () => [this.key("string"), this.value()],
    GETSET: () => [this.key("string"), this.value()],
    GETDEL: () => [this.key("string")],
    GETEX: () => [this.key("string"), ...this.some(this.expiry(), 2).flat()],
    SETEX: () => [this.key("string"), this.pick(["0", "-1", "x", "9223372036854775807"]), this.value()],
    PSETEX: () => [this.key("string"), this.pick(["0", "-1", "x", "9223372036854775807"]), this.value()],
    MGET: () => this.many(() => this.key("string")),
    MSET: () => this.many(() => [this.key("string"), this.value()] as never as string).flat(),
    MSETNX: () => this.many(() => [this.key("string"), this.value()] as never as string).flat(),
    APPEND: () => [this.key("string"), this.value()],
    STRLEN: () => [this.key("string")],
    SETRANGE: () => [
      this.key("string"),
      this.pick(["0", "3", "12", "100", "-1", "x", "9223372036854775807"]),
      this.value(),
    ],
    GETRANGE: () => [this.key("string"), this.integer(), this.integer()],
    SUBSTR: () => [this.key("string"), this.integer(), this.integer()],
    INCR: () => [this.key("string")],
    DECR: () => [this.key("string")],
    INCRBY: () => [this.key("string"), this.integer()],
    DECRBY: () => [this.key("string"), this.integer()],
    INCRBYFLOAT: () => [this.key("string"), this.pick(floats)],
    SETBIT: () => [
      this.key("string"),
      this.bits(),
      this.pick(["0", "1", "0", "1", "0", "1", "2", "-1", "x"]),
    ],
    GETBIT: () => [this.key("string"), this.bits()],
    BITCOUNT: () => [
      this.key("string"),
      ...this.maybe([this.integer(), this.integer(), ...this.maybe([this.pick(["BIT", "BYTE", "BITE"])])]),
    ],
    BITPOS: () => [
      this.key("string"),
      this.pick(["0", "1", "0", "1", "2", "x"]),
      ...this.maybe([
        this.integer(),
        ...this.maybe([this.integer(), ...this.maybe([this.pick(["BIT", "BYTE", "BITE"])])]),
      ]),
    ],
    BITOP: () => [
      this.cased(this.pick(["AND", "OR", "XOR", "NOT", "NOT", "NAND"])),
      ...this.many(() => this.key("string")),
      this.key("string"),
    ],
    // Keys.
    DEL: () => this.many(() => this.pick([...allKeys, ...typedKeys.lex]), 2),
    UNLINK: () => this.many(() => this.pick(allKeys), 2),
    EXISTS: () => this.many(() => this.pick(allKeys)),
    TOUCH: () => this.many(() => this.pick(allKeys)),
    TYPE: () => [this.pick(allKeys)],
    EXPIREAT: () => [
      this.pick(allKeys),
      this.pick([far, "4000000001", far, "-5", "1", "x", "9007199254740"]),
      ...this.conditions(),
    ],
    PEXPIREAT: () => [
      this.pick(allKeys),
      this.pick(["4000000000500", "4000000000499", "-5", "x"]),
      ...this.conditions(),
    ],
    EXPIRE: () => [
      this.pick(allKeys),
      this.pick(["-5", "x", "9223372036854775807", "-9223372036854775808", ""]),
      ...this.conditions(),
    ],
    PEXPIRE: () => [this.pick(allKeys), this.pick(["0", "x", "9223372036854775807"]), ...this.conditions()],
    EXPIRETIME: () => [this.pick(allKeys)],
    PEXPIRETIME: () => [this.pick(allKeys)],
    TTL: () => ["no such key"],
    PTTL: () => ["no such key"],
    PERSIST: () => [this.pick(allKeys)],
    COPY: () => [
      this.pick(allKeys),
      this.pick(allKeys),
      ...this.shuffled([
        this.maybe(["REPLACE"]),
        this.maybe(["DB", this.pick(["0", "0", "99", "x"])], 6),
      ]).flat(),
    ],
    RENAME: () => [this.pick(allKeys), this.pick(allKeys)],
    RENAMENX: () => [this.pick(allKeys), this.pick(allKeys)],
    RANDOMKEY: () => [],
    KEYS: () => [
      this.pick(["*", "s*", "?1", "[a-l]*", "[^s]*", "", "nothing", "{?}3", "*\u0000*", "\\z1", "**"]),
    ],
    SCAN: () => [
      ...this.scanOptions(),
      ...this.maybe(["TYPE", this.pick(["string", "list", "hash", "set", "zset", "ZSET", "stream"])], 3),
    ],
    OBJECT: () => [
      this.cased(this.pick(["ENCODING", "FREQ", "IDLETIME", "REFCOUNT", "NOTHING"])),
      ...this.maybe(["no such key"], 1).map(() => "no such key"),
    ],
    MEMORY: () => [
      "USAGE",
      this.pick(["no such key", ...allKeys]),
      ...this.maybe(["SAMPLES", this.pick(["0", "5", "x", "-1"])], 4),
    ],
    DBSIZE: () => [],
    // Lists.
    LPUSH: () => [this.key("list"), ...this.many(() => this.member())],
    RPUSH: () => [this.key("list"), ...this.many(() => this.member(), 30)],
    LPUSHX: () => [this.key("list"), ...this.many(() => this.member())],
    RPUSHX: () => [this.key("list"), ...this.many(() => this.member())],
    LPOP: () => [this.key("list"), ...this.maybe([this.integer()])],
    RPOP: () => [this.key("list"), ...this.maybe([this.integer()])],
    LLEN: () => [this.key("list")],
    LINDEX: () => [this.key("list"), this.integer()],
    LSET: () => [this.key("list"), this.integer(), this.value()],
    LINSERT: () => [
      this.key("list"),
      this.cased(this.pick(["BEFORE", "AFTER", "BEFORE", "AFTER", "BEYOND"])),
      this.member(),
      this.member(),
    ],
    LREM: () => [this.key("list"), this.integer(), this.member()],
    LRANGE: () => [this.key("list"), this.integer(), this.integer()],
    LTRIM: () => [
      this.key("list"),
      this.pick(["0", "1", "0", "-50", "x"]),
      this.pick(["-1", "-2", "100", "3", "x"]),
    ],
    LPOS: () => [
      this.key("list"),
      this.member(),
      ...this.shuffled([
        // Negating -2^63 is undefined in C.
        this.maybe(["RANK", this.integer().replace("-9223372036854775808", "-7")]),
        this.maybe(["COUNT", this.integer()]),
        this.maybe(["MAXLEN", this.integer()], 4),
      ]).flat(),
    ],
    LMOVE: () => [this.key("list"), this.key("list"), this.end(), this.end()],
    RPOPLPUSH: () => [this.key("list"), this.key("list")],
    LMPOP: () => [
      ...this.counted(() => this.key("list")),
      this.end(),
      ...this.maybe(["COUNT", this.count()]),
    ],
    // Hashes.
    HSET: () => [
      this.key("hash"),
      ...this.many(() => [this.member(), this.value()] as never as string).flat(),
    ],
    HMSET: () => [
      this.key("hash"),
      ...this.many(() => [this.member(), this.value()] as never as string, 20).flat(),
    ],
    HSETNX: () => [this.key("hash"), this.member(), this.value()],
    HGET: () => [this.key("hash"), this.member()],
    HMGET: () => [this.key("hash"), ...this.many(() => this.member())],
    HGETALL: () => [this.key("hash")],
    HKEYS: () => [this.key("hash")],
    HVALS: () => [this.key("hash")],
    HDEL: () => [this.key("hash"), ...this.many(() => this.member(), 10)],
    HLEN: () => [this.key("hash")],
    HSTRLEN: () => [this.key("hash"), this.member()],
    HEXISTS: () => [this.key("hash"), this.member()],
    HINCRBY: () => [this.key("hash"), this.pick(fewMembers), this.integer()],
    HINCRBYFLOAT: () => [this.key("hash"), this.pick(fewMembers), this.pick(floats)],
    HRANDFIELD: () => [
      this.key("hash"),
      ...this.maybe([this.drawCount(), ...this.maybe([this.pick(["WITHVALUES", "WITHVALUES", "BAD"])])]),
    ],
    HSCAN: () => [this.key("hash"), ...this.scanOptions()],
    // Sets.
    SADD: () => [this.key("set"), ...this.many(() => this.member(), 20)],
    SREM: () => [this.key("set"), ...this.many(() => this.member(), 10)],
    SISMEMBER: () => [this.key("set"), this.member()],
    SMISMEMBER: () => [this.key("set"), ...this.many(() => this.member())],
    SCARD: () => [this.key("set")],
    SMEMBERS: () => [this.key("set")],
    SPOP: () => [this.key("set"), ...this.maybe([this.integer()])],
    SRANDMEMBER: () => [this.key("set"), ...this.maybe([this.drawCount()])],
    SMOVE: () => [this.key("set"), this.key("set"), this.member()],
    SSCAN: () => [this.key("set"), ...this.scanOptions()],
    SINTER: () => this.many(() => this.key("set"), 3),
    SUNION: () => this.many(() => this.key("set"), 3),
    SDIFF: () => this.many(() => this.key("set"), 3),
    SINTERSTORE: () => [this.key("set"), ...this.many(() => this.key("set"), 3)],
    SUNIONSTORE: () => [this.key("set"), ...this.many(() => this.key("set"), 3)],
    SDIFFSTORE: () => [this.key("set"), ...this.many(() => this.key("set"), 3)],
    SINTERCARD: () => [
      ...this.counted(() => this.key("set")),
      ...this.maybe(["LIMIT", this.pick(["0", "1", "3", "-1", "x"])]),
    ],
    // Sorted sets.
    ZADD: () =>
      this.below(6) === 0
        ? [this.pick(typedKeys.lex), ...this.many(() => ["0", this.member()] as never as string, 10).flat()]
        : [
            this.key("zset"),
            ...this.some(["NX", "XX", "GT", "LT", "CH", "INCR"], 2).map((word) => this.cased(word)),
            ...this.many(
              () => [this.score(), this.member()] as never as string,
              this.below(2) === 0 ? 1 : 8,
            ).flat(),
          ],
    ZINCRBY: () => [this.key("zset"), this.score(), this.member()],
    ZREM: () => [this.key("zset"), ...this.many(() => this.member(), 8)],
    ZSCORE: () => [this.key("zset"), this.member()],
    ZMSCORE: () => [this.key("zset"), ...this.many(() => this.member())],
    ZRANK: () => [this.key("zset"), this.member()],
    ZREVRANK: () => [this.key("zset"), this.member()],
    ZCARD: () => [this.key("zset")],
    ZCOUNT: () => [this.key("zset"), this.bound(), this.bound()],
    ZLEXCOUNT: () => [this.pick(typedKeys.lex), this.lexBound(), this.lexBound()],
    ZRANGE: () =>
      this.below(4) === 0
        ? [
            this.pick(typedKeys.lex),
            this.lexBound(),
            this.lexBound(),
            ...this.shuffled([[this.cased("BYLEX")], this.maybe(["REV"]), this.limit()]).flat(),
            ...this.maybe(["WITHSCORES"], 12),
          ]
        : [...this.rangeArguments(this.key("zset")), ...this.maybe(["WITHSCORES"])],
    ZREVRANGE: () => [
      this.key("zset"),
      this.integer(),
      this.integer(),
      ...this.maybe(["WITHSCORES"]),
      ...this.maybe(["LIMIT", "0", "1"], 20),
    ],
    ZRANGEBYSCORE: () => [
      this.key("zset"),
      this.bound(),
      this.bound(),
      ...this.shuffled([this.maybe(["WITHSCORES"]), this.limit()]).flat(),
    ],
    ZREVRANGEBYSCORE: () => [
      this.key("zset"),
      this.bound(),
      this.bound(),
      ...this.shuffled([this.maybe(["WITHSCORES"]), this.limit()]).flat(),
    ],
    ZRANGEBYLEX: () => [this.pick(typedKeys.lex), this.lexBound(), this.lexBound(), ...this.limit()],
    ZREVRANGEBYLEX: () => [this.pick(typedKeys.lex), this.lexBound(), this.lexBound(), ...this.limit()],
    ZRANGESTORE: () => [this.key("zset"), ...this.rangeArguments(this.key("zset"))],
    ZREMRANGEBYRANK: () => [this.key("zset"), this.integer(), this.pick(["0", "1", "-5", "x", "3"])],
    ZREMRANGEBYSCORE: () => [this.key("zset"), this.bound(), this.bound()],
    ZREMRANGEBYLEX: () => [this.pick(typedKeys.lex), this.lexBound(), this.lexBound()],
    ZPOPMIN: () => [this.key("zset"), ...this.maybe([this.integer()])],
    ZPOPMAX: () => [this.key("zset"), ...this.maybe([this.integer()])],
    ZMPOP: () => [
      ...this.counted(() => this.key("zset")),
      this.cased(this.pick(["MIN", "MAX", "MIN", "MAX", "MID"])),
      ...this.maybe(["COUNT", this.count()]),
    ],
    ZRANDMEMBER: () => [
      this.key("zset"),
      ...this.maybe([this.drawCount(), ...this.maybe([this.pick(["WITHSCORES", "WITHSCORES", "BAD"])])]),
    ],
    ZSCAN: () => [this.key("zset"), ...this.scanOptions()],
    ZUNION: () => this.algebra(true),
    ZINTER: () => this.algebra(true),
    ZDIFF: () => [
      ...this.counted(() => this.key("zset")),
      ...this.maybe(["WITHSCORES"]),
      ...this.maybe(["WEIGHTS"], 9),
    ],
    ZUNIONSTORE: () => [this.key("zset"), ...this.algebra(false)],
    ZINTERSTORE: () => [this.key("zset"), ...this.algebra(false)],
    ZDIFFSTORE: () => [this.key("zset"), ...this.counted(() => this.key("zset"))],
    ZINTERCARD: () => [
      ...this.counted(() => this.key("zset")),
      ...this.maybe(["LIMIT", this.pick(["0", "1", "3", "-1", "x"])]),
    ],
  };
}
