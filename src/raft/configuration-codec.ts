import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import type { ReplicaId } from "../base/units.js";
import type { Configuration } from "./types.js";

/**
 * A configuration as bytes: the data of a configuration entry, and part of snapshots and records.
 *
 *   u8 version (1) | voters | outgoing | learners        each: varint count | varint replica id, rising
 *
 * Inside another format the version byte is left out: that format has its own.
 */
const configurationVersion = 1;
/** Far more than any range has; bounds the work that bytes from outside can ask for. */
const maxReplicasPerList = 256;

function risingError(ids: readonly ReplicaId[], what: string): string | null {
  if (ids.length > maxReplicasPerList) return `${ids.length} ${what}`;
  let last = 0;
  for (const id of ids) {
    if (!Number.isSafeInteger(id) || id <= 0) return `${what} have no valid id ${id}`;
    if (id <= last) return `${what} are not rising at ${id}`;
    last = id;
  }
  return null;
}

/**
 * What is wrong with a configuration, or null. Lists rise strictly; a learner is a voter of neither half; without
 * voters there is nothing to be joint with. Nobody at all is valid: a learner that waits for its first snapshot.
 */
export function configurationError(configuration: Configuration): string | null {
  const { voters, outgoing, learners } = configuration;
  const unsorted =
    risingError(voters, "voters") ??
    risingError(outgoing, "outgoing voters") ??
    risingError(learners, "learners");
  if (unsorted !== null) return unsorted;
  if (voters.length === 0 && outgoing.length > 0) return "joint without voters";
  for (const id of learners)
    if (voters.includes(id) || outgoing.includes(id)) return `replica ${id} is voter and learner`;
  return null;
}

function writeIds(out: ByteWriter, ids: readonly ReplicaId[]): void {
  out.varint(ids.length);
  for (const id of ids) out.varint(id);
}

function readIds(reader: ByteReader): ReplicaId[] {
  const count = reader.varint();
  if (count > maxReplicasPerList) throw new DecodeError(`${count} replica ids`);
  const ids: ReplicaId[] = [];
  for (let i = 0; i < count; i++) ids.push(reader.varint());
  return ids;
}

/** Writes the body without its version, as other formats embed it. */
export function writeConfiguration(out: ByteWriter, configuration: Configuration): void {
  writeIds(out, configuration.voters);
  writeIds(out, configuration.outgoing);
  writeIds(out, configuration.learners);
}

/** Reads an embedded configuration. Throws DecodeError when it is malformed. */
export function readConfiguration(reader: ByteReader): Configuration {
  const configuration: Configuration = {
    voters: readIds(reader),
    outgoing: readIds(reader),
    learners: readIds(reader),
  };
  const error = configurationError(configuration);
  if (error !== null) throw new DecodeError(`configuration: ${error}`);
  return configuration;
}

/** The data of a configuration entry. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const out = new ByteWriter(32);
  out.u8(configurationVersion);
  writeConfiguration(out, configuration);
  return out.take();
}

/** Throws DecodeError when the bytes are malformed, or something follows them. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== configurationVersion) throw new DecodeError(`configuration version ${version}`);
  const configuration = readConfiguration(reader);
  if (reader.remaining !== 0) throw new DecodeError(`${reader.remaining} bytes after the configuration`);
  return configuration;
}
