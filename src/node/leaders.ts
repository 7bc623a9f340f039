import { metaRangeId, type NodeId, type RangeId, type Term } from "../base/units.js";
import { writeLeaders } from "./forward-codec.js";
import type { QuorateNode } from "./node.js";
import type { Replica } from "./replica.js";
import type { RangeRoute } from "./routing-table.js";

/** Who leads which range, as replicas here, other leaders' announcements and lost streams tell it. */
export class Leaders {
  private readonly node: QuorateNode;

  constructor(node: QuorateNode) {
    this.node = node;
  }

  routeOf(range: RangeId): RangeRoute | null {
    return range === metaRangeId ? this.node.metaRoute : (this.node.routing.routes.get(range) ?? null);
  }

  /** After a replica's turn: its role, term or leader may have changed. */
  observed(replica: Replica): void {
    const route = this.routeOf(replica.range);
    if (route === null) return;
    const status = replica.group.status();
    if (status.role === "leader") {
      if (route.leader === this.node.self && route.term === status.term) return;
      replica.logTime.lead(this.node.clock.nowMs, this.node.clock.wallMs);
      replica.leadTerm = status.term;
      this.take(route, this.node.self, status.term);
      this.node.peers.broadcast(writeLeaders([[replica.range, status.term]]));
      return;
    }
    if (replica.leadTerm > 0) {
      replica.leadTerm = 0;
      replica.logTime.forgetVoters();
    }
    const leader = status.leader === 0 ? 0 : (replica.nodeOf.get(status.leader) ?? 0);
    if (leader !== 0 && leader !== this.node.self) {
      replica.ledTerm = status.term;
      this.take(route, leader, status.term);
      return;
    }
    // A stream may stall for seconds before it breaks: the replica misses its leader's heartbeats long before.
    const missed = status.leader === 0 && replica.ledTerm > 0 && replica.ledTerm === route.term;
    if (status.leader === 0) replica.ledTerm = 0;
    if (missed || status.term > route.term || route.leader === this.node.self)
      this.node.routing.lost(route, this.node.clock.nowMs);
  }

  /**
   * Tells all peers again what is led here. An announcement may have found no room in a stream's queue, or have come
   * before the receiver knew the range or heard that the stream works.
   */
  repeat(): void {
    const led: [RangeId, Term][] = [];
    for (const replica of this.node.engine.replicas.values())
      if (replica.leads) led.push([replica.range, replica.group.status().term]);
    if (led.length > 0) this.node.peers.broadcast(writeLeaders(led));
  }

  /** Somebody says that `leader` leads the range in `term`. */
  take(route: RangeRoute, leader: NodeId, term: Term): void {
    if (!this.node.routing.announce(route, leader, term, this.node.clock.nowMs)) return;
    this.node.gateway.leaderChanged(route);
    this.node.topologyChanged();
  }
}
