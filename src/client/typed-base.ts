import type { ReplyValue } from "../commands/reply-codec.js";
import type { ReadOptions } from "./options.js";
import { type Bytes, bufferOf, countOf, itemsOf, textOf } from "./values.js";

export type Arg = Bytes | number | bigint;

/** What the typed methods of every type are made of. */
export abstract class TypedBase {
  protected abstract run(name: string, args: readonly Arg[], options: ReadOptions): Promise<ReplyValue>;

  protected async count(name: string, args: readonly Arg[], options: ReadOptions): Promise<number> {
    return countOf(await this.run(name, args, options));
  }
  protected async flag(name: string, args: readonly Arg[], options: ReadOptions): Promise<boolean> {
    return (await this.count(name, args, options)) > 0;
  }
  protected async text(name: string, args: readonly Arg[], options: ReadOptions): Promise<string | null> {
    return textOf(await this.run(name, args, options));
  }
  /** Values as text; none where the key is absent. */
  protected async texts(name: string, args: readonly Arg[], options: ReadOptions): Promise<string[]> {
    const reply = await this.run(name, args, options);
    return reply.type === "nil-array" || reply.type === "nil" ? [] : itemsOf(reply).map(textIn);
  }
  /** What LMPOP and ZMPOP answer: the key that was popped from, and what; null where all were absent. */
  protected async poppedFrom(
    name: string,
    args: readonly Arg[],
    options: ReadOptions,
  ): Promise<{ readonly key: string; readonly items: readonly ReplyValue[] } | null> {
    const reply = await this.run(name, args, options);
    if (reply.type === "nil-array" || reply.type === "nil") return null;
    const [key, items] = itemsOf(reply);
    return { key: textIn(key!), items: itemsOf(items!) };
  }
  protected async optionalCount(
    name: string,
    args: readonly Arg[],
    options: ReadOptions,
  ): Promise<number | null> {
    const reply = await this.run(name, args, options);
    return reply.type === "nil" ? null : countOf(reply);
  }
}

export function textIn(reply: ReplyValue): string {
  return textOf(reply) ?? "";
}

/** A score: a double, or its text where a scan shows it. */
export function scoreIn(reply: ReplyValue): number {
  if (reply.type === "double") return reply.value;
  const text = bufferOf(reply)?.toString("latin1") ?? "";
  return Number(text.replace("inf", "Infinity"));
}

/** One step of a scan: a cursor of 0 is the end. */
export interface ScanStep<T> {
  readonly cursor: string;
  readonly items: T[];
}

export interface ScanOptions extends ReadOptions {
  /** A glob pattern. */
  readonly match?: Bytes;
  /** About so many a call; 10 without. */
  readonly count?: number;
}

export function scanWords(options: ScanOptions): Arg[] {
  const words: Arg[] = [];
  if (options.match !== undefined) words.push("MATCH", options.match);
  if (options.count !== undefined) words.push("COUNT", options.count);
  return words;
}

export function scanStep<T>(reply: ReplyValue, collect: (found: readonly ReplyValue[]) => T[]): ScanStep<T> {
  const [cursor, found] = itemsOf(reply);
  return { cursor: textIn(cursor!), items: collect(itemsOf(found!)) };
}

/**
 * All items of a collection, or all keys, step by step: each that is there all the while at least once, perhaps twice.
 * Leaving the loop ends it.
 */
export async function* scanAll<T>(step: (cursor: string) => Promise<ScanStep<T>>): AsyncGenerator<T, void> {
  let cursor = "0";
  do {
    const found = await step(cursor);
    yield* found.items;
    cursor = found.cursor;
  } while (cursor !== "0");
}

/** The number of keys, and the keys. */
export function countedKeys(keys: readonly Bytes[]): Arg[] {
  return [keys.length, ...keys];
}

export function limitWords(limit: readonly [offset: number, count: number] | undefined): Arg[] {
  return limit === undefined ? [] : ["LIMIT", ...limit];
}

/** Values in turns, two by two. */
export function inPairs<T>(found: readonly ReplyValue[], make: (a: ReplyValue, b: ReplyValue) => T): T[] {
  const pairs: T[] = [];
  for (let i = 0; i + 1 < found.length; i += 2) pairs.push(make(found[i]!, found[i + 1]!));
  return pairs;
}
