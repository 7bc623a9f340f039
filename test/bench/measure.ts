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

/** So many operations warm a side up and tell how many make a measurement of the wanted length. */
const warmUpOperations = 4000;
const warmUpSeconds = 0.5;

/** Runs every measurement once per round, in their order, so that neighbours in time are compared. */
export class Rounds {
  readonly samples = new Map<string, Sample[]>();
  private readonly rates = new Map<string, number>();

  constructor(
    private readonly measurements: readonly Measurement[],
    private readonly seconds: number,
  ) {
    for (const { name } of measurements) this.samples.set(name, []);
  }

  async warmUp(): Promise<void> {
    for (const { name, generator } of this.measurements) {
      const cold = await generator(warmUpOperations);
      this.rates.set(name, await generator(Math.ceil(Math.max(warmUpOperations, cold * warmUpSeconds))));
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
