import { type FileHandle, open } from "node:fs/promises";
import { DecodeError } from "../base/bytes.js";
import { crc32c } from "../base/crc.js";
import type { SnapshotManifest, SnapshotReader } from "../ports/snapshot-storage.js";
import { settle } from "./settle.js";
import {
  chunkHeaderBytes,
  decodeChunkHeader,
  decodeEnd,
  decodeTrailer,
  endBytes,
  fileBytes,
  type Trailer,
} from "./snapshot-format.js";
import { storageError } from "./storage-error.js";

async function readAt(handle: FileHandle, position: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; ) {
    const { bytesRead } = await handle.read(bytes, at, count - at, position + at);
    if (bytesRead === 0) throw new DecodeError(`it ends at byte ${position + at}`);
    at += bytesRead;
  }
  return bytes;
}

async function readTrailer(handle: FileHandle): Promise<Trailer> {
  const { size } = await handle.stat();
  if (size < endBytes) throw new DecodeError("it has no end");
  const end = decodeEnd(await readAt(handle, size - endBytes, endBytes));
  if (end.lengthBytes > size - endBytes) throw new DecodeError("it is too short");
  const bytes = await readAt(handle, size - endBytes - end.lengthBytes, end.lengthBytes);
  if (crc32c(bytes) !== end.checksum) throw new DecodeError("its trailer is damaged");
  const trailer = decodeTrailer(bytes);
  if (fileBytes(trailer.manifest, end.lengthBytes) !== size) throw new DecodeError("its size is wrong");
  return trailer;
}

/** The chunks of one open file in order, each proven before it is handed out. */
class ChunkCursor {
  private readonly handle: FileHandle;
  private readonly trailer: Trailer;
  private position = 0;
  private chunks = 0;
  private bytesLeft: number;
  private checksum = 0;

  constructor(handle: FileHandle, trailer: Trailer) {
    this.handle = handle;
    this.trailer = trailer;
    this.bytesLeft = trailer.manifest.sizeBytes;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.chunks === this.trailer.manifest.chunks) {
      if (this.checksum !== this.trailer.checksum || this.bytesLeft !== 0)
        throw new DecodeError("its chunks aren't those of its trailer");
      return null;
    }
    const header = decodeChunkHeader(await readAt(this.handle, this.position, chunkHeaderBytes));
    if (header.lengthBytes > this.bytesLeft)
      throw new DecodeError(`chunk ${this.chunks} is longer than the file`);
    const chunk = await readAt(this.handle, this.position + chunkHeaderBytes, header.lengthBytes);
    this.checksum = crc32c(chunk, this.checksum);
    if (this.checksum !== header.checksum) throw new DecodeError(`chunk ${this.chunks} is damaged`);
    this.position += chunkHeaderBytes + chunk.length;
    this.bytesLeft -= chunk.length;
    this.chunks += 1;
    return chunk;
  }
}

/** Reads a whole file through; throws when anything in it is wrong. */
export async function verifySnapshotFile(path: string): Promise<SnapshotManifest> {
  const handle = await open(path, "r");
  try {
    const trailer = await readTrailer(handle);
    const cursor = new ChunkCursor(handle, trailer);
    while ((await cursor.next()) !== null);
    return trailer.manifest;
  } finally {
    await handle.close();
  }
}

/** Opens at once, so that a file which is pruned meanwhile can still be read to its end. */
export function readSnapshotFile(path: string): SnapshotReader {
  let handle: FileHandle | null = null;
  async function start(): Promise<ChunkCursor> {
    handle = await open(path, "r");
    return new ChunkCursor(handle, await readTrailer(handle));
  }
  const cursor = start();
  // Whoever asks for a chunk hears of it; until then it isn't unhandled.
  let last: Promise<unknown> = cursor.catch(() => {});
  let closed = false;
  return {
    next(done) {
      const result = closed
        ? Promise.reject(new Error("the reader is closed"))
        : cursor.then((c) => c.next());
      last = result.catch(() => {});
      settle(
        result,
        (chunk) => done(null, chunk),
        (error) => done(storageError(error, `snapshot ${path} can't be read`), null),
      );
    },
    close() {
      if (closed) return;
      closed = true;
      last = last.then(() => handle?.close()).catch(() => {});
    },
  };
}
