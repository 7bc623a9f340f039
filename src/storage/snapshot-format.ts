import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { crc32c } from "../base/crc.js";
import type { SnapshotManifest } from "../ports/snapshot-storage.js";
import { readSnapshotMeta, writeSnapshotMeta } from "../raft/log-codec.js";

/**
 * A snapshot file.
 *
 *   chunks:  u32 length | u32 CRC32C, continued from the chunk before | bytes
 *   trailer: varint range | varint replica | snapshot meta | u53 size | varint chunks | u32 CRC32C of the last chunk
 *   end:     u32 length of the trailer | u32 CRC32C of the trailer | u32 magic
 *
 * Only `finish` writes the end, so a file without it was never complete.
 */
export const chunkHeaderBytes = 8;
export const endBytes = 12;
/** "QSN1". */
const magic = 0x314e_5351;
/** A trailer holds little more than a configuration. */
const maxTrailerBytes = 64 * 1024;

export interface Trailer {
  readonly manifest: SnapshotManifest;
  readonly checksum: number;
}

export function encodeChunkHeader(lengthBytes: number, checksum: number): Uint8Array {
  const out = new ByteWriter(chunkHeaderBytes);
  out.u32(lengthBytes);
  out.u32(checksum);
  return out.written();
}

export function decodeChunkHeader(bytes: Uint8Array): { lengthBytes: number; checksum: number } {
  const reader = new ByteReader(bytes);
  return { lengthBytes: reader.u32(), checksum: reader.u32() };
}

export function encodeTrailer({ manifest, checksum }: Trailer): Uint8Array {
  const out = new ByteWriter(128);
  out.varint(manifest.range);
  out.varint(manifest.replica);
  writeSnapshotMeta(out, manifest.meta);
  out.u53(manifest.sizeBytes);
  out.varint(manifest.chunks);
  out.u32(checksum);
  const trailer = out.take();
  out.u32(trailer.length);
  out.u32(crc32c(trailer));
  out.u32(magic);
  return out.written();
}

/** Length of the trailer as the file's last bytes say it. */
export function decodeEnd(bytes: Uint8Array): { lengthBytes: number; checksum: number } {
  const reader = new ByteReader(bytes);
  const lengthBytes = reader.u32();
  const checksum = reader.u32();
  if (reader.u32() !== magic || lengthBytes > maxTrailerBytes) throw new DecodeError("it has no end");
  return { lengthBytes, checksum };
}

export function decodeTrailer(bytes: Uint8Array): Trailer {
  const reader = new ByteReader(bytes);
  const manifest: SnapshotManifest = {
    range: reader.varint(),
    replica: reader.varint(),
    meta: readSnapshotMeta(reader),
    sizeBytes: reader.u53(),
    chunks: reader.varint(),
  };
  return { manifest, checksum: reader.u32() };
}

/** Bytes of the whole file. */
export function fileBytes(manifest: SnapshotManifest, trailerBytes: number): number {
  return manifest.sizeBytes + manifest.chunks * chunkHeaderBytes + trailerBytes + endBytes;
}
