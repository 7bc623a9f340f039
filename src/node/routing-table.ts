import { slotCount } from "../base/slot.js";
import type { MonotonicMs, NodeId, RangeId, Slot, Term } from "../base/units.js";
import type { CommandStream } from "./command-stream.js";
import type { Replica } from "./replica.js";

/** A command that waits for a leader. */
export interface HeldCommand {
  readonly stream: CommandStream;
  readonly token: number;
  readonly bytes: Uint8Array;
  readonly deadlineMs: MonotonicMs;
}

/** What this gateway knows of one range. */
export class RangeRoute {
  readonly id: RangeId;
  from: Slot;
  to: Slot;
  leader: NodeId = 0;
  term: Term = 0;
  /** When the last leader was lost; commands wait for a new one for a while from then on. */
  leaderLostAtMs: MonotonicMs;
  replica: Replica | null = null;
  /** Refused by a leader that was none; they go before what is held. */
  readonly refused: HeldCommand[] = [];
  /** In the order in which they came. */
  readonly held: HeldCommand[] = [];
  heldBytes = 0;
  /** Forwarded and not answered, to a leader of an older term. Until then, or the grace's end, new commands are held. */
  inFlightOlder = 0;
  inFlight = 0;
  holdUntilMs: MonotonicMs = 0;
  /** What the leader refused is not sent again before this. */
  retryAtMs: MonotonicMs = 0;

  constructor(id: RangeId, from: Slot, to: Slot, nowMs: MonotonicMs) {
    this.id = id;
    this.from = from;
    this.to = to;
    this.leaderLostAtMs = nowMs;
  }
}

/** Slot → range, and who leads it. */
export class RoutingTable {
  private readonly bySlot: (RangeRoute | null)[] = new Array<RangeRoute | null>(slotCount).fill(null);
  readonly routes = new Map<RangeId, RangeRoute>();

  ofSlot(slot: Slot): RangeRoute | null {
    return this.bySlot[slot]!;
  }

  set(id: RangeId, from: Slot, to: Slot, nowMs: MonotonicMs): RangeRoute {
    let route = this.routes.get(id);
    if (route === undefined) {
      route = new RangeRoute(id, from, to, nowMs);
      this.routes.set(id, route);
    }
    route.from = from;
    route.to = to;
    for (let slot = from; slot <= to; slot++) this.bySlot[slot] = route;
    return route;
  }

  /** Takes news of a leader; older terms are no news. @returns whether something changed. */
  announce(route: RangeRoute, leader: NodeId, term: Term, nowMs: MonotonicMs): boolean {
    if (term < route.term || (term === route.term && (leader === route.leader || leader === 0))) return false;
    if (leader === 0) {
      this.lost(route, nowMs);
      return false;
    }
    if (route.leader === 0) route.leaderLostAtMs = nowMs;
    route.leader = leader;
    route.term = term;
    return true;
  }

  lost(route: RangeRoute, nowMs: MonotonicMs): void {
    if (route.leader === 0) return;
    route.leader = 0;
    route.leaderLostAtMs = nowMs;
  }
}
