import { type ErrorKind, errorForm } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Random } from "../base/random.js";
import type { ReplyValue } from "../commands/reply-codec.js";
import { Deadlines } from "./deadlines.js";
import { Lane } from "./lane.js";
import {
  type Call,
  type CallError,
  type CallRequest,
  type CallResult,
  cutCall,
  joinParts,
  type Part,
} from "./part.js";
import type { RoutingCore } from "./routing-core.js";

/** What the core has its surroundings do. Calls come from within the core's own methods. */
export interface CoreHost {
  /** Sends an attempt: `replied`, `lost` or `unsent` follow, naming `part.attempt`. */
  send(node: string, part: Part): void;
  /** The call has its result; once. */
  settle(call: Call, result: CallResult): void;
  /** Asks a node for a session number: `sessionOpened` or `sessionFailed` follow. */
  openSession(lane: Lane, node: string): void;
  /** A leader or a range isn't where the topology says: a newer one is wanted. */
  refreshTopology(): void;
}

export interface SessionCoreOptions {
  readonly host: CoreHost;
  readonly routing: RoutingCore;
  readonly random: Random;
  readonly windowCommands?: number;
}

const firstBackoffMs = 4;
const backoffLimitMs = 200;
/**
 * After a definite refusal nothing is sent this shortly before the deadline: an answer would come too late, and the
 * refusal would have become an unknown outcome.
 */
const lastChanceMs = 50;
/** A command whose session a range forgot starts over in a new session at most so often. */
const renewalLimit = 3;

/**
 * Errors that only running a command gives: from a session they are the reply to the sequence, recorded or first, and
 * settle what an earlier attempt left unknown. Others may come from a check before the range looked the sequence up.
 */
const ranKinds: ReadonlySet<ErrorKind> = new Set([
  "wrong-type",
  "not-integer",
  "not-float",
  "overflow",
  "out-of-range",
  "revision-mismatch",
]);

/**
 * Exactly-once retries, without I/O, clock or randomness of its own: times and events in, actions at the host out.
 *
 * Calls that are outstanding together have no order among them.
 */
export class SessionCore {
  private readonly host: CoreHost;
  private readonly routing: RoutingCore;
  private readonly random: Random;
  private readonly windowCommands: number;
  /** The lane of each range by its shape. */
  private readonly lanes = new Map<string, Lane>();
  private nextLane = 1;
  private readonly deadlines = new Deadlines<Call>();
  private delayed: Part[] = [];
  /** When `tick` is due: never late, may be early. */
  wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(options: SessionCoreOptions) {
    this.host = options.host;
    this.routing = options.routing;
    this.random = options.random;
    this.windowCommands = options.windowCommands ?? limits.sessionWindowCommands;
  }

  submit(nowMs: number, request: CallRequest): Call {
    const call: Call = { request, parts: [], unsettled: 0, settled: false };
    const bySlot = request.shape.access === "write" && request.inSession;
    call.parts.push(
      ...cutCall(call, (slot) => (bySlot ? slot : (this.routing.rangeOf(slot)?.shape ?? slot))),
    );
    call.unsettled = call.parts.length;
    this.deadlines.add(call, request.deadlineAtMs);
    this.wakeAtMs = Math.min(this.wakeAtMs, request.deadlineAtMs);
    for (const part of call.parts) this.dispatch(nowMs, part);
    return call;
  }

  /** Ends a call early. What may have been sent is unknown. */
  cancel(nowMs: number, call: Call, kind: "aborted" | "closed", message: string): void {
    this.abandon(nowMs, call, (part) => ({
      kind,
      message,
      outcome: mayApply(part) ? "unknown" : "definite",
    }));
  }

  replied(nowMs: number, part: Part, attempt: number, value: ReplyValue): void {
    if (part.settled || part.attempt !== attempt || !part.inFlight) return;
    part.inFlight = false;
    if (value.type !== "error") this.settle(nowMs, part, { ok: true, value });
    else this.refused(nowMs, part, value.kind, value.message);
  }

  /** The stream broke after the attempt was written to it. */
  lost(nowMs: number, part: Part, attempt: number): void {
    if (part.settled || part.attempt !== attempt || !part.inFlight) return;
    part.inFlight = false;
    if (part.call.request.shape.access === "write") {
      part.unknown = true;
      if (part.session === 0) {
        this.fail(nowMs, part, unknownError("the connection was lost"));
        return;
      }
    }
    this.retry(nowMs, part, null);
  }

  /** The attempt was never written. */
  unsent(nowMs: number, part: Part, attempt: number): void {
    if (part.settled || part.attempt !== attempt || !part.inFlight) return;
    part.inFlight = false;
    this.retry(nowMs, part, null);
  }

  sessionOpened(nowMs: number, lane: Lane, session: number): void {
    lane.opening = false;
    if (lane.session === 0) lane.session = session;
    this.drain(nowMs, lane);
  }

  /** Tries again when the waiting parts do. */
  sessionFailed(nowMs: number, lane: Lane, kind: ErrorKind): void {
    lane.opening = false;
    for (const part of lane.takeWaiting()) this.retry(nowMs, part, definite(kind, null));
  }

  /** A leader or a connection changed: what waits for a node needs no more patience. */
  routesChanged(nowMs: number): void {
    const waiting = this.delayed;
    this.delayed = [];
    for (const part of waiting) {
      if (part.settled) continue;
      if (part.refusal?.kind === "busy" || part.refusal?.kind === "window-full") this.delayed.push(part);
      else this.dispatch(nowMs, part);
    }
  }

  /** Fires what is due: retries and deadlines. */
  tick(nowMs: number): void {
    for (const call of this.deadlines.due(nowMs)) {
      this.abandon(nowMs, call, (part) =>
        mayApply(part) ? unknownError("the deadline passed") : (part.refusal ?? definite("deadline", null)),
      );
    }
    const waiting = this.delayed;
    this.delayed = [];
    for (const part of waiting) {
      if (part.settled) continue;
      if (part.retryAtMs > nowMs) this.delayed.push(part);
      else this.dispatch(nowMs, part);
    }
    this.wakeAtMs = this.deadlines.nextMs();
    for (const part of this.delayed) this.wakeAtMs = Math.min(this.wakeAtMs, part.retryAtMs);
  }

  private dispatch(nowMs: number, part: Part): void {
    const { request } = part.call;
    if (request.inSession && request.shape.access === "write" && part.slot >= 0 && part.sequence === 0) {
      const lane = this.laneOf(part.slot);
      if (lane === null) {
        this.retry(nowMs, part, definite("no-leader", "the slot's range isn't known"));
        return;
      }
      if (lane.session === 0 || !lane.hasRoom) {
        lane.wait(part);
        this.open(nowMs, lane);
        return;
      }
      lane.assign(part);
    }
    const anyReplica = request.shape.access === "read" && request.level > 0;
    const node = this.routing.route(part.slot, anyReplica);
    if (node === null) {
      this.host.refreshTopology();
      this.retry(nowMs, part, definite("no-leader", "no node can be reached"));
      return;
    }
    part.attempt++;
    part.inFlight = true;
    part.node = node;
    this.host.send(node, part);
  }

  private refused(nowMs: number, part: Part, kind: ErrorKind, message: string | null): void {
    const read = part.call.request.shape.access === "read";
    const form = errorForm(kind);
    if (form.outcome === "unknown") {
      if (read) {
        this.retry(nowMs, part, definite("no-leader", message));
        return;
      }
      part.unknown = true;
      if (part.session === 0) {
        this.fail(nowMs, part, unknownError(message));
        return;
      }
      this.retry(nowMs, part, null);
      return;
    }
    if (kind === "not-leader" || kind === "wrong-range") {
      if (part.slot >= 0) this.routing.deny(part.slot, part.node);
      this.host.refreshTopology();
    }
    if (isTransient(kind)) {
      this.retry(nowMs, part, definite(kind, message));
      return;
    }
    if (kind === "session-expired" && part.lane !== null) {
      this.retire(nowMs, part.lane);
      // Never run, and no earlier attempt can have been: it may start over.
      if (!part.unknown && part.renewals < renewalLimit) {
        part.renewals++;
        part.lane = null;
        part.session = 0;
        part.sequence = 0;
        this.dispatch(nowMs, part);
        return;
      }
    }
    if (part.unknown && !ranKinds.has(kind)) {
      this.fail(nowMs, part, unknownError(message));
      return;
    }
    this.fail(nowMs, part, definite(kind, message));
  }

  /** Plans the next attempt; without a refusal and for the first time that is at once. */
  private retry(nowMs: number, part: Part, refusal: CallError | null): void {
    if (refusal !== null) part.refusal = refusal;
    const doublings = Math.min(part.refusals++, 16);
    const longest = Math.min(backoffLimitMs, firstBackoffMs * 2 ** doublings);
    const share = 0.5 + this.random.u32() / 0x2_0000_0000;
    part.retryAtMs = refusal === null && doublings === 0 ? nowMs : nowMs + longest * share;
    if (
      part.refusal !== null &&
      !part.unknown &&
      part.retryAtMs > part.call.request.deadlineAtMs - lastChanceMs
    )
      return;
    this.delayed.push(part);
    this.wakeAtMs = Math.min(this.wakeAtMs, part.retryAtMs);
  }

  private fail(nowMs: number, part: Part, error: CallError): void {
    this.settle(nowMs, part, { ok: false, error });
  }

  private settle(nowMs: number, part: Part, result: CallResult): void {
    part.settled = true;
    part.inFlight = false;
    part.result = result;
    const { call } = part;
    if (--call.unsettled === 0 && !call.settled) {
      call.settled = true;
      this.deadlines.remove(call, call.request.deadlineAtMs);
      this.host.settle(call, joinParts(call));
    }
    if (part.lane !== null) this.drain(nowMs, part.lane);
  }

  private abandon(nowMs: number, call: Call, errorOf: (part: Part) => CallError): void {
    for (const part of call.parts) if (!part.settled) this.fail(nowMs, part, errorOf(part));
  }

  private laneOf(slot: number): Lane | null {
    const route = this.routing.rangeOf(slot);
    if (route === undefined) return null;
    let lane = this.lanes.get(route.shape);
    if (lane === undefined) {
      lane = new Lane(this.nextLane++, this.windowCommands);
      this.lanes.set(route.shape, lane);
    }
    return lane;
  }

  /** Each time another node is asked: one may be stopped or cut off, and its connection still be there. */
  private open(nowMs: number, lane: Lane): void {
    if (lane.session > 0 || lane.opening) return;
    const node = this.routing.route(-1, false);
    if (node === null) {
      this.sessionFailed(nowMs, lane, "no-leader");
      return;
    }
    lane.opening = true;
    this.host.openSession(lane, node);
  }

  /** New parts of the range go to a new session. */
  private retire(nowMs: number, lane: Lane): void {
    if (lane.retired) return;
    lane.retired = true;
    for (const [shape, current] of this.lanes) if (current === lane) this.lanes.delete(shape);
    for (const part of lane.takeWaiting()) this.dispatch(nowMs, part);
  }

  /** Sends what waited for the session or for room in the window. */
  private drain(nowMs: number, lane: Lane): void {
    while (lane.session > 0 && !lane.retired && lane.hasRoom) {
      const part = lane.nextWaiting();
      if (part === null) return;
      this.dispatch(nowMs, part);
    }
  }
}

/** Refusals that may pass. */
function isTransient(kind: ErrorKind): boolean {
  return errorForm(kind).retry === "safe" && kind !== "out-of-memory";
}

/** Whether an unsettled part may have taken effect, or may yet. */
function mayApply(part: Part): boolean {
  return part.call.request.shape.access === "write" && (part.unknown || part.inFlight);
}

function definite(kind: ErrorKind, message: string | null): CallError {
  return { kind, message, outcome: "definite" };
}

function unknownError(message: string | null): CallError {
  return { kind: "outcome-unknown", message, outcome: "unknown" };
}
