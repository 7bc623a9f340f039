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

/** Looks at the cluster from outside all through the run, past every proxy. */
export class Monitor {
  readonly sights: Sight[] = [];
  private running = true;
  private readonly loop: Promise<void>;

  constructor(
    private readonly target: Target,
    private readonly nowNs: () => number,
  ) {
    this.loop = this.watch();
  }

  private async watch(): Promise<void> {
    while (this.running) {
      const atNs = this.nowNs();
      try {
        const status = await this.target.status();
        const { ranges } = status;
        const answering = new Set(
          ranges.flatMap(({ replicas }) =>
            replicas.filter(({ commit }) => commit !== null).map(({ node }) => node),
          ),
        );
        this.sights.push({
          atNs,
          leaders: ranges.map(({ id, leader, term }) => ({ range: id, leader, term })),
          answering: [...answering],
        });
      } catch {
        this.sights.push({ atNs, leaders: [], answering: [] });
      }
      await sleep(everyMs);
    }
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loop;
  }
}
