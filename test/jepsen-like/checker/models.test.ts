import { expect, test } from "vitest";
import { checkerOf } from "../../../jepsen-like/checker/checkers.js";
import type { Operation } from "../../../jepsen-like/checker/operation.js";

type Line = readonly [f: string, input: unknown, output: unknown, fromMs: number, toMs: number | "?" | "!"];

/** "?" for an unknown outcome, "!" for a refusal. */
function verdict(model: string, lines: readonly Line[]): string {
  const history = lines.map(([f, input, output, fromMs, to], process): Operation => {
    const outcome = to === "?" ? "info" : to === "!" ? "fail" : "ok";
    const completedNs = to === "?" ? null : (to === "!" ? fromMs + 1 : to) * 1e6;
    return { process, f, key: "k", input, output, invokedNs: fromMs * 1e6, completedNs, outcome };
  });
  return checkerOf(model)!.check(history).verdict;
}

const short = { value: "a", ttlMs: 100, latestMs: 150 };
const cases: readonly (readonly [model: string, what: string, expected: string, lines: readonly Line[]])[] = [
  [
    "register",
    "a read of the value before",
    "invalid",
    [
      ["write", 1, null, 0, 1],
      ["write", 2, null, 2, 3],
      ["read", null, 1, 4, 5],
    ],
  ],
  [
    "register",
    "a read beside a write",
    "valid",
    [
      ["write", 1, null, 0, 1],
      ["write", 2, null, 2, 5],
      ["read", null, 1, 4, 5],
    ],
  ],
  [
    "register",
    "two winners of one comparison",
    "invalid",
    [
      ["write", 1, null, 0, 1],
      ["cas", [1, 2], true, 2, 5],
      ["cas", [1, 3], true, 2, 5],
    ],
  ],
  [
    "register",
    "a refused comparison explained by an unknown write",
    "valid",
    [
      ["write", 1, null, 0, 1],
      ["write", 9, null, 0, "?"],
      ["cas", [1, 2], false, 2, 5],
    ],
  ],
  [
    "register",
    "a refused write that shows",
    "invalid",
    [
      ["write", 1, null, 0, "!"],
      ["read", null, 1, 4, 5],
    ],
  ],
  [
    "register",
    "a deletion that found nothing",
    "invalid",
    [
      ["write", 1, null, 0, 1],
      ["delete", null, false, 2, 3],
    ],
  ],
  [
    "counter",
    "an increment that counted twice",
    "invalid",
    [
      ["incr", 1, 1, 0, 1],
      ["read", null, 2, 2, 3],
    ],
  ],
  [
    "counter",
    "an unknown increment that counted",
    "valid",
    [
      ["incr", 1, null, 0, "?"],
      ["read", null, 0, 2, 3],
      ["read", null, 1, 4, 5],
    ],
  ],
  [
    "set",
    "a lost element",
    "invalid",
    [
      ["add", 1, null, 0, 1],
      ["read", null, [], 2, 3],
    ],
  ],
  [
    "set",
    "an element that was new twice",
    "invalid",
    [
      ["add", 1, true, 0, 5],
      ["add", 1, true, 0, 5],
    ],
  ],
  [
    "set",
    "an element that came twice",
    "valid",
    [
      ["add", 1, false, 0, 5],
      ["add", 1, true, 0, 5],
      ["read", null, [1], 6, 7],
    ],
  ],
  [
    "list-append",
    "reads of two orders",
    "invalid",
    [
      ["append", 1, null, 0, 5],
      ["append", 2, null, 0, 5],
      ["read", null, [1, 2], 6, 7],
      ["read", null, [2], 0, 7],
    ],
  ],
  [
    "list-append",
    "a place that another element has",
    "invalid",
    [
      ["append", 1, 2, 0, 5],
      ["append", 2, 1, 0, 5],
      ["read", null, [1, 2], 6, 7],
    ],
  ],
  [
    "list-append",
    "a place beside an unknown append",
    "valid",
    [
      ["append", 7, null, 0, "?"],
      ["append", 2, 2, 0, 5],
    ],
  ],
  [
    "list-append",
    "one place told twice",
    "invalid",
    [
      ["append", 1, 1, 0, 5],
      ["append", 2, 1, 0, 5],
    ],
  ],
  ["list-append", "a place that is no whole number", "invalid", [["append", 1, 0.5, 0, 5]]],
  [
    "queue",
    "an element taken twice",
    "invalid",
    [
      ["push", 1, null, 0, 1],
      ["pop", null, 1, 2, 5],
      ["pop", null, 1, 2, 5],
    ],
  ],
  [
    "queue",
    "an element that an unknown pop took",
    "valid",
    [
      ["push", 1, null, 0, 1],
      ["pop", null, null, 2, "?"],
      ["pop", null, null, 3, 5],
    ],
  ],
  [
    "queue",
    "elements out of order",
    "invalid",
    [
      ["push", 1, 1, 0, 1],
      ["push", 2, 2, 2, 3],
      ["pop", null, 2, 4, 5],
    ],
  ],
  [
    "leaderboard",
    "a rank of before",
    "invalid",
    [
      ["add", ["a", 5], null, 0, 1],
      ["add", ["b", 1], null, 2, 3],
      ["rank", "a", 0, 4, 5],
    ],
  ],
  [
    "leaderboard",
    "a rank by score",
    "valid",
    [
      ["add", ["a", 5], null, 0, 1],
      ["add", ["b", 1], null, 2, 3],
      ["rank", "a", 1, 4, 5],
    ],
  ],
  [
    "lock",
    "two holders",
    "invalid",
    [
      ["acquire", null, 1, 0, 1],
      ["acquire", null, 2, 2, 3],
    ],
  ],
  [
    "lock",
    "a token that goes back",
    "invalid",
    [
      ["acquire", null, 5, 0, 1],
      ["release", 5, true, 2, 3],
      ["acquire", null, 4, 4, 5],
    ],
  ],
  [
    "lock",
    "one after the other",
    "valid",
    [
      ["acquire", null, 5, 0, 1],
      ["release", 5, true, 2, 3],
      ["acquire", null, 6, 4, 5],
    ],
  ],
  [
    "bank",
    "money made",
    "invalid",
    [
      ["open", { a: 1, b: 0 }, null, 0, 1],
      ["transfer", { from: "a", to: "b", amount: 1 }, true, 2, 3],
      ["read", null, { a: 1, b: 1 }, 4, 5],
    ],
  ],
  [
    "bank",
    "money moved",
    "valid",
    [
      ["open", { a: 1, b: 0 }, null, 0, 1],
      ["transfer", { from: "a", to: "b", amount: 1 }, null, 2, "?"],
      ["read", null, { a: 0, b: 1 }, 4, 5],
    ],
  ],
  [
    "strings",
    "bytes, not characters, are counted",
    "valid",
    [
      ["set", "é", null, 0, 1],
      ["append", "x", 3, 2, 3],
      ["get", null, "éx", 4, 5],
    ],
  ],
  [
    "strings",
    "an append to nothing",
    "invalid",
    [
      ["set", "a", null, 0, 1],
      ["append", "x", 1, 2, 3],
    ],
  ],
  [
    "strings",
    "sums up to 2^63 - 1",
    "valid",
    [
      ["set", "9223372036854775806", null, 0, 1],
      ["incrby", 1, "9223372036854775807", 2, 3],
      ["incrby", 1, { error: "overflow" }, 4, 5],
    ],
  ],
  [
    "strings",
    "a sum of a text",
    "invalid",
    [
      ["set", "a", null, 0, 1],
      ["incrby", 1, 1, 2, 3],
    ],
  ],
  [
    "strings",
    "an element taken twice",
    "invalid",
    [
      ["set", "a", null, 0, 1],
      ["getdel", null, "a", 2, 5],
      ["getdel", null, "a", 2, 5],
    ],
  ],
  [
    "strings",
    "a value that was deleted",
    "invalid",
    [
      ["set", "a", null, 0, 1],
      ["del", null, 1, 2, 3],
      ["exists", null, 1, 4, 5],
    ],
  ],
  [
    "strings",
    "two winners at one revision",
    "invalid",
    [
      ["set", "a", { revision: 3 }, 0, 1],
      ["cas", { revision: 3, value: "b" }, null, 2, 5],
      ["cas", { revision: 3, value: "c" }, null, 2, 5],
    ],
  ],
  [
    "strings",
    "a revision that goes back",
    "invalid",
    [
      ["set", "a", { revision: 3 }, 0, 1],
      ["set", "b", { revision: 2 }, 2, 3],
    ],
  ],
  [
    "strings",
    "a deletion at the revision that a read told",
    "valid",
    [
      ["set", "a", null, 0, 1],
      ["get", null, { value: "a", revision: 7 }, 2, 3],
      ["cad", { revision: 7 }, true, 4, 5],
      ["get", null, null, 6, 7],
    ],
  ],
  [
    "strings",
    "a refusal at the right revision",
    "invalid",
    [
      ["set", "a", { revision: 3 }, 0, 1],
      ["cad", { revision: 3 }, false, 2, 3],
    ],
  ],
  [
    "strings",
    "an end that may have come",
    "valid",
    [
      ["set", short, null, 0, 10],
      ["get", null, "a", 97, 98],
      ["get", null, null, 99, 100],
    ],
  ],
  [
    "strings",
    "an end that came too early",
    "invalid",
    [
      ["set", short, null, 0, 10],
      ["get", null, null, 20, 90],
    ],
  ],
  [
    "strings",
    "an end that came too late",
    "invalid",
    [
      ["set", short, null, 0, 10],
      ["get", null, "a", 161, 162],
    ],
  ],
  [
    "strings",
    "a value that came back",
    "invalid",
    [
      ["set", short, null, 0, 10],
      ["get", null, null, 97, 98],
      ["get", null, "a", 99, 100],
    ],
  ],
  [
    "strings",
    "an append after the end starts anew",
    "valid",
    [
      ["set", short, null, 0, 10],
      ["append", "b", 1, 120, 121],
      ["get", null, "b", 500, 501],
    ],
  ],
  [
    "strings",
    "an append keeps the end",
    "invalid",
    [
      ["set", short, null, 0, 10],
      ["append", "b", 2, 20, 21],
      ["get", null, "ab", 500, 501],
    ],
  ],
];

test.each(cases)("%s: %s is %s", (model, _what, expected, lines) => {
  expect(verdict(model, lines)).toBe(expected);
});
