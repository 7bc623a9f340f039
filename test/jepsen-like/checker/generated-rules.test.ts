import fc from "fast-check";
import { expect, test } from "vitest";
import { checkerOf } from "../../../jepsen-like/checker/checkers.js";
import type { Model } from "../../../jepsen-like/checker/model.js";
import { canonical, type Operation } from "../../../jepsen-like/checker/operation.js";
import { runs } from "../../properties.js";
import { isLinearizable } from "./brute-force.js";
import { drawFrom, generate, type Spec } from "./generate.js";

type Draw = (below: number) => number;
type Step = readonly [string, string, unknown];
type Lists = Readonly<Record<string, readonly number[]>>;

function applyTxn(state: Lists, steps: readonly Step[]): readonly [Lists, readonly Step[]] {
  const lists = { ...state };
  const told = steps.map(([f, key, value]): Step => {
    if (f === "read") return [f, key, lists[key] ?? []];
    lists[key] = [...(lists[key] ?? []), value as number];
    return [f, key, value];
  });
  return [lists, told];
}

const txnSpec: Spec<Lists> = {
  initial: {},
  ask(draw, unique) {
    const steps = Array.from({ length: 1 + draw(3) }, (_, i): Step => {
      const key = "xy"[draw(2)]!;
      return draw(2) === 0 ? ["read", key, null] : ["append", key, unique * 10 + i];
    });
    return { f: "txn", input: steps };
  },
  apply: (state, _f, input) => applyTxn(state, input as readonly Step[]),
};

const txnModel: Model<Lists> = {
  name: "txn",
  initial: {},
  stateKey: canonical,
  step(state, { input, output, outcome }) {
    const [next, told] = applyTxn(state, input as readonly Step[]);
    return outcome === "ok" && canonical(told) !== canonical(output) ? [] : [next];
  },
};

/** One answer without its last element or with an older one's, one answer lost, or one interval moved. */
function damage(history: readonly Operation[], draw: Draw): Operation[] {
  const damaged = [...history];
  const at = draw(history.length);
  const victim = history[at]!;
  const steps = victim.output as readonly Step[] | null;
  const choice = draw(4);
  if (choice === 0 && steps !== null) {
    const shorter = steps.map(
      ([f, key, value]): Step =>
        f === "read" ? [f, key, (value as readonly number[]).slice(0, -1)] : [f, key, value],
    );
    damaged[at] = { ...victim, output: shorter };
  } else if (choice === 1) damaged.splice(at, 1);
  else if (choice === 2) damaged[at] = { ...victim, outcome: "fail", output: null };
  else {
    const from = draw(60);
    damaged[at] = {
      ...victim,
      invokedNs: from,
      completedNs: victim.completedNs === null ? null : from + draw(20),
    };
  }
  return damaged;
}

test("batches: agrees with trying every order, also where one is wrong", () => {
  const verdicts = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(fc.nat(), fc.nat(2), (seed, unknowns) => {
      const draw = drawFrom(seed);
      const history = damage(generate(txnSpec, draw, 6, 3, unknowns), draw);
      const expected = isLinearizable(txnModel, history) ? "valid" : "invalid";
      verdicts[expected]++;
      expect(checkerOf("append-txn")!.check(history).verdict).toBe(expected);
    }),
    { numRuns: runs(1500) },
  );
  expect(verdicts.valid).toBeGreaterThan(100);
  expect(verdicts.invalid).toBeGreaterThan(100);
});

test("batches: what a correct system may do is valid", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(6), (seed, unknowns) => {
      const history = generate(txnSpec, drawFrom(seed), 60, 4, unknowns);
      expect(checkerOf("append-txn")!.check(history).verdict).toBe("valid");
    }),
  );
});

function operation(
  f: string,
  input: unknown,
  output: unknown,
  invokedNs: number,
  completedNs: number,
): Operation {
  return { process: 0, f, key: "k", input, output, invokedNs, completedNs, outcome: "ok" };
}
const before = (a: Operation, b: Operation): boolean => a.completedNs! < b.invokedNs;
const ms = 1e6;

/** A value with a TTL of 100 ms, of which the reads see what was there at a moment inside of them. */
function ttlHistory(draw: Draw): Operation[] {
  const wroteAt = draw(10) * ms;
  const goneAt = wroteAt + (94 + draw(60)) * ms;
  const reads = Array.from({ length: 6 }, () => {
    const from = wroteAt + draw(200) * ms;
    const point = from + draw(20) * ms;
    const shown = point >= wroteAt && point < goneAt ? 1 : null;
    return operation("read", null, shown, from, point + draw(20) * ms);
  });
  return [
    operation("write", { value: 1, ttlMs: 100, latestMs: 160 }, null, wroteAt, wroteAt + draw(5) * ms),
    ...reads,
  ];
}

/** Tries every pair. */
function isTtlKept([write, ...reads]: readonly Operation[]): boolean {
  const absent = (read: Operation): boolean => read.output === null;
  return reads.every((read) =>
    absent(read)
      ? !(before(write!, read) && read.completedNs! < write!.invokedNs + 94 * ms)
      : read.completedNs! >= write!.invokedNs &&
        read.invokedNs <= write!.completedNs! + 160 * ms &&
        !reads.some((other) => absent(other) && before(write!, other) && before(other, read)),
  );
}

interface Age {
  readonly level: string;
  readonly maxAgeMs: number;
  readonly session: string;
}

/** Revisions 1, 2, ... and reads, each of a moment as old as its level allows. */
function agedHistory(draw: Draw): Operation[] {
  const writes = Array.from({ length: 4 }, (_, i) =>
    operation(
      "write",
      i,
      { revision: i + 1 },
      i * 40 * ms + draw(10) * ms,
      i * 40 * ms + (10 + draw(10)) * ms,
    ),
  );
  const reads = Array.from({ length: 6 }, (_, i) => {
    const from = draw(180) * ms;
    const level = ["session", "bounded", "any"][draw(3)]!;
    const ageMs = level === "session" ? 0 : draw(50);
    const revision = writes.filter((write) => write.completedNs! <= from - ageMs * ms).length;
    const input = { level, maxAgeMs: ageMs, session: `s${i % 2}` };
    return operation("read", input, { revision }, from, from + draw(10) * ms);
  });
  return [...writes, ...reads];
}

/** Tries every pair. */
function areAgesKept(history: readonly Operation[]): boolean {
  const revisionOf = ({ output }: Operation): number => (output as { revision: number }).revision;
  const writes = history.filter(({ f }) => f === "write");
  return history
    .filter(({ f }) => f === "read")
    .every((read) => {
      const { level, maxAgeMs, session } = read.input as Age;
      const revision = revisionOf(read);
      const write = writes.find((each) => revisionOf(each) === revision);
      if (revision !== 0 && (write === undefined || before(read, write))) return false;
      return history.every((other) => {
        if (revisionOf(other) <= revision) return true;
        if (level === "bounded" && other.f === "write")
          return other.completedNs! >= read.invokedNs - maxAgeMs * ms;
        const isOwn = other.f === "read" && (other.input as Age).session === session;
        return !(level === "session" && isOwn && before(other, read));
      });
    });
}

test.each([
  { name: "ttl", make: ttlHistory, isKept: isTtlKept, answers: [null, 1, 2] as readonly unknown[] },
  {
    name: "weak-reads",
    make: agedHistory,
    isKept: areAgesKept,
    answers: [0, 1, 2, 3, 4, 5].map((revision) => ({ revision })) as readonly unknown[],
  },
])(
  "$name: agrees with trying every pair, also where one read is wrong",
  ({ name, make, isKept, answers }) => {
    const verdicts = { valid: 0, invalid: 0 };
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const draw = drawFrom(seed);
        const history = make(draw);
        expect(checkerOf(name)!.check(history).verdict).toBe("valid");
        const at = history.length - 1 - draw(6);
        const wrong = [...history];
        wrong[at] = { ...history[at]!, output: answers[draw(answers.length)] };
        const isWithout = name === "ttl" && wrong[at]!.output === 2;
        const expected = !isWithout && isKept(wrong) ? "valid" : "invalid";
        verdicts[expected]++;
        expect(checkerOf(name)!.check(wrong).verdict).toBe(expected);
      }),
      { numRuns: runs(1000) },
    );
    expect(verdicts.valid).toBeGreaterThan(100);
    expect(verdicts.invalid).toBeGreaterThan(100);
  },
);

/** Many small histories behind one another, so that most of one is long past when the next begins. */
test.each([
  { name: "append-txn", make: () => generate(txnSpec, drawFrom(1), 10_000, 8, 50) },
  {
    name: "ttl",
    make: () => {
      const write = operation("write", { value: 1, ttlMs: 1, latestMs: 2 }, null, 0, 1);
      return [
        write,
        ...Array.from({ length: 10_000 }, (_, i) => operation("read", null, null, 9 * ms + i, 9 * ms + i)),
      ];
    },
  },
  {
    name: "weak-reads",
    make: () =>
      Array.from({ length: 10_000 }, (_, i) =>
        i % 2 === 0
          ? operation("write", i, { revision: i + 1 }, i * 10, i * 10 + 5)
          : operation("read", { level: "session", session: "s" }, { revision: i }, i * 10, i * 10 + 5),
      ),
  },
])(
  "$name: 10,000 operations are judged",
  ({ name, make }) => {
    expect(checkerOf(name)!.check(make()).verdict).toBe("valid");
  },
  60_000,
);
