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

/** One class of commands: what clients do, and what must hold of what they saw. */
export interface Workload {
  readonly name: string;
  /** The next operation; `number` is unique in the run. */
  draw(random: Random, keys: number, number: number): Draw;
  /** What is read, linearizably, once the cluster has healed. */
  finalReads(keys: number): readonly Draw[];
  /** What is wrong, one line each; empty when all is well. Observations come by invocation. */
  check(observations: readonly Observation[]): readonly string[];
}
