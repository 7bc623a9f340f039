import type { Transport } from "../../src/ports/transport.js";
import { createGrpcTransport, type GrpcTransportOptions } from "../../src/transport/grpc-transport.js";
import type { TransportWorld } from "../conformance/transport.js";

export const silentLog = { debug() {}, info() {}, warn() {}, error() {} };

export async function until(condition: () => boolean, what: string, limitMs = 25_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export class RealWorld implements TransportWorld {
  private readonly made: Transport[] = [];

  constructor(private readonly defaults: Partial<GrpcTransportOptions> = {}) {}

  transport(options: Partial<GrpcTransportOptions> & { readonly address?: string }) {
    const { address, ...rest } = options;
    const listen = address ?? "127.0.0.1:0";
    const made = createGrpcTransport({
      listen,
      advertise: listen,
      log: silentLog,
      ...this.defaults,
      ...rest,
    });
    this.made.push(made);
    return made;
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return until(condition, what);
  }

  async end(): Promise<void> {
    await Promise.all(this.made.map((each) => new Promise<void>((resolve) => each.close(resolve))));
  }
}
