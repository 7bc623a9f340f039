import { fileURLToPath } from "node:url";
import type { MethodDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export interface TopologyMessage {
  readonly clusterId: string;
  readonly self: string;
  readonly version: number;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly up: boolean;
    readonly ports: {
      readonly resp: string;
      readonly grpc: string;
      readonly peer: string;
      readonly http: string;
    } | null;
  }[];
  readonly ranges: readonly {
    readonly id: number;
    readonly firstSlot: number;
    readonly lastSlot: number;
    readonly leader: string;
    readonly term: number;
    readonly replicas: readonly ReplicaMessage[];
  }[];
}

export interface ReplicaMessage {
  readonly node: string;
  readonly replica: number;
  readonly role: string;
  readonly commit?: number;
  readonly applied?: number;
  readonly firstIndex?: number;
  readonly digest?: string;
}

type Method<Response> = MethodDefinition<object, Response>;

/** The calls of ClusterService that the SDK makes. */
export interface ClusterMethods {
  readonly GetTopology: Method<{ readonly topology: TopologyMessage }>;
  readonly WatchTopology: Method<{ readonly topology: TopologyMessage }>;
  readonly OpenSession: Method<{ readonly session: number }>;
  readonly Status: Method<{ readonly topology: TopologyMessage; readonly ready: boolean }>;
  readonly GetDigest: Method<{ readonly replica: ReplicaMessage }>;
}

let loaded: ClusterMethods | null = null;

/** Reads the .proto files that the package carries, once. */
export function clusterMethods(): ClusterMethods {
  if (loaded !== null) return loaded;
  const folder = fileURLToPath(new URL("../../proto/", import.meta.url));
  const packages = loadSync(["quorate/v1/cluster.proto"], {
    includeDirs: [folder],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  loaded = packages["quorate.v1.ClusterService"] as unknown as ClusterMethods;
  return loaded;
}
