import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flagOf, loadConfig, settingNames, variableOf } from "../../src/server/config.js";

const needed = { name: "a", data: "/var/a", initial: "h1:1,h2:2" };

describe("a node's configuration", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "quorate-config-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function yaml(text: string): string {
    const file = join(folder, "quorate.yaml");
    writeFileSync(file, text);
    return file;
  }
  function errorOf(flags: Readonly<Record<string, unknown>>): string {
    const config = loadConfig(null, {}, flags);
    return config.ok ? "" : config.error;
  }
  function configOf(flags: Readonly<Record<string, unknown>>) {
    const config = loadConfig(null, {}, { ...needed, ...flags });
    if (!config.ok) throw new Error(config.error);
    return config.value;
  }

  it("prefers flags to the environment and the environment to the file", () => {
    const file = yaml("name: file\ndata: .\ninitial: [h1:1]\nranges: 1\nreplicas: 1\nlogLevel: warn\n");
    const environment = { QUORATE_RANGES: "2", QUORATE_REPLICAS: "2", OTHER: "x" };
    const config = loadConfig(file, environment, { ranges: "3" });
    expect(config).toMatchObject({
      ok: true,
      value: { name: "file", ranges: 3, replicas: 2, logLevel: "warn" },
    });
  });

  it("resolves paths of a file against the file's folder", () => {
    const config = loadConfig(yaml("name: a\ndata: d\ninitial: h1:1\nlogFile: l/x.log\n"), {}, {});
    expect(config).toMatchObject({ value: { data: join(folder, "d"), logFile: join(folder, "l/x.log") } });
  });

  it("reads sizes as redis.conf spells them", () => {
    const sizes: [string | number, number][] = [
      ["1gb", 1024 ** 3],
      ["64MB", 64 * 1024 ** 2],
      ["2m", 2_000_000],
      ["1.5gb", 1.5 * 1024 ** 3],
      [1_048_576, 1_048_576],
      ["1048576b", 1_048_576],
    ];
    for (const [text, bytes] of sizes) expect(configOf({ maxmemory: text }).maxmemory).toBe(bytes);
    for (const text of ["", "-1gb", "1zb", "gb", "1 g b"])
      expect(errorOf({ ...needed, maxmemory: text })).toContain("maxmemory (--maxmemory): must be a size");
    expect(errorOf({ ...needed, maxmemory: "1kb" })).toContain("must be at least 1mb");
    expect(errorOf({ ...needed, maxValue: "1gb" })).toContain("must be 1 to 512mb");
  });

  it("reads lists of addresses from YAML and from commas", () => {
    expect(configOf({ initial: "h1:1, [::1]:2" }).initial).toEqual(["h1:1", "[::1]:2"]);
    expect(configOf({ initial: ["h1:1", "h2:2"] }).initial).toEqual(["h1:1", "h2:2"]);
    for (const initial of ["h1", "h1:x", "", [], ["h1:1", "h2"]])
      expect(errorOf({ ...needed, initial })).toContain("initial (--initial)");
  });

  it("reads where to dial peers as pairs of the announced and the reached address", () => {
    expect(configOf({}).natMap).toEqual([]);
    const pairs = [
      ["h1:1", "p:9"],
      ["[::1]:2", "q:8"],
    ];
    expect(configOf({ natMap: "h1:1=p:9, [::1]:2=q:8" }).natMap).toEqual(pairs);
    expect(configOf({ natMap: ["h1:1=p:9", "[::1]:2=q:8"] }).natMap).toEqual(pairs);
    for (const natMap of ["h1:1", "h1:1=p", "=p:9", ["h1:1=p:9=q:1"]])
      expect(errorOf({ ...needed, natMap })).toContain("natMap (--nat-map): must be announced=reached pairs");
  });

  it("says what is missing, wrong or unknown, each once and with its flag", () => {
    expect(errorOf({}).split("\n")).toEqual([
      "the configuration is not valid:",
      expect.stringMatching(/^ {2}name \(--name\): is needed/),
      expect.stringMatching(/^ {2}data \(--data\): is needed/),
      expect.stringMatching(/^ {2}initial \(--initial\): is needed/),
    ]);
    const wrong: [Record<string, unknown>, string][] = [
      [{ respPort: "0" }, "respPort (--resp-port): must be a port, 1 to 65535"],
      [{ grpcPort: "70000" }, "grpcPort (--grpc-port): must be a port, 1 to 65535"],
      [{ ranges: null }, "ranges (--ranges): must be a whole number, 1 to 16384"],
      [{ replicas: "2.5" }, "replicas (--replicas): must be a whole number, 1 to 9"],
      [{ reads: "fast" }, "reads (--reads): must be lease or quorum"],
      [{ capacity: 0 }, "capacity (--capacity): must be a number above 0"],
      [{ name: "a b" }, "name (--name): is needed: 1 to 64 letters"],
    ];
    for (const [flags, message] of wrong) expect(errorOf({ ...needed, ...flags })).toContain(message);
    const unknown = loadConfig(yaml("name: a\ndata: d\ninitial: h1:1\ncolour: blue\n"), {}, {});
    expect(unknown).toMatchObject({ ok: false, error: expect.stringContaining("colour: no such setting") });
  });

  it("says what is wrong with a file", () => {
    const missing = join(folder, "missing.yaml");
    expect(loadConfig(missing, {}, {})).toEqual({ ok: false, error: `${missing}: there is no such file` });
    expect(loadConfig(yaml("- a\n"), {}, {})).toMatchObject({
      error: expect.stringContaining("must hold settings"),
    });
    expect(loadConfig(yaml("name: [a\n"), {}, {})).toMatchObject({
      error: expect.stringContaining("quorate.yaml: "),
    });
  });

  it("names flags and variables after the settings", () => {
    expect(flagOf("maxValue")).toBe("--max-value");
    expect(variableOf("maxValue")).toBe("QUORATE_MAX_VALUE");
    expect(new Set(settingNames.map(flagOf)).size).toBe(settingNames.length);
  });
});
