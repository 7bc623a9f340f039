/**
 * What a command does with a key, in the words of Redis's key specifications: RO reads the value, RW changes it
 * with regard to what it was, OW overwrites it, RM removes it; "access" shows some of it to the client, "update",
 * "insert" and "delete" say what becomes of its contents.
 */
export type KeyUse =
  | `RO${"" | " access"}`
  | `RW${"" | " access"} ${"update" | "insert" | "delete"}`
  | "RW access update variable_flags"
  | `OW ${"update" | "insert"}`
  | "RM delete";

/** Where keys stand among a command's arguments, and what is done with them. */
export interface KeySpec {
  /** Position of the key, of the first key, or of the number of keys; the name has position 0. */
  readonly at: number;
  readonly keys: "one" | "to-the-end" | "counted";
  /** From a key to the next. */
  readonly step: number;
  readonly use: KeyUse;
}

export function keyAt(at: number, use: KeyUse): KeySpec {
  return { at, keys: "one", step: 1, use };
}

/** Keys up to the last argument: every one, or every `step`th (MSET's values are between). */
export function keysFrom(at: number, use: KeyUse, step = 1): KeySpec {
  return { at, keys: "to-the-end", step, use };
}

/** As many keys as the argument at `at` says, behind it. */
export function countedKeys(at: number, use: KeyUse): KeySpec {
  return { at, keys: "counted", step: 1, use };
}

/**
 * Which arguments are keys, by position after the name: from `first` to `last` (-1 the last) by `step`. As in
 * Redis the first argument has position 1; `cut.ts` turns positions into arguments of a `CommandView`.
 */
export interface KeyPositions {
  /** 0 with `last` 0 where all keys are counted ones. */
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** Position of the argument that says how many keys follow it (ZUNION's numkeys). */
  readonly countAt?: number;
}

/** The positions that specs in rising order come to; null without keys. Keys beside counted ones stand before them. */
export function positionsOf(specs: readonly KeySpec[]): KeyPositions | null {
  const placed = specs.filter(({ keys }) => keys !== "counted");
  const counted = specs.find(({ keys }) => keys === "counted");
  if (placed.length === 0) return counted === undefined ? null : { ...nowhere, countAt: counted.at };
  const last = placed.at(-1)!;
  const positions = {
    first: placed[0]!.at,
    last: last.keys === "one" ? last.at : -1,
    step: placed[0]!.step,
  };
  return counted === undefined ? positions : { ...positions, countAt: counted.at };
}

const nowhere = { first: 0, last: 0, step: 0 } as const;
