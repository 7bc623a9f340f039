/** Deadlines are kept in buckets of this width, and met up to so much late. */
const bucketMs = 16;

/** Who waits until when: adding and removing cost the same however many there are. */
export class Deadlines<Waiter> {
  private readonly buckets = new Map<number, Set<Waiter>>();

  add(waiter: Waiter, atMs: number): void {
    const bucket = Math.ceil(atMs / bucketMs);
    const waiters = this.buckets.get(bucket);
    if (waiters === undefined) this.buckets.set(bucket, new Set([waiter]));
    else waiters.add(waiter);
  }

  remove(waiter: Waiter, atMs: number): void {
    const bucket = Math.ceil(atMs / bucketMs);
    const waiters = this.buckets.get(bucket);
    if (waiters === undefined) return;
    waiters.delete(waiter);
    if (waiters.size === 0) this.buckets.delete(bucket);
  }

  /** Removes and returns those whose deadline is <= `nowMs`. */
  due(nowMs: number): Waiter[] {
    const due: Waiter[] = [];
    for (const [bucket, waiters] of this.buckets) {
      if (bucket * bucketMs > nowMs) continue;
      this.buckets.delete(bucket);
      due.push(...waiters);
    }
    return due;
  }

  /** Infinity when nobody waits. */
  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const bucket of this.buckets.keys()) next = Math.min(next, bucket);
    return next * bucketMs;
  }
}
