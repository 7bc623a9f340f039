import { expect, test } from "vitest";
import type { Effect } from "../../jepsen-like/nemesis/fault.js";
import { gatherEvidence, lackOf, percentile } from "../../jepsen-like/run/evidence.js";
import type { Sight } from "../../jepsen-like/run/monitor.js";
import type { Strike } from "../../jepsen-like/run/schedule.js";
import type { Observed } from "../../jepsen-like/workloads/workload.js";

/** An operation every 20 ms for a minute, each of 5 ms. */
function steady(change: (operation: Observed) => Partial<Observed> = () => ({})): readonly Observed[] {
  return Array.from({ length: 3000 }, (_, i): Observed => {
    const invokedNs = i * 20e6;
    const plain: Observed = {
      ...{ f: "read", key: "k", value: null, result: null, process: 1, node: "node-1", error: null },
      ...{ type: "ok", invokedNs, completedNs: invokedNs + 5e6 },
    };
    return { ...plain, ...change(plain) };
  });
}

const seconds = (from: number, to: number) => ({ fromNs: from * 1e9, struckNs: from * 1e9, toNs: to * 1e9 });
const strike = (effects: readonly Effect[], shown: readonly Effect[] = []): Strike => ({
  ...{ name: "a-fault", what: "what was done", effects, shown },
  ...seconds(20, 40),
});

const sights: readonly Sight[] = Array.from({ length: 60 }, (_, i) => ({
  atNs: i * 1e9,
  leaders: [{ range: 1, leader: "node-1", term: 1 }],
  answering: ["node-1", "node-2"],
}));

test("a fault of which nothing was seen proves nothing", () => {
  const { missing } = gatherEvidence(
    steady(),
    [strike(["leader", "down", "errors", "latency"])],
    sights,
    60_000,
  );
  expect(missing).toEqual(["a-fault had no effect (leader or down or errors or latency)"]);
});

test("a fault from which no effect is asked needs none", () => {
  expect(gatherEvidence(steady(), [strike([])], sights, 60_000).missing).toEqual([]);
});

const during = ({ invokedNs }: Observed): boolean => invokedNs >= 20e9 && invokedNs <= 40e9;
const seen = (
  effects: readonly Effect[],
  history: readonly Observed[],
  some = sights,
  shown: readonly Effect[] = [],
) => gatherEvidence(history, [strike(effects, shown)], some, 60_000).strikes[0]!.seen;

test("each effect is seen where it is", () => {
  const refused = steady((each) => (during(each) ? { type: "fail", error: "no leader" } : {}));
  expect(seen(["errors"], refused)).toContain("errors");
  const slow = steady((each) => (during(each) ? { completedNs: each.invokedNs + 60e6 } : {}));
  expect(seen(["latency"], slow)).toContain("latency");
  const led = sights.map((each) =>
    each.atNs < 25e9 ? each : { ...each, leaders: [{ range: 1, leader: "node-2", term: 2 }] },
  );
  expect(seen(["leader"], steady(), led)).toContain("leader");
  const gone = sights.map((each) => (each.atNs === 30e9 ? { ...each, answering: ["node-1"] } : each));
  expect(seen(["down"], steady(), gone)).toContain("down");
  expect(seen(["packets"], steady(), sights, ["packets"])).toEqual(["packets"]);
});

test("a run that did too little, or little under its faults, proves nothing", () => {
  const few = steady().filter((_, i) => i % 4 === 0);
  expect(gatherEvidence(few, [], sights, 60_000).missing).toEqual([
    "only 750 operations a minute were acknowledged",
  ]);
  const idle = steady((each) => (during(each) ? { type: "fail", error: "no leader" } : {}));
  expect(gatherEvidence(idle, [strike(["errors"])], sights, 60_000).missing).toEqual([
    "only 0 % of them under a fault",
  ]);
});

test("that a lock is taken is an answer, that nothing young enough is at hand is none", () => {
  const told = (error: string) => steady((each) => (during(each) ? { type: "fail", error } : {}));
  expect(gatherEvidence(told("conflict"), [strike(["errors"])], sights, 60_000)).toMatchObject({
    acknowledged: 3000,
    missing: ["a-fault had no effect (errors)"],
  });
  expect(gatherEvidence(told("too-stale"), [strike(["errors"])], sights, 60_000).missing).toEqual([
    "only 0 % of them under a fault",
    "a-fault had no effect (errors)",
  ]);
});

test("of faults that are under way together any effect proves each", () => {
  const refused = steady((each) => (during(each) ? { type: "fail", error: "no leader" } : {}));
  const alone = strike(["leader"]);
  const other = { ...strike(["down"]), name: "another-fault" };
  expect(gatherEvidence(refused, [alone], sights, 60_000).missing).toContain(
    "a-fault had no effect (leader)",
  );
  const { missing } = gatherEvidence(refused, [alone, other], sights, 60_000);
  expect(missing.filter((each) => each.includes("no effect"))).toEqual([]);
  const quiet = gatherEvidence(steady(), [alone, other], sights, 60_000).missing;
  expect(quiet).toEqual(["a-fault had no effect (leader)", "another-fault had no effect (down)"]);
});

test("percentiles are values that were seen: the 99th of 100 isn't the largest", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([0.5, 0.99, 1, 0].map((share) => percentile(values, share))).toEqual([50, 99, 100, 1]);
  expect([percentile([3, 7], 0.5), percentile([7], 0.5), percentile([], 0.5)]).toEqual([3, 7, 0]);
});

test("a run lacks operations first, then work under faults and their effects, with a little to spare", () => {
  const few = steady().filter((_, i) => i % 4 === 0);
  const lackIn = (history: readonly Observed[], fault: Strike) =>
    lackOf(gatherEvidence(history, [fault], sights, 60_000));
  expect(lackIn(few, strike([]))).toBe("operations");
  expect(lackIn(steady(), strike([]))).toBe("nothing");
  expect(lackIn(steady(), strike(["errors"]))).toBe("faults");
  const short = { ...strike([]), ...seconds(20, 32.3) };
  expect(gatherEvidence(steady(), [short], sights, 60_000).missing).toEqual([]);
  expect(lackIn(steady(), short)).toBe("faults");
});
