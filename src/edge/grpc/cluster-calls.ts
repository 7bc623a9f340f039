import type {
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { formatNodeId } from "../../base/units.js";
import type { RangeView, ReplicaView, Service, Topology } from "../../node/service.js";
import type { Message } from "./rpc-fields.js";
import { grpcStatus } from "./status.js";

type Call = ServerUnaryCall<Message, Message>;
type Answer = sendUnaryData<Message>;
type WatchCall = ServerWritableStream<Message, Message>;

/** ClusterService: what this node knows of the cluster. */
export class ClusterCalls {
  private readonly watches = new Set<WatchCall>();

  constructor(private readonly service: Service) {}

  implementation(): UntypedServiceImplementation {
    const { service } = this;
    return {
      GetTopology: (_call: Call, answer: Answer) =>
        answer(null, { topology: topologyMessage(service.topology()) }),
      WatchTopology: (call: WatchCall) => this.watch(call),
      OpenSession: (_call: Call, answer: Answer) =>
        service.openSession((error, session) => {
          if (error === null) answer(null, { session });
          else answer(grpcStatus(error));
        }),
      GetDigest: (call: Call, answer: Answer) => {
        const { range, atIndex } = call.request;
        const asked = service.topology().ranges.some(({ id }) => id === Number(range));
        if (!asked) return answer(grpcStatus("invalid-argument", `no range ${String(range)}`));
        const done = (replica: ReplicaView): void => answer(null, { replica: replicaMessage(replica) });
        if (atIndex === undefined) service.digest(Number(range), done);
        else service.digest(Number(range), done, Number(atIndex));
      },
      Status: (_call: Call, answer: Answer) =>
        answer(null, {
          topology: topologyMessage(service.topology()),
          statistics: service.statistics(),
          ready: service.ready(),
        }),
    };
  }

  /** Ends the watches, which would last for ever. */
  close(): void {
    for (const call of this.watches) call.end();
    this.watches.clear();
  }

  private watch(call: WatchCall): void {
    let sent = -1;
    let blocked = false;
    const send = (): void => {
      const topology = this.service.topology();
      // Only the newest matters: a slow reader skips what lies between.
      if (blocked || topology.version === sent) return;
      sent = topology.version;
      blocked = !call.write({ topology: topologyMessage(topology) });
    };
    const stop = this.service.watchTopology(send);
    call.on("drain", () => {
      blocked = false;
      send();
    });
    const end = (): void => {
      stop();
      this.watches.delete(call);
    };
    for (const event of ["cancelled", "error", "close", "finish"]) call.on(event, end);
    this.watches.add(call);
    send();
  }
}

function topologyMessage(topology: Topology): Message {
  return {
    clusterId: topology.clusterId,
    self: formatNodeId(topology.self),
    version: topology.version,
    members: topology.members.map(({ id, name, up, ports }) => ({ id: formatNodeId(id), name, up, ports })),
    ranges: topology.ranges.map(rangeMessage),
  };
}

function rangeMessage(range: RangeView): Message {
  return {
    id: range.id,
    firstSlot: range.slots[0],
    lastSlot: range.slots[1],
    leader: range.leader === 0 ? "" : formatNodeId(range.leader),
    term: range.term,
    replicas: range.replicas.map(replicaMessage),
  };
}

function replicaMessage(replica: ReplicaView): Message {
  return {
    node: formatNodeId(replica.node),
    replica: replica.replica,
    role:
      replica.role === "unknown" ? "REPLICA_ROLE_UNSPECIFIED" : `REPLICA_ROLE_${replica.role.toUpperCase()}`,
    // Absent where it is not known.
    commit: replica.commit ?? undefined,
    applied: replica.applied ?? undefined,
    firstIndex: replica.firstIndex ?? undefined,
    digest: replica.digest ?? undefined,
  };
}
