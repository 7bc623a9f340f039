/**
 * `make failover`: kills the leader again and again (KILLS=100), of Quorate and of etcd in turn, and measures from the kill
 * to the first acknowledged write that was sent after it. Writes jepsen-like/RESULTS.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Quorate } from "#quorate/client/client.js";
import { DirectFabric } from "../cluster/fabric.js";
import { projectRoot } from "../cluster/project-root.js";
import { builtMain, QuorateCluster } from "../cluster/quorate-cluster.js";
import { sleep, until } from "../cluster/wait.js";
import { percentile } from "../run/evidence.js";
import { EtcdCluster } from "./etcd-cluster.js";

const kills = Number(process.env.KILLS ?? 100);
const lanes = 6;
const key = "failover";

/** Writes without a pause over several lanes; tells when the first write sent after a moment was acknowledged. */
class Writer {
  private running = true;
  private readonly loops: Promise<void>[];
  private readonly acknowledged: { readonly sentMs: number; readonly doneMs: number }[] = [];

  constructor(put: (lane: number, n: number) => Promise<unknown>) {
    this.loops = Array.from({ length: lanes }, async (_, lane) => {
      for (let n = 0; this.running; n++) {
        const sentMs = performance.now();
        try {
          await put(lane, n);
          this.acknowledged.push({ sentMs, doneMs: performance.now() });
        } catch {
          // A lane that was refused asks again.
        }
        await sleep(5);
      }
    });
  }

  async firstAfter(killedMs: number): Promise<number> {
    const { doneMs } = await until(
      "a write is acknowledged",
      () =>
        this.acknowledged.filter(({ sentMs }) => sentMs > killedMs).sort((a, b) => a.doneMs - b.doneMs)[0],
    );
    return doneMs - killedMs;
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
  }
}

interface Subject {
  readonly name: string;
  /** Kills the leader once. @returns ms to the first acknowledged write. */
  readonly kill: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

async function quorate(folder: string): Promise<Subject> {
  const fabric = await DirectFabric.create(3);
  const cluster = await QuorateCluster.start({
    folder,
    fabric,
    ranges: 1,
    durability: "fsync",
    logLimit: "16mb",
    main: builtMain,
  });
  const client = await Quorate.connect({ seeds: cluster.seeds, connectDeadlineMs: 20_000 });
  return {
    name: "Quorate (SDK)",
    kill: async () => {
      await cluster.healed();
      const { at } = await until("a leader", async () => {
        const leader = await cluster.busiestLeader();
        return leader === null ? null : { at: leader };
      });
      const writer = new Writer((_lane, n) => client.set(key, String(n), { deadlineMs: 10_000 }));
      await sleep(500);
      const killedMs = performance.now();
      await cluster.kill(at);
      const tookMs = await writer.firstAfter(killedMs);
      cluster.start(at);
      await writer.stop();
      return tookMs;
    },
    stop: async () => {
      client.close();
      await cluster.stop();
    },
  };
}

async function etcd(folder: string): Promise<Subject> {
  const cluster = await EtcdCluster.start(folder);
  return {
    name: "etcd 3.4 (JSON gateway)",
    kill: async () => {
      await cluster.healed();
      const at = await cluster.leader();
      const writer = new Writer((lane, n) => cluster.put(key, String(n), lane));
      await sleep(500);
      const killedMs = performance.now();
      await cluster.kill(at);
      const tookMs = await writer.firstAfter(killedMs);
      cluster.restart(at);
      await writer.stop();
      return tookMs;
    },
    stop: async () => {
      await Promise.resolve();
      cluster.stop();
    },
  };
}

// Ends through the exit handlers, which end what was started.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(2));
const folder = mkdtempSync(join(tmpdir(), "quorate-failover-"));
const subjects = [await quorate(join(folder, "quorate")), await etcd(join(folder, "etcd"))];
const times = subjects.map((): number[] => []);
try {
  for (let round = 0; round < kills; round++)
    for (const [i, subject] of subjects.entries()) {
      times[i]!.push(await subject.kill());
      console.log(`${round + 1}/${kills} ${subject.name}: ${times[i]!.at(-1)!.toFixed(0)} ms`);
    }
} finally {
  for (const subject of subjects) await subject.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
writeFileSync(join(projectRoot, "jepsen-like", "RESULTS.md"), page());

function page(): string {
  const rows = subjects.map(({ name }, i) => {
    const all = times[i]!;
    const figures = [percentile(all, 0.5), percentile(all, 0.99), Math.max(...all)];
    return `| ${name} | ${all.length} | ${figures.map((ms) => Math.round(ms)).join(" | ")} |`;
  });
  return `# Failover

From kill -9 of the leader to the first acknowledged write that was sent after it, in ms. Three nodes each on one machine
with ${cpus().length} cores, kills of both systems in turn, ${lanes} writers, default settings, writes synced to disk. Made by
\`make failover KILLS=${kills}\`; what else ran on the machine counts too. The SDK holds on to a write until there is a leader;
a write to etcd is asked for again after 250 ms without an answer.

| system | kills | p50 | p99 | max |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

Each row of the plots is one tenth of the slowest failover; its bar tells how many kills took that long.

${subjects.map(({ name }, i) => plot(name, times[i]!)).join("\n")}`;
}

function plot(name: string, all: readonly number[]): string {
  const step = Math.max(...times.flat()) / 10;
  const bins = Array.from(
    { length: 10 },
    (_, i) => all.filter((ms) => Math.min(9, Math.floor(ms / step)) === i).length,
  );
  const lines = bins.map(
    (count, i) => `${String(Math.round(i * step)).padStart(6)} ms ${"#".repeat(count)} ${count}`,
  );
  return `\`\`\`text\n${name}\n${lines.join("\n")}\n\`\`\`\n`;
}
