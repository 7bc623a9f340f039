import { join } from "node:path";
import { percentile } from "./figures.js";
import { sleep } from "./processes.js";
import { QuorateCluster, type QuorateNodeAt } from "./quorate-cluster.js";
import type { Report } from "./report.js";
import { RespClient } from "./resp-client.js";

export const failoverRow = "failover: kill -9 the leader to the first acknowledged write";
export const handOverRow = "planned hand-over (SIGTERM): longest gap without an acknowledged write";
const probeMs = 5;
const leadInMs = 300;
const patienceMs = 15_000;

/** Writes at both other nodes every few ms while the leader goes. */
export async function runFailover(
  folder: string,
  kills: number,
  which: readonly string[],
  report: Report,
): Promise<void> {
  report.heading(`leader changes, 1 range, ${kills} each`);
  const quorate = await QuorateCluster.start(join(folder, "failover"), 1);
  try {
    for (const row of which) {
      const gaps: number[] = [];
      for (let i = 0; i < kills; i++) {
        process.stderr.write(`${row}: ${i + 1} of ${kills}\n`);
        gaps.push(await once(quorate, row === failoverRow));
      }
      report.milliseconds(row, {
        p50: percentile(gaps, 50),
        p99: percentile(gaps, 99),
        max: percentile(gaps, 100),
      });
    }
  } finally {
    await quorate.stop();
  }
}

/**
 * One change of leader.
 * @returns after a kill: ms to the first acknowledged write that was sent after it. Otherwise the longest time
 * between two acknowledgements, in ms.
 */
async function once(quorate: QuorateCluster, kill: boolean): Promise<number> {
  const leader = await quorate.leader();
  const others = quorate.nodes.filter(({ name }) => name !== leader.name);
  const probes = await Probes.open(others);
  try {
    await sleep(leadInMs);
    const wentMs = performance.now();
    process.kill(leader.pid, kill ? "SIGKILL" : "SIGTERM");
    if (kill) return (await probes.firstSentAfter(wentMs)) - wentMs;
    await gone(leader);
    await sleep(leadInMs);
    return probes.longestGapMs();
  } finally {
    probes.close();
    await gone(leader);
    await quorate.restart(leader);
  }
}

async function gone({ name, pid }: QuorateNodeAt): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while (isAlive(pid)) {
    if (performance.now() > giveUpAt) throw new Error(`${name} did not end`);
    await sleep(5);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

class Probes {
  private readonly acknowledged: { readonly sentMs: number; readonly atMs: number }[] = [];
  private readonly timer: NodeJS.Timeout;
  private count = 0;

  private constructor(private readonly clients: readonly RespClient[]) {
    this.timer = setInterval(() => this.send(), probeMs);
  }

  static async open(nodes: readonly QuorateNodeAt[]): Promise<Probes> {
    return new Probes(await Promise.all(nodes.map(({ ports }) => RespClient.connect(ports.resp))));
  }

  async firstSentAfter(fromMs: number): Promise<number> {
    const giveUpAt = performance.now() + patienceMs;
    for (;;) {
      const after = this.acknowledged.filter(({ sentMs }) => sentMs >= fromMs);
      if (after.length > 0) return Math.min(...after.map(({ atMs }) => atMs));
      if (performance.now() > giveUpAt) throw new Error(`no write in ${patienceMs / 1000} s after the kill`);
      await sleep(1);
    }
  }

  longestGapMs(): number {
    const times = this.acknowledged.map(({ atMs }) => atMs).toSorted((a, b) => a - b);
    return times.reduce((longest, atMs, i) => (i === 0 ? 0 : Math.max(longest, atMs - times[i - 1]!)), 0);
  }

  close(): void {
    clearInterval(this.timer);
    for (const client of this.clients) client.close();
  }

  private send(): void {
    const sentMs = performance.now();
    const number = `${this.count++}`;
    this.clients.forEach((client, i) => {
      client.send(["SET", `bench:probe:${i}`, number], (error) => {
        if (error === null) this.acknowledged.push({ sentMs, atMs: performance.now() });
      });
    });
  }
}
