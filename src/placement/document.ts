import type { HashKey } from "../base/keyed-hash.js";
import { err, ok, type Result } from "../base/result.js";
import { slotCount } from "../base/slot.js";
import { metaRangeId, type NodeId, type RangeId, type ReplicaId, type Slot } from "../base/units.js";
import { spreadLeaders } from "./leader-spread.js";
import { assignReplicas } from "./ring.js";

/** Where a node's services are reached, host:port each; empty where it offers none. */
export interface MemberPorts {
  readonly resp: string;
  readonly grpc: string;
  readonly peer: string;
  readonly http: string;
}

export interface Member {
  readonly id: NodeId;
  readonly name: string;
  /** Peer address, host:port. */
  readonly address: string;
  /** Nodes of one failure domain may fail together. */
  readonly domain: string;
  readonly ports: MemberPorts;
  /** Relative weight on the ring; 1 is a usual node. */
  readonly capacity: number;
  readonly maxmemoryBytes: number;
}

export interface PlacedReplica {
  readonly node: NodeId;
  readonly replica: ReplicaId;
}

export interface DocumentRange {
  readonly id: RangeId;
  /** First and last slot, both inclusive. */
  readonly slots: readonly [Slot, Slot];
  readonly replicas: readonly PlacedReplica[];
  readonly preferredLeader: NodeId;
  readonly limitBytes: number;
}

export const durabilities = ["fsync", "buffered"] as const;
export const readModes = ["lease", "quorum"] as const;

/** What may be chosen once per cluster. */
export interface ClusterSettings {
  readonly ranges: number;
  readonly replicationFactor: number;
  readonly durability: (typeof durabilities)[number];
  readonly reads: (typeof readModes)[number];
}

/** What a cluster begins with: meta's initial state, the same on every node. Never changed afterwards. */
export interface ClusterDocument {
  /** 16 hex digits. */
  readonly clusterId: string;
  readonly hashKey: HashKey;
  readonly durability: ClusterSettings["durability"];
  readonly reads: ClusterSettings["reads"];
  readonly replicationFactor: number;
  /** By id, rising. */
  readonly members: readonly Member[];
  readonly meta: { readonly replicas: readonly PlacedReplica[]; readonly preferredLeader: NodeId };
  /** By id, from 1; their slots follow one another from 0 to 16383. */
  readonly ranges: readonly DocumentRange[];
  /** The lowest replica id that was not given out. */
  readonly nextReplica: ReplicaId;
}

export const documentLimits = {
  members: 1024,
  ranges: slotCount,
  replicationFactor: 9,
  capacity: 1024,
} as const;

export interface DocumentOptions extends ClusterSettings {
  readonly clusterId: string;
  readonly hashKey: HashKey;
  readonly members: readonly Member[];
}

/** Meta stands on 3 nodes, on 5 from 5 nodes on, on all when there are fewer. */
export function metaReplicaCount(nodes: number): number {
  return nodes >= 5 ? 5 : Math.min(nodes, 3);
}

/** The `at`-th of `count` runs of slots: contiguous, all slots, lengths differ by at most one. */
function slotRun(at: number, count: number): readonly [Slot, Slot] {
  return [Math.floor((at * slotCount) / count), Math.floor(((at + 1) * slotCount) / count) - 1];
}

/** Lays out a new cluster; canonical: the members' order doesn't matter. */
export function buildDocument(options: DocumentOptions): Result<ClusterDocument, string> {
  const problem = optionsProblem(options);
  if (problem !== null) return err(problem);
  const members = [...options.members].sort((a, b) => a.id - b.id);
  const ids = Array.from({ length: options.ranges }, (_, at): RangeId => at + 1);
  const assigned = assignReplicas(options.hashKey, ids, members, options.replicationFactor);
  const metaNodes = assignReplicas(
    options.hashKey,
    [metaRangeId],
    members,
    metaReplicaCount(members.length),
  ).get(metaRangeId)!;
  const nodesOf = ids.map((id) => assigned.get(id)!);
  const leaders = spreadLeaders(
    nodesOf,
    members.map((member) => member.id),
  );

  let nextReplica: ReplicaId = 1;
  const place = (nodes: readonly NodeId[]): PlacedReplica[] =>
    nodes.map((node) => ({ node, replica: nextReplica++ }));
  const metaReplicas = place(metaNodes);
  const ranges = ids.map((id, at) => ({
    id,
    slots: slotRun(at, ids.length),
    replicas: place(nodesOf[at]!),
    preferredLeader: leaders[at]!,
    limitBytes: 0,
  }));
  const limits = rangeLimits(members, ranges);
  return ok({
    clusterId: options.clusterId,
    hashKey: options.hashKey,
    durability: options.durability,
    reads: options.reads,
    replicationFactor: options.replicationFactor,
    members,
    meta: { replicas: metaReplicas, preferredLeader: metaNodes[0]! },
    ranges: ranges.map((range) => ({ ...range, limitBytes: limits.get(range.id)! })),
    nextReplica,
  });
}

/**
 * A range's budget: the least, over its nodes, of the node's limit divided by the ranges there. Meta doesn't count.
 * A node with two replicas of a range (one replacing the other) counts it once.
 */
export function rangeLimits(
  members: readonly Member[],
  ranges: readonly { readonly id: RangeId; readonly replicas: readonly PlacedReplica[] }[],
): Map<RangeId, number> {
  const rangesOn = new Map<NodeId, number>();
  const nodesOf = ranges.map((range) => new Set(range.replicas.map((replica) => replica.node)));
  for (const nodes of nodesOf) for (const node of nodes) rangesOn.set(node, (rangesOn.get(node) ?? 0) + 1);
  const memory = new Map(members.map((member) => [member.id, member.maxmemoryBytes]));
  const limits = new Map<RangeId, number>();
  ranges.forEach((range, at) => {
    let least = Number.MAX_SAFE_INTEGER;
    for (const node of nodesOf[at]!) {
      least = Math.min(least, Math.floor((memory.get(node) ?? 0) / rangesOn.get(node)!));
    }
    limits.set(range.id, least);
  });
  return limits;
}

function optionsProblem(options: DocumentOptions): string | null {
  const { members, ranges, replicationFactor } = options;
  if (!/^[0-9a-f]{16}$/.test(options.clusterId)) return "the cluster id must be 16 hex digits";
  if (!Number.isSafeInteger(ranges) || ranges < 1 || ranges > documentLimits.ranges)
    return `${ranges} ranges: must be 1..${documentLimits.ranges}`;
  if (
    !Number.isSafeInteger(replicationFactor) ||
    replicationFactor < 1 ||
    replicationFactor > documentLimits.replicationFactor
  )
    return `replication factor ${replicationFactor}: must be 1..${documentLimits.replicationFactor}`;
  return membersProblem(members);
}

/** Why these can't be the members of one cluster, or null. */
export function membersProblem(members: readonly Member[]): string | null {
  if (members.length < 1 || members.length > documentLimits.members)
    return `${members.length} members: must be 1..${documentLimits.members}`;
  const seen = new Set<string>();
  for (const member of members) {
    if (!Number.isSafeInteger(member.id) || member.id < 1) return `node id ${member.id} is invalid`;
    if (member.name === "") return `the node at ${member.address} has no name`;
    if (!(member.capacity > 0 && member.capacity <= documentLimits.capacity))
      return `capacity ${member.capacity} of ${member.name}: must be above 0, at most ${documentLimits.capacity}`;
    if (!Number.isSafeInteger(member.maxmemoryBytes) || member.maxmemoryBytes < 1)
      return `maxmemory ${member.maxmemoryBytes} of ${member.name} is invalid`;
    for (const [what, value] of [
      ["id", member.id],
      ["name", member.name],
      ["address", member.address],
    ] as const) {
      const key = `${what} ${value}`;
      if (seen.has(key)) return `two nodes have the same ${what}: ${value}`;
      seen.add(key);
    }
  }
  return null;
}
