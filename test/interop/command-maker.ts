import { ArgumentMaker, type CommandBuilders, integers, typedKeys, usualIntegers } from "./argument-maker.js";
import { collectionCommands } from "./collection-commands.js";
import { keyCommands } from "./key-commands.js";
import { sortedSetCommands } from "./sorted-set-commands.js";
import { stringCommands } from "./string-commands.js";

/** How a reply is compared. */
export type Comparison = "bytes" | "unordered" | "drawn" | "shape" | "popped";

export interface MadeCommand {
  readonly words: readonly string[];
  readonly comparison: Comparison;
}

const unordered = new Set(["SMEMBERS", "SINTER", "SUNION", "SDIFF", "HGETALL", "HKEYS", "HVALS", "KEYS"]);
const scans = new Set(["SCAN", "HSCAN", "SSCAN", "ZSCAN"]);
const drawing = new Set(["SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "RANDOMKEY"]);

/**
 * Random commands over all types, with the edges of each: empty, binary and long arguments, 64-bit limits, odd numbers,
 * wrong types, options in any order and any case, wrong numbers of arguments. Left out is what shows the clock, what
 * Redis answers by a value's history, and what deviates on purpose.
 */
export class CommandMaker {
  private readonly make: ArgumentMaker;
  /** By name; a seed stands for its commands in this order. */
  private readonly builders: CommandBuilders;
  private readonly names: readonly string[];

  constructor(seed: number) {
    const make = new ArgumentMaker(seed);
    this.make = make;
    this.builders = {
      ...stringCommands(make),
      ...keyCommands(make),
      ...collectionCommands(make),
      ...sortedSetCommands(make),
    };
    this.names = Object.keys(this.builders);
  }

  /** Names that are made, for the check that none is forgotten. */
  get made(): readonly string[] {
    return [...this.names, "FLUSHALL", "FLUSHDB"];
  }

  /** The next command; several for one whose picks need what to pick from. */
  next(): MadeCommand[] {
    const { make } = this;
    if (make.below(4000) === 0) {
      const words = [make.pick(["FLUSHALL", "FLUSHDB"]), ...make.some(["ASYNC", "SYNC", "NOW"], 2)];
      return [{ words, comparison: "bytes" }];
    }
    const name = make.pick(this.names);
    let words = [make.cased(name), ...this.builders[name]!().map(String)];
    // What goes over a hash table from a cursor, mixes scores under keys of one score, or might expire meanwhile has no
    // one answer.
    // Redis would draw 2^63 - 1 elements, were it asked to.
    const fragile =
      name === "OBJECT" ||
      scans.has(name) ||
      drawing.has(name) ||
      words.some((word) => /^(ex|px|p?expire|p?setex|db)$/i.test(word));
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

  /** Now and then arguments too few, too many, or strange. */
  private damaged(words: string[]): string[] {
    const { make } = this;
    const draw = make.below(60);
    if (draw === 0) return words.slice(0, 1 + make.below(words.length));
    if (draw === 1) return [...words, make.pick([...integers, "NX", "COUNT", "LIMIT", "WITHSCORES"])];
    if (draw === 2 && words.length > 2) {
      const damaged = [...words];
      damaged[1 + make.below(words.length - 1)] = make.pick([...usualIntegers, "", "zz", "-inf", "(1", "[a"]);
      return damaged;
    }
    return words;
  }
}
