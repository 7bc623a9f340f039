import { type ByteReader, type ByteWriter, DecodeError, emptyBytes } from "../base/bytes.js";
import { limits } from "../base/limits.js";
import type { LogTimeMs, Slot } from "../base/units.js";
import { replyTags } from "../commands/reply-codec.js";
import { noSlot } from "./slots.js";

/** Charge of a session without records, and of a record without its reply, in bytes. */
export const sessionOverheadBytes = 192;
export const recordOverheadBytes = 96;

/** The reply of one command, for its retries. Never changed once it is made. */
export interface SessionRecord {
  readonly sequence: number;
  readonly slot: Slot;
  readonly reply: Uint8Array;
}

/** One client's session in one range. */
export interface Session {
  readonly id: number;
  acked: number;
  lastUsedMs: LogTimeMs;
  /** By (sequence, slot). */
  records: SessionRecord[];
  /** Different sequences in `records`. */
  sequences: number;
  replyBytes: number;
  /** Walk epoch of the last change. */
  epoch: number;
  /** Neighbours in order of use. */
  older: Session | null;
  newer: Session | null;
}

/** Most commands are answered OK: their records share the bytes. */
const okReply = Uint8Array.of(replyTags.ok);

export function shareReply(bytes: Uint8Array): Uint8Array {
  return bytes.length === 1 && bytes[0] === replyTags.ok ? okReply : bytes.slice();
}

export function recordCharge(record: SessionRecord): number {
  return recordOverheadBytes + record.reply.length;
}

export function newSession(id: number, nowMs: LogTimeMs, epoch: number): Session {
  return {
    id,
    acked: 0,
    lastUsedMs: nowMs,
    records: [],
    sequences: 0,
    replyBytes: 0,
    epoch,
    older: null,
    newer: null,
  };
}

/** Place of (sequence, slot), or where it belongs as -1 - place. */
export function recordPlace(records: readonly SessionRecord[], sequence: number, slot: Slot): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const record = records[middle]!;
    const difference = record.sequence - sequence || record.slot - slot;
    if (difference === 0) return middle;
    if (difference < 0) low = middle + 1;
    else high = middle;
  }
  return -1 - low;
}

/** u53 id, u53 acked, u53 last used, varint count, per record: u53 sequence, u16 slot, varint length, reply. */
export function writeSession(out: ByteWriter, session: Session): void {
  out.u53(session.id);
  out.u53(session.acked);
  out.u53(session.lastUsedMs);
  out.varint(session.records.length);
  for (const record of session.records) {
    out.u53(record.sequence);
    out.u16(record.slot);
    out.block(record.reply);
  }
}

/** Reads what `writeSession` wrote. Throws DecodeError when it is malformed. */
export function readSession(reader: ByteReader): Session {
  const session = newSession(reader.u53(), 0, 0);
  session.acked = reader.u53();
  session.lastUsedMs = reader.u53();
  const count = reader.varint();
  let previous: SessionRecord = { sequence: session.acked, slot: noSlot, reply: emptyBytes };
  for (let i = 0; i < count; i++) {
    const record = { sequence: reader.u53(), slot: reader.u16(), reply: shareReply(reader.block()) };
    const rises = record.sequence - previous.sequence || record.slot - previous.slot;
    if (rises <= 0 || record.slot > noSlot) throw new DecodeError("session records out of order");
    if (record.sequence !== previous.sequence) session.sequences++;
    session.replyBytes += recordCharge(record);
    session.records.push(record);
    previous = record;
  }
  if (session.id === 0 || session.sequences > limits.sessionWindowCommands)
    throw new DecodeError(`session ${session.id} with ${session.sequences} sequences`);
  return session;
}
