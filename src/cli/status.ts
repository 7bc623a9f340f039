import { callUnary, openChannel } from "../client/channel.js";
import { type ClusterStatus, type ReplicaStatus, readClusterStatus } from "../client/cluster-status.js";
import { clusterMethods, type ReplicaMessage } from "../client/proto.js";
import { lastComparable } from "../node/digests.js";
import { sleep } from "./processes.js";

export interface StatusOptions {
  readonly addr: string;
  readonly json?: boolean;
  readonly digest?: boolean;
}

type RangeStatus = ClusterStatus["ranges"][number];
/** gRPC addresses by the members' names. */
type Addresses = ReadonlyMap<string, string>;

const digestDeadlineMs = 6000;
const comparePatienceMs = 5000;
const pauseMs = 250;

/** Shows the cluster as all its nodes tell it; with `digest` the replicas of each range at one index. */
export async function runStatus(options: StatusOptions): Promise<void> {
  if (!/^\S+:\d{1,5}$/.test(options.addr)) return fail("--addr must be host:port", 2);
  const status = await readClusterStatus([options.addr]);
  if (status === null)
    return fail(`no node answers at ${options.addr}: is it running, and is that its gRPC port?`, 1);
  const addresses = new Map(status.members.map(({ name, ports }) => [name, ports.grpc]));
  const shown =
    options.digest === true
      ? { ...status, ranges: await Promise.all(status.ranges.map((range) => compare(range, addresses))) }
      : status;
  process.stdout.write(options.json === true ? `${JSON.stringify(shown, null, 2)}\n` : table(shown));
  if (options.digest === true) judge(shown.ranges);
}

function fail(message: string, code: number): void {
  process.stderr.write(`quorate status: ${message}\n`);
  process.exitCode = code;
}

function judge(ranges: readonly RangeStatus[]): void {
  const known = (range: RangeStatus): boolean => range.replicas.every(({ digest }) => digest !== null);
  const unknown = ranges.filter((range) => !isComparable(range));
  const differing = ranges.filter((range) => isComparable(range) && !agree(range));
  const list = (some: readonly RangeStatus[]): string => some.map(({ id }) => id).join(", ");
  if (differing.length > 0) fail(`replicas differ in ranges ${list(differing)}`, 1);
  if (unknown.length > 0) {
    const why = unknown.every(known) ? "they applied too much meanwhile" : "a replica didn't answer";
    fail(`ranges ${list(unknown)} could not be compared: ${why}`, 1);
  }
  if (differing.length + unknown.length === 0)
    process.stderr.write(`all replicas of ${ranges.length} ranges are equal\n`);
}

function isComparable({ replicas }: RangeStatus): boolean {
  const [first] = replicas;
  return (
    first !== undefined &&
    replicas.every(({ digest, applied }) => digest !== null && applied === first.applied)
  );
}

function agree(range: RangeStatus): boolean {
  return isComparable(range) && range.replicas.every(({ digest }) => digest === range.replicas[0]!.digest);
}

/**
 * Asks every replica's own node for its digest at one index: where all of them stand; else where the foremost stands,
 * which the others wait to reach; else, under load, the newest index that all of them remember.
 */
async function compare(range: RangeStatus, addresses: Addresses): Promise<RangeStatus> {
  const startedMs = performance.now();
  for (;;) {
    const now = await digests(range, addresses, null);
    if (agree(now)) return now;
    if (now.replicas.every(({ digest }) => digest !== null)) {
      const foremost = Math.max(...now.replicas.map(({ applied }) => applied ?? 0));
      for (const index of [foremost, lastComparable(foremost)]) {
        const then = index === 0 ? now : await digests(range, addresses, index);
        if (isComparable(then)) return then;
      }
    }
    if (performance.now() - startedMs > comparePatienceMs) return now;
    // A node that has just come back is still taking its replicas up.
    await sleep(pauseMs);
  }
}

async function digests(
  range: RangeStatus,
  addresses: Addresses,
  atIndex: number | null,
): Promise<RangeStatus> {
  const replicas = range.replicas.map(async (replica): Promise<ReplicaStatus> => {
    const answer = await fetchDigest(addresses.get(replica.node) ?? "", range.id, atIndex);
    if (answer === null) return { ...replica, digest: null };
    return {
      ...replica,
      commit: answer.commit ?? null,
      applied: atIndex ?? answer.applied ?? null,
      firstIndex: answer.firstIndex ?? null,
      digest: answer.digest ?? null,
    };
  });
  return { ...range, replicas: await Promise.all(replicas) };
}

/** null: the node didn't answer. */
function fetchDigest(address: string, range: number, atIndex: number | null): Promise<ReplicaMessage | null> {
  if (address === "") return Promise.resolve(null);
  const channel = openChannel(address);
  const request = atIndex === null ? { range } : { range, atIndex };
  return new Promise((resolve) => {
    callUnary(channel, clusterMethods().GetDigest, request, digestDeadlineMs, (error, response) => {
      channel.close();
      resolve(error === null ? (response?.replica ?? null) : null);
    });
  });
}

function table({ clusterId, members, ranges }: ClusterStatus): string {
  const byName = [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
  const nodes = byName.map(({ id, name, up, ports }) => [
    name,
    id,
    up ? "up" : "down",
    ports.resp,
    ports.grpc,
    ports.http,
  ]);
  const rows = ranges.map(({ id, slots, leader, term, replicas }) => {
    const sorted = [...replicas].sort((a, b) => (a.node < b.node ? -1 : 1));
    return [String(id), `${slots[0]}-${slots[1]}`, leader ?? "none", String(term), ...sorted.map(describe)];
  });
  const title = ["range", "slots", "leader", "term", "replicas"];
  return [
    `cluster ${clusterId}`,
    "",
    ...align([["node", "id", "state", "redis", "grpc", "http"], ...nodes]),
    "",
    ...align([title, ...rows]),
    "",
  ].join("\n");
}

function describe({ node, role, applied }: ReplicaStatus): string {
  if (applied === null) return `${node} no answer`;
  return role === "leader" || role === "follower" ? `${node} ${applied}` : `${node} ${applied} ${role}`;
}

function align(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ")}`.trimEnd());
}
