import type { Client } from "@grpc/grpc-js";
import { openChannel } from "#quorate/client/channel.js";
import { joinViews, viewOver } from "#quorate/client/cluster-status.js";
import type { TopologyMessage } from "#quorate/client/proto.js";
import type { Target } from "../cluster/target.js";
import { sleep } from "../cluster/wait.js";

/** Who led what, at one moment. */
export interface Sight {
  readonly atNs: number;
  /** By range; null: no node says that it leads. */
  readonly leaders: readonly {
    readonly range: number;
    readonly leader: string | null;
    readonly term: number;
  }[];
  /** Names of the nodes that answered. */
  readonly answering: readonly string[];
}

const everyMs = 200;
const deadlineMs = 1000;
/** What a node said longer ago is no part of a sight: it was stopped or killed since. */
const freshNs = 700e6;

interface View {
  readonly atNs: number;
  readonly topology: TopologyMessage;
}

/**
 * Looks at the cluster from outside all through the run, past every proxy. Each node is asked on its own, over a connection
 * that stays: one that is stopped keeps nobody from seeing what the others say.
 */
export class Monitor {
  readonly sights: Sight[] = [];
  private running = true;
  private readonly newest = new Map<string, View>();
  private readonly loops: Promise<void>;

  constructor(
    target: Target,
    private readonly nowNs: () => number,
  ) {
    this.loops = Promise.all([...target.seeds.map((address) => this.ask(address)), this.watch()]).then(
      () => {},
    );
  }

  private async ask(address: string): Promise<void> {
    const channel: Client = openChannel(address);
    while (this.running) {
      const topology = await viewOver(channel, deadlineMs);
      if (topology !== null) this.newest.set(address, { atNs: this.nowNs(), topology });
      await sleep(everyMs);
    }
    channel.close();
  }

  private async watch(): Promise<void> {
    while (this.running) {
      await sleep(everyMs);
      this.sights.push(this.look());
    }
  }

  private look(): Sight {
    const atNs = this.nowNs();
    const views = [...this.newest.values()].filter((view) => atNs - view.atNs <= freshNs);
    if (views.length === 0) return { atNs, leaders: [], answering: [] };
    const { members, ranges } = joinViews(views.map(({ topology }) => topology));
    const names = new Map(members.map(({ id, name }) => [id, name]));
    return {
      atNs,
      leaders: ranges.map(({ id, leader, term }) => ({ range: id, leader, term })),
      answering: views.map(({ topology: { self } }) => names.get(self) ?? self),
    };
  }

  /** Resolves once a sight of what nodes said after `sinceNs` shows a leader of every range, or when it stops. */
  async leadersAfter(sinceNs: number): Promise<void> {
    const isLed = ({ atNs, leaders }: Sight): boolean =>
      atNs - freshNs > sinceNs && leaders.length > 0 && leaders.every(({ leader }) => leader !== null);
    while (this.running && !this.sights.slice(-1).some(isLed)) await sleep(everyMs);
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loops;
  }
}
