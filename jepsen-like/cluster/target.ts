import type { ClusterStatus } from "#quorate/client/cluster-status.js";

/** A cluster under test, however it came to be. */
export interface Target {
  readonly nodeNames: readonly string[];
  /** gRPC addresses of its nodes, where their status is asked for. */
  readonly seeds: readonly string[];
  /** What ended that nobody had asked to end. */
  readonly crashes: readonly string[];
  /** Log files that a report may link to. */
  readonly logs: readonly string[];
  status(): Promise<ClusterStatus>;
  /** Starts what faults left stopped, and waits until all is as it should be; rejects when it never is. */
  heal(): Promise<unknown>;
}
