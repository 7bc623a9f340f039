import { expect, test } from "vitest";
import { imageOf, page } from "../../jepsen-like/failover/page.js";
import { plot, shares } from "../../jepsen-like/failover/plot.js";
import { longestGap } from "../../jepsen-like/failover/writer.js";

test("the longest time without an acknowledgement is found, also where it begins before or is still open", () => {
  expect(longestGap([0, 10, 30, 35], 0, 40)).toBe(20);
  // What was over before it began doesn't count, what reaches into it counts whole.
  expect(longestGap([0, 100, 110, 160, 165], 105, 170)).toBe(50);
  expect(longestGap([0, 100, 170], 120, 175)).toBe(70);
  expect(longestGap([0, 10], 5, 90)).toBe(80);
  expect(longestGap([], 5, 90)).toBe(85);
});

test("a plot rises from none to all of the times", () => {
  expect(shares([30, 10, 20, 20])).toEqual([
    [10, 0],
    [10, 25],
    [20, 50],
    [20, 75],
    [30, 100],
  ]);
});

test("the page has a row of figures and an image for each scenario", () => {
  const scenario = { name: "The leader is killed", what: "From kill to write." };
  const systems = [
    { name: "Quorate", times: [100, 200, 300] },
    { name: "etcd", times: [900] },
  ];
  const text = page([{ scenario, systems }], {
    command: "make failover KILLS=3",
    day: "2030-01-02",
    machine: "two cores",
    loadBefore: 0.25,
    loadAfter: 1,
    lanes: 6,
  });
  expect(text).toContain("| Quorate | 3     | 200 | 300 | 300 |");
  expect(text).toContain("| etcd    | 1     | 900 | 900 | 900 |");
  expect(text).toContain("![The leader is killed](results/the-leader-is-killed.svg)");
  expect(text).toContain("`make failover KILLS=3` on 2030-01-02, on two cores");
  const image = plot(scenario.name, systems);
  expect(imageOf(scenario)).toMatch(/\.svg$/);
  expect(image).toMatch(/^<svg .*<\/svg>\n$/s);
  for (const name of ["The leader is killed", "Quorate", "etcd"]) expect(image).toContain(name);
  expect(image.match(/<path/g)!.length).toBeGreaterThanOrEqual(2);
});
