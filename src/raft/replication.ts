import { assert } from "../base/assert.js";
import { entryBytes } from "./log.js";
import type { PeerProgress } from "./progress.js";
import { committedIndex } from "./quorum.js";
import { noteEcho, releaseHeldReads } from "./read-index.js";
import type { GroupState } from "./state.js";
import { continueTransfer } from "./transfer.js";
import { type Entry, type Message, messageTypes } from "./types.js";

/** Appends up to this carry a read round as fast as a heartbeat would. */
const smallAppendBytes = 16 * 1024;
const noEntries: readonly Entry[] = [];

/** The leader's side of replication. All sending happens at the next Ready, once for everything that a turn brought. */
export function sendAppends(state: GroupState): void {
  state.appendsDue = false;
  for (const peer of state.others) {
    if (peer.state === "snapshot") reofferSnapshot(state, peer);
    else if (peer.next <= state.log.snapshotIndex) offerSnapshot(state, peer);
    else sendAppendsTo(state, peer);
  }
}

function sendAppendsTo(state: GroupState, peer: PeerProgress): void {
  const log = state.log;
  if (peer.state === "probe") {
    if (peer.probeSent) return;
    const entries = log.slice(peer.next, state.options.maxAppendBytes);
    sendAppend(state, peer, entries, sizeOf(entries));
    peer.probeSent = true;
    return;
  }
  const { maxAppendBytes } = state.options;
  const { inflights, next } = peer;
  while (peer.next <= log.lastIndex && !inflights.full) {
    const entries = log.slice(peer.next, Math.min(maxAppendBytes, inflights.freeBytes));
    const bytes = sizeOf(entries);
    if (!inflights.fits(bytes)) break;
    sendWindowed(state, peer, entries, bytes);
  }
  // Whether what was sent before got lost shows in the answer to the next append. Where the window has no room for one, it
  // passes all the same.
  const asks = peer.askDue && peer.next === next;
  peer.askDue = false;
  if (asks && next <= log.lastIndex) {
    const entries = log.slice(next, maxAppendBytes);
    const bytes = sizeOf(entries);
    while (!inflights.fits(bytes)) inflights.freeFirst();
    sendWindowed(state, peer, entries, bytes);
  } else if (asks || peer.sentCommit < log.commit) sendAppend(state, peer, noEntries, 0);
}

function sendWindowed(state: GroupState, peer: PeerProgress, entries: readonly Entry[], bytes: number): void {
  sendAppend(state, peer, entries, bytes);
  peer.next += entries.length;
  peer.inflights.add(peer.next - 1, bytes);
}

function sendAppend(state: GroupState, peer: PeerProgress, entries: readonly Entry[], bytes: number): void {
  const log = state.log;
  const message = state.send(messageTypes.append, peer.replica);
  message.index = peer.next - 1;
  message.logTerm = log.termOf(message.index);
  assert(message.logTerm >= 0, "the leader knows the term before what it sends");
  message.entries = entries;
  message.commit = log.commit;
  message.match = peer.match;
  message.round = state.rounds.newest;
  if (bytes <= smallAppendBytes) peer.carriedRound = message.round;
  peer.sentCommit = log.commit;
}

function sizeOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) bytes += entryBytes(entries[i]!);
  return bytes;
}

/** The log no longer reaches back to what this replica needs. Without a usable snapshot it waits for one. */
function offerSnapshot(state: GroupState, peer: PeerProgress): void {
  const meta = state.snapshot;
  if (meta === null || meta.index < state.log.snapshotIndex) return;
  peer.becomeSnapshot(meta.index, state.nowMs);
  sendOffer(state, peer);
}

/** The offer may have been lost; a replica that is pulling already ignores it. */
function reofferSnapshot(state: GroupState, peer: PeerProgress): void {
  if (state.nowMs - peer.offeredMs < state.options.electionMaxMs) return;
  const meta = state.snapshot;
  if (meta === null || meta.index < state.log.snapshotIndex) return;
  peer.becomeSnapshot(meta.index, state.nowMs);
  sendOffer(state, peer);
}

function sendOffer(state: GroupState, peer: PeerProgress): void {
  const message = state.send(messageTypes.snapshot, peer.replica);
  message.snapshot = state.snapshot;
  message.match = peer.match;
  message.round = state.rounds.newest;
}

/** Whether a replica waits for a snapshot that nobody made yet. */
export function snapshotWanted(state: GroupState): boolean {
  const snapshotIndex = state.log.snapshotIndex;
  if (state.snapshot !== null && state.snapshot.index >= snapshotIndex) return false;
  return state.others.some((peer) => peer.next <= snapshotIndex && peer.state !== "snapshot");
}

export function sendHeartbeat(state: GroupState, peer: PeerProgress): void {
  const message = state.send(messageTypes.heartbeat, peer.replica);
  // What a replica isn't known to hold it must not commit (safety 7).
  message.commit = Math.min(state.log.commit, peer.match);
  message.match = peer.match;
  message.round = state.rounds.newest;
  peer.carriedRound = message.round;
}

/** The round that reads asked for, to voters who didn't just get it with an append. */
export function sendRound(state: GroupState): void {
  state.roundDue = false;
  for (const peer of state.others) {
    if (peer.carriedRound < state.rounds.newest && state.isVoter(peer.replica)) {
      sendHeartbeat(state, peer);
    }
  }
}

export function handleAppendReply(state: GroupState, message: Message): void {
  const peer = state.peers.get(message.from);
  if (peer === undefined) return;
  peer.lastAnswerMs = state.nowMs;
  noteEcho(state, peer, message.round);
  if (message.reject) {
    let hint = message.hintIndex;
    // Skip all of our entries with terms that the follower can't have at its hint.
    if (message.hintTerm > 0) hint = state.log.lastIndexWithTermUpTo(hint, message.hintTerm);
    if (peer.rejected(message.index, hint)) state.appendsDue = true;
    return;
  }
  noteMatch(state, peer, message.index);
}

export function handleHeartbeatReply(state: GroupState, message: Message): void {
  const peer = state.peers.get(message.from);
  if (peer === undefined) return;
  peer.lastAnswerMs = state.nowMs;
  noteEcho(state, peer, message.round);
  if (
    message.index > peer.match ||
    (peer.state === "probe" && message.index === peer.match && peer.match > 0)
  ) {
    // An acknowledgement was lost, or the replica is back with its log as we know it.
    if (peer.state === "probe") peer.next = peer.match + 1;
    noteMatch(state, peer, message.index);
  }
  peer.probeSent = false;
  if (peer.match < state.log.lastIndex) {
    // Appends may have been lost on the way.
    peer.askDue = peer.state === "replicate";
    state.appendsDue = true;
  }
  continueTransfer(state, peer);
}

function noteMatch(state: GroupState, peer: PeerProgress, index: number): void {
  const log = state.log;
  assert(index <= log.lastIndex, "nobody holds more of this term's log than its leader");
  const news = peer.matched(index, log.snapshotIndex + 1);
  if (peer.next <= log.lastIndex) state.appendsDue = true;
  if (!news) return;
  advanceCommit(state);
  continueTransfer(state, peer);
}

/** Commits what a quorum holds durably, in this term. */
export function advanceCommit(state: GroupState): void {
  const log = state.log;
  const before = log.commit;
  const index = committedIndex(state.configuration, state.matchOf);
  if (index <= before) return;
  // Only entries of our own term commit by counting replicas: an older entry held by a majority can still be
  // overwritten (Raft §5.4.2, figure 8; safety 3).
  if (log.termOf(index) !== state.term) return;
  state.uncommittedBytes -= log.dataBytes(before, index);
  assert(state.uncommittedBytes >= 0, "uncommittedBytes >= 0");
  log.commitTo(index);
  state.appendsDue = true;
  if (before < state.noopIndex) releaseHeldReads(state);
}
