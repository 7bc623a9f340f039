import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { drawQuorum } from "./quorum.js";

/** Replica n lives on node n; those of `lost` have no state any more. */
const hosts =
  (...lost: readonly number[]) =>
  (_range: number, replica: number): number | undefined =>
    lost.includes(replica) ? undefined : replica;

const group = (range: number, voters: readonly number[], outgoing: readonly number[] = []) => ({
  range,
  configuration: { voters, outgoing, learners: [] },
});

function draws(groups: Parameters<typeof drawQuorum>[0], hostOf = hosts()): Set<string> {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const drawn = drawQuorum(groups, hostOf, new SeededRandom(seed));
    seen.add(drawn === null ? "none" : [...drawn].sort((a, b) => a - b).join(" "));
  }
  return seen;
}

test("each majority of a range is drawn, and no more than a majority", () => {
  expect(draws([group(1, [0, 1, 2])])).toEqual(new Set(["0 1", "0 2", "1 2"]));
});

test("both halves of a joint configuration have their majority", () => {
  for (const drawn of draws([group(1, [2, 3, 4], [0, 1, 2])])) {
    const nodes = drawn.split(" ").map(Number);
    expect(nodes.filter((at) => at >= 2).length).toBeGreaterThanOrEqual(2);
    expect(nodes.filter((at) => at <= 2).length).toBeGreaterThanOrEqual(2);
  }
});

test("each range has its own majority", () => {
  for (const drawn of draws([group(1, [0, 1, 2]), group(2, [2, 3, 4])])) {
    const nodes = drawn.split(" ").map(Number);
    expect(nodes.filter((at) => at >= 2).length).toBeGreaterThanOrEqual(2);
    expect(nodes.filter((at) => at <= 2).length).toBeGreaterThanOrEqual(2);
    expect(nodes.length).toBeLessThan(5);
  }
});

test("a voter that lost its state counts for no majority", () => {
  expect(draws([group(1, [0, 1, 2])], hosts(1))).toEqual(new Set(["0 2"]));
  expect(draws([group(1, [0, 1])], hosts(1))).toEqual(new Set(["none"]));
});
