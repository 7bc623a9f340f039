import { below, type Random } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { byKey, findingOf } from "./findings.js";
import {
  type Completion,
  completed,
  type Finding,
  type Invocation,
  type Load,
  type Observed,
  type Worker,
  type Workload,
} from "./workload.js";

/** All values together are half as much again as the memory limit, 1 MiB. */
const keyCount = 400;
const valueBytes = 4000;
const maxmemory = "1mb";
/** Fewer keys that vanished prove nothing about eviction. */
const neededEvictions = 10;

/**
 * More values than there is memory for: a key may vanish at any moment, but never shows a value older than one that was
 * seen, nor comes back by itself. That all replicas evicted the same keys is seen by their digests after the run.
 */
class EvictionLoad implements Load {
  private nextValue = 1;

  next({ random }: Worker): Invocation {
    const key = `eviction:${below(random, keyCount)}`;
    if (below(random, 2) === 0) return { f: "read", key, value: null };
    return { f: "write", key, value: this.nextValue++ };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    if (f === "write") {
      const text = `${value as number} `.padEnd(valueBytes, "x");
      return completed(await door.run(["SET", key, text], options), () => value);
    }
    return completed(await door.run(["GET", key], options), (text: string | null) =>
      text === null ? null : numberIn(text),
    );
  }

  final(): readonly Invocation[] {
    return Array.from({ length: keyCount }, (_, i) => ({ f: "read", key: `eviction:${i}`, value: null }));
  }
}

/** A value that was cut or mixed with another is shown as it is. */
function numberIn(text: string): number | string {
  const number = Number.parseInt(text, 10);
  return text === `${number} `.padEnd(valueBytes, "x") ? number : text;
}

/** Reads that found nothing, of keys for which a write had been acknowledged before. */
function evictionsSeen(history: readonly Observed[]): number {
  let seen = 0;
  for (const operations of byKey(history).values()) {
    const writtenNs = Math.min(
      ...operations
        .filter(({ f, type }) => f === "write" && type === "ok")
        .map(({ completedNs }) => completedNs),
    );
    seen += operations.filter(
      ({ f, type, result, invokedNs }) =>
        f === "read" && type === "ok" && result === null && invokedNs > writtenNs,
    ).length;
  }
  return seen;
}

export const eviction: Workload = {
  name: "eviction",
  model: "eviction",
  settings: { maxmemory, maxmemoryPolicy: "allkeys-lru" },
  start: (_random: Random) => new EvictionLoad(),
  check: (history): Finding => {
    const seen = evictionsSeen(history);
    if (seen >= neededEvictions) return findingOf([]);
    return { verdict: "unknown", problems: [`only ${seen} reads found a key evicted`] };
  },
};
