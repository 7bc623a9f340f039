/** What a run of the whole suite must have met; one that is never hit fails it. */
export const markNames = [
  "snapshot installed",
  "snapshot installed under partition",
  "joint configuration crossed",
  /** safety 42: learner, caught up, joint, left; a crash at each. */
  "crash while a replica was replaced",
  "retry answered from the session table",
  "unsynced tail lost at a crash",
  "lost tail fenced",
  "lease expired under pause",
  "completion resolved after stepping down",
  "power lost under a buffered log",
  "node came back empty",
  "disk was full",
  "disk failed",
  "graceful stop",
  "wall clock jumped",
  "machine slept",
  "refused for lack of memory",
  "clocks differed by more than leases stand",
  "evicted under pressure",
  "evicted on a restored follower",
  "above a limit that was cut",
  "eviction policy changed",
  "touch applied",
  "expired while partitioned",
  "collection became large",
  "collection became small again",
  "a majority served alone",
  "lane between nodes was full",
  "refused as busy",
  "session window was full",
  "minority refused",
  "weak read was stale",
  "too stale a read refused",
  "write unknown",
] as const;
export type MarkName = (typeof markNames)[number];

/** How often each was met. */
export class Marks {
  readonly counts = new Map<MarkName, number>();

  hit(name: MarkName): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}
