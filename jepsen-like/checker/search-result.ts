import { type Chain, inOrder } from "./configuration.js";
import type { Narrowed } from "./model.js";
import type { Operation } from "./operation.js";
import type { Pending } from "./timeline.js";

export type SearchResult =
  | { readonly verdict: "valid"; readonly linearization: readonly Operation[]; readonly steps: number }
  | { readonly verdict: "unknown"; readonly steps: number }
  | {
      readonly verdict: "invalid";
      readonly steps: number;
      /** Its end is the first moment by which nothing is possible any more. */
      readonly failed: Operation;
      /** A longest linearization of what had ended before. */
      readonly prefix: readonly Operation[];
      /** What was under way and not part of `prefix`: `failed`, and what is optional or had more time. */
      readonly unplaced: readonly Operation[];
      /** The part of the history that shows it, of which all of this is told; left out: the whole. */
      readonly within?: Narrowed;
    };

/** What is told of a search that nothing is left of at the end of `failed`. */
export function failureOf(
  failed: Operation,
  longest: Chain | null,
  pending: ReadonlyMap<Operation, Pending>,
  steps: number,
): Extract<SearchResult, { verdict: "invalid" }> {
  const prefix = inOrder(longest);
  const placed = new Set(prefix);
  const unplaced = [...pending.keys()].filter((operation) => !placed.has(operation));
  return { verdict: "invalid", steps, failed, prefix, unplaced };
}
