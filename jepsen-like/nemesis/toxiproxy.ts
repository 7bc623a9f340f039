import { type ToxicWish, ToxiproxyFabric } from "../cluster/toxiproxy-fabric.js";
import { sleep } from "../cluster/wait.js";
import { between, pick, shuffled } from "../run/draw.js";
import type { Fault, Ground, Injected } from "./fault.js";
import { leader } from "./processes.js";

/** Network faults through Toxiproxy: what is cut is a stream of bytes, not packets. */

type Pair = readonly [from: number, to: number];
type Harm = Omit<ToxicWish, "stream">;

/**
 * Bytes are thrown away, and the connection closed once the toxic goes: Toxiproxy's `timeout: 0` does so at its removal
 * (safety 72), so a heal is also a reset.
 */
const drop: Harm = { type: "timeout", attributes: { timeout: 0 } };
/** Bytes are held back, and arrive in order when the toxic goes: late, long after what they were about. */
const stall: Harm = { type: "latency", attributes: { latency: 3_600_000, jitter: 0 } };

const lateStepMs = 300;

function fabricOf({ cluster }: Ground): ToxiproxyFabric {
  if (cluster.fabric instanceof ToxiproxyFabric) return cluster.fabric;
  throw new Error("this fault needs Toxiproxy");
}

function bothWays(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.flatMap(([a, b]): readonly Pair[] => [
    [a, b],
    [b, a],
  ]);
}

function allPairs({ cluster }: Ground): readonly Pair[] {
  return cluster.indexes.flatMap((a) => cluster.indexes.filter((b) => b !== a).map((b): Pair => [a, b]));
}

/** Every pair across two groups. */
function across(left: readonly number[], right: readonly number[]): readonly Pair[] {
  return left.flatMap((a) => right.map((b): Pair => [a, b]));
}

async function harm(ground: Ground, what: string, wish: Harm, pairs: readonly Pair[]): Promise<Injected> {
  const fabric = fabricOf(ground);
  for (const [from, to] of pairs) await fabric.harm(from, to, wish);
  return { what, heal: () => fabric.heal() };
}

/** Cuts pairs in both directions, in one of the ways in which networks break. */
async function cut(ground: Ground, what: string, pairs: readonly Pair[]): Promise<Injected> {
  const how = pick(ground.random, ["drop", "stall", "refuse"] as const);
  if (how !== "refuse")
    return harm(ground, `${what} (${how})`, how === "drop" ? drop : stall, bothWays(pairs));
  const fabric = fabricOf(ground);
  for (const [a, b] of pairs) await fabric.refuse(a, b);
  return { what: `${what} (refuse)`, heal: () => fabric.heal() };
}

function names({ cluster }: Ground, which: readonly number[]): string {
  return which.map((n) => cluster.name(n)).join("+");
}

async function isolate(ground: Ground, at: number): Promise<Injected> {
  const others = ground.cluster.indexes.filter((n) => n !== at);
  return cut(ground, `${names(ground, [at])} cut off from its peers`, across([at], others));
}

const wanted = (fault: Omit<Fault, "fabric">): Fault => ({ ...fault, fabric: "toxiproxy" });

export const toxiproxyFaults: readonly Fault[] = [
  wanted({
    name: "latency",
    minNodes: 2,
    effects: ["latency"],
    inject: (ground) => {
      const latency = pick(ground.random, [50, 100, 200]);
      const attributes = { latency, jitter: Math.floor(latency / 2) };
      return harm(
        ground,
        `${latency} ms ± half between all nodes`,
        { type: "latency", attributes },
        allPairs(ground),
      );
    },
  }),
  wanted({
    name: "bandwidth",
    minNodes: 2,
    effects: ["latency", "errors", "leader"],
    inject: (ground) => {
      const rate = pick(ground.random, [2, 5, 10]);
      return harm(
        ground,
        `${rate} KB/s between all nodes`,
        { type: "bandwidth", attributes: { rate } },
        allPairs(ground),
      );
    },
  }),
  wanted({
    name: "slicer",
    minNodes: 2,
    effects: ["latency", "errors", "leader"],
    inject: (ground) =>
      harm(
        ground,
        "all bytes between nodes in slices of 20, 2 ms apart",
        { type: "slicer", attributes: { average_size: 20, size_variation: 10, delay: 2000 } },
        allPairs(ground),
      ),
  }),
  wanted({
    name: "reset",
    minNodes: 2,
    effects: ["leader", "errors", "latency"],
    inject: (ground) => {
      const timeout = pick(ground.random, [0, 200, 1000]);
      return harm(
        ground,
        `connections between nodes reset after ${timeout} ms`,
        { type: "reset_peer", attributes: { timeout } },
        allPairs(ground),
      );
    },
  }),
  wanted({
    name: "one-way",
    minNodes: 2,
    effects: ["leader", "errors", "latency"],
    inject: async (ground) => {
      const { cluster, random } = ground;
      const at = await leader(ground);
      if (at === null) return null;
      const others = cluster.indexes.filter((n) => n !== at);
      const deaf = pick(random, [true, false]);
      const pairs = deaf ? across(others, [at]) : across([at], others);
      const what = `${names(ground, [at])} ${deaf ? "hears" : "is heard by"} no peer`;
      const how = pick(random, ["drop", "stall"] as const);
      return harm(ground, `${what} (${how})`, how === "drop" ? drop : stall, pairs);
    },
  }),
  wanted({
    name: "halves",
    minNodes: 3,
    effects: ["leader", "errors"],
    inject: (ground) => {
      const order = shuffled(ground.random, ground.cluster.indexes);
      const minority = order.slice(0, Math.floor((order.length - 1) / 2));
      const majority = order.slice(minority.length);
      return cut(
        ground,
        `${names(ground, minority)} | ${names(ground, majority)}`,
        across(minority, majority),
      );
    },
  }),
  wanted({
    // Two groups that only one node sees both of.
    name: "bridge",
    minNodes: 3,
    effects: ["leader", "errors", "latency"],
    inject: (ground) => {
      const [bridge, ...rest] = shuffled(ground.random, ground.cluster.indexes);
      const left = rest.slice(0, Math.floor(rest.length / 2));
      const right = rest.slice(left.length);
      return cut(
        ground,
        `${names(ground, left)} | ${names(ground, right)}, bridged by ${names(ground, [bridge!])}`,
        across(left, right),
      );
    },
  }),
  wanted({
    // Every node sees a majority, and no two the same one. Below five nodes that leaves nothing to cut.
    name: "majorities-ring",
    minNodes: 5,
    effects: ["leader", "errors", "latency"],
    inject: (ground) => {
      const ring = shuffled(ground.random, ground.cluster.indexes);
      const reach = Math.floor(Math.floor(ring.length / 2) / 2);
      const pairs = ring.flatMap((a, i) =>
        ring
          .filter((_, j) => {
            const distance = Math.min(
              (j - i + ring.length) % ring.length,
              (i - j + ring.length) % ring.length,
            );
            return j > i && distance > reach;
          })
          .map((b): Pair => [a, b]),
      );
      return cut(ground, "a ring in which each node sees another majority", pairs);
    },
  }),
  wanted({
    name: "isolate-leader",
    minNodes: 3,
    effects: ["leader"],
    inject: async (ground) => {
      const at = await leader(ground);
      return at === null ? null : isolate(ground, at);
    },
  }),
  wanted({
    // When it goes on, nothing in its sockets tells it that it was deposed: only its own clocks can.
    name: "pause-isolated-leader",
    minNodes: 3,
    effects: ["leader"],
    inject: async (ground) => {
      const { cluster, random } = ground;
      const at = await leader(ground);
      if (at === null) return null;
      const forMs = between(random, 1200, 2500);
      const isolated = await isolate(ground, at);
      cluster.pause(at);
      const timer = setTimeout(() => cluster.resume(at), forMs);
      return {
        what: `${isolated.what}, and stopped for ${Math.round(forMs)} ms`,
        heal: async () => {
          clearTimeout(timer);
          cluster.resume(at);
          await isolated.heal();
        },
      };
    },
  }),
  wanted({
    // It goes on hearing half of its followers for a while, out of the past, while they hear nothing of it and choose another
    // leader: answers prove what was true when the question left, not when they arrive. The other half answers at once
    // until the cut, so that clients are not all busy waiting when it comes.
    name: "late-replies",
    minNodes: 3,
    effects: ["leader"],
    inject: async (ground) => {
      const { cluster, random } = ground;
      const fabric = fabricOf(ground);
      const at = await leader(ground);
      if (at === null) return null;
      const others = shuffled(
        random,
        cluster.indexes.filter((n) => n !== at),
      );
      const late = others.slice(0, Math.floor(cluster.size / 2));
      const prompt = others.slice(late.length);
      const lateMs = pick(random, [4, 6]) * lateStepMs;
      // Step by step, each shorter than an election time-out: a longer silence and it steps down before it is cut off.
      let latency = lateStepMs;
      const latencies = await Promise.all(
        late.map((other) => fabric.harm(other, at, { type: "latency", attributes: { latency, jitter: 0 } })),
      );
      for (; latency < lateMs; latency += lateStepMs) {
        await sleep(lateStepMs + 100);
        for (const change of latencies) await change({ latency: latency + lateStepMs, jitter: 0 });
      }
      await sleep(lateMs);
      for (const other of prompt) await fabric.harm(other, at, stall);
      for (const other of others) await fabric.harm(at, other, stall);
      return {
        what: `${names(ground, [at])} hears ${names(ground, late)} ${lateMs} ms late, and is heard by none`,
        heal: () => fabric.heal(),
      };
    },
  }),
  wanted({
    name: "clients",
    minNodes: 1,
    effects: ["errors", "latency"],
    inject: async (ground) => {
      const fabric = fabricOf(ground);
      const at = pick(ground.random, ground.cluster.indexes);
      const wish = pick(ground.random, [
        drop,
        stall,
        { type: "reset_peer", attributes: { timeout: 100 } },
      ] as const);
      await fabric.harmClients(at, wish);
      return { what: `${wish.type} between clients and ${names(ground, [at])}`, heal: () => fabric.heal() };
    },
  }),
  wanted({
    name: "flapping",
    minNodes: 3,
    effects: ["leader", "errors", "latency"],
    inject: async (ground) => {
      const fabric = fabricOf(ground);
      const at = pick(ground.random, ground.cluster.indexes);
      let stopped = false;
      const done = (async () => {
        while (!stopped) {
          const { heal } = await isolate(ground, at);
          await sleep(between(ground.random, 100, 800));
          await heal();
          await sleep(between(ground.random, 100, 500));
        }
      })();
      await Promise.resolve();
      return {
        what: `${names(ground, [at])} cut off and healed again and again`,
        heal: async () => {
          stopped = true;
          await done;
          await fabric.heal();
        },
      };
    },
  }),
];
