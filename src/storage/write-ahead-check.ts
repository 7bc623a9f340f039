import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32c } from "../base/crc.js";

/**
 * LevelDB's own write-ahead log, checked before LevelDB reads it. When a piece there is corrupt, LevelDB drops the rest
 * of its block without a word: in a short file that is everything behind it, and what remains looks like an older,
 * sound log (safety 50). Yet only the very last batch may be torn, for each began after the one before was written.
 *
 * The format (leveldb/doc/log_format.md): blocks of 32 KiB; pieces of u32 masked CRC32C of type and data, u16 length,
 * u8 type (full, first, middle, last), data; fewer than 7 bytes at a block's end are padding.
 */
const blockBytes = 32 * 1024;
const headerBytes = 7;
const pieceTypes = { full: 1, first: 2, last: 4 } as const;

/** What is wrong in the folder's write-ahead logs, or null: a torn last batch is not wrong. */
export function writeAheadProblem(folder: string): string | null {
  for (const name of readdirSync(folder)) {
    if (!/^\d+\.log$/.test(name)) continue;
    const offset = corruptOffset(readFileSync(join(folder, name)));
    if (offset !== null) return `${name} is corrupt at byte ${offset}, with later writes behind it`;
  }
  return null;
}

/** Where the first unreadable piece lies that a later batch follows. */
export function corruptOffset(file: Uint8Array): number | null {
  let at = 0;
  while (at < file.length) {
    const left = blockBytes - (at % blockBytes);
    if (left < headerBytes) at += left;
    else if (isPiece(file, at)) at += headerBytes + lengthAt(file, at);
    else return batchBeginsAfter(file, at) ? at : null;
  }
  return null;
}

/** Whether some batch begins behind `from`: in the same block at any byte, later only at the start of pieces. */
function batchBeginsAfter(file: Uint8Array, from: number): boolean {
  const blockEnd = from - (from % blockBytes) + blockBytes;
  for (let at = from + 1; at < Math.min(blockEnd, file.length); at++)
    if (beginsBatch(file, at) && isPiece(file, at)) return true;
  for (let block = blockEnd; block < file.length; block += blockBytes) {
    let at = block;
    while (at < block + blockBytes && isPiece(file, at)) {
      if (beginsBatch(file, at)) return true;
      at += headerBytes + lengthAt(file, at);
    }
  }
  return false;
}

function beginsBatch(file: Uint8Array, at: number): boolean {
  const type = file[at + 6];
  return type === pieceTypes.full || type === pieceTypes.first;
}

function lengthAt(file: Uint8Array, at: number): number {
  return file[at + 4]! | (file[at + 5]! << 8);
}

/** A whole piece with a right checksum stands at `at`. */
function isPiece(file: Uint8Array, at: number): boolean {
  if (at + headerBytes > file.length) return false;
  const type = file[at + 6]!;
  const end = at + headerBytes + lengthAt(file, at);
  if (type < pieceTypes.full || type > pieceTypes.last) return false;
  if (end > file.length || end > at - (at % blockBytes) + blockBytes) return false;
  const crc = crc32c(file, 0, at + 6, end);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
  return masked === new DataView(file.buffer, file.byteOffset + at, 4).getUint32(0, true);
}
