/** A wrong line in Quorate's sources. */
export interface Edit {
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** One mistake, and the run that should find it out. */
export interface ChaosMutant {
  readonly name: string;
  /** Numbers of the known mistakes that it stands for. */
  readonly safety: readonly number[];
  /** Several where one line alone is made good by others. */
  readonly edits: readonly Edit[];
  readonly workload: string;
  readonly nemesis: string;
}

export const mutants: readonly ChaosMutant[] = [
  {
    name: "a record counts as durable 100 ms before it is written",
    safety: [1, 9],
    edits: [
      {
        file: "src/storage/level-log.ts",
        find: 'this.queue.push({ kind: "append", record, done });\n    this.pump();',
        replace:
          'process.nextTick(() => done(null));\n    setTimeout(() => {\n      this.queue.push({ kind: "append", record, done: () => {} });\n      this.pump();\n    }, 100);',
      },
    ],
    workload: "append",
    nemesis: "kill-all",
  },
  {
    name: "retries run again",
    safety: [23],
    edits: [
      {
        file: "src/machine/key-range-machine.ts",
        find: "if (record !== null) {\n        replayReply",
        replace: "if (record !== null && record.sequence < 0) {\n        replayReply",
      },
    ],
    workload: "counter",
    nemesis: "kill-leader,isolate-leader,clients",
  },
  {
    name: "a lost connection to the leader is told as a definite error",
    safety: [26],
    edits: [
      {
        file: "src/node/forwarder.ts",
        find: '"outcome-unknown",\n      "the connection',
        replace: '"no-leader",\n      "the connection',
      },
    ],
    workload: "append",
    nemesis: "kill-leader,reset,isolate-leader",
  },
  {
    name: "a deadline after the proposal is told as a definite error",
    safety: [26],
    edits: [
      {
        file: "src/node/pending-entry.ts",
        find: '"outcome-unknown",\n          "the deadline',
        replace: '"deadline",\n          "the deadline',
      },
    ],
    workload: "append",
    nemesis: "kill-majority,bandwidth,isolate-leader",
  },
  {
    name: "frames are read with the clock of the last turn",
    safety: [16, 61],
    edits: [
      {
        file: "src/node/engine.ts",
        find: "clock.sample();\n    const frame",
        replace: "const frame",
      },
    ],
    workload: "ttl",
    nemesis: "pause-leader",
  },
  {
    name: "a lease counts from the receipt of an answer",
    safety: [17],
    edits: [
      {
        file: "src/raft/read-index.ts",
        find: "peer.ackedLeaseMs = state.rounds.openedMs(round);",
        replace: "peer.ackedLeaseMs = state.leaseNowMs;",
      },
    ],
    workload: "append",
    nemesis: "late-replies",
  },
  {
    name: "reads ask for no lease",
    safety: [16],
    edits: [
      {
        file: "src/raft/read-index.ts",
        find: "return nowMs - sinceMs < leaseMs ? state.log.commit : null;",
        replace: "return nowMs - sinceMs < leaseMs * 1e9 ? state.log.commit : null;",
      },
    ],
    workload: "append",
    nemesis: "late-replies",
  },
  {
    name: "a quorum of one: what the leader alone holds is committed",
    safety: [],
    edits: [
      {
        file: "src/raft/quorum.ts",
        find: "const index = reachedByMajority(configuration.voters, matchOf);",
        replace: "const index = Math.max(...configuration.voters.map(matchOf));",
      },
    ],
    workload: "append",
    nemesis: "kill-leader,isolate-leader",
  },
  {
    name: "a node whose log is gone votes under its old identity",
    safety: [35],
    edits: [
      {
        file: "src/storage/recover-log.ts",
        find: 'const damage = options.expectExisting ? "the log is empty though this node had one" : null;',
        replace: "const damage: string | null = null;",
      },
      {
        file: "src/node/replica-set.ts",
        find: 'if (outcome.kind === "started" && this.prepared)',
        replace: 'if (outcome.kind === "started" && (this.prepared || recovered.replicas.length === 0))',
      },
      {
        file: "src/node/peers.ts",
        find: "sequence > this.node.engine.recorder.durableSequence)",
        replace: "sequence < 0)",
      },
    ],
    workload: "append",
    nemesis: "lose-log",
  },
];
