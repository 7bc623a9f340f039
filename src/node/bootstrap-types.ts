import type { Random } from "../base/random.js";
import type { NodeId } from "../base/units.js";
import type { ClusterDocument, ClusterSettings, Member } from "../placement/document.js";
import type { Timers } from "../ports/clock.js";
import type { IdentityStore } from "../ports/identity.js";
import type { Logger } from "../ports/telemetry.js";
import type { Transport } from "../ports/transport.js";

export interface BootstrapSelf {
  /** Fresh and random; an identity found in the store wins over it. */
  readonly nodeId: NodeId;
  readonly name: string;
  /** Peer address as the others dial it, host:port. */
  readonly address: string;
  readonly ports: Member["ports"];
  readonly capacity: number;
  readonly maxmemoryBytes: number;
  readonly domain: string;
}

export interface BootstrapOptions {
  readonly self: BootstrapSelf;
  /** Peer addresses of the first nodes, one's own included. Not looked at once the node has started. */
  readonly initial: readonly string[];
  readonly settings: ClusterSettings;
  readonly identity: IdentityStore;
  readonly transport: Pick<Transport, "call">;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /**
   * Makes the node's log ready for its replicas, before `started` is persisted: a started node with an empty log
   * counts as one that lost its state. Called again after a crash in between; after one, rarely, with another
   * document: nothing of the former was ever used.
   */
  readonly prepare?: (document: ClusterDocument, nodeId: NodeId, done: () => void) => void;
}

export type BootstrapOutcome =
  /** The node is a member of the document. */
  | { readonly kind: "started"; readonly nodeId: NodeId; readonly document: ClusterDocument }
  /**
   * The cluster started with an earlier node of this name or address. The node has to have meta replace that member
   * (`rejoin-member`) by `nodeId`; once its log has a record of it, it persists `started`, which is `confirmed`.
   */
  | {
      readonly kind: "rejoin";
      readonly nodeId: NodeId;
      readonly document: ClusterDocument;
      readonly confirmed: boolean;
    }
  /** Started in a way that can never work; says why. */
  | { readonly kind: "refused"; readonly message: string }
  /** The identity can't be read or written: the process must end. */
  | { readonly kind: "failed"; readonly message: string };

export interface BootstrapHandle {
  /** Answers a peer's call; false when it isn't bootstrap's. Goes on answering after the outcome. */
  onCall(body: Uint8Array, reply: (body: Uint8Array) => void): boolean;
  stop(): void;
}
