import { type Proxy as ProxyHandle, Toxiproxy } from "toxiproxy-node-client";
import { announced, type DoorName, type Fabric, freePorts, loopbackSeats, type Seat } from "./fabric.js";
import { ToxiproxyServer } from "./toxiproxy-server.js";

/** A toxic of one direction of one proxy, as Toxiproxy names them. */
export interface ToxicWish {
  readonly type: "latency" | "bandwidth" | "slicer" | "reset_peer" | "timeout";
  readonly stream: "upstream" | "downstream";
  readonly attributes: Readonly<Record<string, number>>;
}

/** Looked for in one run, so that they are free together. */
const proxyPorts = 200;

/** A proxy between each ordered pair of nodes, and for each client at each door of each node that it uses. */
export class ToxiproxyFabric implements Fabric {
  readonly kind = "toxiproxy";
  /** By "dialler>dialled". */
  private readonly links = new Map<string, ProxyHandle>();
  private readonly clients = new Map<
    string,
    { readonly proxy: Promise<ProxyHandle>; readonly node: number }
  >();
  private toxics = 0;
  private healing = Promise.resolve();
  private nextPort = 0;

  private constructor(
    readonly seats: readonly Seat[],
    readonly server: ToxiproxyServer,
    private readonly toxiproxy: Toxiproxy,
  ) {}

  static async create(nodes: number, logFile: string): Promise<ToxiproxyFabric> {
    const server = await ToxiproxyServer.start(logFile);
    const fabric = new ToxiproxyFabric(await loopbackSeats(nodes), server, new Toxiproxy(server.url));
    fabric.nextPort = await freePorts(proxyPorts);
    for (const from of fabric.seats)
      for (const to of fabric.seats)
        if (from !== to)
          fabric.links.set(
            `${from.index}>${to.index}`,
            await fabric.proxy(`${from.name}>${to.name}`, announced(to, "peer")),
          );
    return fabric;
  }

  private proxy(name: string, upstream: string): Promise<ProxyHandle> {
    // Not a port that the system chooses: while a proxy is disabled, it would give that port to someone else.
    const listen = `127.0.0.1:${this.nextPort++}`;
    return this.toxiproxy.createProxy({ name, listen, upstream, enabled: true });
  }

  launcher(): readonly string[] {
    return [];
  }

  natMap(node: number): readonly string[] {
    return this.seats
      .filter(({ index }) => index !== node)
      .map((seat) => `${announced(seat, "peer")}=${this.links.get(`${node}>${seat.index}`)!.listen}`);
  }

  async clientAddress(client: string, node: number, door: DoorName): Promise<string> {
    const seat = this.seats[node]!;
    const name = `${client}>${seat.name}:${door}`;
    let held = this.clients.get(name);
    if (held === undefined) {
      held = { proxy: this.proxy(name, announced(seat, door)), node };
      this.clients.set(name, held);
    }
    return (await held.proxy).listen;
  }

  // Faults -----------------------------------------------------------------------------------------------------------

  /**
   * Harms the bytes that flow from one node to another, on the connections that either of them opened.
   * `toxicity`: share of the connections.
   */
  async harm(from: number, to: number, wish: Omit<ToxicWish, "stream">, toxicity = 1): Promise<void> {
    await Promise.all([
      this.add(this.links.get(`${from}>${to}`)!, { ...wish, stream: "upstream" }, toxicity),
      this.add(this.links.get(`${to}>${from}`)!, { ...wish, stream: "downstream" }, toxicity),
    ]);
  }

  /** Harms what clients send to a node and what it answers. */
  async harmClients(node: number, wish: Omit<ToxicWish, "stream">): Promise<void> {
    const proxies = await Promise.all(
      [...this.clients.values()].filter((held) => held.node === node).map(({ proxy }) => proxy),
    );
    await Promise.all(
      proxies.flatMap((proxy) => [
        this.add(proxy, { ...wish, stream: "upstream" }, 1),
        this.add(proxy, { ...wish, stream: "downstream" }, 1),
      ]),
    );
  }

  /** Refuses new connections between two nodes and breaks those there are. */
  async refuse(a: number, b: number): Promise<void> {
    await Promise.all([this.enable(`${a}>${b}`, false), this.enable(`${b}>${a}`, false)]);
  }

  private async enable(link: string, enabled: boolean): Promise<void> {
    const { listen, upstream } = this.links.get(link)!;
    await this.links.get(link)!.update({ enabled, listen, upstream });
  }

  private async add(
    proxy: ProxyHandle,
    { type, stream, attributes }: ToxicWish,
    toxicity: number,
  ): Promise<void> {
    await proxy.addToxic({ name: `toxic-${++this.toxics}`, type, stream, toxicity, attributes });
  }

  /** Takes all toxics away and lets every proxy listen again. Heals of several faults come one after the other. */
  heal(): Promise<void> {
    const healed = this.healing.then(() => this.toxiproxy.reset());
    this.healing = healed.then(
      () => {},
      () => {},
    );
    return healed.then(() => {});
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }
}
