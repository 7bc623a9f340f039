import { type Proxy as ProxyHandle, type Toxic, Toxiproxy } from "toxiproxy-node-client";
import { announced, type DoorName, type Fabric, freePorts, loopbackSeats, type Seat } from "./fabric.js";
import { ToxiproxyCrashed, ToxiproxyServer } from "./toxiproxy-server.js";

/** A toxic of one direction of one proxy, as Toxiproxy names them. */
export interface ToxicWish {
  readonly type: "latency" | "bandwidth" | "slicer" | "reset_peer" | "timeout";
  readonly stream: "upstream" | "downstream";
  readonly attributes: Readonly<Record<string, number>>;
}

type Attributes = ToxicWish["attributes"];

/** Looked for in one run, so that they are free together. */
const proxyPorts = 200;

/** A proxy, and the toxics that it has just now. */
interface Line {
  readonly name: string;
  /** The nodes at its ends; a client's has one. */
  readonly nodes: readonly number[];
  proxy: ProxyHandle;
  /** The toxics that it has: the directions of them. */
  harms: ToxicWish["stream"][];
  /** Its proxy is made anew instead of being freed of its toxics. */
  isBroken: boolean;
}

/** A proxy between each ordered pair of nodes, and for each client at each door of each node that it uses. */
export class ToxiproxyFabric implements Fabric {
  readonly kind = "toxiproxy";
  /** By "dialler>dialled". */
  private readonly links = new Map<string, Line>();
  private readonly clients = new Map<string, Promise<Line>>();
  private toxics = 0;
  private heals = 0;
  private nextPort = 0;
  private last: Promise<unknown> = Promise.resolve();

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
            await fabric.line(`${from.name}>${to.name}`, announced(to, "peer"), [from.index, to.index]),
          );
    return fabric;
  }

  /** One request at a time: Toxiproxy 2.12 panics when toxics of a proxy are added and removed at once. */
  private inTurn<T>(request: () => Promise<T>): Promise<T> {
    const answered = this.last.then(request).catch(async (error: unknown) => {
      const crash = await this.server.crashed();
      if (crash === null) throw error;
      throw new ToxiproxyCrashed(`toxiproxy-server ended by itself and said ${crash}`);
    });
    this.last = answered.catch(() => {});
    return answered;
  }

  private async line(name: string, upstream: string, nodes: readonly number[]): Promise<Line> {
    // Not a port that the system chooses: while a proxy is disabled, it would give that port to someone else.
    const listen = `127.0.0.1:${this.nextPort++}`;
    const proxy = await this.inTurn(() =>
      this.toxiproxy.createProxy({ name, listen, upstream, enabled: true }),
    );
    return { name, nodes, proxy, harms: [], isBroken: false };
  }

  launcher(): readonly string[] {
    return [];
  }

  natMap(node: number): readonly string[] {
    return this.seats
      .filter(({ index }) => index !== node)
      .map((seat) => `${announced(seat, "peer")}=${this.link(node, seat.index).proxy.listen}`);
  }

  private link(from: number, to: number): Line {
    return this.links.get(`${from}>${to}`)!;
  }

  async clientAddress(client: string, node: number, door: DoorName): Promise<string> {
    const seat = this.seats[node]!;
    const name = `${client}>${seat.name}:${door}`;
    let held = this.clients.get(name);
    if (held === undefined) {
      held = this.line(name, announced(seat, door), [node]);
      this.clients.set(name, held);
    }
    return (await held).proxy.listen;
  }

  // Faults -----------------------------------------------------------------------------------------------------------

  /**
   * Harms the bytes that flow from one node to another, on the connections that either of them opened.
   * `toxicity`: share of the connections.
   * @returns gives the toxics other attributes, unless a heal has taken them away. One latency that grows isn't the same as
   *   several of them: Toxiproxy 2.12 reckons from when the piece before was handed on, so of a dense stream all but one
   *   take no time.
   */
  async harm(
    from: number,
    to: number,
    wish: Omit<ToxicWish, "stream">,
    toxicity = 1,
  ): Promise<(attributes: Attributes) => Promise<void>> {
    const toxics = await Promise.all([
      this.add(this.link(from, to), { ...wish, stream: "upstream" }, toxicity),
      this.add(this.link(to, from), { ...wish, stream: "downstream" }, toxicity),
    ]);
    const { heals } = this;
    return async (attributes) => {
      for (const toxic of toxics)
        await this.inTurn(async () => {
          if (this.heals === heals) await toxic.update({ ...toxic.toJson(), attributes });
        });
    };
  }

  /** Harms what clients send to a node and what it answers. */
  async harmClients(node: number, wish: Omit<ToxicWish, "stream">): Promise<void> {
    const lines = await Promise.all(this.clients.values());
    await Promise.all(
      lines
        .filter(({ nodes }) => nodes.includes(node))
        .flatMap((line) => [
          this.add(line, { ...wish, stream: "upstream" }, 1),
          this.add(line, { ...wish, stream: "downstream" }, 1),
        ]),
    );
  }

  /** Refuses new connections between two nodes and breaks those there are. */
  async refuse(a: number, b: number): Promise<void> {
    for (const line of [this.link(a, b), this.link(b, a)])
      await this.inTurn(() => {
        const { listen, upstream } = line.proxy;
        // Toxiproxy 2.12 waits for ever to take toxics away from connections that it broke while they held bytes back.
        line.isBroken = true;
        return line.proxy.update({ enabled: false, listen, upstream });
      });
  }

  private add(
    line: Line,
    { type, stream, attributes }: ToxicWish,
    toxicity: number,
  ): Promise<Toxic<Attributes>> {
    return this.inTurn(async () => {
      // Of several in one direction Toxiproxy 2.12 takes away the first first, whose bytes find no room in the second one's
      // buffer: it waits for ever, or forgets a toxic of a connection that ends meanwhile and panics later.
      if (line.harms.includes(stream)) line.isBroken = true;
      line.harms.push(stream);
      // Taking `timeout` away ends the connections, `reset_peer` does all the time, and so does a new proxy.
      if (type === "timeout" || type === "reset_peer") line.isBroken = true;
      return line.proxy.addToxic({ name: `toxic-${++this.toxics}`, type, stream, toxicity, attributes });
    });
  }

  /**
   * Toxiproxy would hand on what it held back before it removes a toxic, and waits 5 s for each piece that the other end
   * doesn't take: the lines of a process that is gone are made anew instead.
   */
  ended(node: number): void {
    for (const line of this.links.values())
      if (line.nodes.includes(node)) line.isBroken ||= line.harms.length > 0;
    for (const held of this.clients.values())
      held.then(
        (line) => {
          if (line.nodes.includes(node)) line.isBroken ||= line.harms.length > 0;
        },
        () => {},
      );
  }

  /** Takes all toxics away and lets every proxy listen again. */
  heal(): Promise<void> {
    return this.inTurn(async () => {
      this.heals++;
      const lines = [...this.links.values(), ...(await Promise.all(this.clients.values()))];
      for (const line of lines) if (line.isBroken) await this.renew(line);
      await this.toxiproxy.reset();
      for (const line of lines) line.harms = [];
    });
  }

  /** Ends its connections. */
  private async renew(line: Line): Promise<void> {
    const { listen, upstream } = line.proxy;
    await line.proxy.remove();
    line.proxy = await this.toxiproxy.createProxy({ name: line.name, listen, upstream, enabled: true });
    line.harms = [];
    line.isBroken = false;
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }
}
