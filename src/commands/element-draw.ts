import type { Handle, Keyspace } from "../store/keyspace.js";
import { replySlice } from "./arguments.js";
import { drawIndex, drawIndexes, mostDraws } from "./draws.js";
import type { ReplySink } from "./reply-sink.js";

/** What goes along with each element drawn. */
export type Companion = "none" | "value" | "score";

/** SRANDMEMBER, HRANDFIELD and ZRANDMEMBER without a count; `handle` 0 for an absent key. */
export function replyOneDrawn(keyspace: Keyspace, handle: Handle, reply: ReplySink): void {
  if (handle === 0) {
    reply.nil();
    return;
  }
  const cursor = keyspace.elements(handle, drawIndex(keyspace, keyspace.lengthOf(handle)), false);
  cursor.next();
  replySlice(cursor.member, reply);
}

function replyDrawn(
  keyspace: Keyspace,
  handle: Handle,
  index: number,
  companion: Companion,
  reply: ReplySink,
): void {
  const cursor = keyspace.elements(handle, index, false);
  cursor.next();
  if (companion !== "none") reply.pair();
  replySlice(cursor.member, reply);
  if (companion === "value") replySlice(cursor.value, reply);
  else if (companion === "score") reply.double(cursor.score);
}

/** The same with a count: different elements, or for a negative one elements that may repeat. */
export function replyDrawnElements(
  keyspace: Keyspace,
  handle: Handle,
  count: number,
  companion: Companion,
  reply: ReplySink,
): void {
  if (handle === 0 || count === 0) {
    reply.array(0);
    return;
  }
  const size = keyspace.lengthOf(handle);
  if (-count > mostDraws) {
    reply.error("reply-too-large", `at most ${mostDraws} elements are drawn`);
    return;
  }
  const total = count < 0 ? -count : Math.min(count, size);
  if (companion === "none") reply.array(total);
  else reply.pairs(total);
  if (count < 0) {
    for (let i = 0; i < total; i++) replyDrawn(keyspace, handle, drawIndex(keyspace, size), companion, reply);
    return;
  }
  for (const index of drawIndexes(keyspace, total, size))
    replyDrawn(keyspace, handle, index, companion, reply);
}
