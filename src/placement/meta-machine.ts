import { assert } from "../base/assert.js";
import { ByteReader, ByteWriter, DecodeError, utf8Bytes } from "../base/bytes.js";
import { hashHigh, keyedHash } from "../base/keyed-hash.js";
import type { LogIndex, Term } from "../base/units.js";
import type { ClusterDocument } from "./document.js";
import { asInteger, asList, asObject, check, integerField, listField, parseShape } from "./json-shape.js";
import { applyMetaCommand, type MetaState } from "./meta-apply.js";
import { decodeMetaCommand, type MetaReply } from "./meta-command.js";
import { encodeTables, type MetaTables, parseTables, tablesOf } from "./tables.js";

const snapshotVersion = 1;

/**
 * The replicated state machine of meta (range 0). Every replica of it begins with the bootstrap document and applies
 * the same entries; each entry holds one command.
 */
export class MetaMachine {
  private state: MetaState;
  appliedIndex: LogIndex = 0;
  appliedTerm: Term = 0;

  constructor(document: ClusterDocument) {
    this.state = { tables: tablesOf(document), nextSession: 1, replaced: [] };
  }

  /** Applies the entry at the next index. Malformed bytes are a broken invariant: its proposer decoded them. */
  apply(index: LogIndex, term: Term, data: Uint8Array): MetaReply {
    this.advance(index, term);
    const command = decodeMetaCommand(data);
    assert(command.ok, command.ok ? "" : command.error);
    const outcome = applyMetaCommand(this.state, command.value);
    this.state = outcome.state;
    return outcome.reply;
  }

  /** An index without an entry for the machine (no-op, configuration). */
  skip(index: LogIndex, term: Term): void {
    this.advance(index, term);
  }

  /** Immutable: kept as long as one likes. */
  tables(): MetaTables {
    return this.state.tables;
  }

  snapshot(): Uint8Array {
    const out = new ByteWriter(4096);
    out.u8(snapshotVersion);
    out.u53(this.appliedIndex);
    out.u53(this.appliedTerm);
    out.text(this.stateText());
    return out.take();
  }

  /** Replaces the state. Throws DecodeError when the bytes are malformed; the old state then stays. */
  restore(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    const version = reader.u8();
    if (version !== snapshotVersion) throw new DecodeError(`meta snapshot version ${version}`);
    const index = reader.u53();
    const term = reader.u53();
    const text = reader.text();
    if (reader.remaining !== 0) throw new DecodeError("bytes after the meta snapshot");
    const parsed = parseShape("meta snapshot", text, readState);
    if (!parsed.ok) throw new DecodeError(parsed.error);
    this.state = parsed.value;
    this.appliedIndex = index;
    this.appliedTerm = term;
  }

  /** Equal on all replicas at the same index. 16 hex digits. */
  digest(): string {
    const low = keyedHash(this.state.tables.hashKey, utf8Bytes(this.stateText()));
    return hashHigh.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
  }

  private stateText(): string {
    return JSON.stringify({
      tables: encodeTables(this.state.tables),
      nextSession: this.state.nextSession,
      replaced: this.state.replaced,
    });
  }

  private advance(index: LogIndex, term: Term): void {
    assert(index === this.appliedIndex + 1, `meta applies ${index} after ${this.appliedIndex}`);
    assert(term >= this.appliedTerm, `meta applies term ${term} after ${this.appliedTerm}`);
    this.appliedIndex = index;
    this.appliedTerm = term;
  }
}

function readState(root: unknown): MetaState {
  const object = asObject(root, "the state");
  const text = object.tables;
  check(typeof text === "string", "tables is not a text");
  const tables = parseTables(text);
  check(tables.ok, tables.ok ? "" : tables.error);
  return {
    tables: tables.value,
    nextSession: integerField(object, "nextSession", 1),
    replaced: listField(object, "replaced", 1024, (value, what) => {
      const pair = asList(value, what, 2, (each, at) => asInteger(each, at, 1));
      check(pair.length === 2 && pair[0]! < pair[1]!, `${what} is not an older and a younger id`);
      return [pair[0]!, pair[1]!] as const;
    }),
  };
}
