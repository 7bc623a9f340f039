import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { searchBreadthFirst } from "../../../jepsen-like/checker/breadth-first.js";
import { modelChecker } from "../../../jepsen-like/checker/check.js";
import { Frontier } from "../../../jepsen-like/checker/configuration.js";
import type { Model } from "../../../jepsen-like/checker/model.js";
import { bank } from "../../../jepsen-like/checker/models/bank.js";
import { counter } from "../../../jepsen-like/checker/models/counter.js";
import { evictable } from "../../../jepsen-like/checker/models/evictable.js";
import { leaderboard } from "../../../jepsen-like/checker/models/leaderboard.js";
import { listAppend } from "../../../jepsen-like/checker/models/list-append.js";
import { lock } from "../../../jepsen-like/checker/models/lock.js";
import { queue } from "../../../jepsen-like/checker/models/queue.js";
import { register } from "../../../jepsen-like/checker/models/register.js";
import { set } from "../../../jepsen-like/checker/models/set.js";
import { strings } from "../../../jepsen-like/checker/models/strings.js";
import type { Operation } from "../../../jepsen-like/checker/operation.js";
import { search } from "../../../jepsen-like/checker/search.js";
import { timelineOf } from "../../../jepsen-like/checker/timeline.js";
import { runs } from "../../properties.js";
import { isLinearizable } from "./brute-force.js";
import { drawFrom, generate, type Spec } from "./generate.js";
import * as specs from "./specs.js";

interface Subject {
  readonly name: string;
  verdict(history: readonly Operation[], budget?: number): string;
  /** By the search that tries everything at each end, and the parts that must stand for themselves. */
  breadthFirst(history: readonly Operation[]): string;
  parts(history: readonly Operation[]): readonly string[];
  isLinearizable(history: readonly Operation[]): boolean;
  generate(draw: (below: number) => number, count: number, processes: number, unknowns: number): Operation[];
}

function subject<State, Known>(name: string, model: Model<State>, spec: Spec<Known>): Subject {
  const checker = modelChecker(model);
  return {
    name,
    verdict: (history, budget) => checker.check(history, budget === undefined ? {} : { budget }).verdict,
    breadthFirst(history) {
      const prepared: Model<unknown> = model.given?.(history) ?? (model as Model<unknown>);
      return searchBreadthFirst(prepared, timelineOf(prepared, history), 1_000_000).verdict;
    },
    parts: (history) =>
      [...(model.narrowed?.(history) ?? [])].map(
        (part) => search(part.model, part.operations, 1_000_000).verdict,
      ),
    isLinearizable: (history) => isLinearizable(model, history),
    generate: (...shape) => generate(spec, ...shape),
  };
}

const subjects = [
  subject("register", register, specs.registerSpec),
  subject("register without refusals", register, specs.plainRegisterSpec),
  subject("counter", counter, specs.counterSpec),
  subject("set", set, specs.setSpec),
  subject("list-append", listAppend, specs.listSpec),
  subject("list-append with lengths", listAppend, specs.lengthListSpec),
  subject("queue", queue, specs.queueSpec),
  subject("queue of one way", queue, specs.lineSpec),
  subject("queue with lengths", queue, specs.lengthQueueSpec),
  subject("bank", bank, specs.bankSpec),
  subject("bank of many accounts", bank, specs.largeBankSpec),
  subject("leaderboard", leaderboard, specs.leaderboardSpec),
  subject("lock", lock, specs.lockSpec),
  subject("set that tells what is new", set, specs.toldSetSpec),
  subject("eviction", evictable, specs.evictionSpec),
  subject("strings", strings, specs.stringsSpec),
];

/** One wrong thing: an answer of another operation (stale, reordered), a lost or a doubled element, a moved interval. */
function damage(history: readonly Operation[], draw: (below: number) => number): Operation[] {
  const damaged = [...history];
  const at = draw(history.length);
  const victim = history[at]!;
  const other = history[draw(history.length)]!;
  switch (draw(4)) {
    case 0: {
      const same = history.filter(({ f, outcome }) => f === victim.f && outcome === "ok");
      const source = same.length === 0 ? victim : same[draw(same.length)]!;
      damaged[at] = { ...victim, output: source.output };
      break;
    }
    case 1:
      damaged.splice(at, 1);
      break;
    case 2:
      if (Array.isArray(victim.output) && victim.output.length > 0)
        damaged[at] = {
          ...victim,
          output: draw(2) === 0 ? victim.output.slice(1) : [...victim.output, victim.output[0]],
        };
      else if (typeof victim.output === "number") damaged[at] = { ...victim, output: victim.output + 1 };
      else damaged.push({ ...victim, process: 99 });
      break;
    default: {
      const length = (victim.completedNs ?? victim.invokedNs) - victim.invokedNs;
      const isOpen = victim.outcome === "info";
      damaged[at] = {
        ...victim,
        invokedNs: other.invokedNs,
        completedNs: isOpen ? null : other.invokedNs + length,
      };
    }
  }
  return damaged;
}

describe.each(subjects)("$name", (each) => {
  test("what a correct system may do is valid", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(6), (seed, unknowns) => {
        expect(each.verdict(each.generate(drawFrom(seed), 40, 3, unknowns))).toBe("valid");
      }),
      { numRuns: runs(100) },
    );
  });

  test("agrees with trying every order, also where one operation is wrong", () => {
    const verdicts = { valid: 0, invalid: 0 };
    fc.assert(
      fc.property(fc.nat(), fc.nat(2), (seed, unknowns) => {
        const draw = drawFrom(seed);
        const history = damage(each.generate(draw, 7, 3, unknowns), draw);
        const expected = each.isLinearizable(history) ? "valid" : "invalid";
        verdicts[expected]++;
        expect(each.verdict(history)).toBe(expected);
        expect(each.breadthFirst(history)).toBe(expected);
        const parts = each.parts(history);
        expect(expected === "valid" && parts.includes("invalid"), parts.join()).toBe(false);
      }),
      { numRuns: runs(400) },
    );
    expect(verdicts.valid).toBeGreaterThan(20);
    expect(verdicts.invalid).toBeGreaterThan(20);
  });
});

test.each(subjects.filter(({ name }) => name !== "strings" && name !== "queue with lengths"))(
  "10,000 operations of '$name' with 50 unknown ones are decided",
  (each) => {
    expect(each.verdict(each.generate(drawFrom(1), 10_000, 8, 50))).toBe("valid");
  },
  60_000,
);

/** In the middle, the answer of another pop: one element comes out twice, and one never. */
test.each(["queue", "queue of one way", "queue with lengths"])(
  "10,000 operations of '%s' with a wrong answer are invalid",
  (name) => {
    const each = subjects.find((subject) => subject.name === name)!;
    const history = each.generate(drawFrom(1), 10_000, 8, 50);
    const isAnswer = ({ f, output }: Operation): boolean => f === "pop" && output !== null;
    const [wrong, other] = history.slice(5000).filter(isAnswer);
    const damaged = history.map((each) => (each === wrong ? { ...wrong, output: other!.output } : each));
    expect(each.verdict(damaged)).toBe("invalid");
  },
  60_000,
);

test("of two ways to one state, who used fewer unknown operations makes the other superfluous", () => {
  const frontier = new Frontier(counter);
  const by = (unknown: bigint) => ({ state: 1, known: 0n, unknown, unknowns: 0, chain: null, length: 0 });
  expect(frontier.admit(by(0b011n))).toBe(true);
  expect(frontier.admit(by(0b110n))).toBe(true);
  expect(frontier.admit(by(0b111n))).toBe(false);
  expect(frontier.admit(by(0b010n))).toBe(true);
  expect(frontier.all()).toEqual([by(0b010n)]);
  expect(frontier.admit({ ...by(0b011n), known: 1n })).toBe(true);
});

test("a search that runs out of its budget is unknown, never valid", () => {
  const history = subjects[0]!.generate(drawFrom(3), 2000, 5, 10);
  expect(subjects[0]!.verdict(history, 50)).toBe("unknown");
});
