import { ByteWriter } from "../base/bytes.js";
import { type Session, writeSession } from "./session.js";

/**
 * A walk over the sessions in order of use, as they were when it was opened. Opening notes the sessions alone;
 * one that is about to change is written aside first.
 */
export class SessionWalk {
  readonly epoch: number;
  private readonly closed: (walk: SessionWalk) => void;
  private sessions: (Session | null)[];
  private at = 0;
  private readonly copies = new Map<Session, Uint8Array>();
  private readonly written = new WeakSet<Session>();
  private readonly copyOut = new ByteWriter(256);

  constructor(epoch: number, oldest: Session | null, size: number, closed: (walk: SessionWalk) => void) {
    this.epoch = epoch;
    this.closed = closed;
    this.sessions = new Array<Session | null>(size).fill(null);
    let place = 0;
    for (let session = oldest; session !== null; session = session.newer) this.sessions[place++] = session;
  }

  /** Appends sessions until `out` has about `limitBytes`; false when none was left. */
  write(out: ByteWriter, limitBytes: number): boolean {
    const before = out.length;
    while (this.at < this.sessions.length && (out.length === before || out.length < limitBytes)) {
      const session = this.sessions[this.at]!;
      const copy = this.copies.get(session);
      if (copy === undefined) {
        writeSession(out, session);
        // Written: later changes need no copy.
        this.written.add(session);
      } else {
        out.raw(copy);
        this.copies.delete(session);
      }
      this.sessions[this.at++] = null;
    }
    return out.length > before;
  }

  /** The session is about to change or go. */
  shield(session: Session): void {
    if (session.epoch >= this.epoch || this.written.has(session)) return;
    this.copyOut.clear();
    writeSession(this.copyOut, session);
    this.copies.set(session, this.copyOut.take());
  }

  close(): void {
    this.sessions = [];
    this.at = 0;
    this.copies.clear();
    this.closed(this);
  }
}
