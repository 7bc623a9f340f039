import { Redis } from "ioredis";
import { Quorate, type QuorateClient } from "../../src/client/client.js";
import { type FaultCluster, until } from "./cluster.js";

/** Writes that were acknowledged or not, with the times at which they were sent and answered. */
interface Tally {
  acknowledged: number;
  /** Definitely without effect. */
  refused: number;
  unknown: number;
}

export const counterKey = "{hot}counter";

/**
 * Writers that go on through every fault: the SDK increments a counter exactly once, and a Redis client at each node
 * sets numbered keys. All keys but every fourth lie in the range of `{hot}`.
 */
export class Load {
  readonly counter: Tally = { acknowledged: 0, refused: 0, unknown: 0 };
  readonly sets: Tally = { acknowledged: 0, refused: 0, unknown: 0 };
  /** Acknowledged values by key. */
  readonly written = new Map<string, string>();
  /** Refusals and unknown outcomes, by their words. */
  readonly errors = new Map<string, number>();
  private readonly acknowledgedAtMs: { readonly sentMs: number; readonly doneMs: number }[] = [];
  private running = true;
  private readonly loops: Promise<void>[] = [];

  private constructor(
    private readonly client: QuorateClient,
    private readonly clients: readonly Redis[],
  ) {}

  static async start(cluster: FaultCluster, valueBytes = 0, incrementers = 4): Promise<Load> {
    const client = await Quorate.connect({ seeds: cluster.seeds, connectDeadlineMs: 15_000 });
    const clients = cluster.nodes.map((_, n) => redisClient(cluster.node(n).ports.resp));
    const load = new Load(client, clients);
    for (let i = 0; i < incrementers; i++) load.loops.push(load.increment());
    clients.forEach((redis, n) => {
      load.loops.push(load.setNumbered(redis, n, valueBytes));
    });
    await load.progresses();
    return load;
  }

  private async increment(): Promise<void> {
    while (this.running) {
      const sentMs = performance.now();
      try {
        await this.client.incr(counterKey);
        this.counter.acknowledged++;
        this.acknowledged(sentMs);
      } catch (error) {
        if (!(error instanceof Quorate.Error)) throw error;
        this.count(`sdk ${error.outcome} ${error.kind}`);
        if (error.outcome === "unknown") this.counter.unknown++;
        else this.counter.refused++;
        await pause();
      }
    }
  }

  private async setNumbered(redis: Redis, n: number, valueBytes: number): Promise<void> {
    for (let i = 0; this.running; i++) {
      const key = `${i % 4 === 3 ? "" : "{hot}"}key:${n}:${i}`;
      const value = `${i}${".".repeat(valueBytes)}`;
      const sentMs = performance.now();
      try {
        await redis.set(key, value);
        this.written.set(key, value);
        this.sets.acknowledged++;
        if (i % 4 !== 3) this.acknowledged(sentMs);
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        this.count(`redis ${words}`);
        if (/^(CLUSTERDOWN|TRYAGAIN|LOADING|ERR|Stream isn't writeable)/.test(words)) this.sets.refused++;
        else this.sets.unknown++;
        await pause();
      }
    }
  }

  private acknowledged(sentMs: number): void {
    this.acknowledgedAtMs.push({ sentMs, doneMs: performance.now() });
  }

  private count(words: string): void {
    this.errors.set(words, (this.errors.get(words) ?? 0) + 1);
  }

  /** From `sinceMs` to the first acknowledgement of a write to `{hot}` that was sent after it. */
  async firstAfter(sinceMs: number, patienceMs = 30_000): Promise<number> {
    const first = await until(
      "a write is acknowledged",
      () => this.acknowledgedAtMs.findLast(({ sentMs }) => sentMs > sinceMs) && this.earliest(sinceMs),
      patienceMs,
    );
    return first - sinceMs;
  }

  private earliest(sinceMs: number): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { sentMs, doneMs } of this.acknowledgedAtMs)
      if (sentMs > sinceMs) earliest = Math.min(earliest, doneMs);
    return earliest;
  }

  /** The longest time without any acknowledgement between the two. */
  longestGapMs(fromMs: number, toMs: number): number {
    const times = this.acknowledgedAtMs
      .map(({ doneMs }) => doneMs)
      .filter((at) => at >= fromMs && at <= toMs);
    let last = fromMs;
    let gap = 0;
    for (const at of [...times, toMs]) {
      gap = Math.max(gap, at - last);
      last = at;
    }
    return gap;
  }

  /** Waits until both kinds of writers had this many more writes acknowledged. */
  async progresses(count = 50, patienceMs = 30_000): Promise<void> {
    const { counter, sets } = this;
    const goals = [counter.acknowledged + count, sets.acknowledged + count] as const;
    await until(
      `${count} more writes of each kind`,
      () => counter.acknowledged >= goals[0] && sets.acknowledged >= goals[1],
      patienceMs,
    );
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
    for (const redis of this.clients) redis.disconnect();
  }

  /** Throws unless all that was acknowledged is there: called after `stop`. */
  async verify(): Promise<{ readonly counter: number; readonly appliedUnknown: number }> {
    const counter = Number(await this.client.get(counterKey, { deadlineMs: 20_000 }));
    const { acknowledged, unknown } = this.counter;
    if (counter < acknowledged || counter > acknowledged + unknown)
      throw new Error(`the counter is ${counter}: ${acknowledged} acknowledged, ${unknown} unknown`);
    const keys = [...this.written.keys()];
    const wrong: string[] = [];
    for (let i = 0; i < keys.length; i += 500) {
      const part = keys.slice(i, i + 500);
      const values = await this.client.mGet(part, { deadlineMs: 20_000 });
      part.forEach((key, j) => {
        if (values[j] !== this.written.get(key)) wrong.push(`${key}: ${values[j] ?? "absent"}`);
      });
    }
    if (wrong.length > 0)
      throw new Error(`${wrong.length} of ${keys.length} acknowledged writes are lost: ${wrong.slice(0, 5)}`);
    this.client.close();
    return { counter, appliedUnknown: counter - acknowledged };
  }

  describe(): string {
    const tally = ({ acknowledged, refused, unknown }: Tally): string =>
      `${acknowledged} acknowledged, ${refused} refused, ${unknown} unknown`;
    const errors = [...this.errors].map(([words, count]) => `${count} x ${words}`).join("; ");
    return `increments: ${tally(this.counter)}; sets: ${tally(this.sets)}; errors: ${errors || "none"}`;
  }
}

/** A Redis client that never sends a command twice by itself. */
export function redisClient(port: number): Redis {
  const redis = new Redis({
    port,
    host: "127.0.0.1",
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1000,
    retryStrategy: () => 50,
    lazyConnect: false,
  });
  redis.on("error", () => {});
  return redis;
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, 5));
}
