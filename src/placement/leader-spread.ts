import type { NodeId } from "../base/units.js";

/**
 * Prefers one leader per group out of its nodes, as evenly as the groups allow: the counts of two nodes differ by at
 * most one wherever replicas are spread evenly. Groups' nodes come in order of liking.
 *
 * A bipartite matching by augmenting paths: first every node is filled up to the floor of the average, then to the
 * ceiling; a node once filled never loses its count.
 */
export function spreadLeaders(groups: readonly (readonly NodeId[])[], nodes: readonly NodeId[]): NodeId[] {
  const leader = groups.map((): NodeId => 0);
  const led = new Map<NodeId, number[]>(nodes.map((node) => [node, []]));
  let cap = Math.floor(groups.length / Math.max(1, nodes.length));

  const place = (group: number, node: NodeId): void => {
    const old = led.get(leader[group]!);
    if (old !== undefined) old.splice(old.indexOf(group), 1);
    leader[group] = node;
    led.get(node)!.push(group);
  };
  const augment = (group: number, visited: Set<NodeId>): boolean => {
    for (const node of groups[group]!) {
      if (visited.has(node)) continue;
      visited.add(node);
      if (led.get(node)!.length < cap) {
        place(group, node);
        return true;
      }
      for (const other of [...led.get(node)!]) {
        if (!augment(other, visited)) continue;
        place(group, node);
        return true;
      }
    }
    return false;
  };
  for (; leader.some((node) => node === 0) && cap <= groups.length; cap++) {
    for (let group = 0; group < groups.length; group++) {
      if (leader[group] === 0) augment(group, new Set());
    }
  }
  return leader;
}
