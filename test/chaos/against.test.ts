import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { announced, DirectFabric } from "../../jepsen-like/cluster/fabric.js";
import { builtMain, QuorateCluster } from "../../jepsen-like/cluster/quorate-cluster.js";

/** `quorate chaos --against`: a cluster that somebody else runs and, if they like, harms themselves. */

let folder: string;
let cluster: QuorateCluster;
let hooks: Server;
/** What the fault command asked for, in order. */
let asked: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-against-"));
  cluster = await QuorateCluster.start({
    folder: join(folder, "cluster"),
    fabric: await DirectFabric.create(3),
    ranges: 4,
    durability: "fsync",
    logLimit: "16mb",
    main: builtMain,
  });
  asked = [];
  hooks = createServer((request, response) => {
    const what = request.url!.slice(1);
    asked.push(what);
    void (what.startsWith("start") ? cluster.kill(0) : cluster.heal()).then(
      () => response.end(`kill -9 of node-1, fault ${what}\nmore\n`),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((done) => hooks.listen(0, "127.0.0.1", done));
}, 120_000);

afterEach(async () => {
  await new Promise((done) => hooks.close(done));
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}, 60_000);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function chaos(...words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [builtMain, "chaos", ...words], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Hooks of a real cluster would be a script with ssh or kubectl: this one asks the test. */
function hookCommand(): string {
  const { port } = hooks.address() as AddressInfo;
  const script = `fetch("http://127.0.0.1:${port}/" + process.argv[1] + process.env.QUORATE_FAULT).then((r) => r.text()).then(console.log)`;
  return `${process.execPath} -e '${script}'`;
}

test("a running cluster is loaded and judged, its own keys stay, and the run's are deleted", async () => {
  const [host, port] = announced(cluster.fabric.seats[0]!, "resp").split(":");
  const redis = new Redis({ host: host!, port: Number(port) });
  try {
    await redis.set("{register:0}", "mine");
    await redis.set("register:0", "mine");
    const seeds = cluster.seeds.slice(0, 2).join(",");
    const { code, stdout, stderr } = await chaos(
      ...["--against", seeds, "--workload", "register", "--duration", "10", "--seed", "5", "--out", "run"],
    );
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(
      /^chaos: valid, \d+ operations, \d+ unknown, 0 faults, seed 5$/,
    );
    expect(code).toBe(0);
    expect(await redis.get("register:0")).toBe("mine");
    expect((await redis.keys("*")).sort()).toEqual(["register:0", "{register:0}"]);
  } finally {
    redis.disconnect();
  }
}, 120_000);

test("faults are made and undone by the owner's command", async () => {
  const seeds = cluster.seeds.join(",");
  const words = ["--against", seeds, "--workload", "counter", "--duration", "20", "--seed", "5"];
  const harmed = await chaos(...words, "--out", "harmed", "--fault-command", hookCommand());
  expect(harmed.stdout).toMatch(/fault-command: kill -9 of node-1, fault start1$/m);
  expect(harmed.stdout.trimEnd().split("\n").at(-1), harmed.stdout).toMatch(
    /^chaos: valid, .* [1-9]\d* faults, seed 5$/,
  );
  expect(harmed.code).toBe(0);
  expect(asked.length).toBeGreaterThan(1);
  expect(asked).toEqual(asked.map((_, i) => (i % 2 === 0 ? `start${i / 2 + 1}` : `heal${(i + 1) / 2}`)));
}, 180_000);

test("what can't be done to somebody else's cluster is refused, and a failing command ends the run as unknown", async () => {
  const seeds = cluster.seeds.join(",");
  const refused = [
    [["--workload", "eviction"], "needs nodes with settings of its own"],
    [["--nemesis", "kill"], "--nemesis and --main belong to a cluster of its own"],
    [["--protocols", "telnet"], "--protocols is a list of resp, grpc, sdk, http"],
    [["--nat-map", "a"], "--nat-map is a list of announced=reached"],
  ] as const;
  for (const [words, why] of refused) {
    const { code, stderr } = await chaos("--against", seeds, ...words);
    expect(stderr).toContain(why);
    expect(code).toBe(2);
  }
  const failing = await chaos(
    ...["--against", seeds, "--duration", "15", "--out", "failing"],
    ...["--fault-command", "echo 'no rights' && false #"],
  );
  expect(failing.stdout).toContain("ended with code 1: no rights");
  expect(failing.stdout).toMatch(/^chaos: unknown, 0 operations/m);
  expect(failing.code).toBe(2);
  const nobody = await chaos("--against", "127.0.0.1:1", "--duration", "15");
  expect(nobody.stdout).toContain("skipped: no node answers at 127.0.0.1:1");
  expect(nobody.code).toBe(2);
}, 120_000);
