import type { Observation, Shown } from "./workloads/workload.js";

export type Verdict = "valid" | "invalid" | "unknown";

/** The sequential meaning of one object; states are strings, so that they can be remembered. */
export interface Model {
  readonly initial: string;
  /** What the command answers in a state, and the state after it. */
  step(state: string, name: string, args: readonly string[]): { readonly state: string; readonly reply: Shown };
}

/** Searches are given up after so many steps. */
const stepLimit = 2_000_000;

/**
 * Whether one object's history is linearizable: Wing and Gong's search over the pending operations, with Lowe's memory
 * of (done, state) pairs. Unknown outcomes have an open end and may never have taken effect.
 */
export function checkLinearizable(history: readonly Observation[], model: Model): Verdict {
  const operations = history.filter(
    ({ outcome, operation }) => outcome === "ok" || (outcome === "unknown" && !readsOnly(operation.name)),
  );
  const known = operations.filter(({ outcome }) => outcome === "ok").length;
  const search = new Search(operations, model);
  return search.run(known);
}

export function readsOnly(name: string): boolean {
  return name === "GET" || name === "STRLEN" || name === "EXISTS" || name === "MGET";
}

class Search {
  private readonly done: Uint8Array;
  private readonly seen = new Set<string>();
  private steps = 0;
  private readonly byReturn: readonly number[];

  constructor(
    private readonly operations: readonly Observation[],
    private readonly model: Model,
  ) {
    this.done = new Uint8Array(operations.length);
    this.byReturn = operations
      .map((_, id) => id)
      .filter((id) => operations[id]!.outcome === "ok")
      .sort((a, b) => operations[a]!.returnedMs - operations[b]!.returnedMs);
  }

  run(known: number): Verdict {
    const found = this.from(this.model.initial, known, 0, 0);
    if (found) return "valid";
    return this.steps > stepLimit ? "unknown" : "invalid";
  }

  /** `firstReturn`: all before it in order of return are done; `firstCall` likewise in order of invocation. */
  private from(state: string, left: number, firstReturn: number, firstCall: number): boolean {
    if (left === 0) return true;
    if (++this.steps > stepLimit) return false;
    const { operations, done, byReturn } = this;
    let nextReturn = firstReturn;
    while (done[byReturn[nextReturn]!] === 1) nextReturn++;
    let nextCall = firstCall;
    while (done[nextCall] === 1) nextCall++;
    const key = this.keyOf(state, nextCall);
    if (this.seen.has(key)) return false;
    this.seen.add(key);
    // Whoever was invoked after the first pending return can't come before it.
    const endMs = operations[byReturn[nextReturn]!]!.returnedMs;
    for (let id = nextCall; id < operations.length; id++) {
      const each = operations[id]!;
      if (each.invokedMs > endMs) break;
      if (done[id] === 1) continue;
      const next = this.model.step(state, each.operation.name, each.operation.args);
      const isKnown = each.outcome === "ok";
      if (isKnown ? !sameShown(next.reply, each.reply) : next.state === state) continue;
      done[id] = 1;
      if (this.from(next.state, left - (isKnown ? 1 : 0), nextReturn, nextCall)) return true;
      done[id] = 0;
    }
    return false;
  }

  private keyOf(state: string, nextCall: number): string {
    let bits = "";
    let last = this.done.length - 1;
    while (last >= nextCall && this.done[last] === 0) last--;
    for (let i = nextCall; i <= last; i++) bits += this.done[i] === 1 ? "1" : "0";
    return `${nextCall}/${bits}/${state}`;
  }
}

export function sameShown(a: Shown, b: Shown): boolean {
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return a === b;
  return a.length === b.length && a.every((each, i) => sameShown(each, b[i]!));
}
