import { ByteWriter } from "../base/bytes.js";
import { limits } from "../base/limits.js";
import type { CommandView } from "../commands/command-codec.js";
import type { CommandDefinition } from "../commands/define-command.js";
import type { ReplySink } from "../commands/reply-sink.js";
import type { Protocol } from "../ports/telemetry.js";
import { CommandStream, type FlushList } from "./command-stream.js";
import type { Gateway, GatewayHost } from "./gateway.js";
import { Gather, planParts } from "./gather.js";
import type { RangeRoute } from "./routing-table.js";
import type { ReadFreshness, ReplyTarget, ServiceConnection } from "./service.js";

/**
 * A client connection at this gateway. Commands over several ranges are cut here; their parts carry negative tokens and
 * are gathered before the edge sees a reply.
 */
export class LocalConnection implements ServiceConnection, ReplyTarget {
  readonly stream: CommandStream;
  pendingBytes = 0;
  private readonly edge: ReplyTarget;
  private readonly gateway: Gateway;
  private readonly host: GatewayHost;
  private readonly sizes = new Map<number, number>();
  private readonly parts = new Map<number, { readonly gather: Gather; readonly part: number }>();
  private nextPart = -1;
  private readonly out = new ByteWriter(256);
  private readonly closed: (connection: LocalConnection) => void;

  constructor(
    protocol: Protocol,
    edge: ReplyTarget,
    ordered: boolean,
    gateway: Gateway,
    host: GatewayHost,
    flushes: FlushList,
    closed: (connection: LocalConnection) => void,
  ) {
    this.edge = edge;
    this.gateway = gateway;
    this.host = host;
    this.closed = closed;
    this.stream = new CommandStream(protocol, this, ordered, flushes);
  }

  execute(bytes: Uint8Array, start: number, end: number, token: number, deadlineMs: number): void {
    const { clock } = this.host;
    const inspected = this.gateway.inspect(this.stream, bytes, start, end, token);
    if (inspected === null) return;
    const { definition, view } = inspected;
    const until = clock.nowMs + (deadlineMs > 0 ? deadlineMs : limits.commandDeadlineMs);
    if (end - start > largeCommandBytes) {
      this.sizes.set(token, end - start);
      this.pendingBytes += end - start;
    }
    const route = this.gateway.rangeOf(definition, view);
    if (route !== null) this.gateway.execute(route, this.stream, definition, view, start, end, token, until);
    else this.scatter(definition, view, token, until);
  }

  private scatter(definition: CommandDefinition, view: CommandView, token: number, until: number): void {
    const parts = planParts(definition, view, this.host.routing);
    if (parts === null) {
      this.stream.fail(token, "cross-slot", null, this.host.telemetry);
      return;
    }
    // Fractions of a millisecond differ from call to call, also on fresh connections.
    const draw = Math.floor(this.host.clock.nowMs * 4096) - this.nextPart;
    const gather = new Gather(definition, view, parts, draw);
    const first = this.nextPart;
    for (let i = 0; i < parts.length; i++) this.parts.set(this.nextPart--, { gather, part: i });
    gather.token = token;
    // The view is about to be reused: every part is written before the first is executed.
    const frames = parts.map((part) => {
      this.out.clear();
      part.write(this.out);
      return this.out.take();
    });
    for (let i = 0; i < parts.length; i++) {
      const route: RangeRoute = parts[i]!.route;
      const frame = frames[i]!;
      const inspected = this.gateway.inspect(this.stream, frame, 0, frame.length, first - i);
      if (inspected === null) continue;
      this.gateway.execute(
        route,
        this.stream,
        inspected.definition,
        inspected.view,
        0,
        frame.length,
        first - i,
        until,
      );
    }
  }

  // Replies ------------------------------------------------------------------------------------------------------

  reply(token: number): ReplySink {
    if (token >= 0) return this.edge.reply(token);
    const { gather, part } = this.parts.get(token)!;
    return gather.sink(part);
  }

  done(token: number, freshness: ReadFreshness | null): void {
    if (token >= 0) {
      this.settle(token);
      this.edge.done(token, freshness);
      return;
    }
    const { gather, part } = this.parts.get(token)!;
    this.parts.delete(token);
    if (!gather.partDone(part, freshness)) return;
    this.settle(gather.token);
    gather.join(this.edge.reply(gather.token));
    this.edge.done(gather.token, gather.freshness);
  }

  private settle(token: number): void {
    if (this.sizes.size === 0) return;
    const size = this.sizes.get(token);
    if (size === undefined) return;
    this.sizes.delete(token);
    this.pendingBytes -= size;
  }

  flush(): void {
    this.edge.flush();
  }

  close(): void {
    if (this.stream.closed) return;
    this.stream.closed = true;
    this.closed(this);
  }
}

/** Smaller commands are bounded by the edge's own count of outstanding ones. */
const largeCommandBytes = 1024;
