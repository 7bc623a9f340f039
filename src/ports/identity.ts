import type { NodeId } from "../base/units.js";
import type { StorageError } from "./log-storage.js";

/** Who a node is, kept apart from its log: a node that lost its log still knows what it must not pretend to be. */
export interface Identity {
  readonly nodeId: NodeId;
  /** Of the cluster that this node belongs to or has a proposal for; empty before either. */
  readonly clusterId: string;
  /** The bootstrap document as JSON text; null before one was accepted. */
  readonly document: string | null;
  /** True once the node took part in its cluster: from then on its log must have records. */
  readonly started: boolean;
}

/** One small record, replaced as a whole. Callbacks never come during the call itself. */
export interface IdentityStore {
  /** null without an error: this node never had an identity. A damaged one is an error (`failed`), never null. */
  load(done: (error: StorageError | null, identity: Identity | null) => void): void;
  /** Durable when `done` is called without an error; after an error the former one is still there. */
  save(identity: Identity, done: (error: StorageError | null) => void): void;
}
