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
  private readonly detours = new Set<number>();

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
      for (const [chain, hook] of [
        ["in", "input"],
        ["out", "output"],
      ] as const)
        await this.nft(
          index,
          "add",
          "chain",
          "ip",
          "chaos",
          chain,
          `{ type filter hook ${hook} priority 0; }`,
        );
    }
  }

  /** The addresses of all nodes; the last one of the net is the clients'. */
  private get peers(): string {
    return `${this.subnet}.1-${this.subnet}.253`;
  }

  private space(node: number): string {
    return `${this.tag}n${node}`;
  }

  private nft(node: number, ...words: readonly string[]): Promise<string> {
    return this.inside(node, "nft", ...words);
  }

  private async inside(node: number, ...words: readonly string[]): Promise<string> {
    const { stdout } = await run("ip", ["netns", "exec", this.space(node), ...words]);
    return stdout;
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
    const source = ["ip", "saddr", from === "anyone" ? this.peers : this.seats[from]!.host];
    await this.nft(to, "add", "rule", "ip", "chaos", "in", ...source, ...byChance(share), "counter", "drop");
  }

  /** Every packet between peers leaves twice, a share of them by chance. */
  async duplicate(share: number): Promise<void> {
    for (const { index } of this.seats)
      for (const peer of this.seats)
        if (peer.index !== index)
          await this.nft(
            index,
            ...["add", "rule", "ip", "chaos", "out", "ip", "daddr", peer.host, ...byChance(share)],
            ...["counter", "dup", "to", peer.host],
          );
  }

  /**
   * Packets from peers take a detour through a narrow line before they arrive, a share of them by chance: behind others
   * that were sent later, and some after the heal.
   */
  async reorder(share: number, kilobitsPerSecond: number): Promise<void> {
    for (const { index } of this.seats) {
      await this.layDetour(index, kilobitsPerSecond);
      const chain = `{ type filter hook ingress device ${this.tag}i${index} priority 0; }`;
      await this.nft(index, "add", "table", "netdev", "chaos");
      await this.nft(index, "add", "chain", "netdev", "chaos", "in", chain);
      await this.nft(
        index,
        ...["add", "rule", "netdev", "chaos", "in", "ip", "saddr", this.peers, ...byChance(share)],
        ...["counter", "fwd", "to", "detour"],
      );
    }
  }

  /** What goes into one end of the detour comes out of the other, as if it had come by the node's own line. */
  private async layDetour(node: number, kilobitsPerSecond: number): Promise<void> {
    const space = this.space(node);
    const line = ["tbf", "rate", `${kilobitsPerSecond}kbit`, "burst", "2000", "limit", "200000"];
    if (!this.detours.has(node)) {
      const { stdout } = await run("ip", ["-n", space, "-j", "link", "show", `${this.tag}i${node}`]);
      const [{ address }] = JSON.parse(stdout) as [{ address: string }];
      await ip("-n", space, "link", "add", "detour", "type", "veth", "peer", "name", "detour-end");
      await ip("-n", space, "link", "set", "detour-end", "address", address, "up");
      await ip("-n", space, "link", "set", "detour", "up");
      this.detours.add(node);
    }
    await run("tc", ["-n", space, "qdisc", "replace", "dev", "detour", "root", ...line]);
  }

  /** @returns how many packets met a rule that counts them, since the last heal. */
  async counted(): Promise<number> {
    const rulesets = await Promise.all(this.seats.map(({ index }) => this.nft(index, "list", "ruleset")));
    const counts = [...rulesets.join("\n").matchAll(/counter packets (\d+)/g)];
    return counts.reduce((sum, [, packets]) => sum + Number(packets), 0);
  }

  async heal(): Promise<void> {
    for (const { index } of this.seats) {
      for (const chain of ["in", "out"]) await this.nft(index, "flush", "chain", "ip", "chaos", chain);
      if (!this.detours.has(index)) continue;
      // Added first, as it may be gone already; in one step, as two faults may be healed at once.
      await this.nft(index, "add", "table", "netdev", "chaos;", "delete", "table", "netdev", "chaos");
    }
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

function byChance(share: number): readonly string[] {
  return share >= 1 ? [] : ["numgen", "random", "mod", "1000", "<", String(Math.round(share * 1000))];
}

async function ip(...words: readonly string[]): Promise<void> {
  await run("ip", words);
}
