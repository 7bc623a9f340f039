/** One wrong line in Quorate's sources, and the run that should find it out. */
export interface ChaosMutant {
  readonly name: string;
  /** Numbers of the known mistakes that it stands for. */
  readonly safety: readonly number[];
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly workload: string;
  readonly nemesis: string;
}

export const mutants: readonly ChaosMutant[] = [
  {
    name: "a record counts as durable 100 ms before it is written",
    safety: [1, 9],
    file: "src/storage/level-log.ts",
    find: 'this.queue.push({ kind: "append", record, done });\n    this.pump();',
    replace:
      'process.nextTick(() => done(null));\n    setTimeout(() => {\n      this.queue.push({ kind: "append", record, done: () => {} });\n      this.pump();\n    }, 100);',
    workload: "append",
    nemesis: "kill-all",
  },
  {
    name: "retries run again",
    safety: [23],
    file: "src/machine/key-range-machine.ts",
    find: "if (record !== null) {\n        replayReply",
    replace: "if (record !== null && record.sequence < 0) {\n        replayReply",
    workload: "counter",
    nemesis: "kill-leader,isolate-leader,clients",
  },
  {
    name: "a lost connection to the leader is told as a definite error",
    safety: [26],
    file: "src/node/forwarder.ts",
    find: '"outcome-unknown",\n      "the connection',
    replace: '"no-leader",\n      "the connection',
    workload: "append",
    nemesis: "kill-leader,reset,isolate-leader",
  },
  {
    name: "a deadline after the proposal is told as a definite error",
    safety: [26],
    file: "src/node/pending-entry.ts",
    find: '"outcome-unknown",\n          "the deadline',
    replace: '"deadline",\n          "the deadline',
    workload: "append",
    nemesis: "kill-majority,bandwidth,isolate-leader",
  },
  {
    name: "frames are read with the clock of the last turn",
    safety: [16, 61],
    file: "src/node/engine.ts",
    find: "clock.sample();\n    const frame",
    replace: "const frame",
    workload: "ttl",
    nemesis: "pause-leader",
  },
];
