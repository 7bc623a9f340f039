import type { Generator } from "./generators.js";
import { cpuMs, endedChildrenCpuMs } from "./processes.js";

/** One thing that is measured once per round. */
export interface Measurement {
  readonly name: string;
  readonly generator: Generator;
  /** Servers that the load runs on. */
  readonly pids: readonly number[];
}

export interface Sample {
  readonly perSecond: number;
  /** Share of the CPU that generator and servers used together. */
  readonly generatorShare: number;
  /** CPU of all servers. */
  readonly serverCpuUs: number;
}

/** The first load on a side: tells how many operations make a second. */
const firstOperations = 4000;

/** Runs every measurement once per round, in their order, so that neighbours in time are compared. */
export class Rounds {
  readonly samples = new Map<string, Sample[]>();
  private readonly rates = new Map<string, number>();

  constructor(
    private readonly measurements: readonly Measurement[],
    private readonly seconds: number,
    private readonly warmUpSeconds: number,
  ) {
    for (const { name } of measurements) this.samples.set(name, []);
  }

  /** Servers that run for days have compiled what they do; so have these, before anything counts. */
  async warmUp(): Promise<void> {
    for (const { name, generator } of this.measurements) {
      let rate = await generator(firstOperations);
      for (let second = 0; second < this.warmUpSeconds; second++)
        rate = await generator(Math.ceil(Math.max(firstOperations, rate)));
      this.rates.set(name, rate);
    }
  }

  async runOne(): Promise<void> {
    for (const { name, generator, pids } of this.measurements) {
      const operations = Math.ceil(this.rates.get(name)! * this.seconds);
      const serversBefore = cpuMs(pids);
      const generatorBefore = endedChildrenCpuMs();
      const perSecond = await generator(operations);
      const servers = cpuMs(pids) - serversBefore;
      const generating = endedChildrenCpuMs() - generatorBefore;
      this.rates.set(name, perSecond);
      this.samples.get(name)!.push({
        perSecond,
        generatorShare: generating / Math.max(1, generating + servers),
        serverCpuUs: (servers * 1000) / operations,
      });
    }
  }
}
