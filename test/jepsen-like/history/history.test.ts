import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { pairEvents, parseHistory, writeHistory } from "../../../jepsen-like/history/history.js";
import { root } from "../../tidy.js";

const line = (index: number, type: string, f: string, value: unknown): string =>
  JSON.stringify({ index, time: index * 1000, process: 0, type, f, key: "x", value });
const wrote = [line(0, "invoke", "write", 1), line(1, "ok", "write", 1)];
const good = [...wrote, line(2, "invoke", "read", null), line(3, "ok", "read", 1)].join("\n");
const bad = [...wrote, line(2, "invoke", "read", null), line(3, "ok", "read", null)].join("\n");

test("what is written reads the same, and ends belong to their invocations", () => {
  const events = parseHistory(good);
  expect(parseHistory(writeHistory(events))).toEqual(events);
  expect(pairEvents(events)).toMatchObject([
    { f: "write", input: 1, outcome: "ok", invokedNs: 0, completedNs: 1000 },
    { f: "read", input: null, output: 1, invokedNs: 2000, completedNs: 3000 },
  ]);
});

test("what never ended is unknown and open", () => {
  expect(pairEvents(parseHistory(line(0, "invoke", "write", 1)))).toMatchObject([
    { outcome: "info", completedNs: null },
  ]);
});

test.each([
  ["{", "line 1: not JSON"],
  [`${wrote[0]}\n[]`, "line 2: not an object"],
  [wrote[0]!.replace("invoke", "maybe"), "line 1: type"],
])("refuses %j and names the line", (text, message) => {
  expect(() => parseHistory(text)).toThrow(message);
});

test("refuses an end that nobody waits for", () => {
  expect(() => pairEvents(parseHistory(wrote[1]!))).toThrow("hasn't invoked");
});

test.each([
  [good, 0, "valid: 2 operations"],
  [bad, 1, "invalid: 2 operations"],
  ["{", 2, "line 1: not JSON"],
  ["", 2, "proves nothing"],
])("quorate check judges a file %#", (text, code, message) => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-check-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "history.jsonl");
  writeFileSync(file, text);
  const words = [join(root, "dist/main.js"), "check", "--model", "register", file];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
  expect(stdout + stderr).toContain(message);
  expect(status).toBe(code);
});
