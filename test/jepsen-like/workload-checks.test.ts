import { describe, expect, test } from "vitest";
import { judge } from "../../jepsen-like/run/judge.js";
import { workloadOf } from "../../jepsen-like/workloads/all.js";
import type { Observed } from "../../jepsen-like/workloads/workload.js";

/** "f value = result @ from-to", times in ms; "?" for an unknown outcome, "!" for a refusal. */
function history(
  ...lines: readonly (readonly [string, unknown, unknown, number, number | "?" | "!"])[]
): Observed[] {
  return lines.map(([f, value, result, fromMs, to], process) => ({
    f,
    key: "k",
    value,
    process,
    result: result ?? value,
    node: "node-1",
    error: typeof to === "number" ? null : "an error",
    type: to === "?" ? "info" : to === "!" ? "fail" : "ok",
    invokedNs: fromMs * 1e6,
    completedNs:
      typeof to === "number" ? to * 1e6 : to === "?" ? Number.POSITIVE_INFINITY : (fromMs + 1) * 1e6,
  }));
}

/** The verdict and the head of the first problem: of the workload's own check, or where it has none of its model (the key). */
function judged(workload: string, all: readonly Observed[], isQuiet = true): string {
  const found = workloadOf(workload)!;
  const { verdict, problems } = found.check?.(all, () => isQuiet) ?? judge(found, all, () => isQuiet)[0]!;
  return problems.length === 0 ? verdict : `${verdict}: ${problems[0]!.split(":")[0]}`;
}

const place = (_element: number, at: number): number => at;
const ledger = (transfers: number, ...balances: number[]) => ({ transfers, balances });

describe("what each workload's check calls invalid", () => {
  const bad: readonly (readonly [string, string, readonly Observed[], string])[] = [
    [
      "append",
      "a lost acknowledged append",
      history(["append", 1, place(1, 1), 0, 5], ["read", null, [], 10, 12]),
      "k",
    ],
    [
      "append",
      "reads that are no prefixes of one another",
      history(
        ["append", 1, place(1, 1), 0, 5],
        ["append", 2, place(2, 2), 0, 9],
        ["read", null, [1, 2], 10, 12],
        ["read", null, [2, 1], 10, 12],
      ),
      "k",
    ],
    [
      "append",
      "a read that goes back in time",
      history(["append", 1, null, 0, "?"], ["read", null, [1], 5, 6], ["read", null, [], 7, 8]),
      "k",
    ],
    [
      "append",
      "an append that took effect twice",
      history(["append", 1, place(1, 1), 0, 5], ["read", null, [1, 1], 10, 12]),
      "k",
    ],
    [
      "append",
      "a refused append that is there",
      history(["append", 1, null, 0, "!"], ["read", null, [1], 10, 12]),
      "k",
    ],
    [
      "counter",
      "an increment that took effect twice",
      history(["incr", 1, 1, 0, 5], ["read", null, 2, 10, 12]),
      "more increments than were asked for",
    ],
    [
      "counter",
      "a lost increment",
      history(["incr", 1, 1, 0, 5], ["incr", 1, 1, 6, 7]),
      "the same answer as incr k 1 (process 0 at node-1, 0.000 s to 0.005 s)".split(":")[0]!,
    ],
    [
      "counter",
      "a read of the past",
      history(["incr", 1, 1, 0, 5], ["read", null, 0, 10, 12]),
      "fewer than the 1 acknowledged increments",
    ],
    [
      "set",
      "an element that vanished",
      history(["add", 1, null, 0, "?"], ["read", null, [1], 5, 6], ["read", null, [], 7, 8]),
      "misses 1, there since 0.006 s",
    ],
    [
      "set",
      "an element that was refused",
      history(["add", 1, null, 0, "!"], ["read", null, [1], 5, 6]),
      "shows 1, which was refused or not yet added",
    ],
    [
      "batch",
      "half of a batch",
      history(["write", 1, 1, 0, 1], ["read", null, { torn: ["1", null] }, 5, 6]),
      "half of a batch",
    ],
    [
      "bank",
      "money that came from nowhere",
      history(["transfer", {}, ledger(1, 100, 100, 100, 100, 101), 0, 5]),
      "money came or went",
    ],
    [
      "bank",
      "two transfers from one ledger",
      history(
        ["transfer", {}, ledger(1, 90, 110, 100, 100, 100), 0, 5],
        ["transfer", {}, ledger(1, 110, 90, 100, 100, 100), 0, 5],
      ),
      "two ledgers after 1 transfers",
    ],
    [
      "lock",
      "two holders at a time",
      history(["acquire", null, { token: 5 }, 0, 5], ["acquire", null, { token: 9 }, 10, 12]),
      "held by two",
    ],
    [
      "lock",
      "a token given twice",
      history(["acquire", null, { token: 5 }, 0, 5], ["acquire", null, { token: 5 }, 4000, 4001]),
      "one token for two",
    ],
    [
      "lock",
      "a token that falls",
      history(["acquire", null, { token: 5 }, 0, 5], ["acquire", null, { token: 3 }, 4000, 4001]),
      "held by two",
    ],
    [
      "ttl",
      "a key that is gone too early",
      history(["set", { ttlMs: 1000 }, null, 0, 5], ["read", null, false, 500, 501]),
      'gone too early after set k {"ttlMs"',
    ],
    [
      "ttl",
      "a key that comes back",
      history(
        ["set", { ttlMs: 1000 }, null, 0, 5],
        ["read", null, false, 1500, 1501],
        ["read", null, true, 1600, 1601],
      ),
      "back again, gone at 1.501 s",
    ],
    [
      "ttl",
      "a key that stays",
      history(["set", { ttlMs: 1000 }, null, 0, 5], ["read", null, true, 2500, 2501]),
      'still there without an outage after set k {"ttlMs"',
    ],
    [
      "reads",
      "a read that is older than it says",
      history(
        ["add", 1, 1, 0, 5],
        ["read", { consistency: "any", worker: 1 }, { count: 0, ageMs: 10 }, 100, 101],
      ),
      "older than it says, misses add k 1 (process 0 at node-1, 0.000 s to 0.005 s)".split(":")[0]!,
    ],
    [
      "reads",
      "a bound that isn't kept",
      history(["read", { consistency: { boundedMs: 50 }, worker: 1 }, { count: 0, ageMs: 60 }, 100, 101]),
      "older than was asked for",
    ],
    [
      "reads",
      "a session that goes back",
      history(
        ["add", 1, 1, 0, 5],
        ["read", { consistency: "linearizable", worker: 1 }, { count: 1, ageMs: null }, 10, 11],
        ["read", { consistency: "session", worker: 1 }, { count: 0, ageMs: null }, 20, 21],
      ),
      'its client had seen read k {"consistency"',
    ],
  ];
  for (const [workload, what, all, problem] of bad)
    test(`${workload}: ${what}`, () => {
      expect(judged(workload, all)).toBe(`invalid: ${problem}`);
    });
});

describe("eviction and txn, by their models", () => {
  const verdicts = (name: string, all: readonly Observed[]): readonly string[] =>
    judge(workloadOf(name)!, all, () => true).map(({ verdict }) => verdict);
  type Line = readonly [string, unknown, unknown, number, number | "?" | "!"];
  const write: Line = ["write", 1, null, 0, 1];
  /** So many reads that found the key evicted. */
  const absences = (count: number): readonly Line[] =>
    Array.from({ length: count }, (_, i): Line => ["read", null, null, 10 + 2 * i, 11 + 2 * i]);

  test("eviction: a key may vanish at any moment", () => {
    expect(verdicts("eviction", history(write, ["read", null, 1, 2, 3], ...absences(10)))).toEqual([
      "valid",
      "valid",
    ]);
  });

  test("eviction: a run in which hardly a key vanished proves nothing", () => {
    expect(verdicts("eviction", history(write, ...absences(9)))).toEqual(["unknown", "valid"]);
  });

  test("eviction: a value that comes back, or an older one, is found", () => {
    const back = history(write, ...absences(10), ["read", null, 1, 50, 51]);
    expect(verdicts("eviction", back)).toEqual(["valid", "invalid"]);
    const older = history(write, ["write", 2, null, 2, 3], ["read", null, 1, 4, 5], ...absences(10));
    expect(verdicts("eviction", older)).toEqual(["valid", "invalid"]);
  });

  test("eviction: values that were mixed up are found", () => {
    expect(verdicts("eviction", history(write, ["read", null, "1 xx2 x", 2, 3], ...absences(10)))).toEqual([
      "valid",
      "invalid",
    ]);
  });

  const append = (...steps: readonly (readonly [string, number])[]) =>
    steps.map(([list, element]) => ["append", list, element]);
  const read = (...steps: readonly (readonly [string, readonly number[]])[]) =>
    steps.map(([list, elements]) => ["read", list, elements]);

  test("txn: batches seen whole are valid", () => {
    const all = history(
      ["txn", append(["a", 1], ["b", 2]), null, 0, 1],
      ["txn", read(["a", []], ["b", []]), read(["a", [1]], ["b", [2]]), 2, 3],
    );
    expect(verdicts("txn", all)).toEqual(["valid"]);
  });

  test("txn: half of a batch, a lost one and a refused one are found", () => {
    const half = history(
      ["txn", append(["a", 1], ["b", 2]), null, 0, "?"],
      ["txn", read(["a", []], ["b", []]), read(["a", [1]], ["b", []]), 2, 3],
    );
    expect(verdicts("txn", half)).toEqual(["invalid"]);
    const lost = history(
      ["txn", append(["a", 1], ["b", 2]), null, 0, 1],
      ["txn", read(["a", []]), read(["a", []]), 2, 3],
    );
    expect(verdicts("txn", lost)).toEqual(["invalid"]);
    const refused = history(
      ["txn", append(["a", 1]), null, 0, "!"],
      ["txn", read(["a", []]), read(["a", [1]]), 2, 3],
    );
    expect(verdicts("txn", refused)).toEqual(["invalid"]);
  });
});

describe("what each workload's check calls valid", () => {
  const good: readonly (readonly [string, string, readonly Observed[]])[] = [
    [
      "append",
      "an unknown append that shows late",
      history(
        ["append", 1, null, 0, "?"],
        ["read", null, [], 5, 6],
        ["append", 2, place(2, 2), 7, 9],
        ["read", null, [1, 2], 10, 12],
      ),
    ],
    [
      "counter",
      "an unknown increment that counts",
      history(["incr", 1, null, 0, "?"], ["incr", 1, 2, 5, 6], ["read", null, 2, 10, 12]),
    ],
    [
      "set",
      "an unknown element that shows late",
      history(["add", 1, null, 0, "?"], ["read", null, [], 5, 6], ["read", null, [1], 7, 8]),
    ],
    [
      "bank",
      "transfers one after the other",
      history(
        ["transfer", {}, ledger(1, 90, 110, 100, 100, 100), 0, 5],
        ["read", null, ledger(1, 90, 110, 100, 100, 100), 6, 7],
      ),
    ],
    [
      "lock",
      "a lock that was given back",
      history(
        ["acquire", null, { token: 5 }, 0, 5],
        ["release", { token: 5 }, null, 6, 7],
        ["acquire", null, { token: 9 }, 8, 9],
        ["use", { token: 9 }, null, 10, 11],
      ),
    ],
    [
      "ttl",
      "there before, gone after",
      history(
        ["set", { ttlMs: 1000 }, null, 0, 5],
        ["read", null, true, 900, 901],
        ["read", null, false, 1100, 1101],
      ),
    ],
    [
      "reads",
      "an old read that says so",
      history(
        ["add", 1, 1, 0, 5],
        ["read", { consistency: "any", worker: 1 }, { count: 0, ageMs: 200 }, 100, 101],
      ),
    ],
  ];
  for (const [workload, what, all] of good)
    test(`${workload}: ${what}`, () => {
      expect(judged(workload, all)).toBe("valid");
    });

  test("ttl: a key that an outage kept", () => {
    const all = history(["set", { ttlMs: 1000 }, null, 0, 5], ["read", null, true, 2500, 2501]);
    expect(judged("ttl", all, false)).toBe("valid");
  });
});
