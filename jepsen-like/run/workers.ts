import { SeededRandom } from "#quorate/base/random.js";
import { sleep } from "../cluster/wait.js";
import type { Door } from "../doors/door.js";
import {
  type Completion,
  type Invocation,
  isAnswered,
  type Load,
  type Worker,
} from "../workloads/workload.js";
import { between, pick } from "./draw.js";
import type { Recorder } from "./recorder.js";

/**
 * Each worker's own, drawn. Who waits for an answer that never comes asks nobody else meanwhile; the impatient are still
 * about when a fault shows what is wrong, and the patient see what comes late.
 */
const deadlinesMs = [200, 3000, 3000, 3000] as const;
const finalDeadlineMs = 10_000;
/** So long takes at least what was refused or not answered, or that would be most of the history. */
const refusedPauseMs = 250;

/** Workers that each hold one door and do one operation at a time. */
export class Workers {
  private running = true;
  private loops: Promise<void>[] = [];
  private nextProcess: number;

  constructor(
    private readonly load: Load,
    private readonly doors: readonly Door[],
    private readonly recorder: Recorder,
    private readonly seed: number,
    /** Mean pause of a worker between two operations, in ms. */
    private readonly thinkMs: number,
  ) {
    this.nextProcess = doors.length;
  }

  start(): void {
    this.loops = this.doors.map((door, index) => this.work(door, index));
  }

  private async work(door: Door, index: number): Promise<void> {
    const worker: Worker = { index, door, random: new SeededRandom(this.seed * 1009 + index) };
    const deadlineMs = pick(worker.random, deadlinesMs);
    let process = index;
    while (this.running) {
      await sleep(between(worker.random, 0, 2 * this.thinkMs));
      const invocation = this.load.next(worker);
      if (invocation === null) continue;
      const startedMs = performance.now();
      const completion = await this.attempt(invocation, door, process, deadlineMs);
      // What is unknown may happen at any later time: whoever asked for it can't be the same process any more.
      if (completion.type === "info") process = this.nextProcess++;
      if (isAnswered(completion)) continue;
      await sleep(Math.max(0, startedMs + refusedPauseMs - performance.now()));
    }
  }

  private async attempt(
    invocation: Invocation,
    door: Door,
    process: number,
    deadlineMs: number,
  ): Promise<Completion> {
    const record = this.recorder.invoke(process, door.node, door.protocol, invocation);
    const completion = await this.load.run(invocation, door, { deadlineMs });
    record(completion);
    return completion;
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
  }

  /** The workload's last reads, each tried until it is answered. @returns those that never were. */
  async final(): Promise<readonly Invocation[]> {
    const left = [...this.load.final()];
    const unanswered: Invocation[] = [];
    const lane = async (door: Door): Promise<void> => {
      for (;;) {
        const invocation = left.shift();
        if (invocation === undefined) return;
        let type = "";
        for (let tries = 0; type !== "ok" && tries < 20; tries++) {
          if (tries > 0) await sleep(refusedPauseMs);
          ({ type } = await this.attempt(invocation, door, this.nextProcess++, finalDeadlineMs));
        }
        if (type !== "ok") unanswered.push(invocation);
      }
    };
    // Some protocols have too few commands for some of these reads.
    await Promise.all(this.doors.filter((door) => door.has("LRANGE")).map(lane));
    return unanswered;
  }
}
