import { utf8Bytes, utf8Text } from "../base/bytes.js";
import { err, type Result } from "../base/result.js";
import type { LogIndex, NodeId, RangeId, ReplicaId } from "../base/units.js";
import { documentLimits, type MemberPorts } from "./document.js";
import { portsJson, readPorts } from "./document-codec.js";
import {
  asObject,
  check,
  choiceField,
  integerField,
  integersField,
  type JsonObject,
  listField,
  parseShape,
  textField,
  weightField,
} from "./json-shape.js";

/** What a node says of itself; all but the id may change from start to start. */
export interface MemberClaim {
  readonly name: string;
  readonly address: string;
  readonly domain: string;
  readonly ports: MemberPorts;
  readonly capacity: number;
  readonly maxmemoryBytes: number;
}

/** An entry of meta's log: one command each. */
export type MetaCommand =
  /** Gives out `count` rising session numbers. */
  | { readonly kind: "open-sessions"; readonly count: number }
  /** At each start. An unknown id joins, without replicas so far. */
  | { readonly kind: "announce-member"; readonly id: NodeId; readonly member: MemberClaim }
  /**
   * A node whose data folder was emptied comes back as `newId`: the old member is dead, its replicas are replaced by
   * new ones. The proposer makes sure that the old member isn't up: meta's log can't know.
   */
  | { readonly kind: "rejoin-member"; readonly newId: NodeId; readonly member: MemberClaim }
  /** A fenced replica is followed by a new learner on its node; asked again, the same answer. */
  | {
      readonly kind: "replace-replica";
      readonly range: RangeId;
      readonly node: NodeId;
      readonly replica: ReplicaId;
    }
  /** The group's joint change is over: the learner votes, the replica that it replaced is out. */
  | { readonly kind: "promote-replica"; readonly range: RangeId; readonly replica: ReplicaId }
  /** The configuration that a group's leader has in force; `atIndex` is its applied index then. */
  | {
      readonly kind: "set-configuration";
      readonly range: RangeId;
      readonly atIndex: LogIndex;
      readonly voters: readonly ReplicaId[];
      readonly outgoing: readonly ReplicaId[];
      readonly learners: readonly ReplicaId[];
    }
  /** null removes the setting. */
  | { readonly kind: "set"; readonly setting: string; readonly value: string | null };

const metaRefusals = [
  "unknown-member",
  "unknown-range",
  "unknown-replica",
  "dead-member",
  "id-reused",
  "name-taken",
  "not-a-learner",
  "bad-configuration",
  "stale",
  "bad-setting",
  "too-many",
] as const;
export type MetaRefusal = (typeof metaRefusals)[number];

/** "refused" is definite: nothing changed. */
export type MetaReply =
  | { readonly kind: "sessions"; readonly first: number; readonly count: number }
  | { readonly kind: "replica"; readonly replica: ReplicaId }
  | {
      readonly kind: "rejoined";
      readonly replicas: readonly { readonly range: RangeId; readonly replica: ReplicaId }[];
    }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly reason: MetaRefusal; readonly message: string };

export const metaLimits = {
  sessionsPerCommand: 65_536,
  settings: 256,
  settingNameLength: 64,
  settingValueLength: 4096,
} as const;

const commandVersion = 1;

/** A version byte, then JSON: meta's log is short and read by people. */
export function encodeMetaCommand(command: MetaCommand): Uint8Array {
  const json = utf8Bytes(JSON.stringify(canonical(command)));
  const bytes = new Uint8Array(json.length + 1);
  bytes[0] = commandVersion;
  bytes.set(json, 1);
  return bytes;
}

export function decodeMetaCommand(bytes: Uint8Array): Result<MetaCommand, string> {
  if (bytes.length === 0) return err("meta command: no bytes");
  if (bytes[0] !== commandVersion) return err(`meta command: version ${bytes[0]} is not understood`);
  return parseShape("meta command", utf8Text(bytes.subarray(1)), (root) => {
    return readCommand(asObject(root, "the command"));
  });
}

export function encodeMetaReply(reply: MetaReply): string {
  return JSON.stringify(reply);
}

export function parseMetaReply(text: string): Result<MetaReply, string> {
  return parseShape("meta reply", text, (root): MetaReply => {
    const object = asObject(root, "the reply");
    const kinds = ["sessions", "replica", "rejoined", "done", "refused"] as const;
    const kind = choiceField(object, "kind", kinds);
    switch (kind) {
      case "sessions":
        return { kind, first: integerField(object, "first", 1), count: integerField(object, "count", 1) };
      case "replica":
        return { kind, replica: integerField(object, "replica", 1) };
      case "rejoined":
        return {
          kind,
          replicas: listField(object, "replicas", documentLimits.ranges + 1, (value, what) => {
            const each = asObject(value, what);
            return { range: integerField(each, "range"), replica: integerField(each, "replica", 1) };
          }),
        };
      case "done":
        return { kind };
      case "refused":
        return {
          kind,
          reason: choiceField(object, "reason", metaRefusals),
          message: textField(object, "message", 4096),
        };
    }
  });
}

/** The same command gives the same bytes, however the object was made. */
function canonical(command: MetaCommand): object {
  const { kind } = command;
  switch (kind) {
    case "open-sessions":
      return { kind, count: command.count };
    case "announce-member":
      return { kind, id: command.id, ...claimJson(command.member) };
    case "rejoin-member":
      return { kind, newId: command.newId, ...claimJson(command.member) };
    case "replace-replica":
      return { kind, range: command.range, node: command.node, replica: command.replica };
    case "promote-replica":
      return { kind, range: command.range, replica: command.replica };
    case "set-configuration": {
      const { range, atIndex, voters, outgoing, learners } = command;
      return { kind, range, atIndex, voters, outgoing, learners };
    }
    case "set":
      return { kind, setting: command.setting, value: command.value };
  }
}

function claimJson(claim: MemberClaim): MemberClaim {
  return {
    name: claim.name,
    address: claim.address,
    domain: claim.domain,
    ports: portsJson(claim.ports),
    capacity: claim.capacity,
    maxmemoryBytes: claim.maxmemoryBytes,
  };
}

function readClaim(object: JsonObject): MemberClaim {
  const claim = {
    name: textField(object, "name"),
    address: textField(object, "address"),
    domain: textField(object, "domain"),
    ports: readPorts(object),
    capacity: weightField(object, "capacity", documentLimits.capacity),
    maxmemoryBytes: integerField(object, "maxmemoryBytes", 1),
  };
  check(claim.name !== "" && claim.address !== "", "a member needs a name and an address");
  return claim;
}

const commandKinds = [
  "open-sessions",
  "announce-member",
  "rejoin-member",
  "replace-replica",
  "promote-replica",
  "set-configuration",
  "set",
] as const;

function readCommand(object: JsonObject): MetaCommand {
  const kind = choiceField(object, "kind", commandKinds);
  switch (kind) {
    case "open-sessions":
      return { kind, count: integerField(object, "count", 1, metaLimits.sessionsPerCommand) };
    case "announce-member":
      return { kind, id: integerField(object, "id", 1), member: readClaim(object) };
    case "rejoin-member":
      return { kind, newId: integerField(object, "newId", 1), member: readClaim(object) };
    case "replace-replica":
      return {
        kind,
        range: integerField(object, "range"),
        node: integerField(object, "node", 1),
        replica: integerField(object, "replica", 1),
      };
    case "promote-replica":
      return { kind, range: integerField(object, "range"), replica: integerField(object, "replica", 1) };
    case "set-configuration":
      return {
        kind,
        range: integerField(object, "range"),
        atIndex: integerField(object, "atIndex", 1),
        voters: integersField(object, "voters", documentLimits.members),
        outgoing: integersField(object, "outgoing", documentLimits.members),
        learners: integersField(object, "learners", documentLimits.members),
      };
    case "set":
      return {
        kind,
        setting: textField(object, "setting", metaLimits.settingNameLength),
        value: object.value === null ? null : textField(object, "value", metaLimits.settingValueLength),
      };
  }
}
