import fc from "fast-check";
import { expect, test } from "vitest";
import { DecodeError } from "../../src/base/bytes.js";
import {
  decodeMetaCommand,
  encodeMetaCommand,
  encodeMetaReply,
  type MemberClaim,
  type MetaCommand,
  type MetaReply,
  parseMetaReply,
} from "../../src/placement/meta-command.js";
import { MetaMachine } from "../../src/placement/meta-machine.js";
import { encodeTables, groupOf, groupsOf, memberOf, parseTables } from "../../src/placement/tables.js";
import { runs } from "../properties.js";
import { documentOf, memberNamed, membersTo } from "./fixtures.js";

const document = documentOf(membersTo(3));

function claimOf(number: number, changes: Partial<MemberClaim> = {}): MemberClaim {
  const { id: _, ...claim } = memberNamed(number);
  return { ...claim, ...changes };
}

/** A machine that takes one command per index. */
function machineWith(...commands: MetaCommand[]) {
  const machine = new MetaMachine(document);
  const run = (command: MetaCommand): MetaReply =>
    machine.apply(machine.appliedIndex + 1, 1, encodeMetaCommand(command));
  commands.forEach(run);
  return { machine, run };
}

function replicaOn(machine: MetaMachine, range: number, node: number): number {
  return groupOf(machine.tables(), range)!.replicas.find((each) => each.node === node)!.replica;
}

const range = fc.integer({ min: 0, max: 17 });
const node = fc.constantFrom(1001, 1002, 1003, 5001, 5002);
const replica = fc.integer({ min: 1, max: 70 });
const replicas = fc.array(replica, { maxLength: 4 });
const claim = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
  .map(([number, port]) => claimOf(number, { address: memberNamed(port).address }));
const command: fc.Arbitrary<MetaCommand> = fc.oneof(
  fc.record({ kind: fc.constant("open-sessions" as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant("announce-member" as const), id: node, member: claim }),
  fc.record({ kind: fc.constant("rejoin-member" as const), newId: node, member: claim }),
  fc.record({ kind: fc.constant("replace-replica" as const), range, node, replica }),
  fc.record({ kind: fc.constant("promote-replica" as const), range, replica }),
  fc.record({
    kind: fc.constant("set-configuration" as const),
    range,
    atIndex: fc.integer({ min: 1, max: 9 }),
    voters: replicas,
    outgoing: replicas,
    learners: replicas,
  }),
  fc.record({
    kind: fc.constant("set" as const),
    setting: fc.constantFrom("a", "b.c", "durability", "__proto__"),
    value: fc.constantFrom(null, "x", "y"),
  }),
);

test("replayed and restored replicas have equal digests, snapshots and replies (safety 56)", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), fc.nat(60), (commands, cut) => {
      const first = machineWith();
      const second = machineWith();
      commands.forEach((each, at) => {
        if (at === cut) {
          const restored = new MetaMachine(document);
          restored.restore(first.machine.snapshot());
          expect(restored.snapshot()).toEqual(first.machine.snapshot());
          second.machine.restore(first.machine.snapshot());
        }
        expect(second.run(each)).toEqual(first.run(each));
        expect(second.machine.digest()).toBe(first.machine.digest());
      });
      const text = encodeTables(first.machine.tables());
      const parsed = parseTables(text);
      expect(parsed.ok && encodeTables(parsed.value)).toBe(text);
    }),
    { numRuns: runs(40) },
  );
});

test("safety 35: no replica id is given out twice, and no dead node id comes back", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const { machine, run } = machineWith();
      const homes = new Map<number, string>();
      const dead = new Set<number>();
      for (const each of commands) {
        const before = machine.tables();
        const reply = run(each);
        const after = machine.tables();
        if (reply.kind === "refused") expect(after).toBe(before);
        if (after !== before) expect(after.version).toBeGreaterThanOrEqual(before.version);
        expect(after.nextReplica).toBeGreaterThanOrEqual(before.nextReplica);
        for (const group of groupsOf(after)) {
          for (const placed of group.replicas) {
            const home = `${group.id} on ${placed.node}`;
            expect(homes.get(placed.replica) ?? home).toBe(home);
            homes.set(placed.replica, home);
            expect(placed.replica).toBeLessThan(after.nextReplica);
          }
        }
        for (const member of after.members) if (member.state === "dead") dead.add(member.id);
        for (const id of dead) expect(memberOf(after, id)?.state).toBe("dead");
      }
    }),
    { numRuns: runs(60) },
  );
});

test("session numbers rise and don't change the tables' version", () => {
  const { machine, run } = machineWith();
  expect(run({ kind: "open-sessions", count: 10 })).toEqual({ kind: "sessions", first: 1, count: 10 });
  expect(run({ kind: "open-sessions", count: 1 })).toEqual({ kind: "sessions", first: 11, count: 1 });
  expect(machine.tables().version).toBe(1);
});

test("a repeated replacement gets the same answer, also after it was promoted", () => {
  const { machine, run } = machineWith();
  const old = replicaOn(machine, 4, 1002);
  const request = { kind: "replace-replica", range: 4, node: 1002, replica: old } as const;
  const learner = document.nextReplica;
  expect(run(request)).toEqual({ kind: "replica", replica: learner });
  const { version } = machine.tables();
  expect(run(request)).toEqual({ kind: "replica", replica: learner });
  expect(machine.tables().version).toBe(version);

  expect(run({ kind: "promote-replica", range: 4, replica: learner })).toEqual({ kind: "done" });
  expect(run({ kind: "promote-replica", range: 4, replica: learner })).toEqual({ kind: "done" });
  const ids = groupOf(machine.tables(), 4)!.replicas.map((each) => each.replica);
  expect(ids).toContain(learner);
  expect(ids).not.toContain(old);
  expect(ids).toHaveLength(3);
  expect(run(request)).toEqual({ kind: "replica", replica: learner });

  const restored = new MetaMachine(document);
  restored.restore(machine.snapshot());
  const reply = restored.apply(restored.appliedIndex + 1, 1, encodeMetaCommand(request));
  expect(reply).toEqual({ kind: "replica", replica: learner });
});

test("a learner that is fenced itself is followed by another in its place", () => {
  const { machine, run } = machineWith();
  const old = replicaOn(machine, 0, 1001);
  const replace = (replica: number): MetaReply =>
    run({ kind: "replace-replica", range: 0, node: 1001, replica });
  const first = document.nextReplica;
  replace(old);
  expect(replace(first)).toEqual({ kind: "replica", replica: first + 1 });
  expect(replace(old)).toEqual({ kind: "replica", replica: first + 1 });
  const learners = machine.tables().meta.replicas.filter((each) => each.role === "learner");
  expect(learners).toEqual([{ replica: first + 1, node: 1001, role: "learner", replaces: old }]);
});

test("a learner that was lost after its group had promoted it is followed by another in the place that it took", () => {
  const { machine, run } = machineWith();
  const group = () => groupOf(machine.tables(), 4)!;
  const old = replicaOn(machine, 4, 1002);
  const others = group().replicas.flatMap((each) => (each.replica === old ? [] : [each.replica]));
  const promoted = document.nextReplica;
  run({ kind: "replace-replica", range: 4, node: 1002, replica: old });
  run({ kind: "replace-replica", range: 4, node: 1002, replica: promoted });
  const voters = [...others, promoted];
  const report = { kind: "set-configuration", range: 4, voters, outgoing: [], learners: [] } as const;
  expect(run({ ...report, atIndex: 9 })).toEqual({ kind: "done" });
  expect(group().replicas).toContainEqual({ replica: promoted, node: 1002, role: "voter", replaces: 0 });
  expect(group().replicas).toContainEqual({
    replica: promoted + 1,
    node: 1002,
    role: "learner",
    replaces: promoted,
  });
  expect(group().replicas.some((each) => each.replica === old)).toBe(false);
});

test("safety 35: a node with an emptied folder comes back under a new id with new replicas", () => {
  const { machine, run } = machineWith();
  const moved = claimOf(2, { address: "10.0.0.9:7202" });
  const reply = run({ kind: "rejoin-member", newId: 5002, member: moved });
  expect(reply.kind === "rejoined" && reply.replicas.map((each) => each.range)).toEqual(
    groupsOf(firstTables()).map((group) => group.id),
  );
  const tables = machine.tables();
  expect(memberOf(tables, 1002)?.state).toBe("dead");
  expect(memberOf(tables, 5002)).toMatchObject({ state: "active", address: "10.0.0.9:7202" });
  for (const group of groupsOf(tables)) {
    const learner = group.replicas.find((each) => each.node === 5002)!;
    const old = group.replicas.find((each) => each.node === 1002)!;
    expect(learner).toMatchObject({ role: "learner", replaces: old.replica });
    expect(group.preferredLeader).not.toBe(1002);
  }
  expect(run({ kind: "rejoin-member", newId: 5002, member: moved })).toEqual(reply);
  expect(machine.tables()).toBe(tables);
  expect(run({ kind: "announce-member", id: 1002, member: claimOf(2) })).toMatchObject({
    kind: "refused",
    reason: "dead-member",
  });
  expect(run({ kind: "rejoin-member", newId: 1002, member: claimOf(2) })).toMatchObject({
    reason: "id-reused",
  });
  expect(run({ kind: "rejoin-member", newId: 1001, member: claimOf(2) })).toMatchObject({
    reason: "id-reused",
  });
});

function firstTables() {
  return new MetaMachine(document).tables();
}

test("announcing changes addresses and limits; an unknown node joins; a taken name is refused", () => {
  const { machine, run } = machineWith();
  run({ kind: "announce-member", id: 1001, member: claimOf(1, { address: "a:1", maxmemoryBytes: 800_000 }) });
  expect(memberOf(machine.tables(), 1001)).toMatchObject({ address: "a:1", state: "active" });
  expect(machine.tables().ranges[0]!.limitBytes).toBe(50_000);
  run({ kind: "announce-member", id: 5004, member: claimOf(4) });
  expect(memberOf(machine.tables(), 5004)?.state).toBe("joining");
  const { version } = machine.tables();
  run({ kind: "announce-member", id: 5004, member: claimOf(4) });
  expect(machine.tables().version).toBe(version);
  expect(run({ kind: "announce-member", id: 5005, member: claimOf(4) })).toMatchObject({
    reason: "name-taken",
  });
});

test("a reported configuration sets the roles; an older report is stale, a learner to come keeps its place", () => {
  const { machine, run } = machineWith();
  const [a, b, c] = groupOf(machine.tables(), 1)!.replicas.map((each) => each.replica);
  const learner = document.nextReplica;
  run({ kind: "replace-replica", range: 1, node: replicaNode(machine, a!), replica: a! });
  const report = (atIndex: number, voters: number[], outgoing: number[] = []): MetaReply =>
    run({ kind: "set-configuration", range: 1, atIndex, voters, outgoing, learners: [] });
  expect(report(5, [a!, b!, c!])).toEqual({ kind: "done" });
  expect(groupOf(machine.tables(), 1)!.replicas).toHaveLength(4);
  expect(report(9, [b!, c!, learner], [a!, b!, c!])).toEqual({ kind: "done" });
  expect(groupOf(machine.tables(), 1)!.replicas.find((each) => each.replica === a)?.role).toBe("outgoing");
  expect(report(8, [a!, b!, c!])).toMatchObject({ reason: "stale" });
  expect(report(12, [b!, c!, learner])).toEqual({ kind: "done" });
  expect(groupOf(machine.tables(), 1)!.replicas.map((each) => each.replica)).toEqual([b, c, learner]);
  expect(report(13, [])).toMatchObject({ reason: "bad-configuration" });
  expect(report(13, [b!, 9999])).toMatchObject({ reason: "bad-configuration" });
});

function replicaNode(machine: MetaMachine, id: number): number {
  return groupsOf(machine.tables())
    .flatMap((group) => group.replicas)
    .find((each) => each.replica === id)!.node;
}

test("settings are set, removed and bounded; durability is for life", () => {
  const { machine, run } = machineWith();
  run({ kind: "set", setting: "maxmemory-policy", value: "allkeys-lru" });
  expect(machine.tables().settings).toEqual([["maxmemory-policy", "allkeys-lru"]]);
  run({ kind: "set", setting: "maxmemory-policy", value: null });
  expect(machine.tables().settings).toEqual([]);
  expect(run({ kind: "set", setting: "durability", value: "buffered" })).toMatchObject({
    reason: "bad-setting",
  });
});

test("commands and replies survive their codecs; malformed ones are refused, not thrown", () => {
  fc.assert(
    fc.property(command, (each) => {
      const decoded = decodeMetaCommand(encodeMetaCommand(each));
      expect(decoded).toEqual({ ok: true, value: each });
    }),
    { numRuns: runs(100) },
  );
  const reply: MetaReply = { kind: "refused", reason: "stale", message: "late" };
  expect(parseMetaReply(encodeMetaReply(reply))).toEqual({ ok: true, value: reply });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(decodeMetaCommand(bytes).ok).toBe(false);
      expect(() => new MetaMachine(document).restore(bytes)).toThrow(DecodeError);
    }),
  );
  expect(decodeMetaCommand(Uint8Array.of(9, 0x7b))).toEqual({
    ok: false,
    error: "meta command: version 9 is not understood",
  });
});
