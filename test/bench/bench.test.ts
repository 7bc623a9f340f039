import { describe, expect, test } from "vitest";
import { byFunction, byPlace, selfTimes } from "./cpu-profile.js";
import { h2loadRate, percentile, rate, ratioLine, ratios, redisBenchmarkRate, spread } from "./figures.js";
import { grpcFrame } from "./generators.js";
import { readOptions } from "./options.js";
import { selectRows } from "./rows.js";

describe("figures", () => {
  test("the median of an even count is the mean of the middle two", () => {
    expect(spread([4, 1, 3, 10])).toEqual({ median: 3.5, min: 1, max: 10 });
    expect(spread([2, 9, 1])).toEqual({ median: 2, min: 1, max: 9 });
    expect(() => spread([])).toThrow("nothing was measured");
  });

  test("percentiles are nearest ranks", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([percentile(values, 50), percentile(values, 99), percentile(values, 100)]).toEqual([50, 99, 100]);
    expect(percentile([7], 1)).toBe(7);
  });

  test("ratios are taken round by round, not between medians", () => {
    // A machine that is half as fast in the second round changes neither ratio.
    expect(ratios([100, 50], [200, 100])).toEqual([0.5, 0.5]);
    expect(ratios([100], [200], 24)).toEqual([12]);
    expect(() => ratios([1, 2], [1])).toThrow("pair up");
  });

  test("a row is one line that a program can read", () => {
    expect(ratioLine("a vs b", spread([1, 2, 4]))).toBe("bench: a vs b: 2.00x (1.00 .. 4.00)");
    expect([rate(633_100), rate(8450)]).toEqual(["633k", "8.4k"]);
  });
});

describe("output of the generators", () => {
  const csv = '"test","rps","avg_latency_ms"\n"SET","21235.93","30.245"\n';
  test("redis-benchmark --csv", () => {
    expect(redisBenchmarkRate(csv)).toBe(21_235.93);
    expect(() => redisBenchmarkRate(`${csv}Error from server: BUSY too much\n`)).toThrow("BUSY");
    expect(() => redisBenchmarkRate("Could not connect")).toThrow("no rate");
  });

  test("h2load, whose failed requests are no rate", () => {
    const output = (failed: number): string =>
      `finished in 6.95s, 2876.34 req/s, 115.46KB/s\nrequests: 9 total, 9 started, 9 done, 9 succeeded, ${failed} failed, 0 errored, 0 timeout\n`;
    expect(h2loadRate(output(0))).toBe(2876.34);
    expect(() => h2loadRate(output(3))).toThrow("3 requests failed");
    expect(() => h2loadRate("")).toThrow("no rate");
  });
});

test("a gRPC body is a length-prefixed protobuf message", () => {
  expect([...grpcFrame([2, "ab"], [3, "c"])]).toEqual([0, 0, 0, 0, 7, 0x12, 2, 97, 98, 0x1a, 1, 99]);
});

test("options come from the environment, and nonsense is refused", () => {
  expect(readOptions({})).toMatchObject({ rounds: 3, ranges: [1, 16], kills: 10 });
  expect(readOptions({ QUICK: "1", KILLS: "100", RANGES: "1" })).toMatchObject({
    rounds: 1,
    kills: 100,
    ranges: [1],
  });
  expect(() => readOptions({ ROUNDS: "many" })).toThrow('ROUNDS must be a whole number above 0, not "many"');
  expect(() => readOptions({ RANGES: "0" })).toThrow("RANGES");
});

test("rows of a leader alone aren't shown for many ranges", () => {
  expect(selectRows(16, "").some(({ name }) => name.includes("follower"))).toBe(false);
  expect(selectRows(1, "follower").map(({ name }) => name)).toEqual([
    "SET P16 through a follower vs the leader",
    "GET P16 through a follower vs the leader",
  ]);
});

test("self times leave idle time out and keep to the window", () => {
  const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 9 });
  const profile = {
    nodes: [
      { id: 1, callFrame: frame("(idle)", "") },
      { id: 2, callFrame: frame("apply", "file:///x/dist/machine/a.js") },
      { id: 3, callFrame: frame("", "node:net") },
    ],
    samples: [2, 1, 2, 3],
    timeDeltas: [1000, 5000, 3000, 1000],
  };
  expect(selfTimes(profile)).toEqual([
    { name: "apply machine/a.js:10", ms: 4, share: 0.8 },
    { name: "(anonymous) node:net:10", ms: 1, share: 0.2 },
  ]);
  expect(selfTimes(profile, byFunction, 2000, 9500).map(({ name }) => name)).toEqual([
    "apply machine/a.js:10",
  ]);
  expect(selfTimes(profile, byPlace).map(({ name }) => name)).toEqual(["src/machine", "node:net"]);
});
