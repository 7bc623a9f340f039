import type { Finding, Observed, Workload } from "../workloads/workload.js";

/** What the workload's model and its own check say. */
export async function judge(
  workload: Workload,
  _historyFile: string,
  history: readonly Observed[],
): Promise<Finding> {
  await Promise.resolve();
  return workload.check?.(history) ?? { verdict: "unknown", problems: ["no checker"] };
}
