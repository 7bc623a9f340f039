import type { ErrorKind } from "../base/errors.js";
import type { RangeId } from "../base/units.js";
import { groupsOf, type TableGroup } from "../placement/tables.js";
import type { Protocol } from "../ports/telemetry.js";
import type { EvictionPolicy } from "../store/eviction/policies.js";
import { LocalConnection } from "./connection.js";
import { evictionSetting, policyInForce } from "./eviction-setting.js";
import type { QuorateNode } from "./node.js";
import { roleOf } from "./peer-statistics.js";
import type { Replica } from "./replica.js";
import type {
  MemberView,
  NodeStatistics,
  RangeStatistics,
  RangeView,
  ReplicaView,
  ReplyTarget,
  Service,
  ServiceConnection,
  Topology,
} from "./service.js";

const sessionsPerBlock = 64;
const sessionRetryMs = 100;
const sessionPatienceMs = 3000;
const digestPatienceMs = 5000;

/** The service of one node: what all edges stand on. */
export class LocalService implements Service {
  private readonly node: QuorateNode;
  private commands = 0;
  private nextSession = 0;
  private lastSession = -1;

  constructor(node: QuorateNode) {
    this.node = node;
  }

  connect(protocol: Protocol, target: ReplyTarget, ordered: boolean): ServiceConnection {
    const { node } = this;
    return new LocalConnection(
      protocol,
      target,
      ordered,
      node.gateway,
      node.gatewayHost,
      node.engine,
      (connection) => node.connectionClosed(connection.stream),
    );
  }

  /** Session numbers come from meta in blocks. */
  openSession(done: (error: ErrorKind | null, session: number) => void): void {
    const until = this.node.clock.nowMs + sessionPatienceMs;
    const attempt = (): void => {
      if (this.nextSession <= this.lastSession) {
        done(null, this.nextSession++);
        return;
      }
      this.node.membership.propose({ kind: "open-sessions", count: sessionsPerBlock }, (reply) => {
        if (reply?.kind === "sessions") {
          this.nextSession = reply.first;
          this.lastSession = reply.first + reply.count - 1;
          attempt();
        } else if (this.node.clock.nowMs >= until) done("no-leader", 0);
        else this.node.options.timers.after(sessionRetryMs, attempt);
      });
    };
    attempt();
  }

  get evictionPolicy(): string {
    return policyInForce(this.node.membership.tables).name;
  }

  changeEvictionPolicy(policy: EvictionPolicy, done: (error: ErrorKind | null) => void): void {
    const command = { kind: "set", setting: evictionSetting, value: policy.name } as const;
    this.node.membership.propose(command, (reply) => {
      if (reply === null) done("outcome-unknown");
      else done(reply.kind === "done" ? null : "busy");
    });
  }

  topology(): Topology {
    const { node } = this;
    const { tables } = node.membership;
    return {
      clusterId: tables?.clusterId ?? "",
      self: node.self,
      version: node.topologyVersion,
      members: (tables?.members ?? [])
        .filter((member) => member.state !== "dead")
        .map(
          (member): MemberView => ({
            id: member.id,
            name: member.name,
            up: node.isUp(member.id),
            ports: member.ports,
          }),
        ),
      ranges: (tables?.ranges ?? []).map((range): RangeView => {
        const route = node.routing.routes.get(range.id);
        return {
          id: range.id,
          slots: range.slots,
          leader: route?.leader ?? 0,
          term: route?.term ?? 0,
          replicas: this.replicasOf(range),
        };
      }),
    };
  }

  private replicasOf(group: TableGroup): readonly ReplicaView[] {
    const { node } = this;
    return group.replicas.map((each) => {
      const live = node.engine.replicas.get(group.id);
      if (each.node === node.self && live !== undefined && live.id === each.replica) return this.view(live);
      const told = each.node === node.self ? null : node.statistics.find(each.node, group.id, each.replica);
      if (told !== null) return told;
      const fenced = node.replicaSet.fenced.some((f) => f.range === group.id && f.replica === each.replica);
      return {
        node: each.node,
        replica: each.replica,
        role: fenced ? "fenced" : "unknown",
        commit: null,
        applied: null,
        firstIndex: null,
        digest: null,
      };
    });
  }

  private view(replica: Replica): ReplicaView {
    const status = replica.group.status();
    return {
      node: this.node.self,
      replica: replica.id,
      role: roleOf(replica),
      commit: status.commit,
      applied: replica.applied,
      firstIndex: status.firstIndex,
      digest: replica.restoring ? null : replica.machine.digest(),
    };
  }

  watchTopology(changed: () => void): () => void {
    this.node.topologyWatchers.add(changed);
    return () => this.node.topologyWatchers.delete(changed);
  }

  statistics(): NodeStatistics {
    const { node } = this;
    const sums = {
      keys: 0,
      keysWithDeadline: 0,
      chargedBytes: 0,
      limitBytes: 0,
      hits: 0,
      misses: 0,
      expired: 0,
      evicted: 0,
    };
    const ranges: RangeStatistics[] = [];
    let rangesLed = 0;
    for (const replica of node.engine.replicas.values()) {
      const status = replica.group.status();
      const machine = replica.machine.status();
      const { counters } = replica;
      const leads = status.role === "leader";
      if (leads) rangesLed++;
      sums.keys += machine.keys;
      sums.keysWithDeadline += machine.keysWithDeadline;
      sums.chargedBytes += machine.chargedBytes;
      sums.limitBytes += machine.limitBytes;
      sums.hits += counters.hits;
      sums.misses += counters.misses;
      sums.expired += counters.expired;
      sums.evicted += counters.evicted;
      ranges.push({
        id: replica.range,
        leads,
        term: status.term,
        commit: status.commit,
        applied: replica.applied,
        lastIndex: status.lastIndex,
        logBytes: status.logBytes,
        chargedBytes: machine.chargedBytes,
        limitBytes: machine.limitBytes,
        keys: machine.keys,
      });
    }
    return {
      uptimeMs: node.clock.nowMs - node.startedAtMs,
      ...sums,
      commands: this.commands,
      rangesLed,
      ranges,
    };
  }

  ready(): boolean {
    const { node } = this;
    if (node.membership.tables === null || node.routing.routes.size === 0) return false;
    if (node.metaRoute.leader === 0) return false;
    for (const route of node.routing.routes.values())
      if (route.leader === 0 || !node.isUp(route.leader)) return false;
    return groupsOf(node.membership.tables).length > 1;
  }

  estimateMs(): number {
    const { node } = this;
    for (const replica of node.engine.replicas.values()) {
      const estimateMs = replica.logTime.estimateMs(node.clock.nowMs);
      if (estimateMs > 0) return estimateMs;
    }
    return node.clock.wallMs;
  }

  digest(range: RangeId, done: (replica: ReplicaView) => void, atIndex?: number): void {
    const { node } = this;
    const replica = node.engine.replicas.get(range);
    if (replica === undefined || replica.restoring) {
      const nobody = { node: node.self, replica: replica?.id ?? 0, role: "unknown" as const };
      done({ ...nobody, commit: null, applied: null, firstIndex: null, digest: null });
      return;
    }
    if (atIndex === undefined || atIndex === replica.applied) done(this.view(replica));
    else
      replica.digestAt(atIndex, node.clock.nowMs + digestPatienceMs, (digest) =>
        done({ ...this.view(replica), digest }),
      );
  }
}
