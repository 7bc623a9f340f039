import { below, type Random } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { shuffled } from "../run/draw.js";
import {
  type Completion,
  completed,
  conflict,
  type Invocation,
  type Load,
  type Worker,
  type Workload,
} from "./workload.js";

const listsPerGroup = 3;
const groupsAtATime = 6;
/** Elements of a list, each a key of its own. */
const capacity = 30;

type Step = readonly ["append" | "read", string, unknown];

interface Group {
  readonly tag: string;
  readonly lists: readonly string[];
}

/**
 * Batches over several lists, each atomic. A list's element is a key that tells its place, so one MSETNX appends to
 * several lists, or to none when another batch was quicker at one of the places; one MGET reads several whole lists. A
 * place is the length of a list that somebody saw, so no list ever has a gap.
 */
class TxnLoad implements Load {
  private readonly open: Group[] = [];
  private readonly used: Group[] = [];
  /** By list: so many elements are known to be there. */
  private readonly lengths = new Map<string, number>();
  private nextElement = 1;

  next({ random, door }: Worker): Invocation | null {
    if (!door.has("MSETNX") || !door.has("MGET")) return null;
    const { tag, lists } = this.pick(random);
    const some = shuffled(random, lists).slice(0, 1 + below(random, listsPerGroup));
    if (below(random, 2) === 0) return { f: "txn", key: tag, value: some.map(reading) };
    return { f: "txn", key: tag, value: some.map((list): Step => ["append", list, this.nextElement++]) };
  }

  private pick(random: Random): Group {
    while (this.open.length < groupsAtATime) {
      const tag = `txn:${this.used.length}`;
      const group = { tag, lists: Array.from({ length: listsPerGroup }, (_, i) => `{${tag}}:${i}`) };
      this.open.push(group);
      this.used.push(group);
    }
    return this.open[below(random, groupsAtATime)]!;
  }

  async run({ value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    const steps = value as readonly Step[];
    return steps[0]![0] === "append" ? this.append(steps, door, options) : this.read(steps, door, options);
  }

  private async append(steps: readonly Step[], door: Door, options: RunOptions): Promise<Completion> {
    const places = steps.map(([, list]) => this.lengths.get(list) ?? 0);
    // Another worker filled it up since this batch was thought of.
    if (places.some((place) => place >= capacity)) return { type: "fail", error: conflict };
    const words = steps.flatMap(([, list, element], i) => [`${list}:${places[i]}`, element as number]);
    const outcome = await door.run(["MSETNX", ...words], options);
    if (outcome.type === "ok" && Number(outcome.reply) === 0) return { type: "fail", error: conflict };
    return completed(outcome, () => {
      for (const [i, [, list]] of steps.entries()) this.sawLength(list, places[i]! + 1);
      return steps;
    });
  }

  private async read(steps: readonly Step[], door: Door, options: RunOptions): Promise<Completion> {
    if (!door.has("MGET")) return { type: "fail", error: "this protocol can't read several lists" };
    const keys = steps.flatMap(([, list]) => Array.from({ length: capacity }, (_, i) => `${list}:${i}`));
    const outcome = await door.run(["MGET", ...keys], options);
    return completed(outcome, (values: readonly (string | null)[]) =>
      steps.map(([f, list], i): Step => {
        const elements = values
          .slice(i * capacity, (i + 1) * capacity)
          .flatMap((element) => (element === null ? [] : [Number(element)]));
        this.sawLength(list, elements.length);
        return [f, list, elements];
      }),
    );
  }

  /** A full list closes its group. */
  private sawLength(list: string, length: number): void {
    this.lengths.set(list, Math.max(length, this.lengths.get(list) ?? 0));
    if (length < capacity) return;
    const at = this.open.findIndex(({ lists }) => lists.includes(list));
    if (at >= 0) this.open.splice(at, 1);
  }

  final(): readonly Invocation[] {
    return this.used.map(({ tag, lists }) => ({ f: "txn", key: tag, value: lists.map(reading) }));
  }
}

function reading(list: string): Step {
  return ["read", list, null];
}

export const txn: Workload = {
  name: "txn",
  model: "append-txn",
  start: () => new TxnLoad(),
};
