import { SeededRandom } from "../../src/base/random.js";
import { type EndpointOptions, type TransportWorld, transportConformance } from "../conformance/transport.js";
import { SimHost, SimScheduler } from "./sim-clock.js";
import { SimNetwork } from "./sim-network.js";
import { SimTransport } from "./sim-transport.js";

class SimWorld implements TransportWorld {
  readonly scheduler = new SimScheduler();
  readonly network = new SimNetwork({ scheduler: this.scheduler, random: new SeededRandom(7) });
  private ports = 1000;

  transport(options: EndpointOptions): SimTransport {
    const address = options.address ?? `sim:${this.ports++}`;
    return new SimTransport({
      ...options,
      network: this.network,
      host: new SimHost(this.scheduler),
      address,
    });
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    if (!this.scheduler.runUntilTrue(condition, 10_000)) throw new Error(`never came: ${what}`);
  }

  async end(): Promise<void> {}
}

transportConformance("simulated", () => new SimWorld());
