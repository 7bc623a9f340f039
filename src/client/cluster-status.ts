import type { Client } from "@grpc/grpc-js";
import { callUnary, openChannel } from "./channel.js";
import { clusterMethods, type ReplicaMessage, type TopologyMessage } from "./proto.js";

/** The whole cluster as its nodes tell it: what `quorate status --json` prints. */
export interface ClusterStatus {
  readonly clusterId: string;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly up: boolean;
    readonly ports: Readonly<Record<"resp" | "grpc" | "peer" | "http", string>>;
  }[];
  readonly ranges: readonly {
    readonly id: number;
    /** Both inclusive. */
    readonly slots: readonly [number, number];
    /** Name of the leader's node; null: none known. */
    readonly leader: string | null;
    readonly term: number;
    readonly replicas: readonly ReplicaStatus[];
  }[];
}

/** null: the replica's node didn't answer. */
export interface ReplicaStatus {
  readonly node: string;
  readonly role: string;
  readonly commit: number | null;
  readonly applied: number | null;
  readonly firstIndex: number | null;
  readonly digest: string | null;
}

const noPorts = { resp: "", grpc: "", peer: "", http: "" } as const;

/** One node's view over a channel that stays open, or null when it doesn't answer in time. */
export function viewOver(channel: Client, deadlineMs: number): Promise<TopologyMessage | null> {
  return new Promise((resolve) => {
    callUnary(channel, clusterMethods().Status, {}, deadlineMs, (error, response) => {
      resolve(error === null ? (response?.topology ?? null) : null);
    });
  });
}

async function viewOf(address: string, deadlineMs: number): Promise<TopologyMessage | null> {
  const channel = openChannel(address);
  const view = await viewOver(channel, deadlineMs);
  channel.close();
  return view;
}

/**
 * Asks the seeds for the members, then every member for the numbers of its own replicas.
 * @returns null when no seed answers within `deadlineMs`.
 */
export async function readClusterStatus(
  seeds: readonly string[],
  deadlineMs = 2000,
): Promise<ClusterStatus | null> {
  const first = (await Promise.all(seeds.map((seed) => viewOf(seed, deadlineMs)))).find(
    (view) => view !== null,
  );
  if (first === undefined || first === null) return null;
  const addresses = first.members.map(({ ports }) => ports?.grpc ?? "").filter((address) => address !== "");
  const views = (await Promise.all(addresses.map((address) => viewOf(address, deadlineMs)))).filter(
    (view) => view !== null,
  );
  return joinViews(views.length > 0 ? views : [first]);
}

/** What several nodes see, as one; there must be at least one view. */
export function joinViews(views: readonly TopologyMessage[]): ClusterStatus {
  const first = views[0]!;
  const nameOf = new Map(first.members.map(({ id, name }) => [id, name]));
  const ranges = first.ranges.map((range) => {
    const alike = views.flatMap((view) => view.ranges.filter(({ id }) => id === range.id));
    // An isolated node has an old view: the highest term knows best.
    const newest = alike.reduce((best, each) => {
      const better = each.term > best.term || (each.term === best.term && best.leader === "");
      return better ? each : best;
    }, range);
    const replicas = newest.replicas.map(({ node }) => {
      const own = views.find(({ self }) => self === node)?.ranges.find(({ id }) => id === range.id);
      return replicaStatus(
        node,
        nameOf,
        own?.replicas.find((replica) => replica.node === node),
      );
    });
    return {
      id: range.id,
      slots: [newest.firstSlot, newest.lastSlot] as const,
      leader: newest.leader === "" ? null : (nameOf.get(newest.leader) ?? newest.leader),
      term: newest.term,
      replicas,
    };
  });
  return {
    clusterId: first.clusterId,
    members: first.members.map(({ id, name, up, ports }) => ({ id, name, up, ports: ports ?? noPorts })),
    ranges,
  };
}

function replicaStatus(
  node: string,
  nameOf: ReadonlyMap<string, string>,
  own: ReplicaMessage | undefined,
): ReplicaStatus {
  const role = own?.role.replace("REPLICA_ROLE_", "").toLowerCase() ?? "unknown";
  return {
    node: nameOf.get(node) ?? node,
    role: role === "unspecified" ? "unknown" : role,
    commit: own?.commit ?? null,
    applied: own?.applied ?? null,
    firstIndex: own?.firstIndex ?? null,
    digest: own?.digest ?? null,
  };
}
