import { expect, test } from "vitest";
import { encodeMetaCommand } from "../../src/placement/meta-command.js";
import { MetaMachine } from "../../src/placement/meta-machine.js";
import { type GroupConfiguration, leaderMoves, type Observations, plan } from "../../src/placement/plan.js";
import { groupOf, groupsOf } from "../../src/placement/tables.js";
import { documentOf, memberNamed, membersTo } from "./fixtures.js";

/** Carries out what is planned, as leaders would, until nothing is; returns the kinds of steps per range. */
function carryOut(machine: MetaMachine, fenced: Observations["fenced"]): Map<number, string[]> {
  const configurations = new Map<number, GroupConfiguration>(
    groupsOf(machine.tables()).map((group) => {
      const voters = group.replicas.filter((each) => each.role === "voter").map((each) => each.replica);
      return [group.id, { voters, outgoing: [], learners: [] }];
    }),
  );
  // Neither fenced replicas nor those of dead nodes lead.
  const dead = new Set(
    machine
      .tables()
      .members.filter((each) => each.state === "dead")
      .map((each) => each.id),
  );
  const placed = groupsOf(machine.tables()).flatMap((group) => group.replicas);
  const lost = new Set([
    ...fenced.map((each) => each.replica),
    ...placed.filter((each) => dead.has(each.node)).map((each) => each.replica),
  ]);
  const taken = new Map<number, string[]>();
  for (let turn = 1; turn < 20; turn++) {
    const groups = [...configurations].map(([range, configuration]) => ({
      range,
      leader: configuration.voters.find((id) => !lost.has(id))!,
      configuration,
      atIndex: turn,
      // Safety 34: a learner has caught up only some turns after it was added.
      caughtUp: turn > 4 ? configuration.learners : [],
      changeInFlight: false,
    }));
    const steps = plan(machine.tables(), { fenced, groups });
    expect(new Set(steps.map((step) => step.range)).size).toBe(steps.length);
    for (const step of steps) {
      taken.set(step.range, [...(taken.get(step.range) ?? []), step.kind]);
      if (step.kind === "replace" || step.kind === "record") {
        const reply = machine.apply(machine.appliedIndex + 1, 1, encodeMetaCommand(step.command));
        expect(reply.kind).not.toBe("refused");
        continue;
      }
      const old = configurations.get(step.range)!;
      if (step.kind === "joint") {
        expect(turn).toBeGreaterThan(4);
        expect(step.next.outgoing).toEqual(old.voters);
      }
      if (step.kind !== "joint") expect(step.next.voters).toEqual(old.voters);
      configurations.set(step.range, step.next);
    }
    if (steps.length === 0 && turn > 5) return taken;
  }
  throw new Error("the plan doesn't come to an end");
}

test("a fenced replica is replaced on its node: learner, caught up, joint, left, recorded (safety 34)", () => {
  const machine = new MetaMachine(documentOf(membersTo(3)));
  const old = groupOf(machine.tables(), 3)!.replicas[0]!;
  const taken = carryOut(machine, [{ range: 3, node: old.node, replica: old.replica }]);
  expect([...taken.keys()]).toEqual([3]);
  expect(taken.get(3)).toEqual(["replace", "add-learner", "joint", "leave-joint", "record"]);
  const replicas = groupOf(machine.tables(), 3)!.replicas;
  expect(replicas.map((each) => each.role)).toEqual(["voter", "voter", "voter"]);
  expect(replicas.some((each) => each.replica === old.replica)).toBe(false);
  expect(replicas.some((each) => each.node === old.node)).toBe(true);
});

test("after a rejoin every replica of the dead node is replaced, meta's too", () => {
  const document = documentOf(membersTo(3));
  const machine = new MetaMachine(document);
  const { id: _, ...member } = memberNamed(2);
  machine.apply(1, 1, encodeMetaCommand({ kind: "rejoin-member", newId: 5002, member }));
  const taken = carryOut(machine, []);
  expect(taken.size).toBe(document.ranges.length + 1);
  for (const group of groupsOf(machine.tables())) {
    expect(group.replicas.map((each) => each.node).sort()).toEqual([1001, 1003, 5002]);
    expect(group.replicas.every((each) => each.role === "voter")).toBe(true);
  }
});

test("nothing is planned for a group with a change in flight or without a leader (safety 31)", () => {
  const machine = new MetaMachine(documentOf(membersTo(3)));
  const group = groupOf(machine.tables(), 1)!;
  const voters = group.replicas.map((each) => each.replica);
  const observation = {
    range: 1,
    leader: voters[0]!,
    configuration: { voters, outgoing: voters, learners: [] },
    atIndex: 1,
    caughtUp: [],
  };
  const kinds = (changeInFlight: boolean): string[] =>
    plan(machine.tables(), { fenced: [], groups: [{ ...observation, changeInFlight }] }).map(
      (step) => step.kind,
    );
  expect(kinds(true)).toEqual([]);
  expect(kinds(false)).toEqual(["leave-joint"]);
  expect(plan(machine.tables(), { fenced: [], groups: [] })).toEqual([]);
});

test("leaderships go to preferred nodes that are up and caught up, one per range (safety 41)", () => {
  const tables = new MetaMachine(documentOf(membersTo(3))).tables();
  const all = new Set([1001, 1002, 1003]);
  const leaders = new Map(groupsOf(tables).map((group) => [group.id, 1001]));
  const moves = leaderMoves(tables, leaders, all, () => true);
  const wanted = groupsOf(tables).filter((group) => group.preferredLeader !== 1001);
  expect(moves.map((move) => [move.range, move.from, move.to])).toEqual(
    wanted.map((group) => [group.id, 1001, group.preferredLeader]),
  );
  expect(leaderMoves(tables, leaders, all, () => false)).toEqual([]);
  const without = leaderMoves(tables, leaders, new Set([1001, 1003]), () => true);
  expect(without.every((move) => move.to === 1003)).toBe(true);
  expect(without.length).toBeGreaterThan(0);
  expect(leaderMoves(tables, new Map(), all, () => true)).toEqual([]);
});
