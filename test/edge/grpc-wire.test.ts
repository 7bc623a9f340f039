import { expect, test } from "vitest";
import { ByteReader, ByteWriter, DecodeError, utf8Bytes } from "../../src/base/bytes.js";
import { ProtobufSink } from "../../src/edge/grpc/protobuf-sink.js";
import { BatchView, CommandFields, readPipelineRequest } from "../../src/edge/grpc/wire.js";
import { packages } from "./grpc-setup.js";

const pipeline = (packages["quorate.v1.PipelineService"] as never as { Pipeline: Codec }).Pipeline;
interface Codec {
  requestSerialize(message: object): Buffer;
  responseDeserialize(bytes: Buffer): { batches: { id: number; replies: object[] }[] };
}

function decodeReply(write: (sink: ProtobufSink) => void): object {
  const reply = new ByteWriter();
  const sink = new ProtobufSink();
  sink.begin(reply);
  write(sink);
  const batch = new ByteWriter();
  batch.u8(0x12);
  batch.block(reply.written());
  const response = new ByteWriter();
  response.u8(0x0a);
  response.block(batch.written());
  return pipeline.responseDeserialize(Buffer.from(response.take())).batches[0]!.replies[0]!;
}

test("batches written by a protobuf library are read, whatever the order of their fields", () => {
  const bytes = pipeline.requestSerialize({
    batches: [
      { id: 7, packed: Buffer.from("abc"), deadlineMs: 900 },
      {
        id: 2 ** 40,
        context: {
          consistency: "CONSISTENCY_LEVEL_BOUNDED",
          maxAgeMs: 300,
          seen: { revision: 5, logTimeMs: 6 },
          session: { id: 8, sequence: 9, acked: 3 },
        },
        commands: [
          { name: "SET", args: [Buffer.from("k"), Buffer.alloc(200, 1)], sequence: 11 },
          { name: "GET", args: [Buffer.from("k")] },
        ],
      },
    ],
  });
  // Unknown fields of each wire type lie between.
  const unknown = Buffer.from([0x98, 0x06, 0x80, 0x01, 0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa, 0x06, 1, 9]);
  const reader = new ByteReader(Buffer.concat([unknown, bytes, unknown]));
  const batch = new BatchView();
  const fields = new CommandFields();
  const read: unknown[] = [];
  readPipelineRequest(reader, batch, () => {
    const { id, level, maxAgeMs, seenRevision, seenLogTimeMs, session, acked, deadlineMs } = batch;
    const commands: unknown[] = [];
    for (let i = 0; i < batch.commandCount; i++) {
      reader.reset(reader.bytes, batch.commandStart(i), batch.commandEnd(i));
      fields.read(reader, batch.commandEnd(i));
      const name = Buffer.from(reader.bytes.subarray(fields.nameStart, fields.nameEnd)).toString();
      const lengths: number[] = [];
      for (let k = 0; k < fields.argumentCount; k++)
        lengths.push(fields.argumentEnd(k) - fields.argumentStart(k));
      commands.push([name, fields.sequence, lengths]);
    }
    const packed = Buffer.from(reader.bytes.subarray(batch.packedStart, batch.packedEnd)).toString();
    read.push({
      id,
      level,
      maxAgeMs,
      seenRevision,
      seenLogTimeMs,
      session,
      acked,
      deadlineMs,
      commands,
      packed,
    });
  });
  expect(read).toEqual([
    {
      id: 7,
      level: 0,
      maxAgeMs: 0,
      seenRevision: 0,
      seenLogTimeMs: 0,
      session: 0,
      acked: 0,
      deadlineMs: 900,
      commands: [],
      packed: "abc",
    },
    {
      id: 2 ** 40,
      level: 2,
      maxAgeMs: 300,
      seenRevision: 5,
      seenLogTimeMs: 6,
      session: 8,
      acked: 3,
      deadlineMs: 0,
      commands: [
        ["SET", 11, [1, 200]],
        ["GET", 0, [1]],
      ],
      packed: "",
    },
  ]);
});

test("a message cut anywhere is refused, never read beyond its end", () => {
  const whole = pipeline.requestSerialize({
    batches: [{ id: 300, packed: Buffer.alloc(40), context: { session: { id: 8, sequence: 9, acked: 3 } } }],
  });
  for (let length = 1; length < whole.length; length++) {
    const reader = new ByteReader(whole.subarray(0, length));
    expect(() => readPipelineRequest(reader, new BatchView(), () => {})).toThrow(DecodeError);
  }
});

test("replies are read by a protobuf library: scalars, nested arrays and maps, errors", () => {
  expect(decodeReply((s) => s.nil())).toEqual({ nil: true });
  expect(decodeReply((s) => s.status("OK"))).toEqual({ status: "OK" });
  expect(decodeReply((s) => s.integer(-3))).toEqual({ integer: -3 });
  expect(decodeReply((s) => s.integer(2 ** 52))).toEqual({ integer: 2 ** 52 });
  expect(decodeReply((s) => s.bigInteger(-(2n ** 62n)))).toEqual({ integer: -(2 ** 62) });
  expect(decodeReply((s) => s.double(1.5))).toEqual({ floating: 1.5 });
  expect(decodeReply((s) => s.bulk(utf8Bytes("xabcx"), 1, 3))).toEqual({ bulk: Buffer.from("abc") });
  expect(decodeReply((s) => s.array(0))).toEqual({ array: { values: [] } });
  expect(decodeReply((s) => s.error("not-leader", null))).toEqual({
    error: {
      kind: "not-leader",
      message: "this node doesn't lead the range",
      outcome: "OUTCOME_DEFINITE",
      retry: "RETRY_SAFE",
    },
  });
  const nested = decodeReply((s) => {
    s.array(3);
    s.integer(1);
    s.array(2);
    s.nil();
    s.map(1);
    s.status("k");
    s.array(0);
    s.integer(2);
  });
  const map = { entries: [{ key: { status: "k" }, value: { array: { values: [] } } }] };
  expect(nested).toEqual({
    array: { values: [{ integer: 1 }, { array: { values: [{ nil: true }, { map }] } }, { integer: 2 }] },
  });
});
