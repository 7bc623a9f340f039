import type { Model } from "./model.js";
import { canonical, type Operation } from "./operation.js";

/** An operation as a search sees it. */
export interface Pending {
  readonly operation: Operation;
  /** One bit that no other operation has which is under way at the same time; unknown ones keep theirs for ever. */
  readonly bit: bigint;
  /** Nobody knows whether it happened: it needs no place. */
  readonly isUnknown: boolean;
  /** Unknown operations of one class are interchangeable; null: a known one, which is like no other. */
  readonly kind: string | null;
  /** Where it is possible it may be placed at once: every later place does the same. */
  readonly isInert: boolean;
}

export interface Event {
  readonly pending: Pending;
  readonly isEnd: boolean;
}

/**
 * Invocations and ends in time. Equal times count as overlapping; what failed did not happen; unknown operations never end,
 * and those that change nothing are left out.
 */
export function timelineOf<State>(model: Model<State>, operations: readonly Operation[]): readonly Event[] {
  const free: bigint[] = [];
  let bits = 0n;
  const under = new Map<Operation, Pending>();
  const events: Event[] = [];
  for (const { operation, isEnd, isOptional } of momentsOf(model, operations)) {
    if (isEnd) {
      const pending = under.get(operation)!;
      free.push(pending.bit);
      events.push({ pending, isEnd });
      continue;
    }
    const isUnknown = isOptional;
    const isInert = model.isInert?.(operation) ?? false;
    if (isUnknown && isInert) continue;
    const bit = (isUnknown ? undefined : free.pop()) ?? 1n << bits++;
    const kind = isUnknown
      ? (model.kindOf?.(operation) ?? `${operation.f} ${canonical(operation.input)}`)
      : null;
    const pending = { operation, bit, isUnknown, kind, isInert };
    under.set(operation, pending);
    events.push({ pending, isEnd });
  }
  return events;
}

interface Moment {
  readonly operation: Operation;
  readonly isEnd: boolean;
  readonly isOptional: boolean;
  readonly atNs: number;
}

function momentsOf<State>(model: Model<State>, operations: readonly Operation[]): Moment[] {
  const moments: Moment[] = [];
  for (const operation of operations) {
    const { outcome, invokedNs, completedNs } = operation;
    if (outcome === "fail") continue;
    const deadlineNs = outcome === "info" ? (model.deadlineNs?.(operation) ?? null) : null;
    const isOptional = outcome === "info" && deadlineNs === null;
    moments.push({ operation, isEnd: false, isOptional, atNs: invokedNs });
    if (isOptional) continue;
    // An answer may name what was asked for later only: then there is no place for it, and so none for that answer.
    const atNs = Math.max(invokedNs, deadlineNs ?? completedNs ?? Number.POSITIVE_INFINITY);
    moments.push({ operation, isEnd: true, isOptional, atNs });
  }
  // What shows that an unknown one happened ends before that one does.
  const rank = ({ isEnd, operation }: Moment): number => (!isEnd ? 0 : operation.outcome === "ok" ? 1 : 2);
  return moments.sort((a, b) => (a.atNs === b.atNs ? rank(a) - rank(b) : a.atNs < b.atNs ? -1 : 1));
}
