import fc from "fast-check";
import { expect, test } from "vitest";
import { TouchList } from "../../src/machine/touch-list.js";
import { runs } from "../properties.js";

/** Hashes that share homes, so that places are taken and moved. */
const hash = fc.oneof(fc.integer({ min: 8180, max: 8200 }), fc.integer({ min: 0, max: 0xffff_ffff }));

test("each noted key is handed out once, with its uses, whatever was kept or forgotten between", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(hash, fc.constantFrom("add", "sent", "gone", "kept")), { maxLength: 300 }),
      (steps) => {
        const list = new TouchList();
        const model = new Map<number, number>();
        for (const [low, what] of steps) {
          if (what === "add") {
            list.add(7, low, low ^ 5);
            model.set(low, Math.min(255, (model.get(low) ?? 0) + 1));
          } else
            list.take(3, 3, (slot, hashLow, hashHigh, uses) => {
              expect([slot, hashHigh]).toEqual([7, (hashLow ^ 5) >>> 0]);
              expect(uses).toBe(model.get(hashLow));
              if (what !== "kept") model.delete(hashLow);
              return what;
            });
          expect(list.count).toBe(model.size);
        }
        list.take(1000, 1000, (_slot, hashLow, _high, uses) => {
          expect(uses).toBe(model.get(hashLow));
          model.delete(hashLow);
          return "sent";
        });
        expect(model.size).toBe(0);
      },
    ),
    { numRuns: runs(200) },
  );
});

test("a full list forgets what comes, and counts no further than 255 uses", () => {
  const list = new TouchList();
  for (let low = 0; low < 20_000; low++) list.add(1, low, 1);
  const { count } = list;
  expect(count).toBeLessThan(8192);
  for (let i = 0; i < 1000; i++) list.add(1, 0, 1);
  const seen = new Map<number, number>();
  list.take(20_000, 20_000, (_slot, low, _high, uses) => {
    seen.set(low, uses);
    return "sent";
  });
  expect(seen.size).toBe(count);
  expect(seen.get(0)).toBe(255);
});
