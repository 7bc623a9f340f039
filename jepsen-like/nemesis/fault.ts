import type { Random } from "#quorate/base/random.js";
import type { QuorateCluster } from "../cluster/quorate-cluster.js";

/** What a fault is done to. */
export interface Ground {
  readonly cluster: QuorateCluster;
  readonly random: Random;
  /** How long a fault may last, in ms. */
  readonly holdMs: () => number;
}

/**
 * What shows that a fault had an effect. "leader": a range changed its leader or term; "errors": clients were refused or
 * left without an answer; "latency": answers took longer than in quiet times; "down": a node stopped answering; "packets":
 * packets were counted that met the fault, which TCP hides from all above it.
 */
export type Effect = "leader" | "errors" | "latency" | "down" | "packets";

/** A fault under way. */
export interface Injected {
  /** What was done, for people: "kill -9 of node-2". */
  readonly what: string;
  /** The fault lasts at least so long, where the run does; default: as any. */
  readonly atLeastMs?: number;
  readonly heal: () => Promise<void>;
  /** Effects that the fault itself saw; asked for after the heal. */
  readonly seen?: () => readonly Effect[];
}

/** A fault as a run takes it: bound to what it is done to. */
export interface Harm {
  readonly name: string;
  /** Any of these proves it. */
  readonly effects: readonly Effect[];
  /** @returns null when there is nothing to strike just now. */
  readonly inject: () => Promise<Injected | null>;
}

/** One kind of fault. A file of this folder declares the faults of one kind of means. */
export interface Fault {
  readonly name: string;
  /** The fabric that it needs; null: any. */
  readonly fabric: "toxiproxy" | "netns" | null;
  readonly minNodes: number;
  /** Nodes need disks that can be filled. */
  readonly smallDisks?: boolean;
  /** strace must be there, and may trace. */
  readonly strace?: boolean;
  /** Any of these proves the fault. */
  readonly effects: readonly Effect[];
  /** @returns null when there is nothing to strike just now. */
  readonly inject: (ground: Ground) => Promise<Injected | null>;
}
