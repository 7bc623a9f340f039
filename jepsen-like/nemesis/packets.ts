import { type Loss, NetnsFabric } from "../cluster/netns-fabric.js";
import { pick, shuffled } from "../run/draw.js";
import type { Fault, Ground, Injected } from "./fault.js";
import { leader } from "./processes.js";

/** Faults of real packets between network namespaces. Connections live on, and what was lost is sent again later. */

async function lose(ground: Ground, what: string, losses: readonly Loss[]): Promise<Injected> {
  const { fabric } = ground.cluster;
  if (!(fabric instanceof NetnsFabric)) throw new Error("this fault needs network namespaces");
  for (const loss of losses) await fabric.lose(loss);
  return { what, heal: () => fabric.heal() };
}

/** Meddles with packets in a way that TCP makes good: that it happened is seen by their count alone. */
async function meddle(
  { cluster: { fabric } }: Ground,
  what: string,
  how: (fabric: NetnsFabric) => Promise<void>,
): Promise<Injected> {
  if (!(fabric instanceof NetnsFabric)) throw new Error("this fault needs network namespaces");
  await how(fabric);
  let count = 0;
  return {
    what,
    heal: async () => {
      count = await fabric.counted();
      await fabric.heal();
    },
    seen: () => (count > 0 ? ["packets"] : []),
  };
}

const wanted = (fault: Omit<Fault, "fabric">): Fault => ({ ...fault, fabric: "netns" });
const cut = (from: number, to: number): Loss => ({ from, to, share: 1 });

export const packetFaults: readonly Fault[] = [
  wanted({
    name: "loss",
    minNodes: 2,
    effects: ["latency", "leader", "errors"],
    inject: (ground) => {
      const share = pick(ground.random, [0.05, 0.2, 0.4]);
      return lose(
        ground,
        `${share * 100} % of the packets between nodes lost`,
        ground.cluster.indexes.map((to) => ({ from: "anyone", to, share })),
      );
    },
  }),
  wanted({
    name: "duplication",
    minNodes: 2,
    effects: ["packets"],
    inject: (ground) => {
      const share = pick(ground.random, [0.1, 0.5, 1]);
      return meddle(ground, `${share * 100} % of the packets between nodes sent twice`, (fabric) =>
        fabric.duplicate(share),
      );
    },
  }),
  wanted({
    name: "reordering",
    minNodes: 2,
    effects: ["packets"],
    inject: (ground) => {
      const share = pick(ground.random, [0.05, 0.2]);
      const rate = pick(ground.random, [50, 200, 1000]);
      return meddle(
        ground,
        `${share * 100} % of the packets between nodes late, through a line of ${rate} kbit/s`,
        (fabric) => fabric.reorder(share, rate),
      );
    },
  }),
  wanted({
    name: "packets-isolate-leader",
    minNodes: 3,
    effects: ["leader"],
    inject: async (ground) => {
      const at = await leader(ground);
      if (at === null) return null;
      const others = ground.cluster.indexes.filter((n) => n !== at);
      return lose(
        ground,
        `no packet between ${ground.cluster.name(at)} and its peers`,
        others.flatMap((n) => [cut(n, at), cut(at, n)]),
      );
    },
  }),
  wanted({
    name: "packets-one-way",
    minNodes: 2,
    effects: ["leader", "errors", "latency"],
    inject: async (ground) => {
      const at = await leader(ground);
      if (at === null) return null;
      const others = ground.cluster.indexes.filter((n) => n !== at);
      const deaf = pick(ground.random, [true, false]);
      return lose(
        ground,
        `no packet ${deaf ? "to" : "from"} ${ground.cluster.name(at)} ${deaf ? "from" : "to"} its peers`,
        others.map((n) => (deaf ? cut(n, at) : cut(at, n))),
      );
    },
  }),
  wanted({
    name: "packets-bridge",
    minNodes: 3,
    effects: ["leader", "errors", "latency"],
    inject: (ground) => {
      const [bridge, ...rest] = shuffled(ground.random, ground.cluster.indexes);
      const left = rest.slice(0, Math.floor(rest.length / 2));
      const right = rest.slice(left.length);
      return lose(
        ground,
        `no packet between two groups but through ${ground.cluster.name(bridge!)}`,
        left.flatMap((a) => right.flatMap((b) => [cut(a, b), cut(b, a)])),
      );
    },
  }),
];
