import { type ArgumentMaker, type CommandBuilders, far, floats } from "./argument-maker.js";

const expiries = [
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

/** Commands of strings and of their bits. */
export function stringCommands(make: ArgumentMaker): CommandBuilders {
  return {
    GET: () => [make.key("string")],
    SET: () => [
      make.key("string"),
      make.value(),
      ...make
        .some([["NX"], ["XX"], ["GET"], ...expiries, ["bad"]], make.below(3))
        .flat()
        .map((word) => make.cased(word)),
    ],
    SETNX: () => [make.key("string"), make.value()],
    GETSET: () => [make.key("string"), make.value()],
    GETDEL: () => [make.key("string")],
    GETEX: () => [make.key("string"), ...make.some(expiries, 2).flat()],
    SETEX: () => [make.key("string"), make.pick(["0", "-1", "x", "9223372036854775807"]), make.value()],
    PSETEX: () => [make.key("string"), make.pick(["0", "-1", "x", "9223372036854775807"]), make.value()],
    MGET: () => make.many(() => make.key("string")),
    MSET: () => make.many(() => [make.key("string"), make.value()] as never as string).flat(),
    MSETNX: () => make.many(() => [make.key("string"), make.value()] as never as string).flat(),
    APPEND: () => [make.key("string"), make.value()],
    STRLEN: () => [make.key("string")],
    SETRANGE: () => [
      make.key("string"),
      make.pick(["0", "3", "12", "100", "-1", "x", "9223372036854775807"]),
      make.value(),
    ],
    GETRANGE: () => [make.key("string"), make.integer(), make.integer()],
    SUBSTR: () => [make.key("string"), make.integer(), make.integer()],
    INCR: () => [make.key("string")],
    DECR: () => [make.key("string")],
    INCRBY: () => [make.key("string"), make.integer()],
    DECRBY: () => [make.key("string"), make.integer()],
    INCRBYFLOAT: () => [make.key("string"), make.pick(floats)],
    SETBIT: () => [make.key("string"), bits(make), make.pick(["0", "1", "0", "1", "0", "1", "2", "-1", "x"])],
    GETBIT: () => [make.key("string"), bits(make)],
    BITCOUNT: () => [
      make.key("string"),
      ...make.maybe([make.integer(), make.integer(), ...make.maybe([make.pick(["BIT", "BYTE", "BITE"])])]),
    ],
    BITPOS: () => [
      make.key("string"),
      make.pick(["0", "1", "0", "1", "2", "x"]),
      ...make.maybe([
        make.integer(),
        ...make.maybe([make.integer(), ...make.maybe([make.pick(["BIT", "BYTE", "BITE"])])]),
      ]),
    ],
    BITOP: () => [
      make.cased(make.pick(["AND", "OR", "XOR", "NOT", "NOT", "NAND"])),
      ...make.many(() => make.key("string")),
      make.key("string"),
    ],
  };
}

function bits(make: ArgumentMaker): string {
  return make.below(10) === 0
    ? make.pick(["-1", "x", "4294967296", "9223372036854775807", "1.5", ""])
    : String(make.below(200));
}
