/** Bounds and defaults that several layers share; units last. */
export const limits = {
  keyBytes: 64 * 1024,
  /** Default of `--max-value`; settable up to `maxValueBytes`. */
  valueBytes: 16 * 1024 * 1024,
  maxValueBytes: 512 * 1024 * 1024,
  /** A turn's commands for one range are cut into entries of at most this; a larger command stands alone. */
  entryBytes: 256 * 1024,
  commandArguments: 1024 * 1024,
  sessionWindowCommands: 256,
  sessionReplyBytes: 1024 * 1024,
  /** A recorded reply above this is refused before anything changes. */
  recordedReplyBytes: 1024 * 1024,
  sessionShare: 0.05,
  uncommittedNodeBytes: 64 * 1024 * 1024,
  inflightMessages: 256,
  inflightBytes: 4 * 1024 * 1024,
  snapshotChunkBytes: 256 * 1024,
  logBytes: 16 * 1024 * 1024,
  heartbeatMs: 75,
  electionMinMs: 450,
  electionMaxMs: 900,
  leaseShare: 0.8,
  replicationFactor: 3,
  ranges: 16,
  /** A command waits this long for a leader, counted from the loss of the last one. */
  leaderWaitMs: 900,
  /** Commands of one range that wait for a leader at one node. */
  heldBytes: 16 * 1024 * 1024,
  commandDeadlineMs: 5000,
} as const;
