import { limits } from "../../src/base/limits.js";
import type { SeededRandom } from "../../src/base/random.js";

/** Bounds that a run has smaller than production: what is never full in seconds otherwise is full often. */
export interface DrawnLimits {
  readonly entryBytes: number;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly uncommittedNodeBytes: number;
  readonly heldBytes: number;
  readonly sessionWindowCommands: number;
  readonly sessionReplyBytes: number;
  readonly snapshotChunkBytes: number;
}

export function drawLimits(
  random: SeededRandom,
  logUniform: (random: SeededRandom, least: number, most: number) => number,
): DrawnLimits {
  return {
    entryBytes: logUniform(random, 256, limits.entryBytes),
    inflightMessages: logUniform(random, 1, limits.inflightMessages),
    inflightBytes: logUniform(random, 1024, limits.inflightBytes),
    uncommittedNodeBytes: logUniform(random, 128, 64 * 1024),
    heldBytes: logUniform(random, 64, 64 * 1024),
    sessionWindowCommands: logUniform(random, 1, limits.sessionWindowCommands),
    sessionReplyBytes: logUniform(random, 512, limits.sessionReplyBytes),
    snapshotChunkBytes: logUniform(random, 256, limits.snapshotChunkBytes),
  };
}

/** Runs with other bounds than `limits` has; nothing else may run meanwhile. */
export function withLimits<Value>(drawn: Partial<DrawnLimits>, run: () => Value): Value {
  const before = { ...limits };
  Object.assign(limits, drawn);
  try {
    return run();
  } finally {
    Object.assign(limits, before);
  }
}
