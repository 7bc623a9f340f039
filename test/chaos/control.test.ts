import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runRedisControl } from "../../jepsen-like/control/redis-control.js";
import { workloadOf } from "../../jepsen-like/workloads/all.js";

test.each(["append", "register"])(
  "the harness finds what Redis loses when a replica is promoted by hand: %s",
  { timeout: 90_000 },
  async (name) => {
    const out = mkdtempSync(join(tmpdir(), "quorate-control-"));
    try {
      const finding = await runRedisControl({ workload: workloadOf(name)!, out, seed: 1 });
      expect(finding.verdict).toBe("invalid");
      expect(finding.problems.length).toBeGreaterThan(0);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  },
);
