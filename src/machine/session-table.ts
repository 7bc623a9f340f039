import { type ByteReader, DecodeError } from "../base/bytes.js";
import type { ErrorKind } from "../base/errors.js";
import { type HashKey, hashHigh, keyedHash } from "../base/keyed-hash.js";
import { limits } from "../base/limits.js";
import type { LogTimeMs, Slot } from "../base/units.js";
import { DigestSum } from "../store/digest-sum.js";
import {
  newSession,
  readSession,
  recordCharge,
  recordOverheadBytes,
  recordPlace,
  type Session,
  type SessionRecord,
  sessionOverheadBytes,
  shareReply,
} from "./session.js";
import { SessionWalk } from "./session-walk.js";

/** Room that any short reply needs: it is asked for before a command runs. */
const shortReplyBytes = 256;

/**
 * The sessions of a range (thesis §6.3): (session, sequence, slot) → reply. Everything here is replicated state:
 * use is ordered by the log, never by a clock of this machine (safety 25).
 */
export class SessionTable {
  chargedBytes = 0;
  /** The highest session number that was ever dropped: up to here unknown sessions are expired. */
  droppedMark = 0;
  /** Bound of `chargedBytes`. */
  shareBytes = 0;
  private readonly byId = new Map<number, Session>();
  private oldest: Session | null = null;
  private newest: Session | null = null;
  private readonly hashKey: HashKey;
  private readonly sum: DigestSum;
  private walks: SessionWalk[] = [];
  private walkEpoch = 1;

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey;
    this.sum = new DigestSum(hashKey);
  }

  get size(): number {
    return this.byId.size;
  }

  find(id: number): Session | null {
    return this.byId.get(id) ?? null;
  }

  /** Starts a session, dropping others to make room; null when it is expired already or there is no room at all. */
  create(id: number, nowMs: LogTimeMs): Session | null {
    if (id <= this.droppedMark || sessionOverheadBytes > this.shareBytes) return null;
    this.dropAbove(this.shareBytes - sessionOverheadBytes, null, Number.MAX_SAFE_INTEGER);
    // Dropping may have raised the mark above this number.
    if (id <= this.droppedMark) return null;
    const session = newSession(id, nowMs, this.walkEpoch);
    this.byId.set(id, session);
    this.linkNewest(session);
    this.chargedBytes += sessionOverheadBytes;
    this.sumHead(1, session);
    return session;
  }

  /** Notes use at log time `nowMs` and the client's watermark: records at or below it go. */
  use(session: Session, acked: number, nowMs: LogTimeMs): void {
    this.shield(session);
    this.sumHead(-1, session);
    session.lastUsedMs = nowMs;
    if (acked > session.acked) {
      session.acked = acked;
      let gone = 0;
      while (gone < session.records.length && session.records[gone]!.sequence <= acked) gone++;
      if (gone > 0) this.prune(session, gone);
    }
    this.sumHead(1, session);
    if (this.newest !== session) {
      this.unlink(session);
      this.linkNewest(session);
    }
  }

  record(session: Session, sequence: number, slot: Slot): SessionRecord | null {
    const place = recordPlace(session.records, sequence, slot);
    return place < 0 ? null : session.records[place]!;
  }

  /** Why a new command may not run in the session now, or null. */
  refusal(session: Session, sequence: number): ErrorKind | null {
    if (sequence <= session.acked) return "sequence-pruned";
    if (this.roomFor(session) < shortReplyBytes) return "window-full";
    const place = -1 - recordPlace(session.records, sequence, -1);
    const known = session.records[place]?.sequence === sequence;
    return known || session.sequences < limits.sessionWindowCommands ? null : "window-full";
  }

  /** The longest reply that can be recorded now, in bytes. */
  roomFor(session: Session): number {
    const window = limits.sessionReplyBytes + shortReplyBytes - session.replyBytes;
    const share = this.shareBytes - sessionOverheadBytes - session.replyBytes;
    return Math.min(limits.recordedReplyBytes, window, share) - recordOverheadBytes;
  }

  /** Records a reply of at most `roomFor` bytes; other sessions may go for it. */
  add(session: Session, sequence: number, slot: Slot, reply: Uint8Array): void {
    this.shield(session);
    const record: SessionRecord = { sequence, slot, reply: shareReply(reply) };
    const place = -1 - recordPlace(session.records, sequence, slot);
    const known =
      session.records[place]?.sequence === sequence || session.records[place - 1]?.sequence === sequence;
    session.records.splice(place, 0, record);
    if (!known) session.sequences++;
    const charge = recordCharge(record);
    session.replyBytes += charge;
    this.chargedBytes += charge;
    this.sumRecord(1, session, record);
    this.dropAbove(this.shareBytes, session, Number.MAX_SAFE_INTEGER);
  }

  /** Drops least recently used sessions, at most `limit`, until the charge is within `bytes`; never `keep`. */
  dropAbove(bytes: number, keep: Session | null, limit: number): void {
    for (let dropped = 0; this.chargedBytes > bytes && dropped < limit; dropped++) {
      const session = this.oldest;
      if (session === null || session === keep) return;
      this.shield(session);
      if (session.records.length > 0) this.prune(session, session.records.length);
      this.sumHead(-1, session);
      this.unlink(session);
      this.byId.delete(session.id);
      this.chargedBytes -= sessionOverheadBytes;
      this.droppedMark = Math.max(this.droppedMark, session.id);
    }
  }

  digest(into: Uint32Array): void {
    into[0] = this.sum.low;
    into[1] = this.sum.high;
  }

  openWalk(): SessionWalk {
    this.walkEpoch++;
    const walk = new SessionWalk(this.walkEpoch, this.oldest, this.byId.size, (closed) => {
      this.walks = this.walks.filter((open) => open !== closed);
    });
    this.walks.push(walk);
    return walk;
  }

  beginLoad(): void {
    this.byId.clear();
    this.oldest = null;
    this.newest = null;
    this.chargedBytes = 0;
    this.droppedMark = 0;
    this.sum.reset();
    this.walks = [];
  }

  /** Reads sessions to the reader's end, in order of use. */
  load(reader: ByteReader): void {
    while (reader.remaining > 0) {
      const session = readSession(reader);
      if (this.byId.has(session.id)) throw new DecodeError(`session ${session.id} twice in a snapshot`);
      this.byId.set(session.id, session);
      this.linkNewest(session);
      this.chargedBytes += sessionOverheadBytes + session.replyBytes;
      this.sumHead(1, session);
      for (const record of session.records) this.sumRecord(1, session, record);
    }
  }

  /** Removes the first `count` records. */
  private prune(session: Session, count: number): void {
    const gone = session.records.splice(0, count);
    let sequence = -1;
    for (const record of gone) {
      if (record.sequence !== sequence) session.sequences--;
      sequence = record.sequence;
      const charge = recordCharge(record);
      session.replyBytes -= charge;
      this.chargedBytes -= charge;
      this.sumRecord(-1, session, record);
    }
  }

  private linkNewest(session: Session): void {
    session.newer = null;
    session.older = this.newest;
    if (this.newest !== null) this.newest.newer = session;
    else this.oldest = session;
    this.newest = session;
  }

  private unlink(session: Session): void {
    if (session.older !== null) session.older.newer = session.newer;
    else this.oldest = session.newer;
    if (session.newer !== null) session.newer.older = session.older;
    else this.newest = session.older;
  }

  private shield(session: Session): void {
    for (const walk of this.walks) walk.shield(session);
    session.epoch = this.walkEpoch;
  }

  private sumHead(sign: 1 | -1, session: Session): void {
    this.sum.change(sign, 1, 0, 0, 0, session.id, session.acked);
    this.sum.change(sign, 2, 0, 0, 0, session.id, session.lastUsedMs);
  }

  private sumRecord(sign: 1 | -1, session: Session, record: SessionRecord): void {
    const low = keyedHash(this.hashKey, record.reply);
    this.sum.change(sign, 3, record.slot, low, hashHigh, session.id, record.sequence);
  }
}
