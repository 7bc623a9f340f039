import type { Result } from "../base/result.js";
import {
  type LogIndex,
  metaRangeId,
  type NodeId,
  type RangeId,
  type ReplicaId,
  type Slot,
} from "../base/units.js";
import { type ClusterDocument, documentLimits, type Member, rangeLimits } from "./document.js";
import { checkSlots, memberJson, readClusterFields, readMember, readSlots } from "./document-codec.js";
import {
  asObject,
  check,
  choiceField,
  integerField,
  type JsonObject,
  listField,
  objectField,
  parseShape,
  textField,
} from "./json-shape.js";

const memberStates = ["joining", "active", "draining", "dead"] as const;
/** A dead member's id stays in the tables, so that it is never taken again (safety 35). */
export type MemberState = (typeof memberStates)[number];

export interface TableMember extends Member {
  readonly state: MemberState;
}

const replicaRoles = ["voter", "outgoing", "learner"] as const;
/** "outgoing": votes in the old half of a joint configuration only. */
export type ReplicaRole = (typeof replicaRoles)[number];

export interface TableReplica {
  readonly replica: ReplicaId;
  readonly node: NodeId;
  readonly role: ReplicaRole;
  /** The replica whose place this learner takes once it caught up; 0 for none. */
  readonly replaces: ReplicaId;
}

/** A Raft group: meta or a range of keys. */
export interface TableGroup {
  readonly id: RangeId;
  /** Version of the replica set and bounds: +1 with each change. */
  readonly epoch: number;
  /** By id, rising. */
  readonly replicas: readonly TableReplica[];
  readonly preferredLeader: NodeId;
  /** The group's log had this index when `replicas` was reported last; older reports are stale. */
  readonly reportedIndex: LogIndex;
}

export interface TableRange extends TableGroup {
  readonly slots: readonly [Slot, Slot];
  readonly limitBytes: number;
}

/** What every node follows by version; immutable. */
export interface MetaTables {
  /** Rises with each change of anything below but `reportedIndex`. */
  readonly version: number;
  readonly clusterId: string;
  readonly hashKey: ClusterDocument["hashKey"];
  readonly durability: ClusterDocument["durability"];
  readonly reads: ClusterDocument["reads"];
  readonly replicationFactor: number;
  /** By id, rising; dead ones too. */
  readonly members: readonly TableMember[];
  readonly meta: TableGroup;
  /** By id, rising. */
  readonly ranges: readonly TableRange[];
  readonly nextReplica: ReplicaId;
  /** By name, rising by code unit. */
  readonly settings: readonly (readonly [string, string])[];
}

export function tablesOf(document: ClusterDocument): MetaTables {
  const group = (range: { readonly replicas: readonly { node: NodeId; replica: ReplicaId }[] }) => ({
    epoch: 1,
    reportedIndex: 0,
    replicas: range.replicas.map(({ node, replica }) => ({
      replica,
      node,
      role: "voter" as const,
      replaces: 0,
    })),
  });
  return {
    version: 1,
    clusterId: document.clusterId,
    hashKey: document.hashKey,
    durability: document.durability,
    reads: document.reads,
    replicationFactor: document.replicationFactor,
    members: document.members.map((member) => ({ ...memberJson(member), state: "active" as const })),
    meta: { id: metaRangeId, preferredLeader: document.meta.preferredLeader, ...group(document.meta) },
    ranges: document.ranges.map((range) => ({
      id: range.id,
      preferredLeader: range.preferredLeader,
      slots: range.slots,
      limitBytes: range.limitBytes,
      ...group(range),
    })),
    nextReplica: document.nextReplica,
    settings: [],
  };
}

/** Meta first, then the ranges. */
export function groupsOf(tables: MetaTables): readonly TableGroup[] {
  return [tables.meta, ...tables.ranges];
}

export function groupOf(tables: MetaTables, range: RangeId): TableGroup | null {
  if (range === metaRangeId) return tables.meta;
  return tables.ranges.find((each) => each.id === range) ?? null;
}

export function memberOf(tables: MetaTables, node: NodeId): TableMember | null {
  return tables.members.find((member) => member.id === node) ?? null;
}

/** Budgets anew, after members or replicas changed; replicas on dead nodes hold nothing. */
export function withLimits(tables: MetaTables): MetaTables {
  const alive = tables.members.filter((member) => member.state !== "dead");
  const aliveIds = new Set(alive.map((member) => member.id));
  const limits = rangeLimits(
    alive,
    tables.ranges.map((range) => ({
      id: range.id,
      replicas: range.replicas.filter((replica) => aliveIds.has(replica.node)),
    })),
  );
  const ranges = tables.ranges.map((range) => {
    const limitBytes = limits.get(range.id)!;
    return limitBytes === range.limitBytes ? range : { ...range, limitBytes };
  });
  return { ...tables, ranges };
}

const tablesVersion = 1;

/** Canonical JSON: equal tables give equal text. */
export function encodeTables(tables: MetaTables): string {
  return JSON.stringify({
    format: tablesVersion,
    version: tables.version,
    clusterId: tables.clusterId,
    hashKey: tables.hashKey,
    durability: tables.durability,
    reads: tables.reads,
    replicationFactor: tables.replicationFactor,
    members: tables.members.map((member) => ({ ...memberJson(member), state: member.state })),
    meta: groupJson(tables.meta),
    ranges: tables.ranges.map((range) => ({
      ...groupJson(range),
      slots: range.slots,
      limitBytes: range.limitBytes,
    })),
    nextReplica: tables.nextReplica,
    settings: tables.settings,
  });
}

export function parseTables(text: string): Result<MetaTables, string> {
  return parseShape("meta's tables", text, (root) => {
    const object = asObject(root, "the tables");
    const format = integerField(object, "format");
    check(format === tablesVersion, `format ${format} is not understood, only ${tablesVersion} is`);
    const tables: MetaTables = {
      version: integerField(object, "version", 1),
      ...readClusterFields(object),
      members: listField(object, "members", Number.MAX_SAFE_INTEGER, (value, what) => ({
        ...readMember(value, what),
        state: choiceField(asObject(value, what), "state", memberStates),
      })),
      meta: readGroup(objectField(object, "meta")),
      ranges: listField(object, "ranges", documentLimits.ranges, (value, what) => {
        const range = asObject(value, what);
        return {
          ...readGroup(range),
          slots: readSlots(range),
          limitBytes: integerField(range, "limitBytes"),
        };
      }),
      nextReplica: integerField(object, "nextReplica", 1),
      settings: listField(object, "settings", Number.MAX_SAFE_INTEGER, readSetting),
    };
    checkSlots(tables.ranges);
    return tables;
  });
}

function groupJson(group: TableGroup): TableGroup {
  return {
    id: group.id,
    epoch: group.epoch,
    replicas: group.replicas.map(({ replica, node, role, replaces }) => ({ replica, node, role, replaces })),
    preferredLeader: group.preferredLeader,
    reportedIndex: group.reportedIndex,
  };
}

function readGroup(object: JsonObject): TableGroup {
  return {
    id: integerField(object, "id"),
    epoch: integerField(object, "epoch", 1),
    replicas: listField(object, "replicas", documentLimits.members, (value, what) => {
      const replica = asObject(value, what);
      return {
        replica: integerField(replica, "replica", 1),
        node: integerField(replica, "node", 1),
        role: choiceField(replica, "role", replicaRoles),
        replaces: integerField(replica, "replaces"),
      };
    }),
    preferredLeader: integerField(object, "preferredLeader", 1),
    reportedIndex: integerField(object, "reportedIndex"),
  };
}

function readSetting(value: unknown, what: string): readonly [string, string] {
  check(Array.isArray(value) && value.length === 2, `${what} is not a pair`);
  const pair = { name: value[0] as unknown, value: value[1] as unknown };
  return [textField(pair, "name"), textField(pair, "value", 4096)];
}
