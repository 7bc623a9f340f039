import { Client, credentials, type ServerWritableStream, status } from "@grpc/grpc-js";
import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import type { NodeId } from "../base/units.js";
import type { SnapshotReceiver, SnapshotSource } from "../ports/transport.js";
import { asBuffer, asBytes, channelOptions, identity, paths } from "./wire.js";

/** Without a chunk for this long, either side gives the snapshot up. */
const stallMs = 10_000;

/** Pulls a snapshot over a channel of its own. @returns a cancel function, after which the receiver hears nothing. */
export function pullSnapshot(
  self: NodeId,
  address: string,
  request: Uint8Array,
  receiver: SnapshotReceiver,
  onBytes: (count: number) => void,
): () => void {
  const client = new Client(address, credentials.createInsecure(), channelOptions);
  const call = client.makeServerStreamRequest(
    paths.snapshot,
    identity,
    identity,
    encodeRequest(self, request),
  );
  let finished = false;
  let drained = false;
  let complete = false;
  const stalled = (): void => finish(`no chunk within ${stallMs} ms`);
  let timer = setTimeout(stalled, stallMs);

  const hangUp = (): void => {
    finished = true;
    clearTimeout(timer);
    call.cancel();
    client.close();
  };
  const finish = (error: string | null): void => {
    if (finished) return;
    hangUp();
    receiver.onEnd(error);
  };
  const more = (): void => {
    if (finished) return;
    timer = setTimeout(stalled, stallMs);
    call.resume();
  };
  call.on("data", (chunk: Buffer) => {
    if (finished) return;
    clearTimeout(timer);
    // What isn't taken care of stops the stream, and by its window the sender.
    call.pause();
    onBytes(chunk.length);
    receiver.onChunk(asBytes(chunk), more);
  });
  // The end is only believed with a good status: a broken connection ends the data too.
  call.on("end", () => {
    drained = true;
    if (complete) finish(null);
  });
  call.on("status", (result) => {
    if (result.code !== status.OK) return;
    complete = true;
    if (drained) finish(null);
  });
  call.on("error", (error) => finish(error.message));
  return () => {
    if (!finished) hangUp();
  };
}

/** The sending side: asks the source for a chunk whenever the last one went out. */
export function serveSnapshot(
  call: ServerWritableStream<Buffer, Buffer>,
  open: (from: NodeId, request: Uint8Array) => SnapshotSource | null,
  onBytes: (count: number) => void,
): void {
  const fail = (code: status, details: string): void => {
    call.emit("error", Object.assign(new Error(details), { code, details }));
  };
  const request = decodeRequest(call.request);
  const source = request === null ? null : open(request.from, request.body);
  if (source === null) {
    fail(status.NOT_FOUND, "there is no such snapshot");
    return;
  }
  let finished = false;
  let timer: NodeJS.Timeout | null = null;
  const finish = (): boolean => {
    if (finished) return false;
    finished = true;
    if (timer !== null) clearTimeout(timer);
    source.close();
    return true;
  };
  const stalled = (): void => {
    if (finish()) fail(status.DEADLINE_EXCEEDED, "the receiver takes nothing");
  };
  const next = (): void => {
    if (timer !== null) clearTimeout(timer);
    if (finished) return;
    source.next((error, chunk) => {
      if (finished) return;
      if (error !== null || chunk === null) {
        finish();
        if (error !== null) fail(status.DATA_LOSS, error);
        else call.end();
        return;
      }
      onBytes(chunk.length);
      // A receiver that waits for its disk may take its time; one that vanished is noticed by TCP or here.
      timer = setTimeout(stalled, stallMs * 6);
      call.write(asBuffer(chunk), (failure?: Error | null) => {
        if (failure === null || failure === undefined) next();
      });
    });
  };
  call.on("cancelled", finish);
  call.on("close", finish);
  call.on("error", finish);
  next();
}

function encodeRequest(self: NodeId, request: Uint8Array): Buffer {
  const writer = new ByteWriter(16 + request.length);
  writer.u53(self);
  writer.block(request);
  return asBuffer(writer.take());
}

function decodeRequest(bytes: Buffer): { readonly from: NodeId; readonly body: Uint8Array } | null {
  try {
    const reader = new ByteReader(asBytes(bytes));
    return { from: reader.u53(), body: reader.block() };
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
