import { below, SeededRandom } from "../../src/base/random.js";

export const integers = [
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
export const usualIntegers = ["0", "1", "-1", "2", "-2", "3", "5", "-5", "10", "-10", "50", "1000"];
export const floats = [
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
export const fewMembers = [
  "a",
  "b",
  "c",
  "d",
  "e",
  "f",
  "1",
  "2",
  "3",
  "-4",
  "",
  "\u0000\u00ff",
  "A",
  "aa",
  "ab",
];
const long = "a longer value that takes some bytes, more than the sixty-four that a packed element may have";

/** An instant, in seconds, that no test reaches. */
export const far = "4000000000";

/** What keys are for: the value types, and `lex`, sorted sets whose members have one score. */
type Type = "string" | "list" | "hash" | "set" | "zset" | "lex";
export const typedKeys: Record<Type, readonly string[]> = {
  string: ["s1", "s2", "{s}3", "__proto__"],
  list: ["l1", "l2", "{l}3"],
  hash: ["h1", "h2", ""],
  set: ["t1", "t2", "t3", "t\u00004"],
  zset: ["z1", "z2", "z3"],
  lex: ["x1", "x2"],
};
export const allKeys = Object.entries(typedKeys).flatMap(([type, keys]) => (type === "lex" ? [] : keys));

/** The words behind a command's name, drawn anew at each call. */
export type CommandBuilders = Readonly<Record<string, () => readonly string[]>>;

/** Draws the arguments that random commands of all types are made of, from a seed: usual ones, and the edges of each. */
export class ArgumentMaker {
  private readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  below(bound: number): number {
    return below(this.random, bound);
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
  some<T>(items: readonly T[], most: number): T[] {
    return Array.from({ length: this.below(most + 1) }, () => this.pick(items));
  }
  many(make: () => string, most = 4): string[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }
  maybe(words: readonly string[], chance = 2): readonly string[] {
    return this.below(chance) === 0 ? words.map((word) => this.cased(word)) : [];
  }
  cased(word: string): string {
    const draw = this.below(8);
    if (draw === 0) return word.toLowerCase();
    return draw === 1 ? word.charAt(0).toLowerCase() + word.slice(1) : word;
  }
  shuffled<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }

  key(type: Type): string {
    return this.below(12) === 0 ? this.pick(allKeys) : this.pick(typedKeys[type]);
  }
  integer(): string {
    return this.below(4) === 0 ? this.pick(integers) : this.pick(usualIntegers);
  }
  value(): string {
    const draw = this.below(20);
    if (draw < 4) return this.pick(integers);
    if (draw < 7) return this.pick(floats);
    if (draw === 7) return long;
    if (draw === 8) return "\u0000\u00ff\r\n$5\r\n".repeat(1 + this.below(30));
    if (draw === 9) return "z".repeat(this.below(3000));
    return this.pick(["hello", "world", "", "foo", "42"]);
  }
  member(): string {
    const draw = this.below(40);
    if (draw === 0) return long + String(this.below(3));
    if (draw < 10) return `m${this.below(900)}`;
    if (draw < 16) return String(this.below(700) - 50);
    return this.pick(fewMembers);
  }
  count(): string {
    return this.below(5) === 0
      ? this.pick(["0", "-1", "x", "", "-9223372036854775808", "5"])
      : this.pick(["1", "2", "3"]);
  }
  /** Keys with their number before them, which is wrong now and then. */
  counted(make: () => string): string[] {
    const keys = this.many(make, 3);
    const draw = this.below(20);
    if (draw === 0) return [this.pick(["0", "-1", "x", "", "9", "9223372036854775807"]), ...keys];
    if (draw === 1) return [String(keys.length + 1), ...keys];
    return [String(keys.length), ...keys];
  }
  scanOptions(): string[] {
    const pattern = this.pick(["*", "a*", "?", "m1*", "*1", "[a-c]", "[^a]", "\\a", "**", "", "m[0-3]?"]);
    return [
      this.below(12) === 0 ? this.pick(["x", "", " 0", "0x", "18446744073709551616", "-"]) : "0",
      "COUNT",
      this.below(12) === 0 ? this.pick(["0", "-1", "x"]) : "100000",
      ...this.maybe(["MATCH", pattern]),
      ...(this.below(15) === 0 ? ["COUNT"] : []),
    ];
  }
  drawCount(): string {
    return this.pick(["0", "1", "2", "-3", "5", "-10", "1000", "x", "", "-9223372036854775808", "1.5"]);
  }
}
