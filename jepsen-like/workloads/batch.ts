import { below, type Random } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { describe, findingOf } from "./findings.js";
import { KeyRotation } from "./key-rotation.js";
import {
  type Completion,
  completed,
  type Finding,
  type Invocation,
  type Load,
  type Worker,
  type Workload,
} from "./workload.js";

const membersPerGroup = 5;

/**
 * Groups of keys under one hash tag, which are always written together by MSET and read together by MGET: a group is one
 * register, and a read in which two keys differ saw half of a batch (safety 28).
 */
class BatchLoad implements Load {
  private readonly keys: KeyRotation;
  private nextValue = 1;

  constructor(random: Random) {
    this.keys = new KeyRotation(random, "batch");
  }

  next({ random, door }: Worker): Invocation | null {
    if (!door.has("MSET")) return null;
    const key = this.keys.next();
    if (below(random, 2) === 0) return { f: "read", key, value: null };
    return { f: "write", key, value: this.nextValue++ };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    const members = Array.from({ length: membersPerGroup }, (_, i) => `{${key}}:${i}`);
    if (f === "write") {
      const words = ["MSET", ...members.flatMap((member) => [member, value as number])];
      return completed(await door.run(words, options), () => value);
    }
    const outcome = await door.run(["MGET", ...members], options);
    return completed(outcome, (values: readonly (string | null)[]) => {
      const [first] = values;
      if (first === undefined || values.some((each) => each !== first)) return { torn: values };
      return first === null ? null : Number(first);
    });
  }

  final(): readonly Invocation[] {
    return this.keys.used.map((key) => ({ f: "read", key, value: null }));
  }
}

export const batch: Workload = {
  name: "batch",
  model: "register",
  start: (random) => new BatchLoad(random),
  check: (history): Finding =>
    findingOf(
      history
        .filter(({ type, result }) => type === "ok" && typeof result === "object" && result !== null)
        .map((read) => `half of a batch: ${describe(read)}`),
    ),
};
