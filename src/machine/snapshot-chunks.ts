import { type ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { limits } from "../base/limits.js";
import type { LogIndex, LogTimeMs, Term } from "../base/units.js";
import type { StoreWalk } from "../store/keyspace.js";
import type { SnapshotWalk } from "./machine.js";
import type { SessionWalk } from "./session-walk.js";

/** Every chunk: u8 version | u8 kind | body. The head comes first, then sessions, then the store's own chunks. */
export const snapshotVersion = 1;
export const snapshotKinds = { head: 1, sessions: 2, store: 3 } as const;

export interface SnapshotHead {
  readonly index: LogIndex;
  readonly term: Term;
  readonly logTimeMs: LogTimeMs;
  readonly limitBytes: number;
  readonly droppedMark: number;
  readonly sessions: number;
  readonly sessionBytes: number;
}

/** u53 each: index, term, log time, limit, dropped mark, sessions, their charge. */
function encodeHead(head: SnapshotHead): Uint8Array {
  const out = new ByteWriter(64);
  out.u8(snapshotVersion);
  out.u8(snapshotKinds.head);
  out.u53(head.index);
  out.u53(head.term);
  out.u53(head.logTimeMs);
  out.u53(head.limitBytes);
  out.u53(head.droppedMark);
  out.u53(head.sessions);
  out.u53(head.sessionBytes);
  return out.take();
}

export function decodeHead(reader: ByteReader): SnapshotHead {
  const head: SnapshotHead = {
    index: reader.u53(),
    term: reader.u53(),
    logTimeMs: reader.u53(),
    limitBytes: reader.u53(),
    droppedMark: reader.u53(),
    sessions: reader.u53(),
    sessionBytes: reader.u53(),
  };
  if (reader.remaining > 0) throw new DecodeError("bytes after a snapshot's head");
  return head;
}

/** Walks sessions, then the store; both show the state of the opening while entries are applied. */
export class MachineWalk implements SnapshotWalk {
  readonly index: LogIndex;
  readonly term: Term;
  private head: Uint8Array | null;
  private readonly sessions: SessionWalk;
  private readonly store: StoreWalk;
  private readonly out = new ByteWriter(4096);
  private open = true;

  constructor(head: SnapshotHead, sessions: SessionWalk, store: StoreWalk) {
    this.index = head.index;
    this.term = head.term;
    this.head = encodeHead(head);
    this.sessions = sessions;
    this.store = store;
  }

  next(): Uint8Array | null {
    if (!this.open) return null;
    if (this.head !== null) {
      const head = this.head;
      this.head = null;
      return head;
    }
    const out = this.out;
    out.clear();
    out.u8(snapshotVersion);
    out.u8(snapshotKinds.sessions);
    if (this.sessions.write(out, limits.snapshotChunkBytes)) return out.take();
    const chunk = this.store.next(limits.snapshotChunkBytes - out.length);
    if (chunk === null) return null;
    const framed = new Uint8Array(chunk.length + 2);
    framed[0] = snapshotVersion;
    framed[1] = snapshotKinds.store;
    framed.set(chunk, 2);
    return framed;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.head = null;
    this.sessions.close();
    this.store.close();
  }
}
