import { ByteWriter } from "../base/bytes.js";
import { type HashKey, hashHigh, keyedHash } from "../base/keyed-hash.js";
import type { NodeId } from "../base/units.js";

/** A node as the ring sees it. */
export interface RingMember {
  readonly id: NodeId;
  /** Nodes of one domain may fail together. */
  readonly domain: string;
  /** Relative weight; 1 is a usual node. */
  readonly capacity: number;
}

/** Virtual nodes of a member of capacity 1: loads then differ by about a tenth before they are bounded. */
const virtualNodesPerCapacity = 128;
const maxVirtualNodes = 4096;

interface Point {
  readonly low: number;
  readonly high: number;
  readonly member: RingMember;
}

/**
 * A hash ring with virtual nodes weighted by capacity. The same members give the same ring whatever order they
 * come in: points are ordered by their hash, ties by node id.
 */
class HashRing {
  private readonly points: readonly Point[];
  private readonly hashKey: HashKey;
  readonly members: readonly RingMember[];

  constructor(hashKey: HashKey, members: readonly RingMember[]) {
    this.hashKey = hashKey;
    this.members = members;
    const points: Point[] = [];
    const out = new ByteWriter(16);
    for (const member of this.members) {
      const wanted = Math.round(member.capacity * virtualNodesPerCapacity);
      const count = Math.min(maxVirtualNodes, Math.max(1, wanted));
      for (let i = 0; i < count; i++) {
        out.clear();
        out.u53(member.id);
        out.u32(i);
        const low = keyedHash(hashKey, out.bytes, 0, out.length);
        points.push({ low, high: hashHigh, member });
      }
    }
    this.points = points.sort((a, b) => a.low - b.low || a.high - b.high || a.member.id - b.member.id);
  }

  /** All members in the order in which they first appear clockwise of `key`. */
  clockwise(key: number): RingMember[] {
    const out = new ByteWriter(8);
    out.u53(key);
    const hash = keyedHash(this.hashKey, out.bytes, 0, out.length);
    const from = this.firstAtOrAfter(hash);
    const seen = new Set<NodeId>();
    const order: RingMember[] = [];
    for (let i = 0; i < this.points.length && order.length < this.members.length; i++) {
      const member = this.points[(from + i) % this.points.length]!.member;
      if (seen.has(member.id)) continue;
      seen.add(member.id);
      order.push(member);
    }
    return order;
  }

  private firstAtOrAfter(hash: number): number {
    let low = 0;
    let high = this.points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.points[middle]!.low < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Domains keep replicas apart; with fewer domains than replicas, nodes alone can. */
function apart(members: readonly RingMember[], count: number): (member: RingMember) => string {
  const domains = new Set(members.map((member) => member.domain));
  return domains.size >= count ? (member) => `d${member.domain}` : (member) => `n${member.id}`;
}

/**
 * The next `count` nodes clockwise of `key` in distinct failure domains, whatever their load; all nodes when there
 * are fewer. Adding a node changes a list only by that node, so about 1/N of all replicas move.
 */
export function replicasOf(
  hashKey: HashKey,
  key: number,
  members: readonly RingMember[],
  count: number,
): NodeId[] {
  const ring = new HashRing(hashKey, members);
  return pick(ring.clockwise(key), Math.min(count, members.length), apart(members, count), () => true);
}

/** Takes clockwise; domains that hold nothing yet come first, the second round is for too few domains. */
function pick(
  order: readonly RingMember[],
  count: number,
  apartBy: (member: RingMember) => string,
  allowed: (member: RingMember) => boolean,
  forced: (member: RingMember) => boolean = () => false,
): NodeId[] {
  const chosen: NodeId[] = [];
  const groups = new Set<string>();
  const domains = new Set<string>();
  const take = (wanted: (member: RingMember) => boolean): void => {
    for (const member of order) {
      if (chosen.length === count) return;
      if (groups.has(apartBy(member)) || !wanted(member) || !allowed(member)) continue;
      groups.add(apartBy(member));
      domains.add(member.domain);
      chosen.push(member.id);
    }
  };
  take(forced);
  take((member) => !domains.has(member.domain));
  take(() => true);
  return chosen;
}

/**
 * Replicas of all keys with bounded load: clockwise as in `replicasOf`, but a node takes no more than its share by
 * capacity, rounded, as far as distinct domains allow. With equal capacities and domains the loads differ by at most
 * one. Keys are served in the order given.
 */
export function assignReplicas(
  hashKey: HashKey,
  keys: readonly number[],
  members: readonly RingMember[],
  count: number,
): Map<number, NodeId[]> {
  const ring = new HashRing(hashKey, members);
  const replicas = Math.min(count, members.length);
  const apartBy = apart(members, replicas);
  const left = quotas(ring, keys.length, replicas, apartBy);
  const leftOfGroup = new Map<string, number>();
  for (const member of ring.members) {
    const group = apartBy(member);
    leftOfGroup.set(group, (leftOfGroup.get(group) ?? 0) + left.get(member.id)!);
  }
  const groupOf = new Map(ring.members.map((member) => [member.id, apartBy(member)]));
  const assigned = new Map<number, NodeId[]>();
  keys.forEach((key, at) => {
    const keysLeft = keys.length - at;
    // A group that has to hold all keys still to come must be taken now, else its share can't be met.
    const forced = (member: RingMember): boolean => leftOfGroup.get(apartBy(member))! >= keysLeft;
    const nodes = pick(ring.clockwise(key), replicas, apartBy, (each) => left.get(each.id)! > 0, forced);
    for (const node of nodes) {
      left.set(node, left.get(node)! - 1);
      const group = groupOf.get(node)!;
      leftOfGroup.set(group, leftOfGroup.get(group)! - 1);
    }
    assigned.set(key, nodes);
  });
  return assigned;
}

/** How many replicas each node takes: in sum exactly keys x replicas, in a group never more than one per key. */
function quotas(
  ring: HashRing,
  keys: number,
  replicas: number,
  apartBy: (member: RingMember) => string,
): Map<NodeId, number> {
  const groups = new Map<string, RingMember[]>();
  // In ring order, so that who gets the remainder is spread by hash rather than by id.
  for (const member of ring.clockwise(0)) {
    const group = groups.get(apartBy(member));
    if (group === undefined) groups.set(apartBy(member), [member]);
    else group.push(member);
  }
  const lists = [...groups.values()];
  const weights = lists.map((list) => list.reduce((sum, member) => sum + member.capacity, 0));
  const shares = share(keys * replicas, weights, keys);
  const result = new Map<NodeId, number>();
  lists.forEach((list, at) => {
    const capacities = list.map((member) => member.capacity);
    share(shares[at]!, capacities, keys).forEach((amount, i) => {
      result.set(list[i]!.id, amount);
    });
  });
  return result;
}

/** Cuts `total` by weights into whole parts of at most `cap` each, largest remainders first. */
function share(total: number, weights: readonly number[], cap: number): number[] {
  const parts = weights.map(() => 0);
  let left = total;
  let open = weights.map((_, at) => at);
  for (;;) {
    const weight = open.reduce((sum, at) => sum + weights[at]!, 0);
    const full = open.filter((at) => (left * weights[at]!) / weight >= cap);
    if (full.length === 0 || full.length === open.length) break;
    for (const at of full) parts[at] = cap;
    left -= cap * full.length;
    open = open.filter((at) => !full.includes(at));
  }
  const weight = open.reduce((sum, at) => sum + weights[at]!, 0);
  const exact = open.map((at) => Math.min(cap, (left * weights[at]!) / weight));
  open.forEach((at, i) => {
    parts[at] = Math.floor(exact[i]!);
  });
  const byRemainder = open
    .map((at, i) => ({ at, i, remainder: exact[i]! - Math.floor(exact[i]!) }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  let rest = total - parts.reduce((sum, part) => sum + part, 0);
  while (rest > 0) {
    const before = rest;
    for (const { at } of byRemainder) {
      if (rest === 0 || parts[at]! >= cap) continue;
      parts[at] = parts[at]! + 1;
      rest--;
    }
    if (rest === before) break;
  }
  return parts;
}
