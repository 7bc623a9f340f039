import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type DoorName, type Fabric, portsFrom, type Seat } from "./fabric.js";

const run = promisify(execFile);
const basePort = 7001;

/** Why there are no network namespaces here. */
export class NetnsMissing extends Error {}

/** A packet filter of one direction: packets from one node, or from everyone, to a node. */
export interface Loss {
  readonly from: number | "anyone";
  readonly to: number;
  /** 1: all. */
  readonly share: number;
}

/**
 * Each node in a network namespace of its own, joined by a bridge: faults are made to real packets, by nftables in the
 * receiving namespace. Connections outlive them, so that what TCP sends again arrives after the heal.
 */
export class NetnsFabric implements Fabric {
  readonly kind = "netns";

  private constructor(
    readonly seats: readonly Seat[],
    private readonly tag: string,
    private readonly subnet: string,
  ) {}

  static async create(nodes: number): Promise<NetnsFabric> {
    if (process.getuid?.() !== 0) throw new NetnsMissing("network namespaces need root");
    // Runs side by side must not share names or addresses.
    const number = process.pid % 250;
    const tag = `qc${process.pid % 100_000}`;
    const subnet = `10.213.${number}`;
    const seats = Array.from({ length: nodes }, (_, index) => ({
      index,
      name: `node-${index + 1}`,
      host: `${subnet}.${index + 1}`,
      ports: portsFrom(basePort),
    }));
    const fabric = new NetnsFabric(seats, tag, subnet);
    try {
      await fabric.build();
    } catch (error) {
      await fabric.stop();
      throw new NetnsMissing(`network namespaces can't be made: ${String(error)}`);
    }
    return fabric;
  }

  private async build(): Promise<void> {
    const { tag } = this;
    const bridge = `${tag}b`;
    await ip("link", "add", bridge, "type", "bridge");
    await ip("addr", "add", `${this.subnet}.254/24`, "dev", bridge);
    await ip("link", "set", bridge, "up");
    for (const { index, host } of this.seats) {
      const space = this.space(index);
      const [outer, inner] = [`${tag}o${index}`, `${tag}i${index}`];
      await ip("netns", "add", space);
      await ip("link", "add", outer, "type", "veth", "peer", "name", inner);
      await ip("link", "set", inner, "netns", space);
      await ip("link", "set", outer, "master", bridge);
      await ip("link", "set", outer, "up");
      await ip("-n", space, "addr", "add", `${host}/24`, "dev", inner);
      await ip("-n", space, "link", "set", inner, "up");
      await ip("-n", space, "link", "set", "lo", "up");
      await this.nft(index, "add", "table", "ip", "chaos");
      await this.nft(index, "add", "chain", "ip", "chaos", "in", "{ type filter hook input priority 0; }");
    }
  }

  private space(node: number): string {
    return `${this.tag}n${node}`;
  }

  private async nft(node: number, ...words: readonly string[]): Promise<void> {
    await run("ip", ["netns", "exec", this.space(node), "nft", ...words]);
  }

  launcher(node: number): readonly string[] {
    return ["ip", "netns", "exec", this.space(node)];
  }
  natMap(): readonly string[] {
    return [];
  }
  clientAddress(_client: string, node: number, door: DoorName): Promise<string> {
    const { host, ports } = this.seats[node]!;
    return Promise.resolve(`${host}:${ports[door]}`);
  }

  /** Packets between peers are dropped where they arrive, a share of them by chance. */
  async lose({ from, to, share }: Loss): Promise<void> {
    const source =
      from === "anyone"
        ? ["ip", "saddr", `${this.subnet}.1-${this.subnet}.253`]
        : ["ip", "saddr", this.seats[from]!.host];
    const chance =
      share >= 1 ? [] : ["numgen", "random", "mod", "1000", "<", String(Math.round(share * 1000))];
    await this.nft(to, "add", "rule", "ip", "chaos", "in", ...source, ...chance, "drop");
  }

  async heal(): Promise<void> {
    for (const { index } of this.seats) await this.nft(index, "flush", "chain", "ip", "chaos", "in");
  }

  async stop(): Promise<void> {
    const quietly = (words: readonly string[]): Promise<unknown> => ip(...words).catch(() => {});
    for (const { index } of this.seats) {
      await quietly(["netns", "del", this.space(index)]);
      await quietly(["link", "del", `${this.tag}o${index}`]);
    }
    await quietly(["link", "del", `${this.tag}b`]);
  }
}

async function ip(...words: readonly string[]): Promise<void> {
  await run("ip", words);
}
