declare const unit: unique symbol;
/** A number with a unit: plain numbers fit in, numbers of another unit do not. */
type Unit<Name extends string> = number & { readonly [unit]?: Name };

/** Raft term, from 0. */
export type Term = Unit<"Term">;
/** Position in a range's log, from 1; 0 is before the first entry. */
export type LogIndex = Unit<"LogIndex">;
/** What Raft votes with: given out by meta, rising, never used twice. 0 is nobody. */
export type ReplicaId = Unit<"ReplicaId">;
/** A Raft group: 0 is meta, key ranges count from 1. */
export type RangeId = Unit<"RangeId">;
/** A `quorate serve` process: random, 48 bits, persisted, never reused. 0 is nobody. */
export type NodeId = Unit<"NodeId">;
/** Slot of a key, 0..16383. */
export type Slot = Unit<"Slot">;
/** Milliseconds of the replicated clock, unix epoch. */
export type LogTimeMs = Unit<"LogTimeMs">;
/** Milliseconds of a monotonic clock with an arbitrary origin. */
export type MonotonicMs = Unit<"MonotonicMs">;
/** Per-range counter of mutations, 53 bits. 0 is an absent key. */
export type Revision = Unit<"Revision">;

/** The Raft group of the cluster's own tables. */
export const metaRangeId: RangeId = 0;

/** A node id as people read it: 12 hex digits. */
export function formatNodeId(id: NodeId): string {
  return id.toString(16).padStart(12, "0");
}
