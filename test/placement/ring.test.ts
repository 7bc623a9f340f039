import fc from "fast-check";
import { expect, test } from "vitest";
import type { HashKey } from "../../src/base/keyed-hash.js";
import type { NodeId } from "../../src/base/units.js";
import { spreadLeaders } from "../../src/placement/leader-spread.js";
import { assignReplicas, type RingMember, replicasOf } from "../../src/placement/ring.js";
import { runs } from "../properties.js";

const hashKey: HashKey = [1, 2, 3, 4];
const keys = Array.from({ length: 64 }, (_, at) => at + 1);

const nodeId = fc.integer({ min: 1, max: 2 ** 48 - 1 });
const plainMembers = (min: number, max: number) =>
  fc
    .uniqueArray(nodeId, { minLength: min, maxLength: max })
    .map((ids) => ids.map((id): RingMember => ({ id, domain: `host-${id}`, capacity: 1 })));
const anyMembers = fc.uniqueArray(nodeId, { minLength: 1, maxLength: 12 }).chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record({
        id: fc.constant(id),
        domain: fc.integer({ min: 1, max: 5 }).map((n) => `zone-${n}`),
        capacity: fc.constantFrom(0.5, 1, 2, 4),
      }),
    ),
  ),
);

function loadsOf(assigned: ReadonlyMap<number, readonly NodeId[]>, members: readonly RingMember[]) {
  const loads = new Map(members.map((member) => [member.id, 0]));
  for (const nodes of assigned.values()) for (const node of nodes) loads.set(node, loads.get(node)! + 1);
  return [...loads.values()];
}

test("replicas stand on distinct nodes, and in distinct domains where there are enough", () => {
  fc.assert(
    fc.property(anyMembers, fc.integer({ min: 1, max: 5 }), (members, count) => {
      const domainOf = new Map(members.map((member) => [member.id, member.domain]));
      const domains = new Set(domainOf.values()).size;
      const assigned = assignReplicas(hashKey, keys, members, count);
      for (const nodes of [...assigned.values(), replicasOf(hashKey, 7, members, count)]) {
        expect(new Set(nodes).size).toBe(Math.min(count, members.length));
        if (domains >= count) expect(new Set(nodes.map((node) => domainOf.get(node))).size).toBe(count);
      }
    }),
    { numRuns: runs(60) },
  );
});

test("the ring is canonical: the members' order doesn't matter", () => {
  fc.assert(
    fc.property(anyMembers, (members) => {
      const turned = [...members].reverse();
      expect(replicasOf(hashKey, 5, turned, 3)).toEqual(replicasOf(hashKey, 5, members, 3));
      expect(assignReplicas(hashKey, keys, turned, 3)).toEqual(assignReplicas(hashKey, keys, members, 3));
    }),
    { numRuns: runs(30) },
  );
});

test("loads are bounded: equal nodes differ by at most one replica, leaders too", () => {
  fc.assert(
    fc.property(
      plainMembers(1, 12),
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 5 }),
      (members, ranges, count) => {
        const assigned = assignReplicas(hashKey, keys.slice(0, ranges), members, count);
        const loads = loadsOf(assigned, members);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        const groups = [...assigned.values()];
        const leaders = spreadLeaders(
          groups,
          members.map((member) => member.id),
        );
        leaders.forEach((leader, at) => {
          expect(groups[at]).toContain(leader);
        });
        const led = loadsOf(new Map(leaders.map((leader, at) => [at, [leader]])), members);
        expect(Math.max(...led) - Math.min(...led)).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: runs(150) },
  );
});

test("a node of twice the capacity takes about twice the replicas", () => {
  const members = [1, 2, 3, 4, 5, 6].map(
    (id): RingMember => ({ id, domain: `${id}`, capacity: id === 1 ? 2 : 1 }),
  );
  const [first, ...others] = loadsOf(assignReplicas(hashKey, keys, members, 2), members);
  for (const other of others) expect(Math.abs(first! - 2 * other)).toBeLessThanOrEqual(2);
});

test("a new node changes a list of replicas by itself alone, and takes about 1/N of them", () => {
  fc.assert(
    fc.property(plainMembers(4, 10), fc.integer({ min: 1, max: 3 }), (members, count) => {
      const added = members.at(-1)!;
      const before = members.slice(0, -1);
      const many = Array.from({ length: 200 }, (_, at) => at);
      let moved = 0;
      for (const key of many) {
        const old = replicasOf(hashKey, key, before, count);
        const now = replicasOf(hashKey, key, members, count);
        const came = now.filter((node) => !old.includes(node));
        expect(came.every((node) => node === added.id)).toBe(true);
        moved += came.length;
      }
      // Virtual nodes make shares differ by about a tenth; the bound is generous against an unlucky ring.
      expect(moved).toBeLessThan((1.8 * many.length * count) / members.length);
      expect(moved).toBeGreaterThan((0.4 * many.length * count) / members.length);
    }),
    { numRuns: runs(8) },
  );
});
