import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { version } from "../../src/server/version.js";
import { freeBasePort, runCommand } from "./processes.js";

describe("the command line", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "quorate-cli-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("tells its version and lists its commands", async () => {
    expect(await runCommand(["--version"])).toEqual({ code: 0, output: `${version}\n`, errors: "" });
    const help = await runCommand(["--help"]);
    expect(help.code).toBe(0);
    for (const name of ["serve", "dev", "status", "docs"]) expect(help.output).toContain(`  ${name} `);
  });

  it("takes wrong usage for code 2, in one line", async () => {
    const flag = await runCommand(["dev", "--colour", "blue"]);
    expect(flag.code).toBe(2);
    expect(flag.errors).toContain("unknown option '--colour'");
    const count = await runCommand(["dev", "--nodes", "many"]);
    expect(count.code).toBe(2);
    expect(count.errors).toContain("must be a whole number");
    const none = await runCommand(["dev", "--nodes", "0", "--data", join(folder, "none")]);
    expect(none).toEqual({ code: 2, output: "", errors: "quorate dev: --nodes must be 1 to 99\n" });
  });

  it("lists every wrong setting of a node at once, with its flag", async () => {
    const file = join(folder, "wrong.yaml");
    writeFileSync(file, "nmae: a\nrespPort: many\ninitial: [here]\n");
    const run = await runCommand(["serve", "--config", file, "--maxmemory", "12zb"]);
    expect(run.code).toBe(2);
    for (const line of ["nmae: no such setting", "name (--name)", "data (--data)", "respPort (--resp-port)"])
      expect(run.errors).toContain(line);
    for (const line of ["initial (--initial): must be host:port", "maxmemory (--maxmemory): must be a size"])
      expect(run.errors).toContain(line);
  });

  it("names the port that another process has, and ends with code 1", async () => {
    const base = await freeBasePort(1);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(base + 1, "127.0.0.1", resolve));
    const peer = `127.0.0.1:${base + 201}`;
    const ports = ["--resp-port", base + 1, "--grpc-port", base + 101, "--http-port", base + 301].map(String);
    const run = await runCommand([
      ...["serve", "--name", "a", "--data", join(folder, "a"), "--initial", peer],
      ...["--peer-port", String(base + 201), "--log-level", "silent", ...ports],
    ]);
    expect(run.code).toBe(1);
    expect(run.errors).toBe(`quorate serve: 127.0.0.1:${base + 1} is in use by another process\n`);
    await new Promise((resolve) => server.close(resolve));
  });

  it("says when no node answers a status call", async () => {
    const port = (await freeBasePort(1)) + 101;
    const run = await runCommand(["status", "--addr", `127.0.0.1:${port}`]);
    expect(run.code).toBe(1);
    expect(run.errors).toContain(`no node answers at 127.0.0.1:${port}`);
    expect((await runCommand(["status", "--addr", "here"])).code).toBe(2);
  });
});
