import { below, type Random } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { byKey, describe, findingOf, inRealTime } from "./findings.js";
import { KeyRotation } from "./key-rotation.js";
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

/**
 * Elements are unique and every read shows the whole order, so that linearizability needs no search: all reads are
 * prefixes of one list, and places and lengths never contradict real time.
 */
function checkList(operations: readonly Observed[], problems: string[]): void {
  const reads = operations.filter(({ f, type }) => f === "read" && type === "ok");
  const appends = operations.filter(({ f }) => f === "append");
  const listOf = ({ result }: Observed): readonly number[] => result as readonly number[];
  const longest = reads.reduce<readonly number[]>((best, read) => {
    const list = listOf(read);
    return list.length > best.length ? list : best;
  }, []);
  const placeOf = new Map(longest.map((element, i) => [element, i + 1]));
  if (placeOf.size !== longest.length) problems.push(`an element is in the list twice: ${longest.join(" ")}`);
  const requested = new Map(appends.map((each) => [each.value as number, each]));
  for (const read of reads) {
    if (!listOf(read).every((element, i) => longest[i] === element))
      problems.push(`not a prefix of the longest read: ${describe(read)}`);
    // By what was not yet asked for.
    const early = listOf(read).find((element) => {
      const append = requested.get(element);
      return append === undefined || append.type === "fail" || append.invokedNs > read.completedNs;
    });
    if (early !== undefined)
      problems.push(`shows ${early}, which was refused or not yet written: ${describe(read)}`);
  }
  const done = appends.filter(({ type }) => type === "ok");
  const placeBy = (operation: Observed): number =>
    operation.f === "read" ? listOf(operation).length : (operation.result as number);
  for (const append of done) {
    const element = append.value as number;
    const place = append.result as number;
    // Without a read that began later, nobody can know.
    if (!placeOf.has(element) && !reads.some(({ invokedNs }) => invokedNs > append.completedNs)) continue;
    if (placeOf.get(element) !== place)
      problems.push(
        `acknowledged at place ${place}, later ${placeOf.get(element) ?? "lost"}: ${describe(append)}`,
      );
  }
  // What ended earlier counts for whatever began later: a read shows at least as much, an append comes behind it.
  const settled = [...reads, ...done];
  inRealTime(settled, settled, placeBy, (before, operation) => {
    const least = placeBy(before) + (operation.f === "append" ? 1 : 0);
    if (placeBy(operation) < least) problems.push(`older than ${describe(before)}: ${describe(operation)}`);
  });
}

export const append: Workload = {
  name: "append",
  model: "list-append",
  start: (random) => new AppendLoad(random),
  check: (history): Finding => {
    const problems: string[] = [];
    for (const operations of byKey(history).values()) checkList(operations, problems);
    return findingOf(problems);
  },
};
