import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { limits } from "../base/limits.js";
import { err, ok, type Result } from "../base/result.js";
import { machineMemoryBytes } from "../runtime/machine.js";
import { type ClusterFileNode, readClusterFile } from "../server/cluster-file.js";
import { flagOf } from "../server/config.js";

/** What may be asked of a local cluster; what isn't stays as the data folder has it. */
export interface ClusterWish {
  readonly nodes?: number;
  readonly ranges?: number;
  readonly basePort?: number;
  readonly durability?: string;
  readonly maxmemory?: string;
  readonly maxmemoryPolicy?: string;
  readonly logLimit?: string;
}

/** The shape of a local cluster: fixed when it starts for the first time. */
export interface ClusterShape {
  readonly nodes: number;
  readonly ranges: number;
  readonly basePort: number;
  readonly durability: string;
}

export const devHost = "127.0.0.1";
const defaults: ClusterShape = { nodes: 3, ranges: limits.ranges, basePort: 7000, durability: "fsync" };
const maxNodes = 99;
/** The HTTP port of the last node is the highest. */
const highestBasePort = 65_535 - 300 - maxNodes;

/** The nodes of the data folder's cluster; none when it holds no cluster. */
export function existingNodes(data: string): readonly ClusterFileNode[] {
  const file = clusterFileOf(data);
  return existsSync(file) ? readClusterFile(file) : [];
}

export function clusterFileOf(data: string): string {
  return join(data, "cluster.json");
}

export function configOf(node: ClusterFileNode): string {
  return join(node.data, "quorate.yaml");
}

/** Joins what was asked with what the folder holds. */
export function chooseShape(
  wish: ClusterWish,
  existing: readonly ClusterFileNode[],
): Result<ClusterShape, string> {
  const held = existing.length === 0 ? null : shapeOf(existing);
  const base = held ?? defaults;
  const shape = {
    nodes: wish.nodes ?? base.nodes,
    ranges: wish.ranges ?? base.ranges,
    basePort: wish.basePort ?? base.basePort,
    durability: wish.durability ?? base.durability,
  };
  if (shape.nodes < 1 || shape.nodes > maxNodes) return err(`--nodes must be 1 to ${maxNodes}`);
  if (shape.basePort < 1 || shape.basePort > highestBasePort)
    return err(`--base-port must be 1 to ${highestBasePort}`);
  if (held === null) return ok(shape);
  const fixed = ["nodes", "ranges", "basePort", "durability"] as const;
  const changed = fixed.filter((name) => held[name] !== shape[name]);
  if (changed.length === 0) return ok(shape);
  const differences = changed.map((name) => `${flagOf(name)} ${held[name]}, not ${shape[name]}`).join("; ");
  return err(
    `the data folder holds a cluster with ${differences}. Give another --data, or remove the folder`,
  );
}

function shapeOf(existing: readonly ClusterFileNode[]): ClusterShape {
  const first = existing[0]!;
  const settings = parse(readFileSync(configOf(first), "utf8")) as Pick<
    ClusterShape,
    "ranges" | "durability"
  >;
  return {
    nodes: existing.length,
    ranges: settings.ranges,
    basePort: first.ports.resp - 1,
    durability: settings.durability,
  };
}

/** Of the node with this number, counted from 1. */
export function portsOf(shape: ClusterShape, i: number): ClusterFileNode["ports"] {
  const base = shape.basePort + i;
  return { resp: base, grpc: base + 100, peer: base + 200, http: base + 300 };
}

/** Writes each node's folder and the configuration with which it can be started again by hand. */
export function layOut(shape: ClusterShape, wish: ClusterWish, data: string): readonly ClusterFileNode[] {
  const nodes: ClusterFileNode[] = [];
  for (let i = 1; i <= shape.nodes; i++) {
    const name = `node-${i}`;
    nodes.push({ name, pid: 0, ports: portsOf(shape, i), data: join(data, name) });
  }
  const initial = nodes.map(({ ports }) => `${devHost}:${ports.peer}`);
  for (const node of nodes) {
    const config = {
      name: node.name,
      data: ".",
      host: devHost,
      respPort: node.ports.resp,
      grpcPort: node.ports.grpc,
      peerPort: node.ports.peer,
      httpPort: node.ports.http,
      initial,
      ranges: shape.ranges,
      durability: shape.durability,
      maxmemory: wish.maxmemory ?? Math.floor(machineMemoryBytes() / 2 / shape.nodes),
      ...(wish.maxmemoryPolicy === undefined ? {} : { maxmemoryPolicy: wish.maxmemoryPolicy }),
      ...(wish.logLimit === undefined ? {} : { logLimit: wish.logLimit }),
      logFile: "log/quorate.log",
      clusterFile: "../cluster.json",
    };
    mkdirSync(join(node.data, "log"), { recursive: true });
    writeFileSync(configOf(node), stringify(config));
  }
  return nodes;
}
