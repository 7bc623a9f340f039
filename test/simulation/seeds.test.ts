import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
/** The same ones each time: what a change breaks shows, and nothing else. `make sim` takes fresh ones. */
const first = 50_000;
const seeds = 190;
const budgetSeconds = 170;

test("clusters of a block of seeds keep every promise", { timeout: 300_000 }, async () => {
  const { stdout } = await run(
    process.execPath,
    ["--import", "./test/bench/typescript-loader.mjs", "test/simulation/main.ts"],
    {
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
      env: {
        ...process.env,
        FIRST: `${first}`,
        SEEDS: `${seeds}`,
        BUDGET: `${budgetSeconds}`,
        SHRINK: "0",
      },
      maxBuffer: 1 << 26,
    },
  );
  console.log(stdout.trim().split("\n").slice(-2).join("\n"));
  const line = /^sim: (\d+) seeds, .* (\d+) violations/m.exec(stdout);
  expect(Number(line?.[2])).toBe(0);
  expect(Number(line?.[1])).toBeGreaterThan(20);
});
