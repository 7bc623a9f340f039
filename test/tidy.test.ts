import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { impuritiesIn, layersInRules, linesWith, parse, root, sourcesIn, untidinessIn } from "./tidy.js";

/** `node` is driven through ports alone, so it obeys the rules of the pure layers too. */
const pureLayers = ["base", "raft", "store", "commands", "machine", "placement", "ports", "node"];
const source = sourcesIn("src");
const all = [...source, ...sourcesIn("jepsen-like"), ...sourcesIn("test")];

test("pure layers know no clock, timer, promise, process, locale, chance or inexact arithmetic", () => {
  const pure = source.filter(({ path }) => pureLayers.some((layer) => path.startsWith(`src/${layer}/`)));
  expect(pure.length).toBeGreaterThan(50);
  expect(pure.flatMap(impuritiesIn)).toEqual([]);
});

test("the checker and the history are pure too", () => {
  const pure = all.filter(({ path }) => /^jepsen-like\/(checker|history)\//.test(path));
  expect(pure.length).toBeGreaterThan(10);
  expect(pure.flatMap(impuritiesIn)).toEqual([]);
});

test.each([
  ["const t = Date.now();", "Date"],
  ["const t = new Date(0);", "Date"],
  ["setTimeout(f, 1);", "setTimeout"],
  ["const f = async () => 1;", "await"],
  ["const x = process.env;", "process"],
  ["const p: Promise<void> = q;", "Promise"],
  ["const x = a.localeCompare(b);", "localeCompare"],
  ["const x = Math.random();", "Math.random"],
  ["const x = Math.pow(a, b);", "Math.pow"],
  ["const x = a ** 0.5;", "**"],
])("the check of pure layers finds: %s", (text, what) => {
  expect(impuritiesIn(parse("a.ts", text))).toContain(`a.ts:1: ${what}`);
});

test("the check of pure layers lets exact arithmetic and our own ports pass", () => {
  expect(impuritiesIn(parse("a.ts", "const x = 2 ** 20 + clock.setTimeout(Math.floor(y)); // Date"))).toEqual(
    [],
  );
});

test("pure layers compile without types of their surroundings", () => {
  const layer = readFileSync(join(root, "src/tsconfig.layer.json"), "utf8");
  expect(JSON.parse(layer).compilerOptions).toMatchObject({ types: [], lib: ["ES2023"] });
  for (const name of pureLayers) {
    const { compilerOptions } = JSON.parse(readFileSync(join(root, `src/${name}/tsconfig.json`), "utf8"));
    expect(Object.keys(compilerOptions), name).not.toContain("types");
    expect(Object.keys(compilerOptions), name).not.toContain("lib");
  }
});

test("no any, enum, default export or barrel, and every test runs", () => {
  const allowed = [
    // Vitest asks for it.
    "test/vitest.config.ts: default export",
    // The package's entry names the types of its signatures.
    "src/client/client.ts: re-export",
  ];
  const found = all.flatMap(untidinessIn);
  expect(found.filter((line) => !allowed.includes(line.replace(/:\d+:/, ":")))).toEqual([]);
});

test.each([
  ["let x: any;", "any"],
  ["enum A { b }", "enum"],
  ["export default 1;", "default export"],
  ["export default function f() {}", "default export"],
  ['export * from "./b.js";', "re-export"],
  ["test.skip('a', f);", ".skip"],
  ["describe.each([]).only('a', f);", ".only"],
])("the check of all files finds: %s", (text, what) => {
  expect(untidinessIn(parse("a.ts", text))).toEqual([`a.ts:1: ${what}`]);
});

test("nothing is left to do later, and no check is switched off", () => {
  // Spelled apart, so that this line isn't found.
  const words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"];
  const pattern = new RegExp(
    `\\b(${words.join("|")})\\b|@ts-(ignore|expect-error|nocheck)|(biome|eslint)-(ignore|disable)`,
  );
  expect(
    all.filter(({ path }) => path !== "test/tidy.test.ts").flatMap((file) => linesWith(file, pattern)),
  ).toEqual([]);
});

test("a file reads in one sitting", () => {
  const mostLines = 450;
  const tooLong = all
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > mostLines);
  expect(tooLong).toEqual([]);
});

test("every folder of src/ is in the layer table, and every layer has a folder", () => {
  const layers = layersInRules();
  // The composition root and the command line may import anything.
  const known = new Set(["src", "src/server", "src/cli", ...layers.map((layer) => `src/${layer}`)]);
  const folders = new Set(source.map(({ path }) => dirname(path)));
  // A layer may have folders of its own: rules and checks go by the path's beginning.
  const isInside = (folder: string): boolean => layers.some((layer) => folder.startsWith(`src/${layer}/`));
  expect([...folders].filter((folder) => !known.has(folder) && !isInside(folder))).toEqual([]);
  expect(layers.filter((layer) => !folders.has(`src/${layer}`))).toEqual([]);
});

test("a test that names a safety row names one that exists", () => {
  const rows = all.flatMap(({ path, text }) =>
    [...text.matchAll(/\bsafety (\d+(?:(?:, | and |, and )\d+)*)/g)].flatMap((match) =>
      match[1]!.match(/\d+/g)!.map((number) => ({ path, row: Number(number) })),
    ),
  );
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.filter(({ row }) => row < 1 || row > 76)).toEqual([]);
});

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test("the lock file names no registry and holds what other platforms install", () => {
  const text = readFileSync(join(root, "package-lock.json"), "utf8");
  expect(text).not.toContain('"resolved"');
  const packages: Readonly<Record<string, LockedPackage>> = JSON.parse(text).packages;
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, "")));
  // npm leaves out what it couldn't look up, and `npm ci` then refuses the file.
  const missing = Object.values(packages).flatMap(({ optionalDependencies }) =>
    Object.keys(optionalDependencies ?? {}).filter((name) => !names.has(name)),
  );
  expect(missing).toEqual([]);
});

test("package.json pins what the lock file holds", () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    expect(packages[`node_modules/${name}`].version, name).toBe(version);
});

test("files are named in kebab-case", () => {
  const names = all.map(({ path }) => basename(path));
  expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.ts$/.test(name))).toEqual([]);
});
