import { createServer } from "node:net";

/** The doors of a node that clients and peers come through. */
export type DoorName = "resp" | "grpc" | "http";
export type PortName = DoorName | "peer";
export type Ports = Readonly<Record<PortName, number>>;

/** Where a node is, as it announces itself. */
export interface Seat {
  readonly index: number;
  readonly name: string;
  readonly host: string;
  readonly ports: Ports;
}

export function announced(seat: Seat, port: PortName): string {
  return `${seat.host}:${seat.ports[port]}`;
}

/** What bytes between nodes, and between clients and nodes, travel through: where network faults are made. */
export interface Fabric {
  readonly kind: "direct" | "toxiproxy" | "netns";
  readonly seats: readonly Seat[];
  /** Words before a node's command line. */
  launcher(node: number): readonly string[];
  /** What the node's natMap setting must say. */
  natMap(node: number): readonly string[];
  /** Where a client reaches a node; a client of its own has connections, and faults, of its own. */
  clientAddress(client: string, node: number, door: DoorName): Promise<string>;
  /** A node's process has ended. */
  ended?(node: number): void;
  stop(): Promise<void>;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(false));
    server.listen(port, host, () => server.close(() => done(true)));
  });
}

/** The first of `count` free ports, below those that the system hands out to outgoing connections. */
export async function freePorts(count: number, host = "127.0.0.1"): Promise<number> {
  for (;;) {
    const base = 10_000 + Math.floor(Math.random() * 22_000);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(base + i, host)));
    if (free.every(Boolean)) return base;
  }
}

export function portsFrom(base: number): Ports {
  return { resp: base, grpc: base + 1, peer: base + 2, http: base + 3 };
}

/** Nodes on loopback that reach one another and are reached directly. */
export class DirectFabric implements Fabric {
  readonly kind = "direct";

  private constructor(readonly seats: readonly Seat[]) {}

  static async create(nodes: number): Promise<DirectFabric> {
    return new DirectFabric(await loopbackSeats(nodes));
  }

  launcher(): readonly string[] {
    return [];
  }
  natMap(): readonly string[] {
    return [];
  }
  clientAddress(_client: string, node: number, door: DoorName): Promise<string> {
    return Promise.resolve(announced(this.seats[node]!, door));
  }
  stop(): Promise<void> {
    return Promise.resolve();
  }
}

export async function loopbackSeats(nodes: number): Promise<readonly Seat[]> {
  const base = await freePorts(nodes * 4);
  return Array.from({ length: nodes }, (_, index) => ({
    index,
    name: `node-${index + 1}`,
    host: "127.0.0.1",
    ports: portsFrom(base + index * 4),
  }));
}
