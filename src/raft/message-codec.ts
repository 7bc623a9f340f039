import { type ByteReader, type ByteWriter, DecodeError, emptyBytes } from "../base/bytes.js";
import { readEntries, readSnapshotMeta, writeEntries, writeSnapshotMeta } from "./log-codec.js";
import { type Entry, type Message, type MessageType, messageTypes } from "./types.js";

/**
 * A message as bytes, inside a frame whose version covers it:
 *
 *   u8 type | u16 flags | varint range, from, to, term
 *   | varint index, logTerm, commit, match, hintIndex, hintTerm, round | entries | snapshot meta | block context
 *
 * A field of the second line is there when its flag is set; one that is 0, null or empty is left out.
 */
const flags = {
  reject: 1 << 0,
  force: 1 << 1,
  index: 1 << 2,
  logTerm: 1 << 3,
  commit: 1 << 4,
  match: 1 << 5,
  hintIndex: 1 << 6,
  hintTerm: 1 << 7,
  round: 1 << 8,
  entries: 1 << 9,
  snapshot: 1 << 10,
  context: 1 << 11,
} as const;
const allFlags = (1 << 12) - 1;
const noEntries: readonly Entry[] = [];

export function writeMessage(out: ByteWriter, m: Message): void {
  out.u8(m.type);
  out.u16(
    (m.reject ? flags.reject : 0) |
      (m.force ? flags.force : 0) |
      (m.index > 0 ? flags.index : 0) |
      (m.logTerm > 0 ? flags.logTerm : 0) |
      (m.commit > 0 ? flags.commit : 0) |
      (m.match > 0 ? flags.match : 0) |
      (m.hintIndex > 0 ? flags.hintIndex : 0) |
      (m.hintTerm > 0 ? flags.hintTerm : 0) |
      (m.round > 0 ? flags.round : 0) |
      (m.entries.length > 0 ? flags.entries : 0) |
      (m.snapshot !== null ? flags.snapshot : 0) |
      (m.context.length > 0 ? flags.context : 0),
  );
  out.varint(m.range);
  out.varint(m.from);
  out.varint(m.to);
  out.varint(m.term);
  if (m.index > 0) out.varint(m.index);
  if (m.logTerm > 0) out.varint(m.logTerm);
  if (m.commit > 0) out.varint(m.commit);
  if (m.match > 0) out.varint(m.match);
  if (m.hintIndex > 0) out.varint(m.hintIndex);
  if (m.hintTerm > 0) out.varint(m.hintTerm);
  if (m.round > 0) out.varint(m.round);
  if (m.entries.length > 0) writeEntries(out, m.entries);
  if (m.snapshot !== null) writeSnapshotMeta(out, m.snapshot);
  if (m.context.length > 0) out.block(m.context);
}

/** Entries' data and context are views of the reader's bytes. Throws DecodeError when the message is malformed. */
export function readMessage(reader: ByteReader): Message {
  const type = reader.u8();
  if (type < messageTypes.preVote || type > messageTypes.timeoutNow)
    throw new DecodeError(`message type ${type}`);
  const bits = reader.u16();
  if (bits > allFlags) throw new DecodeError(`message flags ${bits}`);
  // Fields are read in the order in which they are written.
  return {
    type: type as MessageType,
    range: reader.varint(),
    from: reader.varint(),
    to: reader.varint(),
    term: reader.varint(),
    index: bits & flags.index ? reader.varint() : 0,
    logTerm: bits & flags.logTerm ? reader.varint() : 0,
    commit: bits & flags.commit ? reader.varint() : 0,
    match: bits & flags.match ? reader.varint() : 0,
    reject: (bits & flags.reject) !== 0,
    force: (bits & flags.force) !== 0,
    hintIndex: bits & flags.hintIndex ? reader.varint() : 0,
    hintTerm: bits & flags.hintTerm ? reader.varint() : 0,
    round: bits & flags.round ? reader.varint() : 0,
    entries: bits & flags.entries ? readEntries(reader) : noEntries,
    snapshot: bits & flags.snapshot ? readSnapshotMeta(reader) : null,
    context: bits & flags.context ? reader.block() : emptyBytes,
  };
}
