import type { RangeId, ReplicaId, Term } from "../base/units.js";
import type { Entry, Message, MessageType } from "./types.js";

/** A message while it is being filled in. */
export type Draft = { -readonly [Key in keyof Message]: Message[Key] };

const noEntries: readonly Entry[] = [];
const noContext = new Uint8Array(0);

/** The one place where messages come into being: all fields, always in this order, so they share a hidden class. */
export function draftMessage(
  type: MessageType,
  range: RangeId,
  from: ReplicaId,
  to: ReplicaId,
  term: Term,
): Draft {
  return {
    type,
    range,
    from,
    to,
    term,
    index: 0,
    logTerm: 0,
    commit: 0,
    match: 0,
    reject: false,
    force: false,
    hintIndex: 0,
    hintTerm: 0,
    round: 0,
    entries: noEntries,
    snapshot: null,
    context: noContext,
  };
}
