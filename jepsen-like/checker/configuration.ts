import type { Model } from "./model.js";
import type { Operation } from "./operation.js";
import type { Pending } from "./timeline.js";

/** A linearization, newest first. */
export interface Chain {
  readonly operation: Operation;
  readonly before: Chain | null;
}

/** One way in which everything so far may have gone. */
export interface Configuration<State> {
  readonly state: State;
  /** Bits of the known operations under way that took effect. */
  readonly known: bigint;
  /** Bits of the unknown operations that took effect, and their number. */
  readonly unknown: bigint;
  readonly unknowns: number;
  readonly chain: Chain | null;
  readonly length: number;
}

export function startOf<State>({ initial }: Model<State>): Configuration<State> {
  return { state: initial, known: 0n, unknown: 0n, unknowns: 0, chain: null, length: 0 };
}

/** The configuration once the known operation of `bit` has ended. */
export function without<State>(from: Configuration<State>, bit: bigint): Configuration<State> {
  return { ...from, known: from.known & ~bit };
}

/** Of each state, the configurations that no other makes superfluous. */
export class Frontier<State> {
  private readonly groups = new Map<string, Configuration<State>[]>();

  constructor(private readonly model: Model<State>) {}

  /**
   * What used fewer unknown operations can do all that the other can: those are optional for ever.
   * @returns false when `added` brings nothing new.
   */
  admit(added: Configuration<State>): boolean {
    const key = `${added.known} ${this.model.stateKey(added.state)}`;
    const group = this.groups.get(key);
    if (group === undefined) {
      this.groups.set(key, [added]);
      return true;
    }
    if (group.some(({ unknown }) => (unknown & ~added.unknown) === 0n)) return false;
    const kept = group.filter(({ unknown }) => (added.unknown & ~unknown) !== 0n);
    kept.push(added);
    this.groups.set(key, kept);
    return true;
  }

  all(): Configuration<State>[] {
    return [...this.groups.values()].flat();
  }
}

/**
 * Every configuration that one more operation of `pending` leads to on the way to `target`.
 * @param meet Gets each; the one that is the best guess comes last.
 * @returns How many steps of the model it took.
 */
export function expand<State>(
  model: Model<State>,
  from: Configuration<State>,
  pending: ReadonlyMap<Operation, Pending>,
  target: Operation,
  meet: (configuration: Configuration<State>) => void,
): number {
  let steps = 0;
  const place = ({ operation, bit, isUnknown }: Pending): boolean => {
    steps++;
    const states = model.step(from.state, operation);
    for (const state of states.toReversed())
      meet({
        state,
        known: isUnknown ? from.known : from.known | bit,
        unknown: isUnknown ? from.unknown | bit : from.unknown,
        unknowns: from.unknowns + (isUnknown ? 1 : 0),
        chain: { operation, before: from.chain },
        length: from.length + 1,
      });
    return states.length > 0;
  };
  const unused: Operation[] = [];
  const kinds = new Set<string>();
  for (const each of pending.values()) {
    const { operation, bit, kind, isUnknown, isInert } = each;
    if (((isUnknown ? from.unknown : from.known) & bit) !== 0n) continue;
    if (isInert && place(each)) return steps;
    if (kind !== null) {
      if (kinds.has(kind)) continue;
      kinds.add(kind);
    }
    unused.push(operation);
  }
  const tried = model.candidates?.(from.state, unused, target) ?? unused;
  const ranked = model.ranked?.(tried, target) ?? withLast(tried, target);
  for (const operation of ranked) place(pending.get(operation)!);
  return steps;
}

function withLast(tried: readonly Operation[], target: Operation): readonly Operation[] {
  return tried.includes(target) ? [...tried.filter((each) => each !== target), target] : tried;
}

export function inOrder(chain: Chain | null): readonly Operation[] {
  const operations: Operation[] = [];
  for (let link = chain; link !== null; link = link.before) operations.push(link.operation);
  return operations.reverse();
}
