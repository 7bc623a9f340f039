import { expect, test } from "vitest";
import { checkerOf } from "../../../jepsen-like/checker/checkers.js";
import type { Operation, Outcome } from "../../../jepsen-like/checker/operation.js";

/** Times in ms. */
function operation(
  f: string,
  input: unknown,
  output: unknown,
  fromMs: number,
  toMs: number,
  outcome: Outcome = "ok",
): Operation {
  const completedNs = outcome === "info" ? null : toMs * 1e6;
  return { process: fromMs, f, key: "k", input, output, invokedNs: fromMs * 1e6, completedNs, outcome };
}

function problems(name: string, history: readonly Operation[]): string {
  return checkerOf(name)!
    .check(history)
    .keys.flatMap((key) => key.problems)
    .join("\n");
}

function txn(steps: readonly unknown[], fromMs = 0, toMs = 100, outcome: Outcome = "ok"): Operation {
  return operation("txn", steps, steps, fromMs, toMs, outcome);
}
const a = (key: string, element: number): unknown => ["append", key, element];
const r = (key: string, ...list: number[]): unknown => ["read", key, list];

test.each([
  [
    "G0",
    [txn([a("x", 1), a("y", 1)]), txn([a("x", 2), a("y", 2)]), txn([r("x", 1, 2)]), txn([r("y", 2, 1)])],
  ],
  ["G1a", [txn([a("x", 1)], 0, 1, "fail"), txn([r("x", 1)])]],
  ["G1b", [txn([a("x", 1), a("x", 2)]), txn([r("x", 1)])]],
  ["G1c", [txn([a("x", 1), r("y", 1)]), txn([a("y", 1), r("x", 1)])]],
  ["G-single", [txn([a("x", 1), a("y", 1)]), txn([r("x", 1), r("y")]), txn([r("y", 1)])]],
  ["G2", [txn([r("x"), a("y", 1)]), txn([r("y"), a("x", 1)]), txn([r("x", 1), r("y", 1)])]],
  ["lost", [txn([a("x", 1)], 0, 1), txn([r("x")], 2, 3)]],
  [
    "G-single in real time",
    [
      txn([a("y", 1), a("x", 2)], 0, 0, "info"),
      txn([a("y", 2)], 1, 2),
      txn([a("x", 1)], 0, 2),
      txn([r("x", 1)], 3, 4),
      txn([r("y", 1, 2)], 5, 6),
    ],
  ],
  ["doubled", [txn([a("x", 1)]), txn([r("x", 1, 1)])]],
  ["contradicts", [txn([a("x", 1)]), txn([a("x", 2)]), txn([r("x", 1, 2)]), txn([r("x", 2, 1)])]],
  ["internal", [txn([a("x", 1), r("x")])]],
])("batches: %s is found", (what, history) => {
  expect(problems("append-txn", history)).toContain(what);
});

test("batches that took effect one after the other are valid, an unknown one among them", () => {
  const history = [
    txn([a("x", 1), r("y")], 0, 1),
    txn([a("x", 2), a("y", 1)], 2, 3, "info"),
    txn([r("x", 1, 2), r("y", 1)], 4, 5),
  ];
  expect(checkerOf("append-txn")!.check(history).verdict).toBe("valid");
});

const written = operation("write", { value: 1, ttlMs: 1000, latestMs: 1500 }, null, 0, 10);
test.each([
  ["", [written, operation("read", null, 1, 500, 510), operation("read", null, null, 1200, 1210)]],
  ["gone too early", [written, operation("read", null, null, 500, 510)]],
  ["still there", [written, operation("read", null, 1, 1600, 1610)]],
  ["came back", [written, operation("read", null, null, 1100, 1110), operation("read", null, 1, 1200, 1210)]],
  ["never written", [written, operation("read", null, 2, 100, 110)]],
])("a TTL: '%s' is what is found", (what, history) => {
  expect(problems("ttl", history)).toMatch(what === "" ? /^$/ : what);
});

const first = operation("write", 1, 1, 0, 10);
const second = operation("write", 2, 2, 20, 30);
const read = (input: object, revision: number, atMs: number, ageMs: number | null = null): Operation =>
  operation("read", input, { revision, ageMs }, atMs, atMs + 1);
test.each([
  ["", [first, second, read({ level: "any" }, 1, 500)]],
  ["", [first, second, read({ level: "bounded", maxAgeMs: 100 }, 1, 60)]],
  ["older than it says", [first, second, read({ level: "bounded", maxAgeMs: 100 }, 1, 200)]],
  ["older than it says", [first, second, read({ level: "any" }, 1, 200, 50)]],
  [
    "which its session knew",
    [
      first,
      second,
      read({ level: "session", session: "s" }, 2, 40),
      read({ level: "session", session: "s" }, 1, 50),
    ],
  ],
  ["never written", [first, read({ level: "any" }, 7, 40)]],
  ["from the future", [read({ level: "any" }, 2, 5), second]],
])("a weaker read: '%s' is what is found", (what, history) => {
  expect(problems("weak-reads", history)).toMatch(what === "" ? /^$/ : what);
});

test.each([
  ["valid", [null, null]],
  ["valid", [2, null]],
  ["invalid", [null, 2]],
  ["invalid", [1, 1]],
])("eviction: %s where reads after two writes show %j", (verdict, shown) => {
  const writes = [operation("write", 1, null, 0, 1), operation("write", 2, null, 2, 3)];
  const reads = shown.map((value, i) => operation("read", null, value, 10 + 2 * i, 11 + 2 * i));
  expect(checkerOf("eviction")!.check([...writes, ...reads]).verdict).toBe(verdict);
});

test("a violation is explained by the operations that contradict one another", () => {
  const history = [
    operation("write", 1, null, 0, 1),
    operation("write", 2, null, 2, 3),
    operation("read", null, 2, 4, 5),
    operation("read", null, 1, 6, 7),
  ];
  const [key] = checkerOf("register")!.check(history).keys;
  expect(key!.explanation!.failed).toBe(history[3]);
  expect(key!.explanation!.prefix).toEqual(history.slice(0, 3));
  expect(key!.explanation!.core).toContain(history[3]);
  expect(key!.problems[0]).toContain("contradict one another");
});

test("a history of another shape is unknown", () => {
  expect(checkerOf("counter")!.check([operation("fly", null, null, 0, 1)]).verdict).toBe("unknown");
});
