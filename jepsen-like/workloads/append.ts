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

const width = 7;
const encode = (element: number): string => String(element).padStart(width, "0");

/**
 * Lists of numbers that grow at their end: APPEND of elements of a fixed width to a string. The reply, the new length,
 * tells the element's place. HTTP, which can't append, reads.
 */
class AppendLoad implements Load {
  private readonly keys: KeyRotation;
  private nextElement = 1;

  constructor(random: Random) {
    this.keys = new KeyRotation(random, "append", 300);
  }

  next({ random, door }: Worker): Invocation {
    const key = this.keys.next();
    if (!door.has("APPEND") || below(random, 2) === 0) return { f: "read", key, value: null };
    return { f: "append", key, value: this.nextElement++ };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "append") {
      const outcome = await door.run(["APPEND", key, encode(value as number)], options);
      return completed(outcome, (length: number) => length / width);
    }
    return completed(await door.run(["GET", key], options), (text: string | null) => decode(text ?? ""));
  }

  final(): readonly Invocation[] {
    return this.keys.used.map((key) => ({ f: "read", key, value: null }));
  }
}

function decode(text: string): readonly number[] {
  return Array.from({ length: Math.ceil(text.length / width) }, (_, i) =>
    Number(text.slice(i * width, (i + 1) * width)),
  );
}

export const append: Workload = {
  name: "append",
  model: "list-append",
  start: (random) => new AppendLoad(random),
};
