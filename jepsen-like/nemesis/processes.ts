import { sleep, until } from "../cluster/wait.js";
import { between, pick, shuffled } from "../run/draw.js";
import type { Fault, Ground, Injected } from "./fault.js";

/** Faults of processes: kill -9, SIGSTOP, SIGTERM, an emptied folder. */

const leaderPatienceMs = 6000;

/** Between the starts of two nodes that were killed together: a quorum may well serve before the last one is back. */
const restartGapMs = [0, 4000] as const;

async function kill({ cluster, random }: Ground, which: readonly number[]): Promise<Injected | null> {
  if (which.length === 0) return null;
  const [first, ...later] = shuffled(random, which);
  const gapsMs = later.map(() => between(random, ...restartGapMs));
  await cluster.kill(...which);
  return {
    what: `kill -9 of ${which.map((n) => cluster.name(n)).join(", ")}`,
    heal: async () => {
      cluster.start(first!);
      for (const [i, n] of later.entries()) {
        await sleep(gapsMs[i]!);
        cluster.start(n);
      }
    },
  };
}

/** Whoever leads most; a cluster that recovers from an earlier fault is given time to find leaders first. */
export async function leader({ cluster, random }: Ground): Promise<number | null> {
  const known = await until(
    "a leader",
    async () => {
      const at = await cluster.busiestLeader();
      return at !== null && cluster.running.includes(at) ? { at } : null;
    },
    leaderPatienceMs,
  ).catch(() => null);
  if (known !== null) return known.at;
  return cluster.running.length === 0 ? null : pick(random, cluster.running);
}

function pause({ cluster }: Ground, at: number | null, forMs: number): Injected | null {
  if (at === null) return null;
  cluster.pause(at);
  const timer = setTimeout(() => cluster.resume(at), forMs);
  return {
    what: `SIGSTOP of ${cluster.name(at)} for ${Math.round(forMs)} ms`,
    heal: async () => {
      clearTimeout(timer);
      cluster.resume(at);
      await Promise.resolve();
    },
  };
}

/** Starts a node and gives it time to be whole again; whether it is in the end is judged after the last heal. */
export async function startAndHeal(cluster: Ground["cluster"], at: number): Promise<void> {
  cluster.start(at);
  await cluster.healed().catch(() => null);
}

export const processFaults: readonly Fault[] = [
  {
    name: "kill-one",
    fabric: null,
    minNodes: 1,
    effects: ["down"],
    inject: (ground) => kill(ground, shuffled(ground.random, ground.cluster.running).slice(0, 1)),
  },
  {
    name: "kill-leader",
    fabric: null,
    minNodes: 1,
    effects: ["leader"],
    inject: async (ground) => {
      const at = await leader(ground);
      return at === null ? null : kill(ground, [at]);
    },
  },
  {
    name: "kill-majority",
    fabric: null,
    minNodes: 3,
    effects: ["errors"],
    inject: (ground) => {
      const majority = Math.floor(ground.cluster.size / 2) + 1;
      return kill(ground, shuffled(ground.random, ground.cluster.running).slice(0, majority));
    },
  },
  {
    name: "kill-all",
    fabric: null,
    minNodes: 1,
    effects: ["errors"],
    inject: (ground) => kill(ground, ground.cluster.running),
  },
  {
    name: "pause-leader",
    fabric: null,
    minNodes: 1,
    effects: ["leader", "latency", "errors"],
    inject: async (ground) => {
      // Longer than a lease and any election time-out.
      const longMs = pick(ground.random, [1500, 2500, 4000, Math.max(1500, ground.holdMs())]);
      return pause(ground, await leader(ground), longMs);
    },
  },
  {
    name: "blink-leader",
    fabric: null,
    minNodes: 1,
    // About as long as a lease: nobody may notice.
    effects: [],
    inject: async (ground) => pause(ground, await leader(ground), pick(ground.random, [100, 400, 700])),
  },
  {
    name: "pause-one",
    fabric: null,
    minNodes: 1,
    effects: ["leader", "latency", "errors", "down"],
    inject: async (ground) => {
      const { running } = ground.cluster;
      await Promise.resolve();
      return running.length === 0 ? null : pause(ground, pick(ground.random, running), ground.holdMs());
    },
  },
  {
    name: "pause-long",
    fabric: null,
    minNodes: 1,
    effects: ["leader", "latency", "errors", "down"],
    inject: async (ground) => {
      const { running } = ground.cluster;
      const at = pick(ground.random, [true, false]) ? await leader(ground) : pick(ground.random, running);
      const forMs = between(ground.random, 10_000, 30_000);
      const injected = running.length === 0 ? null : pause(ground, at ?? null, forMs);
      return injected === null ? null : { ...injected, atLeastMs: forMs };
    },
  },
  {
    name: "rolling-restart",
    fabric: null,
    minNodes: 2,
    effects: ["leader", "down"],
    inject: async ({ cluster, random }) => {
      const order = shuffled(random, cluster.running);
      if (order.length === 0) return null;
      let stopped = false;
      const done = (async () => {
        for (const n of order) {
          if (stopped) return;
          await cluster.terminate(n);
          cluster.start(n);
          while (!stopped && !(await cluster.isReady(n))) await sleep(50);
        }
      })();
      await sleep(between(random, 500, 1500));
      return {
        what: `SIGTERM and restart of ${order.map((n) => cluster.name(n)).join(", ")} in turn`,
        heal: () => {
          stopped = true;
          return done;
        },
      };
    },
  },
  {
    // SIGTERM makes a node hand over all that it leads: leaderships move again and again while nothing is lost.
    name: "transfer-storm",
    fabric: null,
    minNodes: 2,
    effects: ["leader"],
    inject: async (ground) => {
      const { cluster } = ground;
      if (cluster.running.length === 0) return null;
      let stopped = false;
      const done = (async () => {
        while (!stopped) {
          const at = await leader(ground);
          if (at === null) return;
          await cluster.terminate(at);
          cluster.start(at);
          while (!stopped && !(await cluster.isReady(at))) await sleep(50);
        }
      })();
      await Promise.resolve();
      return {
        what: "SIGTERM of whoever leads most, again and again",
        heal: () => {
          stopped = true;
          return done;
        },
      };
    },
  },
  {
    name: "wipe-one",
    fabric: null,
    minNodes: 3,
    effects: ["down"],
    inject: async ({ cluster, random }) => {
      // A second lost state while one node is still catching up would be the loss of a majority.
      const whole = await cluster.healed(5000).catch(() => null);
      if (whole === null || cluster.running.length < cluster.size) return null;
      const at = pick(random, cluster.running);
      await cluster.kill(at);
      cluster.wipe(at);
      return {
        what: `kill -9 of ${cluster.name(at)} and its data folder emptied`,
        heal: () => startAndHeal(cluster, at),
      };
    },
  },
  {
    // One node is behind, another one has lost its log and kept its identity, and who has everything is away: to vote now
    // would be to forget what was acknowledged.
    name: "lose-log",
    fabric: null,
    minNodes: 3,
    effects: ["errors"],
    inject: async ({ cluster, random }) => {
      const whole = await cluster.healed(5000).catch(() => null);
      if (whole === null || cluster.running.length < cluster.size) return null;
      const order = shuffled(random, cluster.running);
      const behind = order.slice(0, Math.floor((order.length - 1) / 2));
      const [forgetful, ...away] = order.slice(behind.length);
      // Not stopped but killed: what was sent to a stopped one still arrives after its senders' end.
      await cluster.kill(...behind);
      await sleep(between(random, 500, 1500));
      await cluster.kill(forgetful!, ...away);
      cluster.loseLog(forgetful!);
      for (const n of [...behind, forgetful!]) cluster.start(n);
      const names = (which: readonly number[]): string => which.map((n) => cluster.name(n)).join("+");
      return {
        what: `${names(behind)} left behind, kill -9 of ${names([forgetful!, ...away])}, and ${names([forgetful!])} back without its log`,
        atLeastMs: 4000,
        heal: async () => {
          for (const n of away) cluster.start(n);
          await startAndHeal(cluster, forgetful!);
        },
      };
    },
  },
];
