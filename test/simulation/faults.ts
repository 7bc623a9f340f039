import { assert } from "../../src/base/assert.js";
import type { Random } from "../../src/base/random.js";
import type { Configuration } from "../../src/raft/types.js";
import type { Invariants } from "./invariants.js";
import type { Marks } from "./marks.js";
import { keepsMajority } from "./quorum.js";
import type { Fault, Script } from "./script.js";
import type { SimCluster } from "./sim-cluster.js";
import type { SimSdk } from "./sim-sdk.js";
import { oneOf } from "./swarm.js";

/** After a tail was lost on purpose nothing else happens for so long: some peer must be there to remember it. */
const quietMs = 3000;
const flapMs = 150;
const stopPatienceMs = 2000;

/** Carries out a script's faults, and undoes them. */
export class Faults {
  /** Kinds that were carried out. */
  readonly done = new Map<string, number>();
  private quietUntilMs = 0;
  private active = 0;
  private healed = false;
  /** Nodes that are kept away while a quorum is well. */
  private readonly away = new Set<number>();

  constructor(
    private readonly cluster: SimCluster,
    private readonly script: Script,
    private readonly clients: readonly SimSdk[],
    private readonly invariants: Invariants,
    private readonly marks: Marks,
    private readonly trace: (text: string) => void,
  ) {}

  schedule(): void {
    for (const fault of this.script.faults) this.cluster.scheduler.at(fault.atMs, () => this.begin(fault));
  }

  /** These nodes work from now on, and so does all between them; nothing new begins and nothing else ends. */
  heal(members: ReadonlySet<number>): void {
    const { cluster } = this;
    this.healed = true;
    const well = cluster.nodes.filter(({ at }) => members.has(at));
    cluster.network.heal(new Set(well.map(({ address }) => address)));
    for (const machine of well) {
      machine.disk.full = false;
      machine.disk.failNextWrite = null;
      machine.disk.extraWriteMs = 0;
      for (const client of this.clients) client.cut(machine.at, false);
      this.away.delete(machine.at);
      cluster.resume(machine.at);
      this.start(machine.at);
    }
  }

  /** One of the others goes on as none of whom anybody hears: dead, stopped, or without a way to or from all. */
  keepAway(at: number, random: Random): void {
    const { network, nodes } = this.cluster;
    const machine = nodes[at]!;
    const kind = oneOf(random, ["down", "frozen", "deaf", "mute", "cut off"] as const);
    this.trace(`node ${at} stays away: ${machine.node === null ? "down" : kind}`);
    for (const client of this.clients) client.cut(at, true);
    this.away.add(at);
    if (kind === "down") this.cluster.crash(at, "process");
    if (kind === "frozen" && machine.node !== null) machine.host.pause();
    for (const { address } of nodes) {
      if (address === machine.address) continue;
      if (kind === "deaf" || kind === "cut off") network.block(address, machine.address);
      if (kind === "mute" || kind === "cut off") network.block(machine.address, address);
    }
  }

  /** Whether some nodes are cut off from others now. */
  get partitioned(): boolean {
    return this.cluster.network.anyBlocked;
  }

  private later(delayMs: number, undo: () => void): void {
    this.active++;
    this.cluster.scheduler.after(delayMs, () => {
      this.active--;
      if (!this.healed) undo();
    });
  }

  private begin(fault: Fault): void {
    const { cluster } = this;
    if (this.healed || cluster.scheduler.nowMs < this.quietUntilMs) return;
    const text = `${fault.kind} of node ${fault.node} for ${fault.lastsMs} ms`;
    if (!this.carryOut(fault)) {
      this.trace(`(no ${text})`);
      return;
    }
    this.done.set(fault.kind, (this.done.get(fault.kind) ?? 0) + 1);
    this.trace(text);
  }

  /** @returns false when it can't be done as things are. */
  private carryOut(fault: Fault): boolean {
    const { cluster } = this;
    const { kind, node: at, lastsMs, draw } = fault;
    const { network, nodes } = cluster;
    const machine = nodes[at]!;
    const addresses = nodes.map(({ address }) => address);
    const own = machine.address;
    const other = addresses[(at + 1 + (draw % Math.max(1, nodes.length - 1))) % nodes.length]!;
    const cut = (pairs: readonly (readonly [string, string])[]): boolean => {
      if (pairs.length === 0) return false;
      for (const [from, to] of pairs) network.block(from, to);
      this.later(lastsMs, () => {
        for (const [from, to] of pairs) network.unblock(from, to);
      });
      return true;
    };
    const both = (a: string, b: string): [string, string][] => [
      [a, b],
      [b, a],
    ];
    switch (kind) {
      case "crash":
      case "power":
        return this.crash(at, kind === "power" && this.mayLosePower(at) ? "power" : "process", lastsMs);
      case "power-all":
        for (const each of nodes)
          this.crash(
            each.at,
            this.mayLosePower(each.at) ? "power" : "process",
            lastsMs + ((draw >>> each.at) % 500),
          );
        return true;
      case "stop":
        if (machine.node === null || !machine.started || machine.host.paused) return false;
        return this.stop(at, lastsMs, draw % 2 === 0);
      case "pause":
      case "sleep":
        if (machine.node === null || machine.host.paused) return false;
        return this.freeze(at, kind, lastsMs);
      case "isolate":
        return cut(addresses.filter((each) => each !== own).flatMap((each) => both(own, each)));
      case "one-way":
        if (other === own) return false;
        return cut([draw % 2 === 0 ? [own, other] : [other, own]]);
      case "partition": {
        const side = (i: number): number => (draw >>> (i + 3)) & 1;
        return cut(
          addresses.flatMap((a, i) =>
            addresses.flatMap((b, j): [string, string][] => (i !== j && side(i) !== side(j) ? [[a, b]] : [])),
          ),
        );
      }
      case "bridge": {
        // Two halves that only this node reaches both of.
        const rest = addresses.filter((each) => each !== own);
        const half = rest.slice(0, rest.length >> 1);
        return cut(half.flatMap((a) => rest.filter((b) => !half.includes(b)).flatMap((b) => both(a, b))));
      }
      case "ring":
        return cut(
          addresses.flatMap((a, i) =>
            addresses.flatMap((b, j): [string, string][] => {
              const apart = Math.abs(i - j);
              return i === j || apart === 1 || apart === addresses.length - 1 ? [] : [[a, b]];
            }),
          ),
        );
      case "flap":
        if (other === own) return false;
        for (let ms = 0; ms < lastsMs; ms += 2 * flapMs)
          this.later(ms, () => {
            for (const [from, to] of both(own, other)) network.block(from, to);
            this.later(flapMs, () => {
              for (const [from, to] of both(own, other)) network.unblock(from, to);
            });
          });
        return true;
      case "slow-link":
        network.slowDown(own, other, 1 + (draw % 20_000));
        this.later(lastsMs, () => network.slowDown(own, other, 0));
        return other !== own;
      case "reset-streams":
        for (const each of addresses) network.breakSessions(own, each);
        return true;
      case "slow-disk":
        machine.disk.extraWriteMs = 1 + (draw % 1500);
        this.later(lastsMs, () => {
          machine.disk.extraWriteMs = 0;
        });
        return true;
      case "disk-full":
        machine.disk.full = true;
        this.marks.hit("disk was full");
        this.later(lastsMs, () => {
          machine.disk.full = false;
        });
        return true;
      case "disk-error":
        machine.disk.failNextWrite = "input/output error";
        return true;
      case "wall-jump":
        machine.host.jumpWall((draw % 2_000_000) - 1_000_000);
        this.marks.hit("wall clock jumped");
        return true;
      case "client-cut":
        for (const [i, client] of this.clients.entries()) {
          if (((draw >>> i) & 1) === 0) continue;
          client.cut(at, true);
          this.later(lastsMs, () => client.cut(at, false));
        }
        return true;
      case "transfer":
        return this.transfer(at, draw);
      case "wipe":
      case "lose-tail":
      case "bit-flip":
        return this.loseState(at, kind, lastsMs, draw);
    }
  }

  /** With a buffered log, lost power is lost state: of a minority of each range's replicas until they are replaced. */
  private mayLosePower(at: number): boolean {
    return this.script.shape.durability === "fsync" || this.mayLoseState(at);
  }

  private mayLoseState(at: number): boolean {
    const { invariants } = this;
    return keepsMajority(invariants.groups(), (range, id) => invariants.hostOf(range, id), at);
  }

  private crash(at: number, kind: "process" | "power", lastsMs: number): boolean {
    if (this.cluster.nodes[at]!.node === null) return false;
    const { disk } = this.cluster.nodes[at]!;
    const lost = disk.lostAtCrashes;
    // A log that was closed cleanly, and that no process has opened since, loses nothing.
    if (kind === "power" && disk.durability === "buffered" && disk.bootMark?.clean !== true) {
      this.invariants.loseState(at, "power");
      this.marks.hit("power lost under a buffered log");
    }
    if (this.invariants.groups().some(({ configuration }) => isChanging(configuration)))
      this.marks.hit("crash while a replica was replaced");
    this.cluster.crash(at, kind);
    if (disk.lostAtCrashes > lost) this.marks.hit("unsynced tail lost at a crash");
    this.later(lastsMs, () => this.start(at));
    return true;
  }

  private start(at: number): void {
    if (this.cluster.nodes[at]!.node === null && !this.away.has(at)) this.cluster.start(at);
  }

  /** What was closed cleanly is whole, though the machine be switched off meanwhile. */
  private stop(at: number, lastsMs: number, switchedOff: boolean): boolean {
    const { cluster } = this;
    const { host, disk } = cluster.nodes[at]!;
    const { incarnation } = host;
    cluster.beginStop(at, () => {
      this.marks.hit("graceful stop");
      if (switchedOff) disk.crash("power");
      cluster.scheduler.after(lastsMs, () => this.start(at));
    });
    // It may hang in a fault of another kind; then it is killed, as a supervisor would.
    cluster.scheduler.after(lastsMs + stopPatienceMs, () => {
      if (host.incarnation !== incarnation) return;
      cluster.crash(at, "process");
      this.start(at);
    });
    return true;
  }

  private freeze(at: number, kind: "pause" | "sleep", lastsMs: number): boolean {
    const { host } = this.cluster.nodes[at]!;
    const { incarnation } = host;
    const thaw = this.invariants.leases.freeze(this.cluster.nodes[at]!);
    if (kind === "sleep") {
      host.sleep();
      this.marks.hit("machine slept");
    } else host.pause();
    this.later(lastsMs, () => {
      if (host.incarnation !== incarnation) return;
      host.resume();
      thaw();
    });
    return true;
  }

  private transfer(at: number, draw: number): boolean {
    const node = this.cluster.nodes[at]!.node;
    const led = [...(node?.engine?.replicas.values() ?? [])].filter((replica) => replica.leads);
    if (led.length === 0 || this.cluster.nodes[at]!.host.paused) return false;
    const replica = led[draw % led.length]!;
    const { voters } = replica.group.status().configuration;
    const target = voters[(draw >>> 8) % voters.length]!;
    if (target === replica.id) return false;
    replica.group.transferLeadership(target);
    node!.engine.wake(replica);
    return true;
  }

  /**
   * A minority of a range's replicas may lose what they had promised, when all else is well: with more, or when nobody is
   * there who remembers, no protocol could tell.
   */
  private loseState(
    at: number,
    kind: "wipe" | "lose-tail" | "bit-flip",
    lastsMs: number,
    draw: number,
  ): boolean {
    const { cluster } = this;
    const { nodes } = cluster;
    const machine = nodes[at]!;
    const well = nodes.every(({ started, host, disk }) => started && !host.paused && !disk.full);
    if (this.active > 0 || this.partitioned || !well || !this.mayLoseState(at)) return false;
    assert(machine.node !== null, "it runs");
    this.quietUntilMs = cluster.scheduler.nowMs + quietMs;
    this.invariants.loseState(at, kind);
    if (kind === "wipe") {
      cluster.wipe(at);
      this.marks.hit("node came back empty");
    } else {
      cluster.crash(at, "process");
      const { disk } = machine;
      if (kind === "lose-tail") disk.rollBack(1 + (draw % 20));
      else disk.damageLog("a bit flipped", draw % (disk.records.length + 1));
    }
    this.later(Math.min(lastsMs, 1000), () => this.start(at));
    return true;
  }
}

function isChanging({ outgoing, learners }: Configuration): boolean {
  return outgoing.length > 0 || learners.length > 0;
}
