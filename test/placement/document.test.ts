import fc from "fast-check";
import { expect, test } from "vitest";
import { slotCount } from "../../src/base/slot.js";
import { buildDocument, metaReplicaCount } from "../../src/placement/document.js";
import { encodeDocument, parseDocument } from "../../src/placement/document-codec.js";
import { runs } from "../properties.js";
import { documentOf, memberNamed, membersTo, settings } from "./fixtures.js";

const sizes = { nodes: fc.integer({ min: 1, max: 9 }), ranges: fc.integer({ min: 1, max: 70 }) };

test("ranges cover every slot exactly once, in runs of nearly equal length", () => {
  fc.assert(
    fc.property(sizes.nodes, sizes.ranges, (nodes, ranges) => {
      const document = documentOf(membersTo(nodes), { ranges });
      let next = 0;
      const lengths = document.ranges.map(({ slots: [from, to] }) => {
        expect(from).toBe(next);
        next = to + 1;
        return to - from + 1;
      });
      expect(next).toBe(slotCount);
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
    }),
    { numRuns: runs(60) },
  );
});

test("replica ids rise from 1 over meta and all ranges, each given once (safety 35)", () => {
  const document = documentOf(membersTo(5));
  const ids = [document.meta, ...document.ranges].flatMap((range) =>
    range.replicas.map((each) => each.replica),
  );
  expect(ids).toEqual(Array.from({ length: ids.length }, (_, at) => at + 1));
  expect(document.nextReplica).toBe(ids.length + 1);
});

test("preferred leaders are spread evenly over the nodes (safety 41)", () => {
  fc.assert(
    fc.property(sizes.nodes, sizes.ranges, (nodes, ranges) => {
      const document = documentOf(membersTo(nodes), { ranges });
      const led = document.members.map(
        (member) => document.ranges.filter((range) => range.preferredLeader === member.id).length,
      );
      expect(Math.max(...led) - Math.min(...led)).toBeLessThanOrEqual(1);
    }),
    { numRuns: runs(60) },
  );
});

test("meta stands on 3 nodes, on 5 from 5 on, on all when there are fewer", () => {
  expect([1, 2, 3, 4, 5, 9].map(metaReplicaCount)).toEqual([1, 2, 3, 3, 5, 5]);
  for (const nodes of [1, 2, 4, 6]) {
    const { meta } = documentOf(membersTo(nodes));
    expect(new Set(meta.replicas.map((each) => each.node)).size).toBe(metaReplicaCount(nodes));
  }
});

test("a range's budget is the least share of its nodes, and no node is promised more than it has", () => {
  const members = [
    memberNamed(1, { maxmemoryBytes: 160_000 }),
    memberNamed(2),
    memberNamed(3),
    memberNamed(4),
  ];
  const document = documentOf(members);
  const small = members[0]!;
  const there = document.ranges.filter((range) => range.replicas.some((each) => each.node === small.id));
  for (const range of there) expect(range.limitBytes).toBe(Math.floor(160_000 / there.length));
  for (const member of members) {
    const promised = document.ranges
      .filter((range) => range.replicas.some((each) => each.node === member.id))
      .reduce((sum, range) => sum + range.limitBytes, 0);
    expect(promised).toBeLessThanOrEqual(member.maxmemoryBytes);
  }
});

test("a document is canonical and survives its text form", () => {
  const members = membersTo(4);
  const text = encodeDocument(documentOf(members));
  expect(encodeDocument(documentOf([...members].reverse()))).toBe(text);
  const parsed = parseDocument(text);
  expect(parsed.ok && encodeDocument(parsed.value)).toBe(text);
});

test("a damaged document is refused with what is wrong", () => {
  const text = encodeDocument(documentOf(membersTo(3)));
  const problem = (from: string | RegExp, to: string): string => {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    const parsed = parseDocument(changed);
    return parsed.ok ? "accepted" : parsed.error;
  };
  expect(problem(/.$/, "")).toMatch(/^cluster document: /);
  expect(problem('"slots":[0,1023]', '"slots":[0,1022]')).toContain("slot 1023");
  expect(problem('"version":1', '"version":2')).toContain("version 2 is not understood");
  expect(problem("00112233445566aa", "00112233445566AA")).toContain("16 hex digits");
  expect(problem('"replica":2}', '"replica":1}')).toContain("replica id 1 is used twice");
  expect(problem('"node":1001,', '"node":77,')).toContain("unknown node");
  expect(problem('"hashKey":[11,', '"hashKey":[-1,')).toContain("outside");
  expect(problem('"durability":"fsync"', '"durability":"maybe"')).toContain("fsync, buffered");
});

test("members that can't form a cluster are refused with the reason", () => {
  const build = (members: Parameters<typeof documentOf>[0], ranges = 16): string => {
    const built = buildDocument({
      ...settings,
      ranges,
      clusterId: "0".repeat(16),
      hashKey: [0, 0, 0, 0],
      members,
    });
    return built.ok ? "accepted" : built.error;
  };
  expect(build([memberNamed(1), memberNamed(2, { name: "node-1" })])).toContain("same name: node-1");
  expect(build([memberNamed(1), memberNamed(2, { id: 1001 })])).toContain("same id");
  expect(build([memberNamed(1, { capacity: 0 })])).toContain("capacity 0");
  expect(build([])).toContain("0 members");
  expect(build([memberNamed(1)], 0)).toContain("0 ranges");
});
