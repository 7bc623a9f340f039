import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { rewriteScenario } from "./scenario.js";

const folder = new URL("testdata/", import.meta.url);

for (const file of readdirSync(folder).sort()) {
  const text = readFileSync(new URL(file, folder), "utf8");
  const why = text.slice(0, text.indexOf("\n")).replace(/^# /, "");

  test(`${file}: ${why}`, () => {
    expect(text, "the first line says why the scenario exists").toMatch(/^# ./);
    const actual = rewriteScenario(text);
    if (process.env.REWRITE === "1") writeFileSync(new URL(file, folder), actual);
    else expect(actual).toBe(text);
  });
}
