import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { latin1Bytes, latin1Text } from "../../src/base/bytes.js";
import { type InputBudget, type ParserLimits, RespParser } from "../../src/edge/resp/resp-parser.js";
import { runs } from "../properties.js";

const limits: ParserLimits = {
  bulkBytes: 16 * 1024 * 1024,
  arguments: 1024 * 1024,
  commandBytes: 64 * 1024 * 1024,
};

function newParser(budget: InputBudget = { usedBytes: 0, limitBytes: 1e9 }): RespParser {
  return new RespParser(limits, budget);
}

interface Parsed {
  readonly commands: string[][];
  readonly error: string;
}

function parse(chunks: readonly Uint8Array[], parser = newParser()): Parsed {
  const commands: string[][] = [];
  for (const chunk of chunks) {
    // The chunk must not be used after `settle`: it is overwritten.
    const own = chunk.slice();
    parser.feed(own);
    while (parser.next() === "command") {
      const command: string[] = [];
      for (let i = 0; i < parser.count; i++)
        command.push(latin1Text(parser.bytes, parser.start(i), parser.end(i)));
      commands.push(command);
    }
    parser.settle();
    own.fill(0xaa);
  }
  return { commands, error: parser.error };
}

function text(...parts: string[]): Uint8Array[] {
  return parts.map(latin1Bytes);
}

function encode(command: readonly string[]): string {
  return `*${command.length}\r\n${command.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i]!, end));
}

const argument = fc.uint8Array({ maxLength: 40 }).map((bytes) => latin1Text(bytes));
const command = fc.array(argument, { minLength: 1, maxLength: 5 });

describe("chunks", () => {
  test("any chunking of a pipeline gives the same commands", () => {
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (commands, at) => {
          const bytes = latin1Bytes(commands.map(encode).join(""));
          expect(parse(cut(bytes, at))).toEqual({ commands, error: "" });
        },
      ),
      { numRuns: runs(300) },
    );
  });

  test("byte by byte", () => {
    const bytes = latin1Bytes(`${encode(["SET", "k", "a\r\nb"])}PING\r\n${encode(["GET", ""])}`);
    const chunks = cut(bytes, [...bytes.keys()]);
    expect(parse(chunks).commands).toEqual([["SET", "k", "a\r\nb"], ["PING"], ["GET", ""]]);
  });

  test("a large value in many chunks is not reserved before it arrives, and is given back", () => {
    const budget = { usedBytes: 0, limitBytes: 1e9 };
    const parser = newParser(budget);
    const value = "v".repeat(8 * 1024 * 1024);
    parse(text(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n`), parser);
    expect(budget.usedBytes).toBeLessThan(16 * 1024);
    const chunks = cut(
      latin1Bytes(`${value}\r\n`),
      Array.from({ length: 128 }, (_, i) => (i + 1) * 65536),
    );
    const { commands } = parse(chunks, parser);
    expect(commands[0]?.[2]?.length).toBe(value.length);
    expect(budget.usedBytes).toBe(0);
  });

  test("safety 65: unfinished commands of all connections have one bound", () => {
    const budget = { usedBytes: 0, limitBytes: 1024 * 1024 };
    const opening = text("*2\r\n$3\r\nGET\r\n$1000000\r\n", "x".repeat(700_000));
    expect(parse(opening, newParser(budget)).error).toBe("");
    expect(parse(opening, newParser(budget)).error).toBe(
      "Protocol error: too many bytes of unfinished commands on this server",
    );
    expect(budget.usedBytes).toBeLessThanOrEqual(budget.limitBytes);
  });
});

describe("inline commands", () => {
  test.each<[string, string[][]]>([
    ["SET k v\r\n", [["SET", "k", "v"]]],
    ["SET  k\t v \n", [["SET", "k", "v"]]],
    ["\r\n\n  \r\nPING\r\n", [["PING"]]],
    ['SET k "a b\\n\\x41\\""\r\n', [["SET", "k", 'a b\nA"']]],
    ["SET k 'it\\'s \\n'\r\n", [["SET", "k", "it's \\n"]]],
    ['SET k ""\r\n', [["SET", "k", ""]]],
    ["*0\r\n*-1\r\nPING\r\n", [["PING"]]],
  ])("%j", (line, commands) => {
    expect(parse(text(line))).toEqual({ commands, error: "" });
  });
});

describe("limits, by declared length (safety 65)", () => {
  test.each<[string, string]>([
    ["*1000000000\r\n", "invalid multibulk length"],
    ["*1048577\r\n", "invalid multibulk length"],
    ["*abc\r\n", "invalid multibulk length"],
    ["*99999999999999999999\r\n", "invalid multibulk length"],
    ["*1\r\n$2147483647\r\n", "invalid bulk length"],
    [`*1\r\n$${16 * 1024 * 1024 + 1}\r\n`, "invalid bulk length"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*1\r\n$x\r\n", "invalid bulk length"],
    ["*2\r\n$3\r\nGET\r\nxyz\r\n", "expected '$', got 'x'"],
    ['GET "a\r\n', "unbalanced quotes in request"],
    ["GET 'a'b\r\n", "unbalanced quotes in request"],
    [`*${"1".repeat(65 * 1024)}`, "too big mbulk count string"],
    [`*1\r\n$${"1".repeat(65 * 1024)}`, "too big bulk count string"],
    ["a".repeat(65 * 1024), "too big inline request"],
    [
      `*6\r\n${`$${16 * 1024 * 1024}\r\n${"x".repeat(16 * 1024 * 1024)}\r\n`.repeat(3)}$${16 * 1024 * 1024}\r\n`,
      "too big command",
    ],
  ])("%.40j", (bytes, error) => {
    expect(parse(text(bytes))).toEqual({ commands: [], error: `Protocol error: ${error}` });
  });

  test("commands before the error are handed out, none after it", () => {
    expect(parse(text("PING\r\n*x\r\nPING\r\n"))).toEqual({
      commands: [["PING"]],
      error: "Protocol error: invalid multibulk length",
    });
  });
});

test("random bytes never throw, hang or hold memory after an error", () => {
  const fragment = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .constantFrom("*", "$", "\r\n", "*2\r\n", "$3\r\n", "GET", '"', "'", "\\x", "-1", "\0")
      .map(latin1Bytes),
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 30 }), (chunks) => {
      const budget = { usedBytes: 0, limitBytes: 1e9 };
      const parser = newParser(budget);
      const { error } = parse(chunks, parser);
      if (error !== "") expect(budget.usedBytes).toBe(0);
      parser.close();
      expect(budget.usedBytes).toBe(0);
    }),
    { numRuns: runs(500) },
  );
});
