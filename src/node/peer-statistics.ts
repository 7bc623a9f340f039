import { utf8Bytes, utf8Text } from "../base/bytes.js";
import type { NodeId, RangeId } from "../base/units.js";
import type { FencedReplica } from "../placement/plan.js";
import type { Replica } from "./replica.js";
import type { ReplicaView } from "./service.js";

type Row = readonly [RangeId, number, ReplicaView["role"], number, number, number, string];

/** What peers said of their replicas a moment ago: for people who look, never for decisions. */
export class PeerStatistics {
  private readonly rows = new Map<NodeId, readonly Row[]>();

  take(from: NodeId, body: Uint8Array): void {
    const value: unknown = parse(utf8Text(body));
    if (Array.isArray(value)) this.rows.set(from, value.filter(isRow));
  }

  find(node: NodeId, range: RangeId, replica: number): ReplicaView | null {
    const row = this.rows.get(node)?.find((each) => each[0] === range && each[1] === replica);
    if (row === undefined) return null;
    const [, , role, commit, applied, firstIndex, digest] = row;
    return { node, replica, role, commit, applied, firstIndex, digest };
  }
}

export function encodeStatistics(replicas: Iterable<Replica>, fenced: readonly FencedReplica[]): Uint8Array {
  const rows: Row[] = [];
  for (const replica of replicas) {
    const status = replica.group.status();
    rows.push([
      replica.range,
      replica.id,
      roleOf(replica),
      status.commit,
      replica.applied,
      status.firstIndex,
      replica.restoring ? "" : replica.machine.digest(),
    ]);
  }
  for (const each of fenced) rows.push([each.range, each.replica, "fenced", 0, 0, 0, ""]);
  return utf8Bytes(JSON.stringify(rows));
}

export function roleOf(replica: Replica): ReplicaView["role"] {
  if (replica.fenced) return "fenced";
  const { role, configuration } = replica.group.status();
  if (role === "leader") return "leader";
  if (!configuration.voters.includes(replica.id)) return "learner";
  return role === "follower" ? "follower" : "candidate";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRow(value: unknown): value is Row {
  return (
    Array.isArray(value) && value.length === 7 && typeof value[0] === "number" && typeof value[1] === "number"
  );
}
