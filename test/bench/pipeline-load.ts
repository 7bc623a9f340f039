/** A generator of its own process: `pipeline-load.ts HOST:PORT OPERATIONS` prints SETs per second. */
import { Client, credentials } from "@grpc/grpc-js";
import { ByteReader, ByteWriter } from "../../src/base/bytes.js";
import { readResponse, writeBatch } from "../../src/client/wire.js";
import { plainHeader, writeCommandHeader } from "../../src/commands/command-codec.js";
import { replyTags } from "../../src/commands/reply-codec.js";
import { commandByName } from "../../src/commands/table.js";
import { keyCount } from "./generators.js";

const batchCommands = 64;
const batchesInFlight = 16;
const value = Buffer.alloc(100, "x");

function load(address: string, operations: number): Promise<number> {
  const client = new Client(address, credentials.createInsecure());
  const identity = (bytes: Buffer): Buffer => bytes;
  const call = client.makeBidiStreamRequest("/quorate.v1.PipelineService/Pipeline", identity, identity);
  const batches = Math.ceil(operations / batchCommands);
  const opcode = commandByName("SET")!.opcode;
  const packed = new ByteWriter(16_384);
  const command = new ByteWriter(256);
  const message = new ByteWriter(16_384);
  const left = new Map<number, number>();
  let sent = 0;
  let finished = 0;

  const send = (): void => {
    packed.clear();
    for (let i = 0; i < batchCommands; i++) {
      command.clear();
      writeCommandHeader(command, plainHeader(opcode), 2);
      const number = Math.floor(Math.random() * keyCount);
      command.block(Buffer.from(`key:${String(number).padStart(12, "0")}`, "latin1"));
      command.block(value);
      packed.varint(0);
      packed.varint(command.length);
      packed.copy(command.bytes, 0, command.length);
    }
    message.clear();
    sent++;
    left.set(sent, batchCommands);
    writeBatch(message, sent, packed);
    call.write(Buffer.from(message.take()));
  };

  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const each = (id: number, position: number, _freshness: unknown, start: number, end: number): void => {
      void position;
      void end;
      if (reader.bytes[start] === replyTags.error) reject(new Error("a SET was refused"));
      const open = left.get(id)! - 1;
      left.set(id, open);
      if (open > 0) return;
      left.delete(id);
      finished++;
      if (sent < batches) send();
      if (finished < batches) return;
      const seconds = (performance.now() - startMs) / 1000;
      client.close();
      resolve((batches * batchCommands) / seconds);
    };
    let reader = new ByteReader(new Uint8Array());
    call.on("data", (bytes: Buffer) => {
      reader = new ByteReader(bytes);
      readResponse(reader, () => {}, each);
    });
    call.on("error", reject);
    for (let i = 0; i < batchesInFlight && sent < batches; i++) send();
  });
}

const perSecond = await load(process.argv[2]!, Number(process.argv[3]));
process.stdout.write(`${perSecond}\n`);
process.exit(0);
