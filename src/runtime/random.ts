import { randomBytes } from "node:crypto";
import { type Random, SeededRandom } from "../base/random.js";
import type { NodeId } from "../base/units.js";

/** A generator with a seed that no other process has (safety 13). Not for secrets. */
export function createRandom(): Random {
  return new SeededRandom(randomBytes(4).readUInt32LE(0));
}

/** 48 random bits, never 0, which is nobody. */
export function randomNodeId(): NodeId {
  for (;;) {
    const id = randomBytes(6).readUIntLE(0, 6);
    if (id !== 0) return id;
  }
}
