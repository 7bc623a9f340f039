import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { mutated } from "./judge.js";
import { mutants } from "./mutants.js";

const project = fileURLToPath(new URL("../../", import.meta.url));

test("every mutant still changes exactly one place of the sources", () => {
  for (const mutant of mutants) {
    const source = readFileSync(`${project}${mutant.file}`, "utf8");
    expect(mutated(source, mutant), mutant.name).not.toBe(source);
  }
  expect(mutants.length).toBeGreaterThanOrEqual(20);
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});
