import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, DecodeError, emptyBytes, utf8Bytes } from "../../src/base/bytes.js";
import { decodeConfiguration, encodeConfiguration } from "../../src/raft/configuration-codec.js";
import { FrameBuilder, type FrameHeader, readFrame } from "../../src/raft/frame-codec.js";
import { readMessage, writeMessage } from "../../src/raft/message-codec.js";
import type { NodeRecord } from "../../src/raft/record.js";
import { decodeRecord, encodeRecord } from "../../src/raft/record-codec.js";
import type { Message } from "../../src/raft/types.js";
import { runs } from "../properties.js";
import { configurations, messages, records } from "./arbitraries.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

const joint = { voters: [1, 2, 4], outgoing: [1, 2, 3], learners: [300] };

const append: Message = {
  type: 5,
  range: 7,
  from: 1,
  to: 2,
  term: 3,
  index: 10,
  logTerm: 2,
  commit: 9,
  match: 8,
  reject: false,
  force: false,
  hintIndex: 0,
  hintTerm: 0,
  round: 4,
  entries: [
    { term: 2, index: 11, type: 0, data: utf8Bytes("hi") },
    { term: 3, index: 12, type: 1, data: emptyBytes },
  ],
  snapshot: null,
  context: Uint8Array.of(0xaa),
};
const rejection: Message = {
  ...append,
  type: 6,
  from: 2,
  to: 1,
  index: 10,
  logTerm: 0,
  commit: 0,
  match: 0,
  reject: true,
  hintIndex: 6,
  hintTerm: 1,
  entries: [],
  context: emptyBytes,
};
const snapshotOffer: Message = {
  ...rejection,
  type: 9,
  from: 1,
  to: 2,
  index: 0,
  reject: false,
  force: true,
  hintIndex: 0,
  hintTerm: 0,
  round: 0,
  snapshot: { index: 1000, term: 3, configuration: joint },
};
const header: FrameHeader = { durableSequence: 5, number: 2 ** 40, echo: 3, wallClockMs: 1_700_000_000_000 };

const record: NodeRecord = {
  sequence: 129,
  sections: [
    {
      range: 1,
      replica: 2,
      reset: null,
      hardState: { term: 3, vote: 1, commit: 9 },
      entries: append.entries,
      configuration: null,
      mark: "none",
    },
    {
      range: 2,
      replica: 9,
      reset: { index: 4, term: 2, configuration: { voters: [9], outgoing: [], learners: [] } },
      hardState: null,
      entries: [],
      configuration: joint,
      mark: "fenced",
    },
  ],
};

function encodeMessage(message: Message): Uint8Array {
  const out = new ByteWriter(1);
  writeMessage(out, message);
  return out.take();
}

function encodeFrame(content: readonly Message[]): Uint8Array {
  const builder = new FrameBuilder();
  builder.begin(header);
  for (const message of content) builder.add(message);
  return builder.finish();
}

// The bytes lie on disks and travel between versions: a difference here needs a new version number.
const golden: Record<string, [Uint8Array, string]> = {
  configuration: [encodeConfiguration(joint), "01 03 010204 03 010203 01 ac02"],
  append: [encodeMessage(append), "05 3c0b 07 01 02 03 0a 02 09 08 04 02 0b 02 00 02 6869 03 01 00 01 aa"],
  rejection: [encodeMessage(rejection), "06 c501 07 02 01 03 0a 06 01 04"],
  "snapshot offer": [encodeMessage(snapshotOffer), "09 0204 07 01 02 03 e807 03 03 010204 03 010203 01 ac02"],
  frame: [
    encodeFrame([rejection]),
    `01 0500000000000000 0000000000010000 0300000000000000 0068e5cf8b010000 01000000
     06 c501 07 02 01 03 0a 06 01 04`,
  ],
  record: [
    encodeRecord(record),
    `01 8101 02
     01 02 06 03 01 09 02 0b 02 00 02 6869 03 01 00
     02 09 29 04 02 01 09 00 00 03 010204 03 010203 01 ac02`,
  ],
};

for (const [name, [bytes, expected]] of Object.entries(golden)) {
  test(`the bytes of a ${name} are those of the first version`, () => {
    expect(hex(bytes)).toBe(hex(fromHex(expected)));
  });
}

test("a configuration survives the round trip", () => {
  fc.assert(
    fc.property(configurations(9), (c) => {
      expect(decodeConfiguration(encodeConfiguration(c))).toEqual(c);
    }),
  );
});

test("a message of any content survives the round trip, and nothing of its frame is left over", () => {
  fc.assert(
    fc.property(messages, (message) => {
      const reader = new ByteReader(encodeMessage(message));
      expect(readMessage(reader)).toEqual(message);
      expect(reader.remaining).toBe(0);
    }),
  );
});

test("a frame keeps its header and the order of its messages, and its builder starts afresh", () => {
  const builder = new FrameBuilder();
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 5 }), fc.maxSafeNat(), (content, number) => {
      builder.begin({ ...header, number });
      for (const message of content) builder.add(message);
      const bytes = builder.finish();
      expect(bytes.length).toBe(builder.lengthBytes);
      expect(readFrame(bytes)).toEqual({ header: { ...header, number }, messages: content });
    }),
  );
});

test("a finished frame doesn't change when the builder is used again", () => {
  const builder = new FrameBuilder();
  builder.begin(header);
  builder.add(append);
  const first = builder.finish();
  const before = hex(first);
  builder.begin({ ...header, number: 1 });
  builder.add(rejection);
  builder.finish();
  expect(hex(first)).toBe(before);
});

test("a record survives the round trip", () => {
  fc.assert(
    fc.property(records, (r) => {
      expect(decodeRecord(encodeRecord(r))).toEqual(r);
    }),
  );
});

test("data read from a frame are views: a large value is not copied", () => {
  const bytes = encodeFrame([append]);
  const [message] = readFrame(bytes).messages;
  expect(message!.entries[0]!.data.buffer).toBe(bytes.buffer);
});

const decoders: [string, Uint8Array, (bytes: Uint8Array) => unknown][] = [
  ["configuration", encodeConfiguration(joint), decodeConfiguration],
  ["frame", encodeFrame([append, rejection, snapshotOffer]), readFrame],
  ["record", encodeRecord(record), decodeRecord],
];

for (const [name, bytes, decode] of decoders) {
  test(`a ${name} cut short anywhere, or followed by anything, is refused`, () => {
    for (let length = 0; length < bytes.length; length++)
      expect(() => decode(bytes.subarray(0, length))).toThrow(DecodeError);
    expect(() => decode(Uint8Array.of(...bytes, 0))).toThrow(DecodeError);
  });

  test(`a ${name} of a later version is refused`, () => {
    const later = bytes.slice();
    later[0] = 2;
    expect(() => decode(later)).toThrow("version 2");
  });

  test(`a corrupt ${name} gives a value or a DecodeError, nothing else`, () => {
    const attempt = (input: Uint8Array): void => {
      try {
        decode(input);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    };
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const corrupt = bytes.slice();
        corrupt[at] = value;
        attempt(corrupt);
      }),
      { numRuns: runs(300) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
        attempt(noise);
        attempt(Uint8Array.of(1, ...noise));
      }),
    );
  });
}

test("a count beyond the input is refused before anything is allocated for it", () => {
  const hugeCount = "ffffffffffff0f";
  expect(() => decodeConfiguration(fromHex(`01${hugeCount}`))).toThrow(/replica ids/);
  expect(() => decodeRecord(fromHex(`0101${hugeCount}`))).toThrow(/sections in 0 bytes/);
  expect(() => decodeRecord(fromHex(`01010101 0104${hugeCount}`))).toThrow(/entries in 0 bytes/);
  expect(() => decodeRecord(fromHex(`01010101 0104 01 01 01 00${hugeCount}`))).toThrow(/need \d+ bytes/);
  expect(() => readFrame(fromHex(`01${"00".repeat(32)}ffffffff`))).toThrow(/messages in 0 bytes/);
});

test.each([
  ["unsorted voters", { voters: [2, 1], outgoing: [], learners: [] }],
  ["a voter named twice", { voters: [1, 1], outgoing: [], learners: [] }],
  ["replica 0, which is nobody", { voters: [0, 1], outgoing: [], learners: [] }],
  ["unsorted outgoing voters", { voters: [1], outgoing: [3, 2], learners: [] }],
  ["unsorted learners", { voters: [1], outgoing: [], learners: [3, 2] }],
  ["a voter that is a learner", { voters: [1, 2], outgoing: [], learners: [2] }],
  ["an outgoing voter that is a learner", { voters: [1], outgoing: [1, 2], learners: [2] }],
  ["joint without voters", { voters: [], outgoing: [1], learners: [] }],
])("a configuration with %s is refused", (_, configuration) => {
  expect(() => decodeConfiguration(encodeConfiguration(configuration))).toThrow(DecodeError);
});

test("entries whose terms fall, or of an unknown type, are refused", () => {
  // One section with entries: two from index 1, terms 2 then 1.
  expect(() => decodeRecord(fromHex("01 01 01 01 01 04 02 01 02 00 00 01 00 00"))).toThrow("term 1 after 2");
  expect(() => decodeRecord(fromHex("01 01 01 01 01 04 01 01 02 03 00"))).toThrow("entry type 3");
});
