import fc from "fast-check";
import { expect, test } from "vitest";
import { committedIndex, majorityOf, quorumOf, quorumTime, voteOutcome } from "../../src/raft/quorum.js";
import type { Configuration } from "../../src/raft/types.js";
import { configurations } from "./arbitraries.js";

/** The naive model: majorities by the book, over sets. */
function isQuorum(configuration: Configuration, set: ReadonlySet<number>): boolean {
  const majority = (half: readonly number[]): boolean =>
    half.filter((id) => set.has(id)).length * 2 > half.length;
  if (configuration.voters.length === 0) return false;
  return (
    majority(configuration.voters) &&
    (configuration.outgoing.length === 0 || majority(configuration.outgoing))
  );
}

const maxReplica = 11;
const sets = fc.uniqueArray(fc.integer({ min: 1, max: maxReplica })).map((ids) => new Set(ids));
const numbers = fc.array(fc.nat(20), { minLength: maxReplica + 1, maxLength: maxReplica + 1 });
const withVoters = configurations(maxReplica).filter((c) => c.voters.length > 0);

const plain = (...voters: number[]): Configuration => ({ voters, outgoing: [], learners: [] });

test("quorumOf agrees with majorities by the book, in joint configurations too", () => {
  fc.assert(
    fc.property(configurations(maxReplica), sets, (c, set) => {
      expect(quorumOf(c, (id) => set.has(id))).toBe(isQuorum(c, set));
    }),
  );
});

test("two quorums of one configuration share a voter", () => {
  fc.assert(
    fc.property(withVoters, sets, sets, (c, a, b) => {
      fc.pre(quorumOf(c, (id) => a.has(id)) && quorumOf(c, (id) => b.has(id)));
      expect(c.voters.some((id) => a.has(id) && b.has(id))).toBe(true);
    }),
  );
});

test("safety 31: a quorum of a joint configuration shares a voter with each quorum of the old and of the new one", () => {
  fc.assert(
    fc.property(withVoters, sets, sets, (c, a, b) => {
      fc.pre(c.outgoing.length > 0 && quorumOf(c, (id) => a.has(id)));
      for (const half of [c.voters, c.outgoing]) {
        if (!quorumOf(plain(...half), (id) => b.has(id))) continue;
        expect(half.some((id) => a.has(id) && b.has(id))).toBe(true);
      }
    }),
  );
});

test("committedIndex is the largest index that a quorum holds", () => {
  fc.assert(
    fc.property(configurations(maxReplica), numbers, (c, matches) => {
      let expected = 0;
      for (const candidate of matches) {
        const holders = new Set([...matches.keys()].filter((id) => matches[id]! >= candidate));
        if (candidate > expected && isQuorum(c, holders)) expected = candidate;
      }
      expect(committedIndex(c, (id) => matches[id]!)).toBe(expected);
    }),
  );
});

test("committedIndex never falls when one replica's match rises", () => {
  fc.assert(
    fc.property(
      withVoters,
      numbers,
      fc.integer({ min: 1, max: maxReplica }),
      fc.nat(20),
      (c, matches, id, by) => {
        const before = committedIndex(c, (replica) => matches[replica]!);
        const risen = matches.with(id, matches[id]! + by);
        expect(committedIndex(c, (replica) => risen[replica]!)).toBeGreaterThanOrEqual(before);
      },
    ),
  );
});

test("quorumTime is the largest time that a quorum of each half has reached", () => {
  fc.assert(
    fc.property(
      withVoters,
      fc.array(fc.double({ noNaN: true }), { minLength: 12, maxLength: 12 }),
      (c, times) => {
        const time = quorumTime(c, (id) => times[id]!);
        const reached = (t: number): boolean =>
          isQuorum(c, new Set([...times.keys()].filter((id) => times[id]! >= t)));
        expect(reached(time)).toBe(true);
        for (const other of times) if (other > time) expect(reached(other)).toBe(false);
      },
    ),
  );
});

test("a replica that was never heard holds the time of a quorum that needs it at its -Infinity", () => {
  const heard = new Map([[1, 50]]);
  const timeOf = (id: number): number => heard.get(id) ?? Number.NEGATIVE_INFINITY;
  expect(quorumTime(plain(1, 2, 3), timeOf)).toBe(Number.NEGATIVE_INFINITY);
  heard.set(3, 40);
  expect(quorumTime(plain(1, 2, 3), timeOf)).toBe(40);
});

type Vote = boolean | null;
const votes = fc.array(fc.constantFrom<Vote>(true, false, null), { minLength: 12, maxLength: 12 });

test("voteOutcome is won when the granted are a quorum, and lost when even all open votes couldn't make one", () => {
  fc.assert(
    fc.property(configurations(maxReplica), votes, (c, cast) => {
      const granted = quorumOf(c, (id) => cast[id] === true);
      const possible = quorumOf(c, (id) => cast[id] !== false);
      const expected = granted ? "won" : possible ? "pending" : "lost";
      expect(voteOutcome(c, (id) => cast[id]!)).toBe(expected);
    }),
  );
});

test("a vote that was cast settles nothing backwards: won stays won and lost stays lost", () => {
  fc.assert(
    fc.property(
      withVoters,
      votes,
      fc.integer({ min: 1, max: maxReplica }),
      fc.boolean(),
      (c, cast, id, vote) => {
        const before = voteOutcome(c, (replica) => cast[replica]!);
        fc.pre(before !== "pending" && cast[id] === null);
        const later = cast.with(id, vote);
        expect(voteOutcome(c, (replica) => later[replica]!)).toBe(before);
      },
    ),
  );
});

test("learners never count", () => {
  const c: Configuration = { voters: [1, 2, 3], outgoing: [], learners: [4, 5, 6] };
  expect(committedIndex(c, (id) => (id >= 4 ? 100 : Number(id)))).toBe(2);
  expect(quorumOf(c, (id) => id >= 4 || id === 1)).toBe(false);
  expect(voteOutcome(c, (id) => (id >= 4 ? true : null))).toBe("pending");
});

test("a configuration without voters has no quorum: nothing is committed, won or proven", () => {
  const nobody: Configuration = { voters: [], outgoing: [], learners: [1] };
  expect(committedIndex(nobody, () => 7)).toBe(0);
  expect(quorumOf(nobody, () => true)).toBe(false);
  expect(voteOutcome(nobody, () => true)).toBe("lost");
  expect(quorumTime(nobody, () => 7)).toBe(Number.NEGATIVE_INFINITY);
});

test("one voter alone is a quorum, and an even number needs one more than half", () => {
  expect(committedIndex(plain(9), () => 5)).toBe(5);
  expect(majorityOf(1)).toBe(1);
  expect(majorityOf(4)).toBe(3);
  expect(quorumOf(plain(1, 2, 3, 4), (id) => id <= 2)).toBe(false);
  expect(quorumOf(plain(1, 2, 3, 4), (id) => id <= 3)).toBe(true);
});
