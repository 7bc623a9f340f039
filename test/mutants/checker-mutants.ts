import type { Mutant } from "./mutants.js";

const checker = { safety: [], tests: ["test/jepsen-like/checker/search.test.ts"] };

/** Wrong lines in what judges histories: it must still tell right from wrong. */
export const checkerMutants: readonly Mutant[] = [
  {
    ...checker,
    name: "a search that forgets what had ended before what",
    file: "jepsen-like/checker/timeline.ts",
    find: "const atNs = Math.max(invokedNs, deadlineNs ?? completedNs ?? Number.POSITIVE_INFINITY);",
    replace: "const atNs = Number.POSITIVE_INFINITY;",
  },
  {
    ...checker,
    name: "a search that takes unknown operations for refused",
    file: "jepsen-like/checker/timeline.ts",
    find: 'if (outcome === "fail") continue;',
    replace: 'if (outcome !== "ok") continue;',
  },
  {
    ...checker,
    name: "a search that remembers states without what took effect",
    file: "jepsen-like/checker/configuration.ts",
    find: "{added.known} ",
    replace: '{""}',
  },
  {
    ...checker,
    name: "a search that keeps who used more unknown operations",
    file: "jepsen-like/checker/configuration.ts",
    find: "(unknown & ~added.unknown) === 0n",
    replace: "(added.unknown & ~unknown) === 0n",
  },
  {
    ...checker,
    name: "queues whose removals that overlap have an order",
    file: "jepsen-like/checker/models/queue-order.ts",
    find: "before.isHead === isHead && before.invokedNs <= endNs",
    replace: "before.isHead === isHead && before.endNs <= endNs",
  },
  {
    ...checker,
    name: "an unknown addition must have happened when the next operation ends",
    file: "jepsen-like/checker/timeline.ts",
    find: "(model.deadlineNs?.(operation) ?? null)",
    replace: "(model.deadlineNs === undefined ? null : invokedNs)",
  },
];
