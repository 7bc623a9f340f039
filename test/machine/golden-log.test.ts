import { expect, test } from "vitest";
import { ByteWriter, latin1Bytes } from "../../src/base/bytes.js";
import { plainHeader, writeCommand } from "../../src/commands/command-codec.js";
import { commandByName } from "../../src/commands/table.js";
import { EntryBuilder, writeClockEntry, writeLimitEntry } from "../../src/machine/entry-codec.js";
import { createMachine, silentObserver } from "../../src/machine/key-range-machine.js";
import { createStore } from "../../src/store/map-store.js";
import { testHashKey } from "../commands/harness.js";

const lines = [
  ["SET s 1", "APPEND s 23", "INCRBY s 7", "INCRBYFLOAT f 10.5", "SETRANGE s 8 x", "SETBIT b 11 1"],
  ["SET t v PX 500", "SET u v PX 5000", "GETEX u PX 900", "EXPIRE s 100", "PERSIST s"],
  ["RPUSH l a b c d", "LPUSH l z", "LTRIM l 1 3", "LINSERT l BEFORE c x", "LMOVE l {l}m LEFT RIGHT"],
  ["HSET h f1 v1 f2 v2", "HINCRBY h n 5", "HDEL h f2", "HINCRBYFLOAT h d 0.1"],
  ["SADD x 1 2 3 three", "SPOP x", "SADD {x}y 2 9", "SUNIONSTORE {x}z x {x}y", "SMOVE x {x}y 3"],
  ["ZADD g 1 a 2.5 b -inf c", "ZINCRBY g 3 a", "ZPOPMIN g", "ZADD g NX 7 d", "ZREMRANGEBYRANK g 0 0"],
  ["SET gone v", "DEL gone", "RENAME f {f}2", "COPY l {l}copy", "SET s 5 NX"],
];

function entryOf(logTimeMs: number, commands: readonly string[]): Uint8Array {
  const builder = new EntryBuilder(new ByteWriter(64));
  builder.begin();
  for (const [n, line] of commands.entries()) {
    const [name, ...args] = line.split(" ");
    const out = new ByteWriter(64);
    const opcode = commandByName(name!)!.opcode;
    const header = { ...plainHeader(opcode), session: logTimeMs % 3, sequence: logTimeMs * 10 + n };
    writeCommand(out, header, args.map(latin1Bytes));
    const bytes = out.take();
    builder.add(bytes, 0, bytes.length);
  }
  return builder.finish(logTimeMs);
}

function framed(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(64);
  write(out);
  return out.take();
}

test("safety 62: entries of the first version do what they did: replicas of two versions must agree", () => {
  const machine = createMachine({
    store: createStore({ hashKey: testHashKey, limitBytes: 1024 * 1024, valueLimitBytes: 4096 }),
    slots: [0, 16383],
    hashKey: testHashKey,
  });
  const log = [
    ...lines.map((commands, i) => entryOf(1000 + i, commands)),
    framed((out) => writeClockEntry(out, 1700)),
    framed((out) => writeLimitEntry(out, 1800, 512 * 1024)),
  ];
  const digests = log.map((data, i) => {
    machine.apply(i + 1, 1, data, silentObserver);
    return machine.digest();
  });
  // A difference here needs a new version of entries, which a leader proposes once all members understand it.
  expect(digests).toMatchInlineSnapshot(`
    [
      "07f2d6be3df5e697469591ca1bd70c8c7cfbff628f94d821",
      "9c8ea445cb1f40752e667c06665612c6f936194a1ba8de28",
      "c37fbf1152555eb02e667c06665612c6bbb3c613fe631483",
      "c3e4c4b89655cc32c9fc764b5787314ddd8e63f75e39b205",
      "f1f4f64151cac73f9ce19aafc895f7dc4a3c930f419730b8",
      "7bbc480b66069b389ce19aafc895f7dc23b12f2accbbe630",
      "b38812281fe01592d791c4b59c620986812df9b2f263fbf4",
      "f1d6950ef7d8f15ed791c4b59c620986388c1c5353d8e7ce",
      "f1d6950ef7d8f15ed791c4b59c6209867466704cc37066ce",
    ]
  `);
});
