import { type ClusterStatus, readClusterStatus } from "#quorate/client/cluster-status.js";
import type { DoorName } from "./fabric.js";
import type { Target } from "./target.js";
import { until } from "./wait.js";

const statusDeadlineMs = 2000;
const healPatienceMs = 120_000;

/** Why a cluster that was named can't be reached. */
export class ClusterUnreachable extends Error {}

/** A cluster that somebody else runs: it is asked and looked at, and never touched otherwise. */
export class OutsideCluster implements Target {
  readonly crashes: readonly string[] = [];
  readonly logs: readonly string[] = [];

  private constructor(
    private readonly given: readonly string[],
    private readonly members: ClusterStatus["members"],
    private readonly natMap: ReadonlyMap<string, string>,
  ) {}

  /** `seeds`: gRPC addresses of some nodes. `natMap`: where announced addresses are reached from here. */
  static async reach(seeds: readonly string[], natMap: ReadonlyMap<string, string>): Promise<OutsideCluster> {
    const status = await readClusterStatus(seeds, statusDeadlineMs);
    if (status === null)
      throw new ClusterUnreachable(`no node answers at ${seeds.join(", ")}: are these gRPC addresses?`);
    return new OutsideCluster(seeds, status.members, natMap);
  }

  get seeds(): readonly string[] {
    return this.members.map(({ ports }) => this.natMap.get(ports.grpc) ?? ports.grpc);
  }
  get nodeNames(): readonly string[] {
    return this.members.map(({ name }) => name);
  }

  get names(): readonly string[] {
    return this.nodeNames;
  }
  announcedGrpc(node: number): string {
    return this.members[node]!.ports.grpc;
  }
  clientAddress(_client: string, node: number, door: DoorName): Promise<string> {
    const announced = this.members[node]!.ports[door];
    return Promise.resolve(this.natMap.get(announced) ?? announced);
  }

  async status(): Promise<ClusterStatus> {
    const status = await readClusterStatus(this.given, statusDeadlineMs);
    if (status === null) throw new Error("no node tells the cluster's status");
    return status;
  }

  /** Every range has a leader. What else its owner wants of it, a node that is away for good say, is not known here. */
  heal(): Promise<ClusterStatus> {
    return until(
      "every range has a leader",
      async () => {
        const status = await this.status();
        const without = status.ranges.filter(({ leader }) => leader === null).map(({ id }) => id);
        if (without.length > 0) throw new Error(`no leader of ranges ${without.join(", ")}`);
        return status;
      },
      healPatienceMs,
    );
  }
}
