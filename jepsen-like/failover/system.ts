import { Quorate, type QuorateClient } from "#quorate/client/client.js";
import { DirectFabric } from "../cluster/fabric.js";
import { builtMain, QuorateCluster } from "../cluster/quorate-cluster.js";
import { until } from "../cluster/wait.js";
import { EtcdCluster } from "./etcd-cluster.js";

/** What is measured: three nodes that can be killed, stopped and written to. */
export interface System {
  readonly name: string;
  readonly nodes: readonly number[];
  /** Writes once more; rejects when it isn't acknowledged. Lanes may go to different nodes. */
  put(lane: number, value: string): Promise<unknown>;
  /** Every node does its part. */
  healed(): Promise<unknown>;
  leader(): Promise<number>;
  /** kill -9. */
  kill(...nodes: readonly number[]): Promise<void>;
  /** SIGTERM; resolves when the process has ended. */
  terminate(node: number): Promise<void>;
  pause(node: number): void;
  resume(node: number): void;
  start(node: number): void;
  stop(): Promise<void>;
}

const key = "failover";
const connectDeadlineMs = 20_000;
const putDeadlineMs = 10_000;

export async function quorate(folder: string): Promise<System> {
  const fabric = await DirectFabric.create(3);
  const cluster = await QuorateCluster.start({
    folder,
    fabric,
    ranges: 1,
    durability: "fsync",
    logLimit: "16mb",
    main: builtMain,
  });
  let client: QuorateClient;
  try {
    client = await Quorate.connect({ seeds: cluster.seeds, connectDeadlineMs });
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return {
    name: "Quorate (SDK)",
    nodes: cluster.indexes,
    put: (_lane, value) => client.set(key, value, { deadlineMs: putDeadlineMs }),
    healed: () => cluster.healed(),
    leader: async () => {
      const { at } = await until("a leader", async () => {
        const leader = await cluster.busiestLeader();
        return leader === null ? null : { at: leader };
      });
      return at;
    },
    kill: (...nodes) => cluster.kill(...nodes),
    terminate: (node) => cluster.terminate(node),
    pause: (node) => cluster.pause(node),
    resume: (node) => cluster.resume(node),
    start: (node) => cluster.start(node),
    stop: async () => {
      client.close();
      await cluster.stop();
    },
  };
}

export async function etcd(folder: string): Promise<System> {
  const cluster = await EtcdCluster.start(folder);
  return {
    name: `etcd ${cluster.version} (JSON gateway)`,
    nodes: cluster.nodes,
    put: (lane, value) => cluster.put(key, value, lane),
    healed: () => cluster.healed(),
    leader: () => cluster.leader(),
    kill: (...nodes) => cluster.end(nodes, "SIGKILL"),
    terminate: (node) => cluster.end([node], "SIGTERM"),
    pause: (node) => cluster.signal(node, "SIGSTOP"),
    resume: (node) => cluster.signal(node, "SIGCONT"),
    start: (node) => cluster.restart(node),
    stop: async () => {
      cluster.stop();
      await Promise.resolve();
    },
  };
}
