/**
 * `make failover`: how long writes stop when the leader is killed (KILLS=100 times), told to stop or stopped, and when all
 * nodes are killed (a fifth as often), with Quorate and etcd in turn. Writes jepsen-like/RESULTS.md and its plots.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { projectRoot } from "../cluster/project-root.js";
import { imageOf, type Measured, page } from "./page.js";
import { plot } from "./plot.js";
import { measureOnce, type Scenario, scenarios } from "./scenarios.js";
import { etcd, quorate, type System } from "./system.js";
import { lanes } from "./writer.js";

const kills = Number(process.env.KILLS || 100);
/** The page stands beside the sources, OUT= puts it elsewhere. */
const out = process.env.OUT || join(projectRoot, "jepsen-like");

/** Measures a scenario with all systems in turn. */
async function measure(scenario: Scenario, systems: readonly System[]): Promise<Measured> {
  const rounds = Math.max(1, Math.round(kills * scenario.share));
  const times = systems.map((): number[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, system] of systems.entries()) {
      const tookMs = await measureOnce(scenario, system);
      times[i]!.push(tookMs);
      console.log(`${scenario.name}, ${round + 1}/${rounds}, ${system.name}: ${tookMs.toFixed(0)} ms`);
    }
  return { scenario, systems: systems.map(({ name }, i) => ({ name, times: times[i]! })) };
}

function write(all: readonly Measured[]): void {
  for (const { scenario, systems } of all) {
    const image = join(out, imageOf(scenario));
    mkdirSync(dirname(image), { recursive: true });
    writeFileSync(image, plot(scenario.name, systems));
  }
  const circumstances = {
    command: `make failover KILLS=${kills}`,
    day: new Date().toISOString().slice(0, 10),
    machine: machine(),
    loadBefore: loadBefore!,
    loadAfter: loadavg()[0]!,
    lanes,
  };
  writeFileSync(join(out, "RESULTS.md"), page(all, circumstances));
}

function machine(): string {
  const model = cpus()[0]?.model.trim() ?? "an unknown processor";
  return `${cpus().length} cores (${model}, Linux ${release()}, Node.js ${process.version})`;
}

// Ends through the exit handlers, which end what was started.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(2));
const folder = mkdtempSync(join(tmpdir(), "quorate-failover-"));
const systems: System[] = [];
const [loadBefore] = loadavg();
try {
  systems.push(await quorate(join(folder, "quorate")), await etcd(join(folder, "etcd")));
  const all: Measured[] = [];
  for (const scenario of scenarios) {
    all.push(await measure(scenario, systems));
    // Now, too: it takes long, and what was measured counts.
    write(all);
  }
} finally {
  for (const system of systems) await system.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
