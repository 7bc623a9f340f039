/** Words of a command, as Redis spells them. */
export type Words = readonly (string | number)[];

/** A reply as plain values: status and bulk as text, nil as null. */
export type Plain = null | string | number | readonly Plain[];

/** How old a weak read said to be. */
export interface StatedAge {
  readonly stale: boolean;
  /** null: unknown. */
  readonly ageMs: number | null;
}

/**
 * What a command came to. "fail": it provably did not and will never take effect. "info": anything else that isn't an
 * answer. Taking the second for the first would hide lost writes, taking the first for the second only costs time.
 */
export type Outcome =
  | { readonly type: "ok"; readonly reply: Plain; readonly age?: StatedAge }
  | { readonly type: "fail" | "info"; readonly error: string };

export type Consistency = "linearizable" | "session" | "any" | { readonly boundedMs: number };

export interface RunOptions {
  readonly deadlineMs: number;
  readonly consistency?: Consistency;
}

export type Protocol = "resp" | "grpc" | "sdk" | "http";

/** One way into one node, held by one worker at a time. */
export interface Door {
  readonly protocol: Protocol;
  /** Name of the node behind it; the SDK chooses nodes itself, and starts from this one. */
  readonly node: string;
  /** Whether the protocol has the command. */
  has(command: string): boolean;
  run(words: Words, options: RunOptions): Promise<Outcome>;
  close(): void;
}

export function ok(reply: Plain, age?: StatedAge): Outcome {
  return age === undefined ? { type: "ok", reply } : { type: "ok", reply, age };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
