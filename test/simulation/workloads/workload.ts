import type { Random } from "../../../src/base/random.js";
import type { ConsistencyLevel } from "../../../src/commands/command-codec.js";

/** What an application asks for; plain data, so that a script can hold it. */
export interface Operation {
  readonly atMs: number;
  readonly client: number;
  readonly workload: string;
  readonly name: string;
  readonly args: readonly string[];
  readonly level: ConsistencyLevel;
  readonly maxAgeMs: number;
  readonly deadlineMs: number;
  readonly inSession: boolean;
}

export type Shown = string | number | null | readonly Shown[];

/** What came of it. */
export interface Observation {
  readonly operation: Operation;
  /** World time. */
  readonly invokedMs: number;
  /** Infinity while nothing came. */
  returnedMs: number;
  /** "refused" did not and will never take effect; "unknown" may have, or may yet. */
  outcome: "ok" | "refused" | "unknown";
  reply: Shown;
  /** The kind of an error. */
  error: string | null;
  ageMs: number | null;
}

export interface Draw {
  readonly name: string;
  readonly args: readonly string[];
  /** Reads may be drawn at any level. */
  readonly weak: boolean;
}

/** What a run was like, where that bears upon what must hold. */
export interface Conditions {
  /** No clock jumped, no process restarted, nothing was evicted: a TTL isn't shortened by more than clocks' rates do. */
  readonly keepsTtls: boolean;
}

/** One class of commands: what clients do, and what must hold of what they saw. */
export interface Workload {
  readonly name: string;
  /** The next operation; `number` is unique among those of the workload in the run. */
  draw(random: Random, keys: number, number: number): Draw;
  /** The arguments that are asked in place of `args`, where they depend on what was seen before in the run. */
  complete?(args: readonly string[], earlier: readonly Observation[]): readonly string[];
  /** What is read, linearizably, once the cluster has healed; `asked` is all that was asked of this class. */
  finalReads(keys: number, asked: readonly Observation[]): readonly Draw[];
  /** What is wrong, one line each; empty when all is well. Observations come by invocation. */
  check(observations: readonly Observation[], conditions?: Conditions): readonly string[];
}
