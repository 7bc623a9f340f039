import { register } from "./register.js";
import type { Workload } from "./workload.js";

/** Every workload there is: a new one is a file here, and a line in this list. */
export const workloads: readonly Workload[] = [register];

export function workloadOf(name: string): Workload | null {
  return workloads.find((each) => each.name === name) ?? null;
}
