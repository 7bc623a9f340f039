import { limits } from "../../src/base/limits.js";
import type { Shape } from "./script.js";

/** No clock may be further from true time than this share. */
const promisedSpread = 0.05;

/**
 * How much slower than a voter's a leader's clock may run: its lease ends after `leaseShare` of the time for which the
 * voter refuses votes, each measured on its own clock.
 */
const leaseRatio = 1 / limits.leaseShare;

function ratioOf({ hosts }: Shape): number {
  const rates = hosts.map(({ rate }) => rate);
  return Math.max(...rates) / Math.min(...rates);
}

/** Whether at most one replica of a range may hold a lease: clocks differ by no more than the lease's margin. */
export function leasesHold(shape: Shape): boolean {
  return ratioOf(shape) < leaseRatio;
}

/**
 * Whether reads that ask for it are linearizable. Clocks that differ by more than a lease's margin take that from lease
 * reads, never from writes, from reads of `reads: quorum`, or from a log.
 */
export function readsHold(shape: Shape): boolean {
  return shape.reads === "quorum" || leasesHold(shape);
}

/** Whether an age in ms is about that long in true time too. */
export function agesHold({ hosts }: Shape): boolean {
  return hosts.every(({ rate }) => Math.abs(rate - 1) <= promisedSpread);
}

/**
 * How far rates may be from true time in a run, as a share: mostly so that any two differ by less than the 5 % that are
 * assumed, often by up to twice that, and now and then by more than a lease stands.
 */
export const rateSpreads = [
  0.0238,
  0.0238,
  0.0238,
  0.0238,
  0.0238,
  0.0238,
  promisedSpread,
  promisedSpread,
  promisedSpread,
  0.3,
] as const;
