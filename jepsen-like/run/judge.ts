import type { Finding, Observed, QuietTimes, Workload } from "../workloads/workload.js";

/** What the workload's model and its own check say. */
export async function judge(
  workload: Workload,
  _historyFile: string,
  history: readonly Observed[],
  isQuiet: QuietTimes,
): Promise<Finding> {
  await Promise.resolve();
  return workload.check?.(history, isQuiet) ?? { verdict: "unknown", problems: ["no checker"] };
}
