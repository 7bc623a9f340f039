import { type Configuration, expand, Frontier, inOrder, startOf, without } from "./configuration.js";
import type { Model } from "./model.js";
import type { Operation } from "./operation.js";
import { failureOf, type SearchResult } from "./search-result.js";
import type { Event, Pending } from "./timeline.js";

const firstPenalty = 6;
const furtherPenalty = 14;

/**
 * How many ends it costs to take unknown operations for having happened before the next end: one is likely, and there are
 * few ways; of several there are too many.
 */
function penaltyOf(unknowns: number): number {
  return unknowns === 0 ? 0 : firstPenalty + furtherPenalty * (unknowns - 1);
}

/** A configuration that was not looked at yet, before the end of number `level`. */
interface Open<State> {
  readonly level: number;
  /** How many unknown operations it took when it came to this level. */
  readonly unknownsBefore: number;
  readonly configuration: Configuration<State>;
}

/**
 * Follows one configuration as far as it goes, and comes back to the others when it must: to those that are furthest, and
 * among them to those that took the fewest unknown operations for having happened. What was seen at an end isn't looked at
 * again.
 * @param budget Most steps of the model before the verdict is unknown.
 */
export function searchDepthFirst<State>(
  model: Model<State>,
  events: readonly Event[],
  budget: number,
): SearchResult {
  const ends = events.flatMap(({ isEnd }, at) => (isEnd ? [at] : []));
  const under = new Underway(events);
  const seen = new Map<number, Frontier<State>>();
  const open = new Buckets<Open<State>>();
  let furthest: Open<State> = { level: 0, unknownsBefore: 0, configuration: startOf(model) };
  let steps = 0;

  const meet = (each: Open<State>): boolean => {
    const { level, unknownsBefore, configuration } = each;
    const frontier = seen.get(level) ?? new Frontier(model);
    seen.set(level, frontier);
    if (!frontier.admit(configuration)) return false;
    open.add(each, level - penaltyOf(configuration.unknowns - unknownsBefore));
    return true;
  };
  const reach = (level: number, configuration: Configuration<State>): void => {
    const each = { level, unknownsBefore: configuration.unknowns, configuration };
    if (!meet(each) || level < furthest.level) return;
    if (level > furthest.level || configuration.length > furthest.configuration.length) furthest = each;
  };

  reach(0, furthest.configuration);
  for (;;) {
    const next = open.take();
    if (next === undefined) break;
    const { level, unknownsBefore, configuration } = next;
    if (level === ends.length)
      return { verdict: "valid", linearization: inOrder(configuration.chain), steps };
    if (steps > budget) return { verdict: "unknown", steps };
    const target = events[ends[level]!]!.pending;
    const arrive = (each: Configuration<State>): void => {
      if ((each.known & target.bit) !== 0n) reach(level + 1, without(each, target.bit));
      else meet({ level, unknownsBefore, configuration: each });
    };
    if ((configuration.known & target.bit) !== 0n) arrive(configuration);
    else steps += expand(model, configuration, under.at(ends[level]!), target.operation, arrive);
  }
  const { level, configuration } = furthest;
  const at = ends[level]!;
  return failureOf(events[at]!.pending.operation, configuration.chain, under.at(at), steps);
}

/** What is under way right before an event, of which one after the other is asked for, forth and back. */
class Underway {
  private readonly pending = new Map<Operation, Pending>();
  private next = 0;

  constructor(private readonly events: readonly Event[]) {}

  at(index: number): ReadonlyMap<Operation, Pending> {
    while (this.next < index) this.apply(this.events[this.next++]!, true);
    while (this.next > index) this.apply(this.events[--this.next]!, false);
    return this.pending;
  }

  private apply({ pending, isEnd }: Event, isForth: boolean): void {
    if (isEnd === isForth) this.pending.delete(pending.operation);
    else this.pending.set(pending.operation, pending);
  }
}

/** Takes out what has the highest whole number, and of equal ones what came last. */
class Buckets<T> {
  private readonly buckets: T[][] = [];
  private highest = -1;

  /** @param rank Those below 0 count as 0. */
  add(each: T, rank: number): void {
    const at = Math.max(0, rank);
    while (this.buckets.length <= at) this.buckets.push([]);
    this.buckets[at]!.push(each);
    this.highest = Math.max(this.highest, at);
  }

  take(): T | undefined {
    while (this.highest >= 0) {
      const each = this.buckets[this.highest]!.pop();
      if (each !== undefined) return each;
      this.highest--;
    }
    return undefined;
  }
}
