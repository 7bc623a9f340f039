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

/** Lists that grow at their end by RPUSH, whose reply is the new length, and are read whole by LRANGE. */
class ListLoad implements Load {
  private readonly keys: KeyRotation;
  private nextElement = 1;

  constructor(random: Random) {
    this.keys = new KeyRotation(random, "list");
  }

  next({ random, door }: Worker): Invocation | null {
    if (!door.has("RPUSH")) return null;
    const key = this.keys.next();
    if (below(random, 2) === 0) return { f: "read", key, value: null };
    return { f: "append", key, value: this.nextElement++ };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "append") return completed(await door.run(["RPUSH", key, value as number], options), Number);
    const outcome = await door.run(["LRANGE", key, 0, -1], options);
    return completed(outcome, (elements: readonly string[]) => elements.map(Number));
  }

  final(): readonly Invocation[] {
    return this.keys.used.map((key) => ({ f: "read", key, value: null }));
  }
}

export const list: Workload = {
  name: "list",
  model: "list-append",
  start: (random) => new ListLoad(random),
};
