import type { Result } from "../base/result.js";
import { slotCount } from "../base/slot.js";
import {
  type ClusterDocument,
  type DocumentRange,
  documentLimits,
  durabilities,
  type Member,
  type MemberPorts,
  membersProblem,
  type PlacedReplica,
  readModes,
} from "./document.js";
import {
  asInteger,
  asObject,
  check,
  choiceField,
  integerField,
  type JsonObject,
  listField,
  objectField,
  parseShape,
  textField,
  weightField,
} from "./json-shape.js";

const documentVersion = 1;

/** Canonical JSON: the same document gives the same text on every machine. */
export function encodeDocument(document: ClusterDocument): string {
  return JSON.stringify({
    version: documentVersion,
    clusterId: document.clusterId,
    hashKey: document.hashKey,
    durability: document.durability,
    reads: document.reads,
    replicationFactor: document.replicationFactor,
    members: document.members.map(memberJson),
    meta: {
      replicas: document.meta.replicas.map(placedJson),
      preferredLeader: document.meta.preferredLeader,
    },
    ranges: document.ranges.map((range) => ({
      id: range.id,
      slots: range.slots,
      replicas: range.replicas.map(placedJson),
      preferredLeader: range.preferredLeader,
      limitBytes: range.limitBytes,
    })),
    nextReplica: document.nextReplica,
  });
}

/** Parses and checks a document; the error says what is wrong with it. */
export function parseDocument(text: string): Result<ClusterDocument, string> {
  return parseShape("cluster document", text, (root) => {
    const object = asObject(root, "the document");
    const version = integerField(object, "version");
    check(version === documentVersion, `version ${version} is not understood, only ${documentVersion} is`);
    const document: ClusterDocument = {
      ...readClusterFields(object),
      members: listField(object, "members", documentLimits.members, readMember),
      meta: {
        replicas: listField(objectField(object, "meta"), "replicas", documentLimits.members, readPlaced),
        preferredLeader: integerField(objectField(object, "meta"), "preferredLeader", 1),
      },
      ranges: listField(object, "ranges", documentLimits.ranges, readRange),
      nextReplica: integerField(object, "nextReplica", 1),
    };
    checkDocument(document);
    return document;
  });
}

export function memberJson(member: Member): Member {
  return {
    id: member.id,
    name: member.name,
    address: member.address,
    domain: member.domain,
    ports: portsJson(member.ports),
    capacity: member.capacity,
    maxmemoryBytes: member.maxmemoryBytes,
  };
}

export function portsJson(ports: MemberPorts): MemberPorts {
  return { resp: ports.resp, grpc: ports.grpc, peer: ports.peer, http: ports.http };
}

function placedJson(placed: PlacedReplica): PlacedReplica {
  return { node: placed.node, replica: placed.replica };
}

/** The fields that a cluster keeps for life. */
export function readClusterFields(
  object: JsonObject,
): Pick<ClusterDocument, "clusterId" | "hashKey" | "durability" | "reads" | "replicationFactor"> {
  const clusterId = textField(object, "clusterId");
  check(/^[0-9a-f]{16}$/.test(clusterId), "clusterId is not 16 hex digits");
  const words = listField(object, "hashKey", 4, (value, what) => asInteger(value, what, 0, 0xffff_ffff));
  check(words.length === 4, "hashKey has not four words");
  return {
    clusterId,
    hashKey: [words[0]!, words[1]!, words[2]!, words[3]!],
    durability: choiceField(object, "durability", durabilities),
    reads: choiceField(object, "reads", readModes),
    replicationFactor: integerField(object, "replicationFactor", 1, documentLimits.replicationFactor),
  };
}

export function readMember(value: unknown, what: string): Member {
  const object = asObject(value, what);
  return {
    id: integerField(object, "id", 1),
    name: textField(object, "name"),
    address: textField(object, "address"),
    domain: textField(object, "domain"),
    ports: readPorts(object),
    capacity: weightField(object, "capacity", documentLimits.capacity),
    maxmemoryBytes: integerField(object, "maxmemoryBytes", 1),
  };
}

export function readPorts(object: JsonObject): MemberPorts {
  const ports = objectField(object, "ports");
  return {
    resp: textField(ports, "resp"),
    grpc: textField(ports, "grpc"),
    peer: textField(ports, "peer"),
    http: textField(ports, "http"),
  };
}

function readPlaced(value: unknown, what: string): PlacedReplica {
  const object = asObject(value, what);
  return { node: integerField(object, "node", 1), replica: integerField(object, "replica", 1) };
}

export function readSlots(object: JsonObject): readonly [number, number] {
  const slots = listField(object, "slots", 2, (value, what) => asInteger(value, what, 0, slotCount - 1));
  check(slots.length === 2 && slots[0]! <= slots[1]!, "slots is not a first and a last slot");
  return [slots[0]!, slots[1]!];
}

function readRange(value: unknown, what: string): DocumentRange {
  const object = asObject(value, what);
  return {
    id: integerField(object, "id", 1),
    slots: readSlots(object),
    replicas: listField(object, "replicas", documentLimits.members, readPlaced),
    preferredLeader: integerField(object, "preferredLeader", 1),
    limitBytes: integerField(object, "limitBytes"),
  };
}

/** Ranges that follow one another over all slots. */
export function checkSlots(ranges: readonly { readonly slots: readonly [number, number] }[]): void {
  let next = 0;
  for (const range of ranges) {
    check(range.slots[0] === next, `slot ${next} is not the first of the next range`);
    next = range.slots[1] + 1;
  }
  check(next === slotCount, `slots end at ${next - 1}`);
}

function checkDocument(document: ClusterDocument): void {
  const problem = membersProblem(document.members);
  check(problem === null, problem ?? "");
  const nodes = new Set(document.members.map((member) => member.id));
  const replicas = new Set<number>();
  checkSlots(document.ranges);
  document.ranges.forEach((range, at) => {
    check(range.id === at + 1, `range ${range.id} stands where ${at + 1} should`);
  });
  for (const range of [{ id: 0, ...document.meta }, ...document.ranges]) {
    const here = new Set<number>();
    check(range.replicas.length > 0, `range ${range.id} has no replicas`);
    for (const { node, replica } of range.replicas) {
      check(nodes.has(node), `range ${range.id} has a replica on an unknown node`);
      check(!here.has(node), `range ${range.id} has two replicas on one node`);
      check(replica < document.nextReplica, `replica ${replica} is not below nextReplica`);
      check(!replicas.has(replica), `replica id ${replica} is used twice`);
      here.add(node);
      replicas.add(replica);
    }
    check(here.has(range.preferredLeader), `range ${range.id} prefers a leader without a replica`);
  }
}
