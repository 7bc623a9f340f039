import { sleep } from "../cluster/wait.js";
import type { System } from "./system.js";
import { Writer } from "./writer.js";

/** One way in which writes stop for a while. */
export interface Scenario {
  readonly name: string;
  /** What is measured, for the page. */
  readonly what: string;
  /** How often, for each kill of the leader. */
  readonly share: number;
  /** @returns ms; the system may still be healing. */
  readonly measure: (system: System, writer: Writer) => Promise<number>;
}

const warmMs = 500;
const afterMs = 1500;

export const scenarios: readonly Scenario[] = [
  {
    name: "The leader is killed",
    what: "From kill -9 of the leader to the first acknowledged write that was sent after it.",
    share: 1,
    measure: async (system, writer) => {
      const leader = await system.leader();
      const sinceMs = performance.now();
      await system.kill(leader);
      const tookMs = await writer.firstAfter(sinceMs);
      system.start(leader);
      return tookMs;
    },
  },
  {
    name: "The leader is told to stop",
    what: "SIGTERM of the leader, which hands its leadership over: the longest time without an acknowledged write.",
    share: 0.2,
    measure: async (system, writer) => {
      const leader = await system.leader();
      const sinceMs = performance.now();
      await system.terminate(leader);
      await sleep(afterMs);
      const gapMs = writer.longestGap(sinceMs);
      system.start(leader);
      return gapMs;
    },
  },
  {
    name: "The leader is stopped",
    what: "From SIGSTOP of the leader to the first acknowledged write that was sent after it; it goes on afterwards.",
    share: 0.2,
    measure: async (system, writer) => {
      const leader = await system.leader();
      const sinceMs = performance.now();
      system.pause(leader);
      try {
        return await writer.firstAfter(sinceMs);
      } finally {
        system.resume(leader);
      }
    },
  },
  {
    name: "All nodes are killed",
    what: "kill -9 of all nodes, which are started again at once: from the kill to the first acknowledged write that was sent after it.",
    share: 0.2,
    measure: async (system, writer) => {
      const sinceMs = performance.now();
      await system.kill(...system.nodes);
      for (const node of system.nodes) system.start(node);
      return writer.firstAfter(sinceMs);
    },
  },
];

/** Measures once, on a system that was whole before. */
export async function measureOnce({ measure }: Scenario, system: System): Promise<number> {
  await system.healed();
  const writer = new Writer((lane, value) => system.put(lane, value));
  try {
    await sleep(warmMs);
    return await measure(system, writer);
  } finally {
    await writer.stop();
  }
}
