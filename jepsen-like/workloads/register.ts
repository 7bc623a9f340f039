import { below, type Random } from "#quorate/base/random.js";
import type { Door, Plain, RunOptions } from "../doors/door.js";
import { KeyRotation } from "./key-rotation.js";
import {
  type Completion,
  completed,
  conflict,
  type Invocation,
  type Load,
  type Worker,
  type Workload,
} from "./workload.js";

/**
 * A register with read, write and compare-and-set. Values are never written twice, so that a revision stands for a value:
 * QUORATE.CAS on the revision at which `old` was seen is a compare-and-set from `old`.
 */
class RegisterLoad implements Load {
  private readonly keys: KeyRotation;
  private nextValue = 1;
  /** The newest value and revision that any worker saw, by key. */
  private readonly seen = new Map<string, { readonly value: number; readonly revision: number }>();

  constructor(random: Random) {
    this.keys = new KeyRotation(random, "register");
  }

  next({ random, door }: Worker): Invocation {
    const key = this.keys.next();
    const choice = below(random, 10);
    if (choice < 5) return { f: "read", key, value: null };
    const seen = this.seen.get(key);
    if (choice < 8 || seen === undefined || !door.has("QUORATE.CAS"))
      return { f: "write", key, value: this.nextValue++ };
    return { f: "cas", key, value: [seen.value, this.nextValue++] };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    switch (f) {
      case "read":
        return this.read(key, door, options);
      case "write":
        return completed(await door.run(["SET", key, value as number], options), () => value);
      default: {
        const [old, next] = value as [number, number];
        const seen = this.seen.get(key);
        if (seen?.value !== old) return { type: "fail", error: conflict };
        const outcome = await door.run(["QUORATE.CAS", key, seen.revision, next], options);
        return completed(outcome, (revision: number) => {
          this.seen.set(key, { value: next, revision });
          return value;
        });
      }
    }
  }

  private async read(key: string, door: Door, options: RunOptions): Promise<Completion> {
    const withRevision = door.has("QUORATE.GETREV");
    const outcome = await door.run([withRevision ? "QUORATE.GETREV" : "GET", key], options);
    return completed(outcome, (reply: Plain) => {
      if (reply === null) return null;
      if (!Array.isArray(reply)) return Number(reply);
      const [text, revision] = reply as unknown as readonly [string, number];
      this.seen.set(key, { value: Number(text), revision });
      return Number(text);
    });
  }

  final(): readonly Invocation[] {
    return this.keys.used.map((key) => ({ f: "read", key, value: null }));
  }
}

export const register: Workload = {
  name: "register",
  model: "register",
  start: (random) => new RegisterLoad(random),
};
