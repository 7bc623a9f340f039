import type { Random } from "#quorate/base/random.js";
import { sleep } from "../cluster/wait.js";
import type { Effect, Harm, Injected } from "../nemesis/fault.js";
import { between, shuffled } from "./draw.js";
import type { Lack } from "./evidence.js";

/** A fault as it was done: from before it was injected until after it was healed. */
export interface Strike {
  readonly name: string;
  readonly what: string;
  readonly effects: readonly Effect[];
  readonly fromNs: number;
  /** When it was in force. */
  readonly struckNs: number;
  toNs: number;
  /** Effects that the fault itself saw. */
  shown: readonly Effect[];
}

export interface ScheduleOptions {
  readonly harms: readonly Harm[];
  /** How many may be under way together. */
  readonly mix: number;
  readonly durationMs: number;
  readonly random: Random;
  /** What a verdict still needs; the schedule goes on until that is nothing, up to twice as long. */
  readonly lack: () => Lack;
  /** Resolves when the cluster serves again what was healed at that time. */
  readonly recovered: (sinceNs: number) => Promise<unknown>;
}

const quietMs = [1500, 3000] as const;
/** Beyond the time that was asked for, by what is still needed: work under faults, or work at all. */
const laterQuietMs = { nothing: [200, 500], faults: [200, 500], operations: [6000, 9000] } as const;
const recoveryPatienceMs = 10_000;
const heldMs = [2500, 6000] as const;

/** Strikes and heals in turn until the time is over and enough has happened. Each fault has its turn before any has a second one. */
export async function runSchedule(
  { harms, mix, durationMs, random, lack, recovered }: ScheduleOptions,
  nowNs: () => number,
  struck: (strike: Strike) => void,
): Promise<void> {
  const plannedEnd = performance.now() + durationMs;
  const latestEnd = plannedEnd + durationMs;
  let end = plannedEnd;
  const left = (): number => end - performance.now();
  let turn: Harm[] = [];
  for (;;) {
    const [leastMs, mostMs] = end === plannedEnd ? quietMs : laterQuietMs[lack()];
    await sleep(Math.min(Math.max(0, left()), between(random, leastMs, mostMs)));
    if (harms.length === 0 && left() > 0) continue;
    if (left() < heldMs[0]) {
      await sleep(Math.max(0, left()));
      if (end >= latestEnd || harms.length === 0 || lack() === "nothing") return;
      end = Math.min(latestEnd, end + durationMs / 3);
      continue;
    }
    const together = 1 + Math.floor(between(random, 0, Math.min(mix, harms.length) - 0.001));
    const heals: { readonly strike: Strike; readonly injected: Injected }[] = [];
    let atLeastMs = 0;
    for (let i = 0; i < together; i++) {
      if (turn.length === 0) turn = [...shuffled(random, harms)];
      const harm = turn.pop()!;
      const fromNs = nowNs();
      const injected = await harm.inject();
      if (injected === null) continue;
      const struckNs = nowNs();
      const strike: Strike = {
        name: harm.name,
        what: injected.what,
        effects: harm.effects,
        fromNs,
        struckNs,
        toNs: struckNs,
        shown: [],
      };
      struck(strike);
      heals.push({ strike, injected });
      atLeastMs = Math.max(atLeastMs, injected.atLeastMs ?? 0);
    }
    await sleep(Math.min(left(), Math.max(atLeastMs, between(random, ...heldMs))));
    // All at once: a heal that waits until the cluster is whole again waits for the other heals too.
    await Promise.all(
      heals.map(async ({ strike, injected }) => {
        await injected.heal();
        strike.shown = injected.seen?.() ?? [];
        strike.toNs = nowNs();
      }),
    );
    // A fault of a cluster that is still down would show nothing; but one that never comes up again is not waited for.
    await Promise.race([recovered(nowNs()), sleep(Math.min(Math.max(0, left()), recoveryPatienceMs))]);
  }
}
