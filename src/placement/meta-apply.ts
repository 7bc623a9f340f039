import type { NodeId, RangeId, ReplicaId } from "../base/units.js";
import { documentLimits } from "./document.js";
import { type MetaCommand, type MetaRefusal, type MetaReply, metaLimits } from "./meta-command.js";
import {
  groupOf,
  groupsOf,
  type MetaTables,
  memberOf,
  type TableGroup,
  type TableMember,
  type TableReplica,
  withLimits,
} from "./tables.js";

/** All that meta replicates; immutable, so that a refused command can't have changed anything. */
export interface MetaState {
  readonly tables: MetaTables;
  /** Sessions aren't part of the tables: nobody follows them. */
  readonly nextSession: number;
  /** Replaced replica -> its successor, so that a repeated request gets the same answer. Ids rise. */
  readonly replaced: readonly (readonly [ReplicaId, ReplicaId])[];
}

export interface MetaOutcome {
  readonly state: MetaState;
  readonly reply: MetaReply;
}

/** Answers to repeated requests are remembered for this many replacements. */
const maxReplaced = 1024;

/** Pure: the same state and command give the same outcome. */
export function applyMetaCommand(state: MetaState, command: MetaCommand): MetaOutcome {
  switch (command.kind) {
    case "open-sessions": {
      const first = state.nextSession;
      return {
        state: { ...state, nextSession: first + command.count },
        reply: { kind: "sessions", first, count: command.count },
      };
    }
    case "announce-member":
      return announceMember(state, command);
    case "rejoin-member":
      return rejoinMember(state, command);
    case "replace-replica":
      return replaceReplica(state, command);
    case "promote-replica":
      return promoteReplica(state, command);
    case "set-configuration":
      return setConfiguration(state, command);
    case "set":
      return setSetting(state, command);
  }
}

type Command<K extends MetaCommand["kind"]> = Extract<MetaCommand, { kind: K }>;

const done: MetaReply = { kind: "done" };

function refuse(state: MetaState, reason: MetaRefusal, message: string): MetaOutcome {
  return { state, reply: { kind: "refused", reason, message } };
}

/** The one place where tables change: the version rises and budgets follow. */
function change(state: MetaState, tables: MetaTables): MetaState {
  return { ...state, tables: { ...withLimits(tables), version: state.tables.version + 1 } };
}

function withGroup(tables: MetaTables, group: TableGroup): MetaTables {
  if (group.id === tables.meta.id) return { ...tables, meta: group };
  return {
    ...tables,
    ranges: tables.ranges.map((range) => (range.id === group.id ? { ...range, ...group } : range)),
  };
}

function withMember(tables: MetaTables, member: TableMember): MetaTables {
  const others = tables.members.filter((each) => each.id !== member.id);
  return { ...tables, members: [...others, member].sort((a, b) => a.id - b.id) };
}

function remember(state: MetaState, pairs: readonly (readonly [ReplicaId, ReplicaId])[]): MetaState {
  const all = [...state.replaced, ...pairs].sort((a, b) => a[0] - b[0]);
  return { ...state, replaced: all.slice(Math.max(0, all.length - maxReplaced)) };
}

function successorOf(state: MetaState, replica: ReplicaId): ReplicaId {
  let id = replica;
  // Successors are always younger, so this ends.
  for (;;) {
    const next = state.replaced.find(([old]) => old === id);
    if (next === undefined) return id;
    id = next[1];
  }
}

function announceMember(state: MetaState, { id, member }: Command<"announce-member">): MetaOutcome {
  const { tables } = state;
  const known = memberOf(tables, id);
  if (known?.state === "dead") {
    return refuse(state, "dead-member", `node ${known.name} was replaced; its id can't come back`);
  }
  const living = tables.members.filter((each) => each.state !== "dead");
  if (living.some((each) => each.id !== id && each.name === member.name)) {
    return refuse(state, "name-taken", `another node is named ${member.name}`);
  }
  if (known === null && living.length >= documentLimits.members) {
    return refuse(state, "too-many", `the cluster has ${living.length} members`);
  }
  const next: TableMember = { id, ...member, state: known?.state ?? "joining" };
  if (known !== null && sameMember(known, next)) return { state, reply: done };
  return { state: change(state, withMember(tables, next)), reply: done };
}

function sameMember(a: TableMember, b: TableMember): boolean {
  return (
    a.name === b.name &&
    a.address === b.address &&
    a.domain === b.domain &&
    a.capacity === b.capacity &&
    a.maxmemoryBytes === b.maxmemoryBytes &&
    a.ports.resp === b.ports.resp &&
    a.ports.grpc === b.ports.grpc &&
    a.ports.peer === b.ports.peer &&
    a.ports.http === b.ports.http
  );
}

function rejoinMember(state: MetaState, { newId, member }: Command<"rejoin-member">): MetaOutcome {
  const { tables } = state;
  const known = memberOf(tables, newId);
  if (known !== null) {
    if (known.state === "dead" || known.name !== member.name) {
      return refuse(state, "id-reused", "the node id belonged to another member: ids are never reused");
    }
    return { state, reply: { kind: "rejoined", replicas: replicasOn(tables, newId) } };
  }
  const living = tables.members.filter((each) => each.state !== "dead");
  const named = living.filter((each) => each.name === member.name);
  const candidates = named.length > 0 ? named : living.filter((each) => each.address === member.address);
  const old = candidates.length === 1 ? candidates[0]! : null;
  if (old === null) {
    return refuse(
      state,
      "unknown-member",
      `no member is named ${member.name} or stands at ${member.address}`,
    );
  }

  let next = withMember(tables, { ...old, state: "dead" });
  next = withMember(next, { id: newId, ...member, state: old.state });
  const pairs: (readonly [ReplicaId, ReplicaId])[] = [];
  for (const group of groupsOf(tables)) {
    const moved = moveReplicas(group, old.id, newId, next.nextReplica);
    pairs.push(...moved.pairs);
    if (moved.group === group) continue;
    next = { ...withGroup(next, moved.group), nextReplica: next.nextReplica + moved.pairs.length };
  }
  const changed = change(remember(state, pairs), next);
  return { state: changed, reply: { kind: "rejoined", replicas: replicasOn(changed.tables, newId) } };
}

function replicasOn(tables: MetaTables, node: NodeId): { range: RangeId; replica: ReplicaId }[] {
  return groupsOf(tables).flatMap((group) =>
    group.replicas
      .filter((each) => each.node === node)
      .map((each) => ({ range: group.id, replica: each.replica })),
  );
}

/** Each replica on `from` gets a successor on `to`: a voter a learner beside it, a learner another in its place. */
function moveReplicas(group: TableGroup, from: NodeId, to: NodeId, firstReplica: ReplicaId) {
  const pairs: (readonly [ReplicaId, ReplicaId])[] = [];
  const followed = new Set(group.replicas.map((each) => each.replaces));
  const replicas: TableReplica[] = [];
  for (const each of group.replicas) {
    const learner = each.role === "learner";
    if (each.node !== from || !learner) replicas.push(each);
    if (each.node !== from || each.role === "outgoing" || followed.has(each.replica)) continue;
    const replica = firstReplica + pairs.length;
    pairs.push([each.replica, replica]);
    replicas.push({ replica, node: to, role: "learner", replaces: learner ? each.replaces : each.replica });
  }
  const preferredLeader = group.preferredLeader === from ? to : group.preferredLeader;
  if (pairs.length === 0 && preferredLeader === group.preferredLeader) return { group, pairs };
  return { group: revised(group, replicas, { preferredLeader }), pairs };
}

function revised(
  group: TableGroup,
  replicas: readonly TableReplica[],
  fields: { readonly preferredLeader?: NodeId; readonly reportedIndex?: number } = {},
): TableGroup {
  const sorted = [...replicas].sort((a, b) => a.replica - b.replica);
  return { ...group, ...fields, epoch: group.epoch + 1, replicas: sorted };
}

function replaceReplica(state: MetaState, command: Command<"replace-replica">): MetaOutcome {
  const { tables } = state;
  const group = groupOf(tables, command.range);
  if (group === null) return refuse(state, "unknown-range", `there is no range ${command.range}`);
  const member = memberOf(tables, command.node);
  if (member === null) return refuse(state, "unknown-member", `there is no node ${command.node}`);
  if (member.state === "dead") return refuse(state, "dead-member", `node ${member.name} was replaced`);
  const id = successorOf(state, command.replica);
  const current = group.replicas.find((each) => each.replica === id && each.node === command.node);
  if (current === undefined || current.role === "outgoing") {
    return refuse(
      state,
      "unknown-replica",
      `replica ${command.replica} of range ${group.id} has no place on the node`,
    );
  }
  if (id !== command.replica) return { state, reply: { kind: "replica", replica: id } };

  const learner = current.role === "learner";
  const replica = tables.nextReplica;
  const kept = learner ? group.replicas.filter((each) => each !== current) : group.replicas;
  const replaces = learner ? current.replaces : current.replica;
  const next = revised(group, [...kept, { replica, node: command.node, role: "learner", replaces }]);
  const changed = change(remember(state, [[command.replica, replica]]), {
    ...withGroup(tables, next),
    nextReplica: replica + 1,
  });
  return { state: changed, reply: { kind: "replica", replica } };
}

function promoteReplica(state: MetaState, command: Command<"promote-replica">): MetaOutcome {
  const group = groupOf(state.tables, command.range);
  if (group === null) return refuse(state, "unknown-range", `there is no range ${command.range}`);
  const learner = group.replicas.find((each) => each.replica === command.replica);
  if (learner === undefined) {
    return refuse(state, "unknown-replica", `range ${group.id} has no replica ${command.replica}`);
  }
  if (learner.role === "voter") return { state, reply: done };
  if (learner.role !== "learner") {
    return refuse(state, "not-a-learner", `replica ${command.replica} is leaving range ${group.id}`);
  }
  const replicas = group.replicas
    .filter((each) => each !== learner && each.replica !== learner.replaces)
    .concat({ ...learner, role: "voter", replaces: 0 });
  return { state: change(state, withGroup(state.tables, revised(group, replicas))), reply: done };
}

/**
 * The group's replicas, with the voters that were replaced here as learners: their group had promoted them, and they
 * were lost before that was recorded. Their successors take their place.
 */
function withForgotten(
  state: MetaState,
  group: TableGroup,
  voters: ReadonlySet<ReplicaId>,
): readonly TableReplica[] {
  let replicas = group.replicas;
  for (const id of voters) {
    if (replicas.some((each) => each.replica === id)) continue;
    const successor = replicas.find((each) => each.replica === successorOf(state, id));
    if (successor?.role !== "learner") continue;
    replicas = replicas
      .map((each) => (each === successor ? { ...each, replaces: id } : each))
      .concat({ replica: id, node: successor.node, role: "voter", replaces: 0 });
  }
  return replicas;
}

function setConfiguration(state: MetaState, command: Command<"set-configuration">): MetaOutcome {
  const group = groupOf(state.tables, command.range);
  if (group === null) return refuse(state, "unknown-range", `there is no range ${command.range}`);
  if (command.atIndex < group.reportedIndex) {
    return refuse(state, "stale", `a report of index ${group.reportedIndex} is known already`);
  }
  const voters = new Set(command.voters);
  const outgoing = new Set(command.outgoing);
  const learners = new Set(command.learners);
  const known = withForgotten(state, group, voters);
  if (voters.size === 0) return refuse(state, "bad-configuration", "there is no voter");
  for (const id of [...voters, ...outgoing]) {
    if (!known.some((each) => each.replica === id)) {
      return refuse(state, "bad-configuration", `range ${group.id} was never given replica ${id}`);
    }
    if (learners.has(id)) return refuse(state, "bad-configuration", `replica ${id} is voter and learner`);
  }
  const replicas: TableReplica[] = [];
  for (const each of known) {
    const id = each.replica;
    if (voters.has(id)) replicas.push({ ...each, role: "voter", replaces: 0 });
    else if (outgoing.has(id)) replicas.push({ ...each, role: "outgoing", replaces: 0 });
    // A learner that isn't in the group yet keeps its place: it is still to be added.
    else if (each.role === "learner") replicas.push(each);
    else if (learners.has(id)) replicas.push({ ...each, role: "learner", replaces: 0 });
  }
  const same =
    replicas.length === group.replicas.length &&
    replicas.every((each, at) => {
      const old = group.replicas[at]!;
      return each.replica === old.replica && each.role === old.role && each.replaces === old.replaces;
    });
  const { tables } = state;
  if (same) {
    const noted = withGroup(tables, { ...group, reportedIndex: command.atIndex });
    return { state: { ...state, tables: noted }, reply: done };
  }
  const next = revised(group, replicas, { reportedIndex: command.atIndex });
  return { state: change(state, withGroup(tables, next)), reply: done };
}

function setSetting(state: MetaState, command: Command<"set">): MetaOutcome {
  const { tables } = state;
  if (!/^[a-z][a-z0-9.-]*$/.test(command.setting)) {
    return refuse(state, "bad-setting", `${command.setting} is no name of a setting`);
  }
  if (command.setting === "durability") {
    return refuse(state, "bad-setting", "durability is chosen once, when the cluster is made");
  }
  const old = tables.settings.find(([name]) => name === command.setting);
  if ((old?.[1] ?? null) === command.value) return { state, reply: done };
  const others = tables.settings.filter((each) => each !== old);
  if (command.value !== null && others.length >= metaLimits.settings) {
    return refuse(state, "too-many", `there are ${others.length} settings`);
  }
  const settings: (readonly [string, string])[] =
    command.value === null ? others : [...others, [command.setting, command.value]];
  settings.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return { state: change(state, { ...tables, settings }), reply: done };
}
