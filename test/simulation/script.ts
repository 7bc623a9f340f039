import type { DrawnLimits } from "./drawn-limits.js";
import type { Operation } from "./workloads/workload.js";

/** What a cluster is made of in one run. */
export interface Shape {
  readonly nodes: number;
  readonly ranges: number;
  readonly replicationFactor: number;
  readonly reads: "lease" | "quorum";
  readonly durability: "fsync" | "buffered";
  readonly maxmemoryBytes: number;
  /** What a process that isn't its node's first is told instead. */
  readonly laterMaxmemoryBytes?: number;
  /** By name. Left out: nothing is evicted. */
  readonly evictionPolicy?: string;
  readonly logLimitBytes: number;
  readonly livenessMs: number;
  readonly maxDelayMs: number;
  readonly mostWriteMs: number;
  readonly clients: number;
  /** Operations that one client has under way at most. */
  readonly outstanding: number;
  /** Keys of each workload. */
  readonly keys: number;
  /** Of each lane of a stream between nodes. */
  readonly queueLimitBytes?: number;
  readonly raftQueueLimitBytes?: number;
  readonly forwardQueueLimitBytes?: number;
  /** Other bounds than production's. */
  readonly limits?: DrawnLimits;
  /** Faults and operations end here; then all heals. */
  readonly durationMs: number;
  readonly hosts: readonly { readonly rate: number; readonly wallMs: number }[];
}

export const faultKinds = [
  "crash",
  "power",
  "power-all",
  "stop",
  "pause",
  "sleep",
  "isolate",
  "one-way",
  "partition",
  "bridge",
  "ring",
  "flap",
  "slow-link",
  "reset-streams",
  "slow-disk",
  "disk-full",
  "disk-error",
  "wall-jump",
  "client-cut",
  "transfer",
  "wipe",
  "lose-tail",
  "bit-flip",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One fault: where, from when, for how long; `draw` decides what else it needs, alike in every replay. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly lastsMs: number;
  readonly node: number;
  readonly draw: number;
}

/** From then on keys are evicted by another policy, as an operator asks of a node. */
export interface PolicyChange {
  readonly atMs: number;
  readonly node: number;
  readonly policy: string;
}

/** All that happens in one run, as plain data: a seed draws it, and what fails is shrunk as such and kept. */
export interface Script {
  readonly seed: number;
  readonly shape: Shape;
  readonly faults: readonly Fault[];
  readonly policyChanges?: readonly PolicyChange[];
  readonly operations: readonly Operation[];
}
