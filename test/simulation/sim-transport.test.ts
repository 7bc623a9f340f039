import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { type EndpointOptions, type TransportWorld, transportConformance } from "../conformance/transport.js";
import { SimHost, SimScheduler } from "./sim-clock.js";
import { SimCluster } from "./sim-cluster.js";
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

test("a network that was slow holds nothing back once it is healed", () => {
  const cluster = new SimCluster({ seed: 5, nodes: 2, replicationFactor: 2 }).boot();
  const [one, other] = cluster.nodes;
  cluster.network.slowDown(one!.address, other!.address, 20_000);
  cluster.run(500);
  cluster.heal();
  cluster.run(1000);
  cluster.settle(3000);
  const client = cluster.client(0);
  const writes = cluster.ranges().map((range) => client.send("SET", cluster.keyIn(range), "new"));
  cluster.until(() => client.unanswered === 0, 1000);
  expect(writes.map(({ shown }) => shown)).toEqual(writes.map(() => "OK"));
});
