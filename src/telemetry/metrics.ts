import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { type ErrorKind, errorCatalogue } from "../base/errors.js";
import type { Logger, Telemetry } from "../ports/telemetry.js";
import { CommandCells, CommandHistogram, protocolNumber, protocols } from "./command-histogram.js";

/** The part of a node's statistics that is scraped. */
export interface NodeStatisticsLike {
  readonly uptimeMs: number;
  readonly keys: number;
  readonly keysWithDeadline: number;
  readonly chargedBytes: number;
  readonly limitBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly expired: number;
  readonly evicted: number;
  readonly rangesLed: number;
  readonly ranges: readonly RangeStatisticsLike[];
}

interface RangeStatisticsLike {
  readonly id: number;
  readonly leads: boolean;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly logBytes: number;
  readonly chargedBytes: number;
  readonly keys: number;
}

export interface TelemetryOptions {
  readonly log: Logger;
  readonly commandName: (opcode: number) => string;
}

export interface NodeTelemetry extends Telemetry {
  /** The Prometheus text of everything, asked for at a scrape. */
  render(statistics: () => NodeStatisticsLike): Promise<string>;
  readonly contentType: string;
  /** Ends the sampling of the event loop. */
  close(): void;
}

const loopSampleMs = 10;

/** The monitor measures from sample to sample: what is above its pace was delay. */
function lateSeconds(intervalNs: number): number {
  return Math.max(0, intervalNs / 1e9 - loopSampleMs / 1000);
}

const errorKinds = Object.keys(errorCatalogue) as ErrorKind[];
const errorNumbers = new Map(errorKinds.map((kind, index) => [kind, index]));

/** Counters live in typed arrays that the hot path bumps; prom-client sees them when it is scraped. */
export function createTelemetry(options: TelemetryOptions): NodeTelemetry {
  return new MetricsTelemetry(options);
}

class MetricsTelemetry implements NodeTelemetry {
  readonly log: Logger;
  private readonly registry = new Registry();
  private readonly cells = new CommandCells();
  private readonly failed = new Float64Array(protocols.length * errorKinds.length);
  private readonly received = new Float64Array(protocols.length);
  private readonly sent = new Float64Array(protocols.length);
  private readonly loopDelay = monitorEventLoopDelay({ resolution: loopSampleMs });

  constructor(private readonly options: TelemetryOptions) {
    this.log = options.log;
    this.loopDelay.enable();
    collectDefaultMetrics({ register: this.registry });
    new CommandHistogram(this.registry, this.cells, options.commandName);
    this.registerCounters();
    this.registerLoopDelay();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  commandDone(protocol: Parameters<Telemetry["commandDone"]>[0], opcode: number, durationMs: number): void {
    this.cells.bump(protocol, opcode, durationMs);
  }

  commandFailed(protocol: Parameters<Telemetry["commandFailed"]>[0], kind: ErrorKind): void {
    this.failed[protocolNumber(protocol) * errorKinds.length + errorNumbers.get(kind)!]!++;
  }

  bytesIn(protocol: Parameters<Telemetry["bytesIn"]>[0], count: number): void {
    this.received[protocolNumber(protocol)]! += count;
  }

  bytesOut(protocol: Parameters<Telemetry["bytesOut"]>[0], count: number): void {
    this.sent[protocolNumber(protocol)]! += count;
  }

  async render(statistics: () => NodeStatisticsLike): Promise<string> {
    const own = await this.registry.metrics();
    return `${own}\n${await nodeMetrics(statistics()).metrics()}`;
  }

  close(): void {
    this.loopDelay.disable();
    this.registry.clear();
  }

  private registerCounters(): void {
    const { registry, cells, failed, options } = this;
    new Counter({
      name: "quorate_commands_total",
      help: "Commands answered.",
      labelNames: ["protocol", "command"],
      registers: [registry],
      collect() {
        this.reset();
        cells.visit((protocol, opcode, cell) => {
          this.inc({ protocol, command: options.commandName(opcode) }, CommandCells.count(cell));
        });
      },
    });
    new Counter({
      name: "quorate_errors_total",
      help: "Commands answered with an error, by its kind.",
      labelNames: ["protocol", "kind"],
      registers: [registry],
      collect() {
        this.reset();
        failed.forEach((count, index) => {
          if (count === 0) return;
          const protocol = protocols[Math.floor(index / errorKinds.length)]!;
          this.inc({ protocol, kind: errorKinds[index % errorKinds.length]! }, count);
        });
      },
    });
    this.registerBytes("quorate_received_bytes_total", "Bytes received, by protocol.", this.received);
    this.registerBytes("quorate_sent_bytes_total", "Bytes sent, by protocol.", this.sent);
  }

  private registerBytes(name: string, help: string, counts: Float64Array): void {
    new Counter({
      name,
      help,
      labelNames: ["protocol"],
      registers: [this.registry],
      collect() {
        this.reset();
        counts.forEach((count, index) => {
          this.inc({ protocol: protocols[index]! }, count);
        });
      },
    });
  }

  private registerLoopDelay(): void {
    const delay = this.loopDelay;
    new Gauge({
      name: "quorate_event_loop_delay_seconds",
      help: "How late the event loop ran since the last scrape; quantile 1 is the maximum.",
      labelNames: ["quantile"],
      registers: [this.registry],
      collect() {
        // Without a sample since the last scrape there is nothing to tell, and percentiles would be NaN.
        if (delay.count === 0) return;
        this.set({ quantile: "0.5" }, lateSeconds(delay.percentile(50)));
        this.set({ quantile: "0.99" }, lateSeconds(delay.percentile(99)));
        this.set({ quantile: "1" }, lateSeconds(delay.max));
        delay.reset();
      },
    });
  }
}

/** Built anew for each scrape: a range that left this node leaves no stale series. */
function nodeMetrics(node: NodeStatisticsLike): Registry {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, value: number): void =>
    new Gauge({ name, help, registers }).set(value);
  const counter = (name: string, help: string, value: number): void =>
    new Counter({ name, help, registers }).inc(value);
  const perRange = (name: string, help: string, value: (range: RangeStatisticsLike) => number): void => {
    const metric = new Gauge({ name, help, labelNames: ["range"], registers });
    for (const range of node.ranges) metric.set({ range: String(range.id) }, value(range));
  };
  gauge("quorate_uptime_seconds", "Since this process started.", node.uptimeMs / 1000);
  gauge("quorate_keys", "Keys of this node's replicas.", node.keys);
  gauge("quorate_keys_with_deadline", "Keys with a time to live.", node.keysWithDeadline);
  gauge("quorate_charged_bytes", "What the replicas here are charged for.", node.chargedBytes);
  gauge("quorate_limit_bytes", "What they may be charged for.", node.limitBytes);
  gauge("quorate_ranges_led", "Ranges whose leader is this node.", node.rangesLed);
  counter("quorate_hits_total", "Reads that found their key.", node.hits);
  counter("quorate_misses_total", "Reads that did not.", node.misses);
  counter("quorate_expired_total", "Keys removed since their deadline passed.", node.expired);
  counter("quorate_evicted_total", "Keys removed to make room.", node.evicted);
  perRange("quorate_range_term", "Raft term.", (range) => range.term);
  perRange("quorate_range_is_leader", "1 on the leader.", (range) => (range.leads ? 1 : 0));
  perRange("quorate_range_commit_index", "Commit index.", (range) => range.commit);
  perRange("quorate_range_apply_lag", "Committed entries not yet applied.", (range) =>
    Math.max(0, range.commit - range.applied),
  );
  perRange("quorate_range_commit_lag", "Entries of the log not yet committed.", (range) =>
    Math.max(0, range.lastIndex - range.commit),
  );
  perRange("quorate_range_log_bytes", "Bytes of the log in memory.", (range) => range.logBytes);
  perRange("quorate_range_charged_bytes", "What the replica is charged for.", (range) => range.chargedBytes);
  perRange("quorate_range_keys", "Keys of the replica.", (range) => range.keys);
  return registry;
}
