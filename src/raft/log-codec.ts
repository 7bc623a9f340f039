import { assert } from "../base/assert.js";
import { type ByteReader, type ByteWriter, DecodeError } from "../base/bytes.js";
import { readConfiguration, writeConfiguration } from "./configuration-codec.js";
import { type Entry, type EntryType, entryTypes, type SnapshotMeta } from "./types.js";

/**
 * Parts that messages and records share, embedded without a version of their own:
 *
 *   entries:       varint count | when > 0: varint first index | per entry: varint term, u8 type, block data
 *   snapshot meta: varint index | varint term | configuration body
 *
 * Entries are contiguous and their terms never fall, so only the first index is written.
 */

/** Term, type and the length of no data: the least that an entry takes. */
const leastEntryBytes = 3;

export function writeEntries(out: ByteWriter, entries: readonly Entry[]): void {
  out.varint(entries.length);
  if (entries.length === 0) return;
  const first = entries[0]!.index;
  out.varint(first);
  let term = 0;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    assert(entry.index === first + i, "entries are contiguous");
    assert(entry.term >= term, "terms of entries never fall");
    term = entry.term;
    out.varint(term);
    out.u8(entry.type);
    out.block(entry.data);
  }
}

/** The entries' data are views of the reader's bytes. */
export function readEntries(reader: ByteReader): readonly Entry[] {
  const count = reader.varint();
  if (count > reader.remaining / leastEntryBytes)
    throw new DecodeError(`${count} entries in ${reader.remaining} bytes`);
  const entries: Entry[] = [];
  if (count === 0) return entries;
  const first = reader.varint();
  if (first === 0 || first + count > Number.MAX_SAFE_INTEGER) throw new DecodeError(`entry index ${first}`);
  let term = 0;
  for (let i = 0; i < count; i++) {
    const entryTerm = reader.varint();
    if (entryTerm < term) throw new DecodeError(`term ${entryTerm} after ${term}`);
    term = entryTerm;
    const type = reader.u8();
    if (type > entryTypes.configuration) throw new DecodeError(`entry type ${type}`);
    entries.push({ term, index: first + i, type: type as EntryType, data: reader.block() });
  }
  return entries;
}

export function writeSnapshotMeta(out: ByteWriter, meta: SnapshotMeta): void {
  out.varint(meta.index);
  out.varint(meta.term);
  writeConfiguration(out, meta.configuration);
}

export function readSnapshotMeta(reader: ByteReader): SnapshotMeta {
  return { index: reader.varint(), term: reader.varint(), configuration: readConfiguration(reader) };
}
