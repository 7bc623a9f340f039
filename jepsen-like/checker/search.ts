import type { Model } from "./model.js";
import { canonical, type Operation } from "./operation.js";

export type SearchResult =
  | { readonly verdict: "valid"; readonly linearization: readonly Operation[]; readonly steps: number }
  | { readonly verdict: "unknown"; readonly steps: number }
  | {
      readonly verdict: "invalid";
      readonly steps: number;
      /** Its end is the first moment by which nothing is possible any more. */
      readonly failed: Operation;
      /** A longest linearization of what had ended before. */
      readonly prefix: readonly Operation[];
      /** What was under way and not part of `prefix`: `failed`, and what is optional or had more time. */
      readonly unplaced: readonly Operation[];
    };

/** A linearization, newest first. */
interface Chain {
  readonly operation: Operation;
  readonly before: Chain | null;
}

/** One way in which everything so far may have gone. */
interface Configuration<State> {
  readonly state: State;
  /** Slots of the operations under way that took effect. */
  readonly used: bigint;
  readonly chain: Chain | null;
  readonly length: number;
}

/** Of each state, the configurations that no other makes superfluous. */
class Frontier<State> {
  private readonly byState = new Map<string, Configuration<State>[]>();

  constructor(private readonly stateKey: (state: State) => string) {}

  /**
   * What used fewer unknown operations can do all that the other can: those are optional for ever.
   * @returns false when `added` brings nothing new.
   */
  admit(added: Configuration<State>, unknownMask: bigint): boolean {
    const key = this.stateKey(added.state);
    const known = this.byState.get(key);
    if (known === undefined) {
      this.byState.set(key, [added]);
      return true;
    }
    const covers = (a: bigint, b: bigint): boolean => (a & ~b) === 0n && (b & ~a & ~unknownMask) === 0n;
    if (known.some(({ used }) => covers(used, added.used))) return false;
    const kept = known.filter(({ used }) => !covers(added.used, used));
    kept.push(added);
    this.byState.set(key, kept);
    return true;
  }

  all(): Configuration<State>[] {
    return [...this.byState.values()].flat();
  }
}

interface Pending {
  readonly operation: Operation;
  readonly bit: bigint;
  /** Unknown operations of one class are interchangeable. */
  readonly kind: string | null;
  /** Where it is possible it may be placed at once: every later place does the same. */
  readonly isInert: boolean;
}

/**
 * Searches a linearization of one key's history (Wing & Gong; just-in-time linearization and memoised configurations
 * after Lowe). Walks over invocations and ends in time; all configurations that are still possible go along, so that an
 * operation is placed no sooner than when something that ends needs it. Equal times count as overlapping.
 * @param budget Most steps of the model before the verdict is unknown.
 */
export function search<State>(
  model: Model<State>,
  operations: readonly Operation[],
  budget: number,
): SearchResult {
  const run = new Search<unknown>(model.given?.(operations) ?? model, budget);
  for (const { operation, isEnd } of eventsOf(operations)) {
    if (!isEnd) run.invoke(operation);
    else if (!run.end(operation)) return run.failure(operation);
    if (run.isExhausted()) return { verdict: "unknown", steps: run.steps };
  }
  return { verdict: "valid", linearization: run.longest(), steps: run.steps };
}

function eventsOf(
  operations: readonly Operation[],
): { operation: Operation; isEnd: boolean; atNs: number }[] {
  const events: { operation: Operation; isEnd: boolean; atNs: number }[] = [];
  for (const operation of operations) {
    if (operation.outcome === "fail") continue;
    events.push({ operation, isEnd: false, atNs: operation.invokedNs });
    if (operation.outcome === "ok")
      events.push({ operation, isEnd: true, atNs: operation.completedNs ?? Number.POSITIVE_INFINITY });
  }
  return events.sort((a, b) =>
    a.atNs === b.atNs ? Number(a.isEnd) - Number(b.isEnd) : a.atNs < b.atNs ? -1 : 1,
  );
}

class Search<State> {
  steps = 0;
  private readonly pending = new Map<Operation, Pending>();
  private readonly free: bigint[] = [];
  private slots = 0n;
  private unknownMask = 0n;
  private configurations: Configuration<State>[];

  constructor(
    private readonly model: Model<State>,
    private readonly budget: number,
  ) {
    this.configurations = [{ state: model.initial, used: 0n, chain: null, length: 0 }];
  }

  isExhausted(): boolean {
    return this.steps > this.budget;
  }

  invoke(operation: Operation): void {
    const isUnknown = operation.outcome === "info";
    const isInert = this.model.isInert?.(operation) ?? false;
    if (isUnknown && isInert) return;
    const bit = this.free.pop() ?? 1n << this.slots++;
    if (isUnknown) this.unknownMask |= bit;
    const kind = isUnknown
      ? (this.model.kindOf?.(operation) ?? `${operation.f} ${canonical(operation.input)}`)
      : null;
    this.pending.set(operation, { operation, bit, kind, isInert });
  }

  /** @returns false when `target` can't have happened by now; the configurations are left as they were then. */
  end(target: Operation): boolean {
    const { bit } = this.pending.get(target)!;
    const placed = this.placeAll(target, bit);
    if (placed.length === 0 && !this.isExhausted()) return false;
    this.configurations = placed;
    this.pending.delete(target);
    this.free.push(bit);
    return true;
  }

  private placeAll(target: Operation, targetBit: bigint): Configuration<State>[] {
    const stateKey = (state: State): string => this.model.stateKey(state);
    const done = new Frontier<State>(stateKey);
    const seen = new Frontier<State>(stateKey);
    const open: Configuration<State>[] = [];
    const meet = (configuration: Configuration<State>): void => {
      if ((configuration.used & targetBit) !== 0n)
        done.admit({ ...configuration, used: configuration.used & ~targetBit }, this.unknownMask);
      else if (seen.admit(configuration, this.unknownMask)) open.push(configuration);
    };
    for (const configuration of this.configurations) meet(configuration);
    while (open.length > 0 && !this.isExhausted()) this.expand(open.pop()!, target, meet);
    return done.all();
  }

  private expand(
    from: Configuration<State>,
    target: Operation,
    meet: (configuration: Configuration<State>) => void,
  ): void {
    const unused: Operation[] = [];
    const kinds = new Set<string>();
    for (const { operation, bit, kind, isInert } of this.pending.values()) {
      if ((from.used & bit) !== 0n) continue;
      if (isInert && this.place(from, operation, bit, meet)) return;
      if (kind !== null) {
        if (kinds.has(kind)) continue;
        kinds.add(kind);
      }
      unused.push(operation);
    }
    for (const operation of this.model.candidates?.(from.state, unused, target) ?? unused)
      this.place(from, operation, this.pending.get(operation)!.bit, meet);
  }

  /** @returns false when `operation` can't happen there. */
  private place(
    from: Configuration<State>,
    operation: Operation,
    bit: bigint,
    meet: (configuration: Configuration<State>) => void,
  ): boolean {
    this.steps++;
    const used = from.used | bit;
    const states = this.model.step(from.state, operation);
    for (const state of states)
      meet({ state, used, chain: { operation, before: from.chain }, length: from.length + 1 });
    return states.length > 0;
  }

  longest(): readonly Operation[] {
    return inOrder(
      this.configurations.reduce((best, each) => (each.length > best.length ? each : best)).chain,
    );
  }

  failure(failed: Operation): SearchResult {
    const prefix = this.longest();
    const placed = new Set(prefix);
    const unplaced = [...this.pending.keys()].filter((operation) => !placed.has(operation));
    return { verdict: "invalid", steps: this.steps, failed, prefix, unplaced };
  }
}

function inOrder(chain: Chain | null): readonly Operation[] {
  const operations: Operation[] = [];
  for (let link = chain; link !== null; link = link.before) operations.push(link.operation);
  return operations.reverse();
}
