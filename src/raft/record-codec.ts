import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { readConfiguration, writeConfiguration } from "./configuration-codec.js";
import { readEntries, readSnapshotMeta, writeEntries, writeSnapshotMeta } from "./log-codec.js";
import type { NodeRecord, RecordSection } from "./record.js";
import type { HardState } from "./types.js";

/**
 * A node's record as bytes; whoever stores it adds the checksum.
 *
 *   u8 version (1) | varint sequence | varint section count | sections
 *   section: varint range | varint replica | u8 flags
 *     | reset:         snapshot meta
 *     | hard state:    varint term, varint vote, varint commit
 *     | entries:       entries (at least one)
 *     | configuration: configuration body
 *
 * Flags: bit 0 reset, 1 hard state, 2 entries, 3 configuration, bits 4 and 5 the mark.
 */
const recordVersion = 1;
const flags = { reset: 1, hardState: 2, entries: 4, configuration: 8 } as const;
const markShift = 4;
const marks = ["none", "created", "fenced", "removed"] as const;
/** Range, replica and flags: the least that a section takes. */
const leastSectionBytes = 3;

function writeSection(out: ByteWriter, section: RecordSection): void {
  const { reset, hardState, entries, configuration } = section;
  out.varint(section.range);
  out.varint(section.replica);
  out.u8(
    (reset === null ? 0 : flags.reset) |
      (hardState === null ? 0 : flags.hardState) |
      (entries.length === 0 ? 0 : flags.entries) |
      (configuration === null ? 0 : flags.configuration) |
      (marks.indexOf(section.mark) << markShift),
  );
  if (reset !== null) writeSnapshotMeta(out, reset);
  if (hardState !== null) {
    out.varint(hardState.term);
    out.varint(hardState.vote);
    out.varint(hardState.commit);
  }
  if (entries.length > 0) writeEntries(out, entries);
  if (configuration !== null) writeConfiguration(out, configuration);
}

function readHardState(reader: ByteReader): HardState {
  return { term: reader.varint(), vote: reader.varint(), commit: reader.varint() };
}

function readSection(reader: ByteReader): RecordSection {
  const range = reader.varint();
  const replica = reader.varint();
  const bits = reader.u8();
  const mark = marks[bits >> markShift];
  if (mark === undefined) throw new DecodeError(`section flags ${bits}`);
  const reset = bits & flags.reset ? readSnapshotMeta(reader) : null;
  const hardState = bits & flags.hardState ? readHardState(reader) : null;
  const entries = bits & flags.entries ? readEntries(reader) : [];
  const configuration = bits & flags.configuration ? readConfiguration(reader) : null;
  return { range, replica, reset, hardState, entries, configuration, mark };
}

/** Appends a record to `out`. */
export function writeRecord(out: ByteWriter, record: NodeRecord): void {
  out.u8(recordVersion);
  out.varint(record.sequence);
  out.varint(record.sections.length);
  for (const section of record.sections) writeSection(out, section);
}

/** About what a record takes, so that its buffer seldom grows. */
function expectedBytes(record: NodeRecord): number {
  let bytes = 32;
  for (const section of record.sections) {
    bytes += 64;
    for (const entry of section.entries) bytes += entry.data.length + 16;
  }
  return bytes;
}

/** The bytes belong to the caller. */
export function encodeRecord(record: NodeRecord): Uint8Array {
  const out = new ByteWriter(expectedBytes(record));
  writeRecord(out, record);
  return out.written();
}

/** The entries' data are views of `bytes`. Throws DecodeError when they are malformed or something follows. */
export function decodeRecord(bytes: Uint8Array): NodeRecord {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== recordVersion) throw new DecodeError(`record version ${version}`);
  const sequence = reader.varint();
  const count = reader.varint();
  if (count > reader.remaining / leastSectionBytes)
    throw new DecodeError(`${count} sections in ${reader.remaining} bytes`);
  const sections: RecordSection[] = [];
  for (let i = 0; i < count; i++) sections.push(readSection(reader));
  if (reader.remaining !== 0) throw new DecodeError(`${reader.remaining} bytes after the record`);
  return { sequence, sections };
}
