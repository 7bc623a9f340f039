import { SeededRandom } from "#quorate/base/random.js";
import type { Fault } from "../nemesis/fault.js";
import { shuffled } from "../run/draw.js";

/** A workload and the faults that it met in one run. */
export interface Meeting {
  readonly workload: string;
  readonly faults: readonly string[];
}

export interface PlannedRun extends Meeting {
  /** 1 for the first. */
  readonly number: number;
  readonly nodes: number;
  readonly seed: number;
}

export interface PlanOptions {
  readonly workloads: readonly string[];
  readonly faults: readonly Fault[];
  readonly seed: number;
}

const fewNodes = 3;
const manyNodes = 5;
const mixSizes = [2, 3, 4] as const;
/** Runs of five nodes, besides those whose faults need them. */
const manyEvery = 4;

/** Faults of packets and of Toxiproxy need different networks. */
export function canMix(a: Fault, b: Fault): boolean {
  return a !== b && (a.fabric === null || b.fabric === null || a.fabric === b.fabric);
}

/**
 * What comes after the runs there were: two to four faults, of which as many pairs as possible have not met yet, and the
 * workload that had fewest runs. It depends on its arguments alone, so a plan goes on where it was left, even when faults
 * or workloads were added meanwhile.
 */
export function nextRun(done: readonly Meeting[], { workloads, faults, seed }: PlanOptions): PlannedRun {
  const number = done.length + 1;
  const random = new SeededRandom(seed * 1_000_003 + number);
  const met = new Meetings(done);
  const order = shuffled(random, faults);
  const size = mixSizes[(number - 1) % mixSizes.length]!;
  const chosen = [...rarestPair(order, met)];
  while (chosen.length < size) {
    const candidates = order.filter((fault) => chosen.every((each) => canMix(each, fault)));
    if (candidates.length === 0) break;
    chosen.push(least(candidates, (fault) => met.weight(fault, chosen)));
  }
  const names = chosen.map(({ name }) => name);
  const needed = Math.max(...chosen.map(({ minNodes }) => minNodes));
  return {
    number,
    workload: least(shuffled(random, workloads), (name) => met.workloadWeight(name, names)),
    faults: names,
    nodes: needed > fewNodes || number % manyEvery === 0 ? manyNodes : fewNodes,
    seed: seed * 1000 + number,
  };
}

function rarestPair(order: readonly Fault[], met: Meetings): readonly [Fault, Fault] {
  const pairs = order.flatMap((a, i) =>
    order
      .slice(i + 1)
      .filter((b) => canMix(a, b))
      .map((b): readonly [Fault, Fault] => [a, b]),
  );
  if (pairs.length === 0) throw new TypeError("no two of the faults can be mixed");
  return least(pairs, ([a, b]) => met.count(a.name, b.name));
}

/** The first of those with the least weight. */
function least<T extends {}>(from: readonly T[], weight: (each: T) => number): T {
  let best = from[0]!;
  for (const each of from) if (weight(each) < weight(best)) best = each;
  return best;
}

/** How often what met what. */
class Meetings {
  private readonly counts = new Map<string, number>();

  constructor(done: readonly Meeting[]) {
    for (const { workload, faults } of done) {
      this.add(`run of ${workload}`);
      for (const fault of faults) this.add(pairKey(`run of ${workload}`, fault));
      for (const [i, a] of faults.entries()) for (const b of faults.slice(i + 1)) this.add(pairKey(a, b));
    }
  }

  private add(key: string): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  count(a: string, b: string): number {
    return this.counts.get(pairKey(a, b)) ?? 0;
  }

  /** Pairs that are new count for most; among equals the rarer ones. */
  weight(fault: Fault, chosen: readonly Fault[]): number {
    const counts = chosen.map(({ name }) => this.count(fault.name, name));
    const old = counts.filter((count) => count > 0).length;
    return old * 1_000_000 + counts.reduce((sum, count) => sum + count, 0);
  }

  workloadWeight(name: string, faults: readonly string[]): number {
    const runs = this.counts.get(`run of ${name}`) ?? 0;
    return runs * 1_000_000 + faults.reduce((sum, fault) => sum + this.count(`run of ${name}`, fault), 0);
  }
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a} with ${b}` : `${b} with ${a}`;
}
