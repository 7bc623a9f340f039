import { slotCount } from "../base/slot.js";
import type { RangeId, Slot } from "../base/units.js";

/** What the SDK needs of a range. Nodes are named by their id in hex. */
export interface RouteRange {
  readonly id: RangeId;
  readonly firstSlot: Slot;
  readonly lastSlot: Slot;
  /** "" when none is known. */
  readonly leader: string;
  readonly term: number;
  readonly replicas: readonly string[];
}

export interface RouteMember {
  readonly id: string;
  /** host:port of its gRPC edge; "" without one. */
  readonly address: string;
}

export interface RouteTopology {
  readonly members: readonly RouteMember[];
  readonly ranges: readonly RouteRange[];
}

/** A refusal may have meant a moment only. */
const avoidedCommands = 16;

/** A range as it is routed to now. */
export interface Route {
  readonly id: RangeId;
  /** Names the range and its bounds: a split or merge makes another one. */
  readonly shape: string;
  leader: string;
  term: number;
  replicas: readonly string[];
  /** The leader said that it doesn't lead in this term: so many commands go elsewhere before it is asked again. */
  avoid: number;
}

/**
 * Slot → range → node. Pure: topologies and connections in, nodes out.
 *
 * Each node has its own view of the cluster, and an isolated one an old view; so the leader of the highest term wins,
 * whoever told of it.
 */
export class RoutingCore {
  private readonly slots: (Route | undefined)[] = new Array(slotCount);
  private routes = new Map<RangeId, Route>();
  private readonly connected: string[] = [];
  private turn = 0;

  /** @returns true when a leader or the shape of a range changed. */
  update(topology: RouteTopology): boolean {
    let changed = false;
    let reshaped = topology.ranges.length !== this.routes.size;
    const routes = new Map<RangeId, Route>();
    for (const { id, firstSlot, lastSlot, leader, term, replicas } of topology.ranges) {
      const shape = `${id}:${firstSlot}-${lastSlot}`;
      let route = this.routes.get(id);
      if (route === undefined || route.shape !== shape) {
        route = { id, shape, leader, term, replicas, avoid: 0 };
        reshaped = true;
      } else {
        if (term > route.term || (term === route.term && route.leader === "")) {
          if (term > route.term || leader !== route.leader) changed = true;
          route.leader = leader;
          route.term = term;
          route.avoid = 0;
        }
        route.replicas = replicas;
      }
      routes.set(id, route);
    }
    this.routes = routes;
    if (!reshaped) return changed;
    this.slots.fill(undefined);
    for (const { id, firstSlot, lastSlot } of topology.ranges)
      this.slots.fill(routes.get(id), firstSlot, lastSlot + 1);
    return true;
  }

  setConnected(node: string, connected: boolean): void {
    const at = this.connected.indexOf(node);
    if (connected && at < 0) this.connected.push(node);
    if (!connected && at >= 0) this.connected.splice(at, 1);
  }

  get anyConnected(): boolean {
    return this.connected.length > 0;
  }

  rangeOf(slot: Slot): Route | undefined {
    return this.slots[slot];
  }

  /** A node said that it doesn't lead the slot's range: others are asked until a topology names a newer term. */
  deny(slot: Slot, node: string): void {
    const route = this.slots[slot];
    if (route !== undefined && route.leader === node) route.avoid = avoidedCommands;
  }

  /**
   * The node to ask: the leader where it can be reached, else any node, which passes the command on.
   * `anyReplica`: a read that need not be linearizable is spread over the range's replicas.
   * `slot` -1 is for commands without keys. @returns null when no node is connected.
   */
  route(slot: Slot | -1, anyReplica: boolean): string | null {
    const { connected } = this;
    if (connected.length === 0) return null;
    const route = slot < 0 ? undefined : this.slots[slot];
    if (route !== undefined && anyReplica) {
      for (let i = 0; i < route.replicas.length; i++) {
        const node = route.replicas[this.turn++ % route.replicas.length]!;
        if (connected.includes(node)) return node;
      }
    }
    if (route !== undefined && connected.includes(route.leader)) {
      if (route.avoid === 0 || connected.length === 1) return route.leader;
      route.avoid--;
    }
    const others = connected.length > 1 ? connected.filter((node) => node !== route?.leader) : connected;
    return others[this.turn++ % others.length]!;
  }
}
