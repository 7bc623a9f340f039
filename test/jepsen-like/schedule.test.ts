import { expect, test } from "vitest";
import { runSchedule } from "../../jepsen-like/run/schedule.js";
import { SeededRandom } from "../../src/base/random.js";

/** A schedule too short for any fault, which asks what it lacks. @returns how often it did. */
async function asked(enough: (times: number) => boolean, harms = 1): Promise<number> {
  let times = 0;
  await runSchedule(
    {
      harms: Array.from({ length: harms }, () => ({
        ...{ name: "none", effects: [] },
        inject: () => Promise.resolve(null),
      })),
      ...{ mix: 1, durationMs: 30, random: new SeededRandom(1) },
      lack: () => (enough(++times) ? "nothing" : "faults"),
      recovered: () => Promise.resolve(),
    },
    () => 0,
    () => {},
  );
  return times;
}

test("a schedule goes on until enough has happened, up to twice as long", async () => {
  expect(await asked(() => true)).toBe(1);
  // Asked at the planned end, for the length of the next rest, and at the next end.
  expect(await asked((times) => times > 1)).toBe(3);
  // The last third may begin a rounding error before the end.
  expect([6, 8]).toContain(await asked(() => false));
});

test("without faults there is nothing to go on for", async () => {
  expect(await asked(() => false, 0)).toBe(0);
});
