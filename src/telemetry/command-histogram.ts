import { Histogram, type Registry } from "prom-client";
import type { Protocol } from "../ports/telemetry.js";

export const protocols: readonly Protocol[] = ["resp", "grpc", "http", "pipeline", "peer"];

/** @returns the place of a protocol in `protocols`, without a look-up that hashes. */
export function protocolNumber(protocol: Protocol): number {
  switch (protocol) {
    case "resp":
      return 0;
    case "grpc":
      return 1;
    case "http":
      return 2;
    case "pipeline":
      return 3;
    case "peer":
      return 4;
  }
}

const boundsMs = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000] as const;
/** A cell is a count per bucket, the last without a bound, then the sum in ms. */
const sumAt = boundsMs.length + 1;

/** Counts per protocol and command. A bump allocates nothing once the command was seen. */
export class CommandCells {
  private readonly cells: (Float64Array | undefined)[][] = protocols.map(() => []);

  bump(protocol: Protocol, opcode: number, durationMs: number): void {
    const row = this.cells[protocolNumber(protocol)]!;
    let cell = row[opcode];
    if (cell === undefined) {
      cell = new Float64Array(sumAt + 1);
      row[opcode] = cell;
    }
    let bucket = 0;
    while (bucket < boundsMs.length && durationMs > boundsMs[bucket]!) bucket++;
    cell[bucket]!++;
    cell[sumAt]! += durationMs;
  }

  /** Each cell that was ever bumped. */
  visit(visitor: (protocol: Protocol, opcode: number, cell: Float64Array) => void): void {
    this.cells.forEach((row, number) => {
      row.forEach((cell, opcode) => {
        if (cell !== undefined) visitor(protocols[number]!, opcode, cell);
      });
    });
  }

  /** Commands that a cell counts. */
  static count(cell: Float64Array): number {
    let count = 0;
    for (let i = 0; i < sumAt; i++) count += cell[i]!;
    return count;
  }
}

type Value = { metricName: string; labels: Record<string, string | number>; value: number };

const name = "quorate_command_duration_seconds";
const help = "From reading a command to its reply, in seconds.";

/** prom-client's histogram observes by a string key per call; this one reads the cells when it is scraped. */
export class CommandHistogram extends Histogram<string> {
  constructor(
    registry: Registry,
    private readonly cells: CommandCells,
    private readonly commandName: (opcode: number) => string,
  ) {
    super({
      name,
      help,
      labelNames: ["protocol", "command"],
      buckets: boundsMs.map((bound) => bound / 1000),
      registers: [registry],
    });
  }

  /** What prom-client asks for when it renders, and what its `get` builds upon. */
  async getForPromString(): Promise<object> {
    return { name, help, type: "histogram", aggregator: "sum", values: this.values() };
  }

  private values(): Value[] {
    const values: Value[] = [];
    this.cells.visit((protocol, opcode, cell) => {
      const labels = { protocol, command: this.commandName(opcode) };
      let count = 0;
      for (let i = 0; i <= boundsMs.length; i++) {
        count += cell[i]!;
        const bound = boundsMs[i];
        const le = bound === undefined ? "+Inf" : bound / 1000;
        values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count });
      }
      values.push({ metricName: `${name}_sum`, labels, value: cell[sumAt]! / 1000 });
      values.push({ metricName: `${name}_count`, labels, value: count });
    });
    return values;
  }
}
