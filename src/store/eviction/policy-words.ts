import type { LogTimeMs } from "../../base/units.js";

/**
 * An entry's two words for eviction. Recency: the lower 32 bits of the log time (ms) of its last recorded use, or, under
 * a policy that goes by age, of its creation or its last pass through a queue. Frequency: bits 0-7 a counter of uses,
 * bit 8 whether it is in the probation queue of s3fifo, bits 16-31 the upper bits of the log time.
 */
const counterMask = 0xff;
const probationFlag = 0x100;

export function counterOf(frequency: number): number {
  return frequency & counterMask;
}
export function isOnProbation(frequency: number): boolean {
  return (frequency & probationFlag) !== 0;
}
export function stampOf(recency: number, frequency: number): LogTimeMs {
  return (frequency >>> 16) * 0x1_0000_0000 + recency;
}
export function recencyWord(stampMs: LogTimeMs): number {
  return stampMs >>> 0;
}
/** `counter` 0 .. 255. */
export function frequencyWord(stampMs: LogTimeMs, counter: number, onProbation: boolean): number {
  const upper = Math.floor(stampMs / 0x1_0000_0000) & 0xffff;
  return upper * 0x1_0000 + (onProbation ? probationFlag : 0) + counter;
}

/** Redis's LFU: a new key isn't the first to go, and the counter rises ever more slowly. */
export const newKeyCounter = 5;
const counterFactor = 5;
/** A key that isn't used for so many turnovers of the whole cache has its counter halved. */
const turnoversPerHalving = 9;

/** The counter after `idleMs` without a use. */
export function decayedCounter(counter: number, idleMs: number, turnoverMs: number): number {
  if (turnoverMs <= 0) return counter;
  const halvings = Math.floor(idleMs / (turnoverMs * turnoversPerHalving));
  return halvings > 8 ? 0 : counter >> halvings;
}

/** One more use: `word` (0 .. 2^32 - 1) decides whether it counts. */
export function raisedCounter(counter: number, word: number): number {
  if (counter >= counterMask) return counterMask;
  const above = Math.max(0, counter - newKeyCounter);
  return word * (above * counterFactor + 1) < 0x1_0000_0000 ? counter + 1 : counter;
}
