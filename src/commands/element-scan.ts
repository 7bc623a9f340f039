import { latin1Bytes } from "../base/bytes.js";
import type { Keyspace, ValueKind } from "../store/keyspace.js";
import { findKind, isWord, readInteger, replySlice } from "./arguments.js";
import type { CommandView } from "./command-codec.js";
import { formatDouble } from "./format-double.js";
import { matchesBytes } from "./glob.js";
import { parsedNumber } from "./integer.js";
import { readCursor, cursor as readCursorValue } from "./key-cursor.js";
import type { ReplySink } from "./reply-sink.js";

/** The options of SCAN and its like, reused from call to call. */
export const scanOptions = {
  /** Argument of the pattern, -1 none. */
  pattern: -1,
  count: 10,
  /** Argument of the type, -1 none. */
  type: -1,
};

/** Reads options from argument `from` on, or replies an error. */
export function readScanOptions(
  args: CommandView,
  from: number,
  mayHaveType: boolean,
  reply: ReplySink,
): boolean {
  scanOptions.pattern = -1;
  scanOptions.count = 10;
  scanOptions.type = -1;
  for (let i = from; i < args.count; i += 2) {
    const hasValue = i + 1 < args.count;
    if (hasValue && isWord(args, i, "COUNT")) {
      if (!readInteger(args, i + 1, reply)) return false;
      scanOptions.count = parsedNumber;
      if (scanOptions.count >= 1) continue;
      reply.error("syntax", null);
      return false;
    }
    if (hasValue && isWord(args, i, "MATCH")) scanOptions.pattern = i + 1;
    else if (hasValue && mayHaveType && isWord(args, i, "TYPE")) scanOptions.type = i + 1;
    else {
      reply.error("syntax", null);
      return false;
    }
  }
  return true;
}

/** Whether bytes match the pattern that was given, if any; a lone `*` matches all. */
export function matchesPattern(
  args: CommandView,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const i = scanOptions.pattern;
  if (i < 0 || (args.length(i) === 1 && args.bytes[args.start(i)] === 0x2a)) return true;
  return matchesBytes(args.bytes, args.start(i), args.end(i), bytes, offset, offset + length);
}

export function replyCursor(cursor: number, reply: ReplySink): void {
  const digits = latin1Bytes(String(cursor));
  reply.bulk(digits, 0, digits.length);
}

/** Packed scores are answered as integers where they are, up to 2^62, as Redis packs them. */
function scannedScore(score: number, packed: boolean): string {
  const asInteger = packed && Number.isInteger(score) && Math.abs(score) <= 2 ** 62;
  return asInteger ? String(BigInt(score)) : formatDouble(score);
}

/** Past the hashes of all elements. */
const hashEnd = 2 ** 32;

/**
 * HSCAN, SSCAN and ZSCAN: in hash order, so that a scan sees every element that is there from its beginning to its end,
 * however the collection grows or is restored meanwhile. What is packed is answered at once, as in Redis.
 */
export function scanElements(
  kind: Exclude<ValueKind, "string" | "list">,
  keyspace: Keyspace,
  args: CommandView,
  reply: ReplySink,
): void {
  if (!readCursor(args, 1)) {
    reply.error("invalid-argument", "invalid cursor");
    return;
  }
  const from = readCursorValue;
  const handle = findKind(keyspace, args, 0, kind, reply);
  if (handle < 0) return;
  if (handle === 0) {
    reply.array(2);
    replyCursor(0, reply);
    reply.array(0);
    return;
  }
  if (!readScanOptions(args, 2, false, reply)) return;
  const encoding = keyspace.encodingOf(handle);
  const whole = encoding === "listpack" || encoding === "intset";
  const perElement = kind === "set" ? 1 : 2;
  const { count } = scanOptions;
  const start = whole ? 0 : Math.min(from, hashEnd);
  // First how many match and where it ends, then the elements.
  let seen = 0;
  let matching = 0;
  let next = 0;
  if (start < hashEnd) {
    const cursor = keyspace.scan(handle, start);
    for (let last = -1; cursor.next(); last = cursor.hash) {
      if (!whole && seen >= count && cursor.hash !== last) {
        next = last + 1;
        break;
      }
      seen++;
      if (matchesPattern(args, cursor.member.bytes, cursor.member.offset, cursor.member.length)) matching++;
    }
  }
  reply.array(2);
  replyCursor(next, reply);
  reply.array(matching * perElement);
  if (matching === 0) return;
  const cursor = keyspace.scan(handle, start);
  for (let i = 0; i < seen && cursor.next(); i++) {
    const { member } = cursor;
    if (!matchesPattern(args, member.bytes, member.offset, member.length)) continue;
    replySlice(member, reply);
    if (kind === "hash") replySlice(cursor.value, reply);
    else if (kind === "zset") {
      const score = latin1Bytes(scannedScore(cursor.score, whole));
      reply.bulk(score, 0, score.length);
    }
  }
}
