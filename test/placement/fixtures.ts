import {
  buildDocument,
  type ClusterDocument,
  type ClusterSettings,
  type Member,
} from "../../src/placement/document.js";

export const settings: ClusterSettings = {
  ranges: 16,
  replicationFactor: 3,
  durability: "fsync",
  reads: "lease",
};

export function memberNamed(number: number, changes: Partial<Member> = {}): Member {
  const at = (port: number): string => `127.0.0.1:${port + number}`;
  return {
    id: 1000 + number,
    name: `node-${number}`,
    address: at(7200),
    domain: `host-${number}`,
    ports: { resp: at(6300), grpc: at(7100), peer: at(7200), http: at(8000) },
    capacity: 1,
    maxmemoryBytes: 1_600_000,
    ...changes,
  };
}

export function membersTo(count: number): Member[] {
  return Array.from({ length: count }, (_, at) => memberNamed(at + 1));
}

export function documentOf(
  members: readonly Member[],
  changes: Partial<ClusterSettings> = {},
): ClusterDocument {
  const built = buildDocument({
    ...settings,
    ...changes,
    clusterId: "00112233445566aa",
    hashKey: [11, 22, 33, 44],
    members,
  });
  if (!built.ok) throw new Error(built.error);
  return built.value;
}
