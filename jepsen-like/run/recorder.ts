import { createWriteStream, type WriteStream } from "node:fs";
import type { Completion, Invocation, Observed } from "../workloads/workload.js";

/** Writes the history as JSON lines while the run goes on, and keeps it for the report. */
export class Recorder {
  private readonly out: WriteStream;
  private readonly startNs = process.hrtime.bigint();
  private index = 0;
  readonly observed: (Observed & { readonly protocol: string })[] = [];

  constructor(readonly file: string) {
    this.out = createWriteStream(file);
  }

  nowNs(): number {
    return Number(process.hrtime.bigint() - this.startNs);
  }

  /** Records the invocation; the returned function records how it ended. */
  invoke(
    worker: number,
    node: string,
    protocol: string,
    { f, key, value }: Invocation,
  ): (completion: Completion) => void {
    const invokedNs = this.nowNs();
    this.line({ time: invokedNs, process: worker, type: "invoke", f, key, value, node });
    return (completion) => {
      const time = this.nowNs();
      const { type } = completion;
      const error = completion.type === "ok" ? null : completion.error;
      const result = completion.type === "ok" ? completion.value : value;
      this.line({
        time,
        process: worker,
        type,
        f,
        key,
        value: result,
        node,
        ...(error === null ? {} : { error }),
      });
      this.observed.push({
        process: worker,
        type,
        f,
        key,
        value,
        invokedNs,
        completedNs: type === "info" ? Number.POSITIVE_INFINITY : time,
        result,
        node,
        error,
        protocol,
      });
    };
  }

  private line(fields: object): void {
    this.out.write(`${JSON.stringify({ index: this.index++, ...fields })}\n`);
  }

  close(): Promise<void> {
    return new Promise((done) => this.out.end(() => done()));
  }
}
