import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, DecodeError, latin1Bytes, latin1Text } from "../../src/base/bytes.js";
import { slotOf } from "../../src/base/slot.js";
import { CommandView, plainHeader } from "../../src/commands/command-codec.js";
import { commandError, firstKeySlot, keyCount, sameSlot, writePart } from "../../src/commands/cut.js";
import { renderReference } from "../../src/commands/reference.js";
import { decodeReply, RecordingSink, ReplyTooLarge, replayReply } from "../../src/commands/reply-codec.js";
import { commandByName, commandByOpcode, commandTable, findCommand } from "../../src/commands/table.js";
import { viewOf } from "./harness.js";

test("every command is found by opcode, by name and by the bytes of its name in any case", () => {
  for (const definition of commandTable) {
    expect(commandByOpcode(definition.opcode)).toBe(definition);
    expect(commandByName(definition.name.toLowerCase())).toBe(definition);
    const mixed = [...definition.name].map((c, i) => (i % 2 ? c.toLowerCase() : c)).join("");
    const bytes = latin1Bytes(`xx${mixed}yy`);
    expect(findCommand(bytes, 2, 2 + mixed.length)).toBe(definition);
    expect(findCommand(bytes, 2, 3 + mixed.length)).toBeNull();
  }
  expect(findCommand(latin1Bytes("NOSUCH"), 0, 6)).toBeNull();
  expect(findCommand(latin1Bytes(""), 0, 0)).toBeNull();
  expect(commandByOpcode(9999)).toBeNull();
});

test("the committed reference is the table's", () => {
  expect(readFileSync(new URL("../../src/commands/COMMANDS.md", import.meta.url), "utf8")).toBe(
    renderReference(),
  );
  for (const { name } of commandTable) expect(renderReference()).toContain(`### ${name}\n`);
});

test("MSET is cut into pairs, and its parts keep the header", () => {
  const definition = commandByName("MSET")!;
  const view = viewOf(["MSET", "a", "1", "b", "2", "c", "3"], { session: 7, sequence: 9, acked: 3 });
  expect(keyCount(definition, view)).toBe(3);
  expect(firstKeySlot(definition, view)).toBe(slotOf(latin1Bytes("a")));
  expect(sameSlot(definition, view)).toBe(-1);
  const out = new ByteWriter();
  writePart(out, definition, view, view, [2, 0]);
  const part = new CommandView();
  part.decode(new ByteReader(out.take()));
  const words = Array.from({ length: part.count }, (_, i) => latin1Text(part.argument(i)));
  expect(words).toEqual(["c", "3", "a", "1"]);
  expect([part.opcode, part.session, part.sequence, part.acked]).toEqual([definition.opcode, 7, 9, 3]);
});

test("keys with one hash tag share a slot", () => {
  expect(sameSlot(commandByName("MGET")!, viewOf(["MGET", "{t}a", "{t}b"]))).toBe(slotOf(latin1Bytes("t")));
  expect(sameSlot(commandByName("DBSIZE")!, viewOf(["DBSIZE"]))).toBe(-1);
  expect(firstKeySlot(commandByName("DBSIZE")!, viewOf(["DBSIZE"]))).toBe(-1);
});

test("a command with too few arguments has an error and no keys beyond its end", () => {
  const get = commandByName("GET")!;
  const out = new ByteWriter();
  expect(plainHeader(1).session).toBe(0);
  const view = viewOf(["GET"]);
  expect(commandError(get, view)?.kind).toBe("wrong-arity");
  expect(keyCount(get, view)).toBe(0);
  expect(out.length).toBe(0);
});

function recorded(write: (sink: RecordingSink) => void): Uint8Array {
  const sink = new RecordingSink(new ByteWriter());
  write(sink);
  return sink.out.take();
}

test("a recorded reply comes out as it went in, nested ones too", () => {
  const bytes = recorded((sink) => {
    sink.array(9);
    sink.status("OK");
    sink.status("grüße");
    sink.integer(-42);
    sink.integer(Number.MAX_SAFE_INTEGER);
    sink.bigInteger(-(2n ** 63n));
    sink.double(-0.5);
    sink.map(1);
    sink.bulk(latin1Bytes("xkeyx"), 1, 3);
    sink.array(0);
    sink.nilArray();
    sink.error("syntax", "bad");
  });
  const again = recorded((sink) => replayReply(bytes, 0, bytes.length, sink));
  expect(again).toEqual(bytes);
  expect(decodeReply(bytes)).toEqual({
    type: "array",
    items: [
      { type: "status", text: "OK" },
      { type: "status", text: "grüße" },
      { type: "integer", value: -42 },
      { type: "integer", value: Number.MAX_SAFE_INTEGER },
      { type: "integer", value: -(2n ** 63n) },
      { type: "double", value: -0.5 },
      {
        type: "map",
        entries: [
          [
            { type: "bulk", bytes: latin1Bytes("key") },
            { type: "array", items: [] },
          ],
        ],
      },
      { type: "nil-array" },
      { type: "error", kind: "syntax", message: "bad" },
    ],
  });
});

test("sets and pairs are recorded as such, empty ones too", () => {
  const bytes = recorded((sink) => {
    sink.array(4);
    sink.set(2);
    sink.bulk(latin1Bytes("a"), 0, 1);
    sink.bulk(latin1Bytes("b"), 0, 1);
    sink.set(0);
    sink.pairs(2);
    for (const [name, score] of [
      ["a", 1.5],
      ["b", Number.NEGATIVE_INFINITY],
    ] as const) {
      sink.pair();
      sink.bulk(latin1Bytes(name), 0, 1);
      sink.double(score);
    }
    sink.pairs(0);
  });
  expect(recorded((sink) => replayReply(bytes, 0, bytes.length, sink))).toEqual(bytes);
  const bulk = (text: string) => ({ type: "bulk", bytes: latin1Bytes(text) });
  expect(decodeReply(bytes)).toEqual({
    type: "array",
    items: [
      { type: "set", items: [bulk("a"), bulk("b")] },
      { type: "set", items: [] },
      {
        type: "pairs",
        pairs: [
          [bulk("a"), { type: "double", value: 1.5 }],
          [bulk("b"), { type: "double", value: Number.NEGATIVE_INFINITY }],
        ],
      },
      { type: "pairs", pairs: [] },
    ],
  });
  for (let end = 0; end < bytes.length; end++) expect(() => decodeReply(bytes, 0, end)).toThrow(DecodeError);
});

test("malformed replies are refused by their declared length, cut anywhere", () => {
  const bytes = recorded((sink) => {
    sink.array(2);
    sink.bulk(latin1Bytes("value"), 0, 5);
    sink.error("syntax", "text");
  });
  for (let end = 0; end < bytes.length; end++) expect(() => decodeReply(bytes, 0, end)).toThrow(DecodeError);
  expect(() => decodeReply(Uint8Array.of(...bytes, 0))).toThrow(DecodeError);
  expect(() => decodeReply(Uint8Array.of(99))).toThrow(DecodeError);
  expect(() => decodeReply(Uint8Array.of(10, 0xff, 0xff, 0xff, 0xff, 0x0f))).toThrow(DecodeError);
  const deep = new Uint8Array(200).fill(10).map((tag, i) => (i % 2 ? 1 : tag));
  expect(() => decodeReply(deep)).toThrow(DecodeError);
});

test("a bounded recorder refuses a bulk before it takes it", () => {
  const sink = new RecordingSink(new ByteWriter());
  sink.limitBytes = 100;
  expect(() => sink.bulk(new Uint8Array(100), 0, 100)).toThrow(ReplyTooLarge);
  expect(sink.out.length).toBe(0);
});
