import { Packr } from "msgpackr";
import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { crc32c } from "../base/crc.js";
import type { NodeRecord } from "../raft/record.js";
import { decodeRecord, encodeRecord, writeRecord } from "../raft/record-codec.js";
import type { Checkpoint } from "./replica-fold.js";

/**
 * The keys of a node's log and their values.
 *
 *   r<sequence>  u8 version | u32 chain | record     chain = CRC32C(chain before, sequence, record)
 *   head         sealed: u53 sequence of the last record | u32 chain after it
 *   anchor       sealed: MessagePack of [first sequence, chain before it, from sequences, checkpoint as a record]
 *   boot         sealed: MessagePack of [boot id, clean stop]
 *   damage       sealed: MessagePack of why; there until the first record after the damage
 *
 * Sealed: u8 version | u32 CRC32C of what follows. The head is written with every batch, so its layout is fixed and
 * ours; the others are cold.
 */
export const keys = {
  anchor: "anchor",
  head: "head",
  boot: "boot",
  damage: "damage",
  firstRecord: "r",
  afterRecords: "s",
} as const;
const formatVersion = 1;
const headerBytes = 5;

/** 14 hex digits hold 53 bits, so keys sort as numbers do. */
export function recordKey(sequence: number): string {
  return `r${sequence.toString(16).padStart(14, "0")}`;
}

export function sequenceOfKey(key: string): number {
  const sequence = Number.parseInt(key.slice(1), 16);
  if (!Number.isSafeInteger(sequence) || recordKey(sequence) !== key)
    throw new DecodeError(`record key ${key}`);
  return sequence;
}

export interface Head {
  readonly sequence: number;
  readonly chain: number;
}

export interface Anchor {
  /** Records below it are gone, or about to be. */
  readonly firstSequence: number;
  readonly chain: number;
  readonly checkpoint: Checkpoint;
}

export interface BootMark {
  readonly bootId: string;
  readonly clean: boolean;
}

const sequenceBytes = new ByteWriter(8);
function chainOf(before: number, sequence: number, value: Uint8Array): number {
  sequenceBytes.clear();
  sequenceBytes.u53(sequence);
  return crc32c(value, crc32c(sequenceBytes.written(), before), headerBytes);
}

/** The value of a record and the chain after it. */
export function sealRecord(record: NodeRecord, before: number): { value: Uint8Array; chain: number } {
  let expected = 64;
  for (const section of record.sections) {
    expected += 64;
    for (const entry of section.entries) expected += entry.data.length + 16;
  }
  const out = new ByteWriter(expected);
  out.u8(formatVersion);
  out.u32(0);
  writeRecord(out, record);
  const value = out.written();
  const chain = chainOf(before, record.sequence, value);
  out.patchU32(1, chain);
  return { value, chain };
}

/** Throws DecodeError when the record doesn't follow the chain. */
export function openRecord(
  value: Uint8Array,
  sequence: number,
  before: number,
): { record: NodeRecord; chain: number } {
  const chain = chainIn(value);
  if (chainOf(before, sequence, value) !== chain) throw new DecodeError("its checksum doesn't fit the chain");
  const record = decodeRecord(value.subarray(headerBytes));
  if (record.sequence !== sequence) throw new DecodeError(`it says that it is record ${record.sequence}`);
  return { record, chain };
}

/** The chain value that a record's header carries, unproven. */
export function chainIn(value: Uint8Array): number {
  const reader = new ByteReader(value);
  const version = reader.u8();
  if (version !== formatVersion) throw new DecodeError(`version ${version}`);
  return reader.u32();
}

/** No records extension: the bytes are plain MessagePack, which any tool can read. */
const messagePack = new Packr({ useRecords: false });

function seal(body: Uint8Array): Uint8Array {
  const out = new ByteWriter(headerBytes + body.length);
  out.u8(formatVersion);
  out.u32(crc32c(body));
  out.raw(body);
  return out.written();
}

function unseal(value: Uint8Array): Uint8Array {
  const expected = chainIn(value);
  if (crc32c(value, 0, headerBytes) !== expected) throw new DecodeError("its checksum is wrong");
  return value.subarray(headerBytes);
}

function openCold(value: Uint8Array): unknown {
  return messagePack.unpack(unseal(value));
}

/** The checksum holds, so what doesn't have its shape was written by something else. */
const malformed = "it is malformed";

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function sealHead(head: Head): Uint8Array {
  const out = new ByteWriter(16);
  out.u53(head.sequence);
  out.u32(head.chain);
  return seal(out.written());
}
export function openHead(value: Uint8Array): Head {
  const reader = new ByteReader(unseal(value));
  const head = { sequence: reader.u53(), chain: reader.u32() };
  if (reader.remaining !== 0) throw new DecodeError(`${reader.remaining} bytes too many`);
  return head;
}

export function sealAnchor({ firstSequence, chain, checkpoint }: Anchor): Uint8Array {
  const record = encodeRecord({ sequence: firstSequence, sections: checkpoint.sections });
  return seal(messagePack.pack([firstSequence, chain, checkpoint.fromSequences, record]));
}
export function openAnchor(value: Uint8Array): Anchor {
  const parts = openCold(value);
  if (!Array.isArray(parts) || parts.length !== 4) throw new DecodeError(malformed);
  const [firstSequence, chain, fromSequences, record]: unknown[] = parts;
  if (!isSequence(firstSequence) || !isSequence(chain)) throw new DecodeError(malformed);
  if (!Array.isArray(fromSequences) || !fromSequences.every(isSequence)) throw new DecodeError(malformed);
  if (!(record instanceof Uint8Array)) throw new DecodeError(malformed);
  const { sections } = decodeRecord(record);
  if (sections.length !== fromSequences.length || sections.some((section) => section.entries.length > 0))
    throw new DecodeError("its checkpoint is malformed");
  return { firstSequence, chain, checkpoint: { sections, fromSequences } };
}

export function sealBoot({ bootId, clean }: BootMark): Uint8Array {
  return seal(messagePack.pack([bootId, clean]));
}
export function openBoot(value: Uint8Array): BootMark {
  const parts = openCold(value);
  if (!Array.isArray(parts)) throw new DecodeError(malformed);
  const [bootId, clean]: unknown[] = parts;
  if (typeof bootId !== "string" || typeof clean !== "boolean") throw new DecodeError(malformed);
  return { bootId, clean };
}

export function sealText(text: string): Uint8Array {
  return seal(messagePack.pack(text));
}
export function openText(value: Uint8Array): string {
  const text = openCold(value);
  if (typeof text !== "string") throw new DecodeError(malformed);
  return text;
}
