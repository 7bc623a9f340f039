import { ByteReader } from "../base/bytes.js";
import type { ErrorKind } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { MonotonicMs, NodeId, RangeId, Term } from "../base/units.js";
import { CommandView, consistencyLevels } from "../commands/command-codec.js";
import { commandError, sameSlot } from "../commands/cut.js";
import type { CommandDefinition } from "../commands/define-command.js";
import { commandByOpcode } from "../commands/table.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { Transport } from "../ports/transport.js";
import type { TurnClock } from "./clocks.js";
import type { CommandStream } from "./command-stream.js";
import { Forwarder } from "./forwarder.js";
import type { Replica } from "./replica.js";
import type { HeldCommand, RangeRoute, RoutingTable } from "./routing-table.js";
import { readWeakly } from "./weak-reads.js";

/** How long an old leader may still answer what it was sent before a newer one gets new commands of the range. */
const leaderChangeGraceMs = 200;
/** The leader that refused a command is asked again after this. */
const refusedRetryMs = 5;

export interface GatewayHost {
  readonly self: NodeId;
  readonly clock: TurnClock;
  readonly telemetry: Telemetry;
  readonly transport: Transport;
  readonly routing: RoutingTable;
  readonly valueLimitBytes: number;
  /** Refuses a command that came from another gateway: that gateway finds the leader. */
  refuseForwarded(stream: CommandStream, token: number): boolean;
  wakeAll(): void;
}

/** Takes a command to the leader of its range: here, or one hop away; or holds it until there is one. */
export class Gateway {
  readonly forwarder: Forwarder;
  private readonly host: GatewayHost;
  private readonly view = new CommandView();
  private readonly reader = new ByteReader(new Uint8Array(0));
  private stopping = false;

  constructor(host: GatewayHost) {
    this.host = host;
    this.forwarder = new Forwarder(host.transport, {
      clock: host.clock,
      telemetry: host.telemetry,
      refused: (by, route, stream, token, bytes, start, end, deadlineMs) =>
        this.resubmit(by, route, stream, token, bytes, start, end, deadlineMs),
      settled: (route) => this.settled(route),
    });
  }

  /** Decodes a command and checks what needs no state; null: it was refused with an error. */
  inspect(
    stream: CommandStream,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
  ): { readonly definition: CommandDefinition; readonly view: CommandView } | null {
    this.reader.reset(bytes, start, end);
    this.view.decode(this.reader);
    const definition = commandByOpcode(this.view.opcode);
    if (definition === null) return this.fail(stream, token, "unknown-command", null);
    const error = commandError(definition, this.view, this.host.valueLimitBytes);
    if (error !== null) return this.fail(stream, token, error.kind, error.message);
    if (this.stopping) return this.fail(stream, token, "shutting-down", null);
    inspected.definition = definition;
    inspected.view = this.view;
    return inspected;
  }

  private fail(stream: CommandStream, token: number, kind: ErrorKind, message: string | null): null {
    stream.fail(token, kind, message, this.host.telemetry);
    return null;
  }

  /** The one range of all keys of the command in `view`, or null when they lie in several. */
  rangeOf(definition: CommandDefinition, view: CommandView): RangeRoute | null {
    const slot = sameSlot(definition, view);
    return slot >= 0 ? this.host.routing.ofSlot(slot) : null;
  }

  /** Runs a command whose keys lie in one range. */
  execute(
    route: RangeRoute,
    stream: CommandStream,
    definition: CommandDefinition,
    view: CommandView,
    start: number,
    end: number,
    token: number,
    deadlineMs: MonotonicMs,
  ): void {
    const read = definition.access === "read";
    if (read && view.level !== consistencyLevels.linearizable) {
      const verdict = readWeakly(route, this.host.self, this.host.clock, stream, view, start, end, token);
      if (verdict === "served") return;
      if (verdict === "too-stale" && !this.reachable(route)) {
        stream.fail(token, "too-stale", null, this.host.telemetry);
        return;
      }
    }
    this.dispatch(route, stream, definition.opcode, read, view.bytes, start, end, token, deadlineMs);
  }

  private reachable(route: RangeRoute): boolean {
    return route.leader !== 0 && (route.leader === this.host.self || this.host.transport.isUp(route.leader));
  }

  private dispatch(
    route: RangeRoute,
    stream: CommandStream,
    opcode: number,
    read: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    deadlineMs: MonotonicMs,
  ): void {
    const mustWait = route.held.length > 0 || route.refused.length > 0 || route.inFlightOlder > 0;
    if (mustWait || !this.reachable(route)) this.hold(route, stream, token, bytes, start, end, deadlineMs);
    else this.send(route, stream, opcode, read, bytes, start, end, token, deadlineMs);
  }

  private send(
    route: RangeRoute,
    stream: CommandStream,
    opcode: number,
    read: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    deadlineMs: MonotonicMs,
  ): void {
    if (route.leader !== this.host.self)
      this.forwarder.add(route, stream, opcode, read, bytes, start, end, token, deadlineMs);
    else if (read) route.replica!.submitRead(stream, bytes, start, end, token, deadlineMs);
    else route.replica!.submitWrite(stream, opcode, bytes, start, end, token, deadlineMs);
  }

  /** A command of another gateway's; runs here or not at all. */
  submitForwarded(
    range: RangeId,
    term: Term,
    read: boolean,
    stream: CommandStream,
    bytes: Uint8Array,
    start: number,
    end: number,
    token: number,
    remainingMs: number,
  ): boolean {
    const route = this.host.routing.routes.get(range);
    if (route === undefined || route.leader !== this.host.self || route.term !== term || this.stopping)
      return false;
    const deadlineMs = this.host.clock.nowMs + remainingMs;
    const opcode = bytes[start]! | (bytes[start + 1]! << 8);
    this.send(route, stream, opcode, read, bytes, start, end, token, deadlineMs);
    return true;
  }

  // Without a leader ----------------------------------------------------------------------------------------------

  private hold(
    route: RangeRoute,
    stream: CommandStream,
    token: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: MonotonicMs,
  ): void {
    if (!this.reachable(route) && this.leaderlessTooLong(route)) {
      stream.fail(token, "no-leader", null, this.host.telemetry);
      return;
    }
    if (route.heldBytes + (end - start) > limits.heldBytes) {
      stream.fail(token, "busy", null, this.host.telemetry);
      return;
    }
    route.held.push({ stream, token, bytes: bytes.slice(start, end), deadlineMs });
    route.heldBytes += end - start;
  }

  private leaderlessTooLong(route: RangeRoute): boolean {
    return this.host.clock.nowMs - route.leaderLostAtMs > limits.leaderWaitMs;
  }

  /** Node `by` refused it, so it never takes effect there: it goes before everything that came later. */
  resubmit(
    by: NodeId,
    route: RangeRoute,
    stream: CommandStream,
    token: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: MonotonicMs,
  ): void {
    if (stream.closed) return;
    if (this.host.refuseForwarded(stream, token)) return;
    if (this.stopping) {
      stream.fail(token, "shutting-down", null, this.host.telemetry);
      return;
    }
    route.refused.push({ stream, token, bytes: bytes.slice(start, end), deadlineMs });
    route.heldBytes += end - start;
    // The leader itself refused (it hands over, or its queue is full): asking again at once would spin.
    if (by === route.leader) route.retryAtMs = this.host.clock.nowMs + refusedRetryMs;
    this.host.wakeAll();
  }

  /** A leader was announced, or won here. */
  leaderChanged(route: RangeRoute): void {
    route.inFlightOlder = route.inFlight;
    route.holdUntilMs = this.host.clock.nowMs + leaderChangeGraceMs;
    route.retryAtMs = 0;
    this.host.wakeAll();
  }

  private settled(route: RangeRoute): void {
    if (route.inFlightOlder > 0 && --route.inFlightOlder === 0) this.host.wakeAll();
  }

  /** Sends what was held, once nothing of it is on its way to an older leader any more. */
  release(): void {
    for (const route of this.host.routing.routes.values()) {
      if (route.held.length === 0 && route.refused.length === 0) continue;
      if (route.inFlightOlder > 0 || !this.reachable(route)) continue;
      if (route.retryAtMs > this.host.clock.nowMs) continue;
      const commands = [...route.refused.splice(0), ...route.held.splice(0)];
      route.heldBytes = 0;
      for (const command of commands) this.sendHeld(route, command);
    }
  }

  private sendHeld(route: RangeRoute, command: HeldCommand): void {
    const { stream, token, bytes, deadlineMs } = command;
    if (stream.closed) return;
    const opcode = bytes[0]! | (bytes[1]! << 8);
    const read = commandByOpcode(opcode)?.access === "read";
    this.send(route, stream, opcode, read, bytes, 0, bytes.length, token, deadlineMs);
  }

  /** Deadlines, silent old leaders, ranges without a leader for too long. */
  housekeeping(): void {
    const { nowMs } = this.host.clock;
    for (const route of this.host.routing.routes.values()) {
      if (route.leader !== 0 && !this.reachable(route)) this.host.routing.lost(route, nowMs);
      if (route.inFlightOlder > 0 && nowMs >= route.holdUntilMs) {
        this.forwarder.giveUp(route, route.leader);
        route.inFlightOlder = 0;
      }
      this.expireHeld(route, nowMs);
    }
    this.forwarder.expire(nowMs);
    this.release();
  }

  private expireHeld(route: RangeRoute, nowMs: MonotonicMs): void {
    const leaderless = !this.reachable(route) && this.leaderlessTooLong(route);
    for (const list of [route.refused, route.held]) {
      for (let i = 0; i < list.length; i++) {
        const command = list[i]!;
        if (!leaderless && command.deadlineMs > nowMs) continue;
        list.splice(i--, 1);
        route.heldBytes -= command.bytes.length;
        command.stream.fail(command.token, leaderless ? "no-leader" : "deadline", null, this.host.telemetry);
      }
    }
  }

  /** The node stops: what waits is refused, nothing new is taken. */
  stop(): void {
    this.stopping = true;
    for (const route of this.host.routing.routes.values())
      for (const list of [route.refused, route.held])
        for (const command of list.splice(0))
          command.stream.fail(command.token, "shutting-down", null, this.host.telemetry);
  }

  replicaOf(range: RangeId): Replica | null {
    return this.host.routing.routes.get(range)?.replica ?? null;
  }
}

/** The result of `inspect`, reused. */
const inspected = {} as { definition: CommandDefinition; view: CommandView };
