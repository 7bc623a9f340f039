import type { Random } from "#quorate/base/random.js";
import type { Door, Outcome, RunOptions } from "../doors/door.js";

/** What a worker is about to do: an invocation of the history. */
export interface Invocation {
  readonly f: string;
  readonly key: string;
  readonly value: unknown;
}

/** How it ended. "fail" only when it provably had no effect; what else isn't an answer is "info". */
export type Completion =
  | { readonly type: "ok"; readonly value: unknown }
  | { readonly type: "fail" | "info"; readonly error: string };

/** Who asks a workload for operations: a worker bound to one door. */
export interface Worker {
  readonly index: number;
  readonly random: Random;
  readonly door: Door;
}

/** A completed or pending operation, as a workload's own check sees it; times in ns since the run began. */
export interface Observed extends Invocation {
  readonly process: number;
  readonly type: "ok" | "fail" | "info";
  readonly invokedNs: number;
  /** Infinity for "info": it may take effect at any later time. */
  readonly completedNs: number;
  readonly result: unknown;
  readonly node: string;
  readonly error: string | null;
}

export interface Finding {
  readonly verdict: "valid" | "invalid" | "unknown";
  /** What is wrong, for people; empty when nothing is. */
  readonly problems: readonly string[];
}

/** A run's worth of operations. State that `next` and `run` keep belongs to one run. */
export interface Load {
  /** @returns null when the worker's protocol has nothing to do here. */
  next(worker: Worker): Invocation | null;
  run(invocation: Invocation, door: Door, options: RunOptions): Promise<Completion>;
  /** Reads to be made once all is healed: they find what was lost. */
  final(): readonly Invocation[];
}

/** Whether no fault was under way, or just healed, between two times in ns. */
export type QuietTimes = (fromNs: number, toNs: number) => boolean;

/** A workload is one file of this folder, and one line in `all.ts`. */
export interface Workload {
  readonly name: string;
  /** The checker's model for one key; null: only `check` judges. */
  readonly model: string | null;
  /** Settings that each node needs for it. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly start: (random: Random) => Load;
  /** What no model of one key can say. */
  readonly check?: (history: readonly Observed[], isQuiet: QuietTimes) => Finding;
}

/** Error of an operation that was refused by its own terms, such as another revision: no fault had a part in it. */
export const conflict = "conflict";
/** Refused, as was asked for: nothing young enough was at hand. */
export const tooStale = "too-stale";

/** That a lock is taken, or a value another one than was expected, is an answer like any other. */
export function isAnswered({
  type,
  error,
}: {
  readonly type: string;
  readonly error?: string | null;
}): boolean {
  return type === "ok" || error === conflict;
}

const conflictWords = /revision-mismatch|the key has another revision/;

/** An answered command becomes "ok" with `value` of the reply; everything else stays what it is. */
export function completed(outcome: Outcome, value: (reply: never) => unknown): Completion {
  if (outcome.type === "fail" && conflictWords.test(outcome.error)) return { type: "fail", error: conflict };
  if (outcome.type !== "ok") return outcome;
  return { type: "ok", value: (value as (reply: unknown) => unknown)(outcome.reply) };
}
