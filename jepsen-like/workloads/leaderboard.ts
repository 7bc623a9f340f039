import { below, type Random } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { KeyRotation } from "./key-rotation.js";
import {
  type Completion,
  completed,
  type Invocation,
  type Load,
  type Worker,
  type Workload,
} from "./workload.js";

const members = 8;
const operationsPerBoard = 120;

/** Sorted sets: ZINCRBY answers the new score, ZRANGE shows all members by score. */
class LeaderboardLoad implements Load {
  private readonly keys: KeyRotation;

  constructor(random: Random) {
    this.keys = new KeyRotation(random, "leaderboard", operationsPerBoard);
  }

  next({ random, door }: Worker): Invocation | null {
    if (!door.has("ZINCRBY")) return null;
    const key = this.keys.next();
    if (below(random, 2) === 0) return { f: "range", key, value: null };
    return { f: "incr", key, value: [`member-${below(random, members)}`, 1 + below(random, 9)] };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "incr") {
      const [member, by] = value as readonly [string, number];
      return completed(await door.run(["ZINCRBY", key, by, member], options), Number);
    }
    const outcome = await door.run(["ZRANGE", key, 0, -1, "WITHSCORES"], options);
    // Flat in RESP2, in pairs from the SDK.
    return completed(outcome, (reply: readonly unknown[]) => {
      const flat = reply.flat();
      return flat.flatMap((member, i) => (i % 2 === 0 ? [[String(member), Number(flat[i + 1])]] : []));
    });
  }

  final(): readonly Invocation[] {
    return this.keys.used.map((key) => ({ f: "range", key, value: null }));
  }
}

export const leaderboard: Workload = {
  name: "leaderboard",
  model: "leaderboard",
  start: (random) => new LeaderboardLoad(random),
};
