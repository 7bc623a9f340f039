import { sleep, until } from "../cluster/wait.js";

export const lanes = 6;
const pauseMs = 5;

interface Acknowledged {
  readonly sentMs: number;
  readonly doneMs: number;
}

/** Writes over several lanes, each with one write under way, and remembers when each was sent and acknowledged. */
export class Writer {
  private running = true;
  private readonly loops: Promise<void>[];
  /** In the order of their acknowledgement. */
  private readonly acknowledged: Acknowledged[] = [];

  constructor(put: (lane: number, value: string) => Promise<unknown>) {
    this.loops = Array.from({ length: lanes }, async (_, lane) => {
      for (let n = 0; this.running; n++) {
        const sentMs = performance.now();
        try {
          await put(lane, String(n));
          this.acknowledged.push({ sentMs, doneMs: performance.now() });
        } catch {
          // A lane that was refused asks again.
        }
        await sleep(pauseMs);
      }
    });
  }

  /** @returns ms from `sinceMs` until a write that was sent after it was acknowledged. */
  async firstAfter(sinceMs: number): Promise<number> {
    const first = (): Acknowledged | undefined => this.acknowledged.find(({ sentMs }) => sentMs > sinceMs);
    const { doneMs } = await until("a write is acknowledged", first, 120_000);
    return doneMs - sinceMs;
  }

  /** @returns the longest time in ms without an acknowledgement, of those that ended after `sinceMs`. */
  longestGap(sinceMs: number): number {
    return longestGap(
      this.acknowledged.map(({ doneMs }) => doneMs),
      sinceMs,
      performance.now(),
    );
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
  }
}

/** `momentsMs` rising. A gap that begins before `sinceMs` counts whole; one that is open at `untilMs` counts so far. */
export function longestGap(momentsMs: readonly number[], sinceMs: number, untilMs: number): number {
  let longest = 0;
  let last = momentsMs[0] ?? sinceMs;
  for (const moment of [...momentsMs, untilMs]) {
    if (moment > sinceMs) longest = Math.max(longest, moment - last);
    last = moment;
  }
  return longest;
}
