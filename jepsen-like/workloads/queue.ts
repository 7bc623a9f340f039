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

const operationsPerQueue = 120;

/** Queues: RPUSH at the tail, LPOP from the head. Nothing comes out twice, out of order, or not at all. */
class QueueLoad implements Load {
  private readonly keys: KeyRotation;
  private nextElement = 1;

  constructor(random: Random) {
    this.keys = new KeyRotation(random, "queue", operationsPerQueue);
  }

  next({ random, door }: Worker): Invocation | null {
    if (!door.has("RPUSH")) return null;
    const key = this.keys.next();
    if (below(random, 2) === 0) return { f: "pop", key, value: null };
    return { f: "push", key, value: this.nextElement++ };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "push") return completed(await door.run(["RPUSH", key, value as number], options), () => null);
    if (f === "read") {
      const outcome = await door.run(["LRANGE", key, 0, -1], options);
      return completed(outcome, (elements: readonly string[]) => elements.map(Number));
    }
    const outcome = await door.run(["LPOP", key], options);
    return completed(outcome, (text: string | null) => (text === null ? null : Number(text)));
  }

  final(): readonly Invocation[] {
    return this.keys.used.map((key) => ({ f: "read", key, value: null }));
  }
}

export const queue: Workload = {
  name: "queue",
  model: "queue",
  start: (random) => new QueueLoad(random),
};
