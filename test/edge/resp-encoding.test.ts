import { expect, test } from "vitest";
import { ByteWriter, latin1Text } from "../../src/base/bytes.js";
import { formatDouble } from "../../src/commands/format-double.js";
import type { ReplySink } from "../../src/commands/reply-sink.js";
import { matchesGlob } from "../../src/edge/resp/glob.js";
import { BufferPool, ReplyRing } from "../../src/edge/resp/reply-ring.js";
import { freshnessAttribute, RespSink } from "../../src/edge/resp/resp-sink.js";

function encoded(resp3: boolean, write: (sink: RespSink) => void): string {
  const out = new ByteWriter();
  const sink = new RespSink();
  sink.point(out, resp3);
  write(sink);
  return latin1Text(out.written());
}

test.each<[string, (sink: ReplySink) => void, string, string]>([
  ["status", (s) => s.status("OK"), "+OK\r\n", "+OK\r\n"],
  ["zero", (s) => s.integer(0), ":0\r\n", ":0\r\n"],
  ["negative", (s) => s.integer(-42), ":-42\r\n", ":-42\r\n"],
  ["2^53 - 1", (s) => s.integer(Number.MAX_SAFE_INTEGER), ":9007199254740991\r\n", ":9007199254740991\r\n"],
  ["2^31", (s) => s.integer(2 ** 31), ":2147483648\r\n", ":2147483648\r\n"],
  ["64 bits", (s) => s.bigInteger(-(2n ** 63n)), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"],
  ["double", (s) => s.double(0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n"],
  ["infinity", (s) => s.double(Number.NEGATIVE_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"],
  ["bulk", (s) => s.bulk(new Uint8Array([1, 0x41, 0x0d, 9]), 1, 2), "$2\r\nA\r\r\n", "$2\r\nA\r\r\n"],
  ["nil", (s) => s.nil(), "$-1\r\n", "_\r\n"],
  ["nil array", (s) => s.nilArray(), "*-1\r\n", "_\r\n"],
  ["array", (s) => s.array(3), "*3\r\n", "*3\r\n"],
  ["map", (s) => s.map(2), "*4\r\n", "%2\r\n"],
  ["error", (s) => s.error("syntax", null), "-ERR syntax error\r\n", "-ERR syntax error\r\n"],
  ["error stays one line", (s) => s.error("syntax", "a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"],
])("%s in RESP2 and RESP3", (_name, write, resp2, resp3) => {
  expect(encoded(false, write)).toBe(resp2);
  expect(encoded(true, write)).toBe(resp3);
});

test("doubles are C's %.17g", () => {
  const expected: readonly (readonly [number, string])[] = [
    [3, "3"],
    [-0, "-0"],
    [1.5, "1.5"],
    [1e15, "1000000000000000"],
    [1e16, "10000000000000000"],
    [1e17, "1e+17"],
    [1.5e25, "1.5e+25"],
    [0.0001, "0.0001"],
    [0.00001, "1.0000000000000001e-05"],
    [1e-300, "1e-300"],
    [3.3, "3.2999999999999998"],
    [-123.456, "-123.456"],
  ];
  for (const [value, text] of expected) expect(formatDouble(value)).toBe(text);
});

test("globs match as Redis's do, and never explode (safety 76)", () => {
  expect(matchesGlob("max*", "maxmemory")).toBe(true);
  expect(matchesGlob("m?x*y", "MAXMEMORY")).toBe(true);
  expect(matchesGlob("[a-m]ax*", "maxmemory")).toBe(true);
  expect(matchesGlob("[^m]ax*", "maxmemory")).toBe(false);
  expect(matchesGlob("save", "save2")).toBe(false);
  expect(matchesGlob("\\*", "x")).toBe(false);
  expect(matchesGlob("*", "")).toBe(true);
  expect(matchesGlob("[", "a")).toBe(false);
  expect(matchesGlob("*a".repeat(1000), `${"a".repeat(20_000)}b`)).toBe(false);
});

function ringWith(commands: number): ReplyRing {
  const ring = new ReplyRing(new BufferPool(16, 1024, 4));
  for (let i = 0; i < commands; i++) ring.push(0, -1, false, 0);
  return ring;
}

function answer(ring: ReplyRing, token: number, text = `${token};`): void {
  ring.begin(token).raw(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  ring.end(null);
}

function output(ring: ReplyRing): string {
  const out = ring.takeOutput();
  return out === null ? "" : latin1Text(out.written());
}

test("only the longest finished prefix leaves, in the order of the commands", () => {
  const ring = ringWith(5);
  answer(ring, 1);
  answer(ring, 3);
  expect(output(ring)).toBe("");
  answer(ring, 0);
  expect(output(ring)).toBe("0;1;");
  answer(ring, 4);
  answer(ring, 2);
  expect(output(ring)).toBe("2;3;4;");
  expect(ring.outstanding).toBe(0);
  expect(ring.heldBytes).toBe(0);
});

test("any order of replies over a ring that grows gives the commands' order", () => {
  const count = 5000;
  const ring = ringWith(count);
  // A full cycle through all tokens: 1237 and 5000 have no common divisor.
  let text = "";
  for (let i = 0; i < count; i++) {
    answer(ring, (i * 1237 + 11) % count);
    if (i % 50 === 0) text += output(ring);
  }
  text += output(ring);
  expect(text).toBe(Array.from({ length: count }, (_, i) => `${i};`).join(""));
});

test("a second reply to a command is a broken invariant", () => {
  const ring = ringWith(3);
  answer(ring, 1);
  expect(() => ring.begin(1)).toThrow("second reply");
  expect(() => ring.begin(3)).toThrow("not outstanding");
});

test("a reply that isn't linearizable carries its attribute before the value, in order", () => {
  const ring = ringWith(2);
  const attribute = freshnessAttribute({
    appliedIndex: 7,
    ageMs: null,
    revision: 3,
    logTimeMs: 4,
    stale: true,
  });
  ring.begin(1).raw(new Uint8Array([0x62]));
  ring.end(attribute);
  ring.begin(0).raw(new Uint8Array([0x61]));
  ring.end(attribute);
  const prefix = "|3\r\n+applied-index\r\n:7\r\n+age-ms\r\n_\r\n+stale\r\n#t\r\n";
  expect(output(ring)).toBe(`${prefix}a${prefix}b`);
});
